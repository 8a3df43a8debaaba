from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aws_pipeline import job_code
from aws_pipeline.job_code import GlueCode
from infra import deploy as deploy_module
from infra.local.__main__ import deploy_once
from infra.local.server import LocalServer

REPOSITORY = Path(__file__).resolve().parents[2]


def serve(root: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "infra.local", "serve", "--root", str(root), "--port", "0", *options]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=REPOSITORY, text=True, env={**os.environ, **environment}, **pipes)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_cleanly(tmp_path: Path, number: int) -> None:
    with serve(tmp_path, "--no-deploy") as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["endpoint"].startswith("http://127.0.0.1:")
        child.send_signal(number)
        assert child.communicate(timeout=30) == ("", "")
        assert child.returncode == 0


def test_a_server_with_a_parent_ends_with_its_stdin_and_another_does_not(tmp_path: Path) -> None:
    with serve(tmp_path, "--no-deploy", "--with-parent") as bound, serve(tmp_path, "--no-deploy") as free:
        for child in (bound, free):
            assert child.stdout is not None
            assert child.stdin is not None
            child.stdout.readline()
            child.stdin.close()
        assert bound.wait(timeout=30) == 0
        with pytest.raises(subprocess.TimeoutExpired):
            free.wait(timeout=0.5)
        free.terminate()


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        (["--host", "0.0.0.0"], {}, "Expected a host on the loopback interface, but got '0.0.0.0'."),
        (["--port", "99999"], {}, "Expected --port to be a number from 0 to 65535, but got 99999."),
        ([], {"USE_LOCAL_FS": "perhaps"}, "Expected USE_LOCAL_FS to be true or false, but got 'perhaps'."),
    ],
)
def test_a_wrong_command_line_is_answered_by_one_sentence(
    tmp_path: Path, options: list[str], environment: dict[str, str], message: str
) -> None:
    with serve(tmp_path, *options, **environment) as child:
        out, error = child.communicate(timeout=60)
    assert (child.returncode, out) == (2, "")
    assert message in error
    assert "Traceback" not in error


def test_a_port_that_is_taken_is_answered_by_one_sentence(tmp_path: Path) -> None:
    with LocalServer(tmp_path) as server:
        port = server.url.rpartition(":")[2]
        with serve(tmp_path, "--no-deploy", "--port", port) as child:
            out, error = child.communicate(timeout=60)
    assert (child.returncode, out) == (2, "")
    assert error.startswith(f"error: Expected to serve on 127.0.0.1:{port}, but got ")
    assert "Traceback" not in error


def test_a_stack_is_deployed_once_and_again_when_it_or_its_code_changed_or_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "raw-zone"}}
    data: dict[str, Any] = {"Resources": {"Raw": bucket}}
    compute: dict[str, Any] = {"Resources": {}}
    deployed: list[str] = []

    def deploy(chosen: Any, session: Any, code: GlueCode, *, adopt: bool) -> list[str]:
        assert adopt
        s3 = session.client("s3")
        for name in ("raw-zone", "artifacts"):
            s3.create_bucket(Bucket=name)
        session.client("iam").create_user(UserName=f"user-{len(deployed)}")
        for address, content in code.objects.items():
            s3.put_object(Bucket="artifacts", Key=address.removeprefix("s3://artifacts/"), Body=content)
        deployed.append(json.dumps(compute))
        return []

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nobody is there: the session must not ask the environment
    monkeypatch.setattr("infra.cloud.data.data_template", lambda chosen: data)
    monkeypatch.setattr("infra.cloud.compute.compute_template", lambda chosen: compute)
    monkeypatch.setattr("infra.cloud.compute.compute_parameters", lambda code: {})
    monkeypatch.setattr(deploy_module, "deploy", deploy)

    with LocalServer(tmp_path) as server:
        for _ in range(2):
            deploy_once(server)
        assert len(deployed) == 1
        compute["Resources"]["Role"] = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "mabe"}}
        deploy_once(server)
        assert len(deployed) == 2
    with LocalServer(tmp_path) as server:
        deploy_once(server)
        assert len(deployed) == 2, "a second server finds it deployed"
        (tmp_path / "raw-zone").rmdir()
        deploy_once(server)
        assert len(deployed) == 3
        next((tmp_path / "artifacts").rglob("library.zip")).unlink()
        deploy_once(server)
        assert len(deployed) == 4, "a job without its code is not deployed"
    (tmp_path / ".aws" / "journal.sqlite").unlink()
    with LocalServer(tmp_path) as server:
        deploy_once(server)
        assert len(deployed) == 5


def test_a_store_gets_the_jobs_code_when_it_is_new_and_again_when_the_code_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def libraries() -> set[str]:
        return {path.parent.name for path in (tmp_path / "artifacts" / "glue" / "code").glob("*/library.zip")}

    def library_of_the_job(server: LocalServer) -> str:
        job = server.control.invoke("glue", "GetJob", {"JobName": "mabe-curate"})["Job"]
        return str(job["DefaultArguments"]["--extra-py-files"])

    with LocalServer(tmp_path) as server:
        deploy_once(server)
        (first,) = libraries()
        assert first in library_of_the_job(server)
        packed = job_code.files
        monkeypatch.setattr(job_code, "files", lambda *places: {path: text + b"\n" for path, text in packed(*places).items()})
        deploy_once(server)
        (second,) = libraries() - {first}
        assert second in library_of_the_job(server)
