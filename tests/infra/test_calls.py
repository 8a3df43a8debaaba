"""Every AWS operation that this project calls, found in its code, and the test that makes the same call to the stand-in."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import boto3
import pytest
from aws_calls import called, lines, merged, operations

ROOT = Path(__file__).resolve().parents[2]
CALLED = list(called())


def test_the_calls_of_the_project_are_found() -> None:
    assert {"start_execution", "start_job_run", "put_object", "create_change_set", "create_transform_job", "get_role"} <= set(CALLED)
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


def test_a_call_of_a_test_is_recorded_and_the_list_names_it(endpoint) -> None:
    from aws_calls import _recorded

    boto3.client("sts").get_caller_identity()
    assert any("test_a_call_of_a_test_is_recorded" in test for test in _recorded["sts:GetCallerIdentity"])
    shown = lines({"sts:GetCallerIdentity": ["tests/a.py::test_b"]})
    place = next(number for number, line in enumerate(shown) if line.startswith("sts:GetCallerIdentity  (aws_pipeline/"))
    assert shown[place + 1] == "    tests/a.py::test_b"
    assert shown[-1] == f"1 of {len(CALLED)} operations were recorded in a test"


def test_records_of_processes_side_by_side_are_merged() -> None:
    each = [{"s3:PutObject": ["b", "a"], "s3:GetObject": [""]}, {"s3:PutObject": ["c", "b"]}]
    assert merged(each) == {"s3:PutObject": ["a", "b", "c"], "s3:GetObject": []}
