"""AWS on this disk for one test: a server in a thread over an empty directory, and an environment that leads clients to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from policy_document import document

from infra.local.control.plane import ControlPlane
from infra.local.server import LocalServer

ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


@dataclass(frozen=True)
class Endpoint:
    url: str
    root: Path
    server: LocalServer


@pytest.fixture
def lead_clients_to(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lead every AWS client of this process to an endpoint, as a person does: by environment variables."""

    return partial(_lead, monkeypatch)


def _lead(patch: pytest.MonkeyPatch, url: str) -> None:
    for name, value in {**ACCOUNT, "AWS_ENDPOINT_URL": url}.items():
        patch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        patch.delenv(name, raising=False)
    patch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.fixture(scope="module")
def shared_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """One server for all tests of a file, which leave each other's tables alone."""
    root = tmp_path_factory.mktemp("shared") / "s3_mock"
    with pytest.MonkeyPatch.context() as patch, LocalServer(root) as server:
        _lead(patch, server.url)
        yield Endpoint(server.url, root, server)


@pytest.fixture
def control_plane() -> Iterator[Callable[[Path], ControlPlane]]:
    """Open control planes over root directories; all are closed after the test, as Python 3.13 warns of a database that is not."""
    with ExitStack() as opened:

        def over(root: Path) -> ControlPlane:
            return opened.enter_context(closing(ControlPlane(root)))

        yield over


@pytest.fixture
def endpoint(tmp_path: Path, lead_clients_to: Callable[[str], None]) -> Iterator[Endpoint]:
    root = tmp_path / "s3_mock"
    with LocalServer(root) as server:
        lead_clients_to(server.url)
        yield Endpoint(server.url, root, server)


@pytest.fixture
def make_role(endpoint: Endpoint) -> Callable[..., str]:
    """Make a role that a service may assume; without statements it may do everything."""

    def make(name: str, service: str, *statements: dict[str, Any]) -> str:
        iam = boto3.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
        granted = statements or ({"Effect": "Allow", "Action": "*", "Resource": "*"},)
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*granted))
        return role

    return make
