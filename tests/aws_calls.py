"""The AWS operations that the project's code calls, and the tests that called them: recorded while tests run, shown by a command.

    python -m pytest tests/infra tests/aws_pipeline      # records, in pytest's cache
    python tests/aws_calls.py                            # each operation, where the code calls it, and tests that called it

Calls of scripts that a test starts as processes are not recorded; the list names no test for an operation that only they call.
"""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SERVICES = ("s3", "glue", "athena", "sagemaker", "sagemaker-runtime", "iam", "sts", "cloudformation", "stepfunctions")
CALLERS = [*(ROOT / "aws_pipeline").rglob("*.py"), *(ROOT / "infra" / "cloud").rglob("*.py"), ROOT / "infra" / "deploy.py"]
CLIENTS = {"s3", "glue", "athena", "client", "sagemaker", "iam"}
"""Names that clients have in this project."""
OF_BOTO3 = {"upload_file": "put_object", "download_file": "get_object"}
"""Methods of boto3 that are no operations -> the operation behind them."""
CACHE = "aws/recorded_calls"
_MOST_TESTS = 3

_recorded: dict[str, set[str]] = {}


@cache
def operations() -> dict[str, str]:
    """Return method name -> `service:Operation`."""
    from botocore import xform_name
    from botocore.session import Session

    session, found = Session(), dict[str, str]()
    for service in SERVICES:
        for name in session.get_service_model(service).operation_names:
            found.setdefault(xform_name(name), f"{service}:{name}")
    return found


@cache
def called() -> dict[str, tuple[str, ...]]:
    """Return for each method of a client that the code calls the files that do, by method."""
    found: dict[str, set[str]] = {}
    for path in CALLERS:
        for name in calls_in(path):
            found.setdefault(name, set()).add(path.relative_to(ROOT).as_posix())
    return {name: tuple(sorted(files)) for name, files in sorted(found.items())}


def calls_in(path: Path) -> set[str]:
    """Return the methods of clients that a file calls, asks a paginator for, or hands on."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and _is_client(node.value):
            found.add(node.attr)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get_paginator":
            found |= {str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)}
    return {OF_BOTO3.get(name, name) for name in found} & operations().keys()


def _is_client(node: ast.expr) -> bool:
    named = isinstance(node, ast.Name) and node.id in CLIENTS
    made = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "client"
    return named or made or (isinstance(node, ast.Attribute) and node.attr in CLIENTS)


def begin() -> None:
    """Record from now on, for the test that runs, each operation that a client of this process calls."""
    if not find_spec("botocore"):
        return
    from botocore.client import BaseClient

    ask = BaseClient._make_api_call

    def recorded(self: Any, operation: str, parameters: Any) -> Any:
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
        _recorded.setdefault(f"{self.meta.service_model.service_name}:{operation}", set()).add(test)
        return ask(self, operation, parameters)

    BaseClient._make_api_call = recorded


def save(cache_of_pytest: Any) -> None:
    """Add what was recorded to what earlier runs have recorded; processes that run tests side by side have a file each."""
    own = f"{CACHE}/{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    cache_of_pytest.set(own, merged([cache_of_pytest.get(own, {}), {operation: list(tests) for operation, tests in _recorded.items()}]))


def merged(records: Iterable[Mapping[str, Iterable[str]]]) -> dict[str, list[str]]:
    """Return a few tests for each operation, from several records."""
    found: dict[str, set[str]] = {}
    for record in records:
        for operation, tests in record.items():
            found.setdefault(operation, set()).update(tests)
    return {operation: sorted(tests - {""})[:_MOST_TESTS] for operation, tests in found.items()}


def lines(recorded: dict[str, list[str]]) -> list[str]:
    """Return the list: each operation with the files that call it and the tests that were recorded."""
    shown = []
    for method, files in sorted(called().items(), key=lambda one: operations()[one[0]]):
        operation = operations()[method]
        tests = recorded.get(operation) or ["no test was recorded"]
        shown += [f"{operation}  ({', '.join(files)})", *(f"    {test}" for test in tests)]
    missing = [name for name in called() if not recorded.get(operations()[name])]
    return [*shown, f"{len(called()) - len(missing)} of {len(called())} operations were recorded in a test"]


if __name__ == "__main__":
    files = list((ROOT / ".pytest_cache" / "v" / CACHE).glob("*"))
    if not files:
        sys.exit("Expected recorded calls, but got none. Run: python -m pytest tests/infra tests/aws_pipeline")
    print("\n".join(lines(merged(json.loads(file.read_text()) for file in files))))
