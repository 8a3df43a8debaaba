"""Every AWS operation that this project calls, found in its code, and the test that makes the same call to the stand-in."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.session import Session

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("s3", "glue", "athena", "sagemaker", "sagemaker-runtime", "iam", "sts", "cloudformation")
CALLERS = [*(ROOT / "aws_pipeline").rglob("*.py"), *(ROOT / "infra" / "cloud").rglob("*.py"), ROOT / "infra" / "deploy.py"]
CLIENTS = {"s3", "glue", "athena", "client", "sagemaker", "iam"}
"""Names that clients have in this project."""
OF_BOTO3 = {"upload_file": "put_object", "download_file": "get_object"}
"""Methods of boto3 that are no operations -> the operation behind them."""


@cache
def operations() -> dict[str, str]:
    """Return method name -> `service:Operation`."""
    session, found = Session(), {}
    for service in SERVICES:
        for name in session.get_service_model(service).operation_names:
            found.setdefault(xform_name(name), f"{service}:{name}")
    return found


def calls_in(path: Path) -> set[str]:
    """Return the methods of clients that a file calls, asks a paginator for, or hands on."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and _is_client(node.value):
            found.add(node.attr)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get_paginator":
            found |= {argument.value for argument in node.args if isinstance(argument, ast.Constant)}
    return {OF_BOTO3.get(name, name) for name in found} & operations().keys()


def _is_client(node: ast.expr) -> bool:
    named = isinstance(node, ast.Name) and node.id in CLIENTS
    made = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "client"
    return named or made or (isinstance(node, ast.Attribute) and node.attr in CLIENTS)


CALLED = sorted({name for path in CALLERS for name in calls_in(path)})


def test_the_calls_of_the_project_are_found() -> None:
    assert {"start_job_run", "put_object", "create_change_set", "create_transform_job", "get_role"} <= set(CALLED)
    assert len(CALLED) > 35


@cache
def text_of_tests() -> str:
    """Return the text of the tests that talk to the stand-in."""
    folders = [ROOT / "tests" / "infra", ROOT / "tests" / "aws_pipeline"]
    return "\n".join(path.read_text() for folder in folders for path in folder.rglob("test_*.py") if path != Path(__file__))


INDIRECT = {
    "describe_change_set": "test_change_sets.py",
    "delete_change_set": "test_deploy.py: `diff` deletes what it has shown",
    "list_stack_resources": "test_deploy.py: deploying twice asks which buckets are its own",
    "list_object_versions": "test_deploy.py: removing data",
    "delete_database": "test_deploy.py: removing data",
    "describe_model_package_group": "test_deploy.py: removing data",
    "delete_model_package_group": "test_deploy.py: removing data",
    "delete_model_package": "test_sagemaker_deploy.py",
    "head_bucket": "test_deploy.py: buckets of others",
    "get_bucket_tagging": "test_deploy.py: tags",
    "describe_endpoint": "test_sagemaker_deploy.py: an endpoint is made",
    "create_endpoint": "test_sagemaker_deploy.py: an endpoint is made",
    "create_endpoint_config": "test_sagemaker_deploy.py: an endpoint is made",
    "delete_endpoint": "test_sagemaker_deploy.py: an endpoint is removed",
    "delete_endpoint_config": "test_sagemaker_deploy.py: an endpoint is removed",
    "create_model": "test_sagemaker_deploy.py: a version is served",
    "delete_model": "test_sagemaker_deploy.py: a version is served",
    "create_model_package": "test_sagemaker_deploy.py: a version is registered",
    "update_model_package": "test_sagemaker_deploy.py: a version is approved",
    "create_transform_job": "test_sagemaker_deploy.py: a version is served",
    "describe_transform_job": "test_sagemaker_deploy.py: a version is served",
}
"""Operations that a test makes by calling the code that makes them, and not by a client of its own."""


@pytest.mark.parametrize("name", CALLED)
def test_every_call_is_made_by_a_test(name: str) -> None:
    direct = re.search(rf'\.{name}\b|"{name}"', text_of_tests())
    assert direct or name in INDIRECT, f"{operations()[name]} is called by the project, but by no test of the stand-in"
