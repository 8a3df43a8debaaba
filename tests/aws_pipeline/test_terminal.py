"""Around every script's work: one line and a documented exit code for what a user can mend, and how far the work is."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from aws_pipeline.terminal import JobFailed, run

ROOT = Path(__file__).resolve().parents[2]


def refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "PutObject")


def wrapped(inner: Exception) -> Exception:
    """An error as boto3's transfers raise it: of their own, with AWS's answer behind it."""
    try:
        try:
            raise inner
        except type(inner) as error:
            raise RuntimeError(f"Failed to upload a to b: {error}")  # noqa: B904
    except RuntimeError as outer:
        return outer


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (
            FULL,
            2,
            "Expected room on the disk, but got: [Errno 28] No space left on device. Free some space and start the same command again.",
        ),
        (wrapped(refused("InsufficientStorage", "Expected room, but got none. Free some.")), 2, "Expected room, but got none. Free some."),
        (
            RuntimeError("I/O error: No space left on device (os error 28)"),
            2,
            "Expected room on the disk, but got: I/O error: No space left",
        ),
        (
            JobFailed("Expected a job to end, but got: No space left on device."),
            2,
            "Expected a job to end, but got: No space left on device.",
        ),
        (JobFailed("Expected a job to end, but got FAILED."), 4, "Expected a job to end, but got FAILED."),
        (JobFailed("Expected a command to end, but got 130.", 130), 130, "Expected a command to end, but got 130."),
        (
            wrapped(refused("AccessDenied", "no")),
            5,
            "Expected AWS to let this through, but got: Failed to upload a to b: An error occurred",
        ),
        (refused("InvalidClientTokenId", "no"), 5, "Expected AWS to let this through, but got: An error occurred (InvalidClientTokenId)"),
        (EndpointConnectionError(endpoint_url="http://x"), 2, "Expected AWS to answer, but got: Could not connect to the endpoint URL"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_a_documented_exit_code(error, code, line, capsys):
    def work():
        raise error

    assert run(work) == code
    told = capsys.readouterr().err
    assert told.startswith(f"error: {line}")
    assert told.count("\n") == 1


@pytest.mark.parametrize("error", [KeyError("x"), refused("NoSuchKey", "no"), wrapped(ValueError("x")), OSError(errno.EIO, "x")])
def test_a_fault_of_ours_keeps_its_traceback(error):
    def work():
        raise error

    with pytest.raises(type(error)):
        run(work)


def test_a_script_that_finds_nobody_at_its_endpoint_says_so(script, data_dir):
    told = script("aws_pipeline/s3_upload.py", AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")
    assert told.returncode == 2
    assert "Expected AWS to answer, but got: Could not connect to the endpoint URL" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_answer_that_does_not_fit_where_it_goes_is_told_in_one_line(tmp_path):
    env = {**os.environ, "S3_MOCK_DIR": str(tmp_path / "s3_mock")}
    with open("/dev/full", "w") as full:
        words = [sys.executable, str(ROOT / "aws_pipeline/athena.py"), "SELECT 1 AS one"]
        told = subprocess.run(words, env=env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert told.returncode == 2
    assert told.stderr.startswith("error: Expected room on the disk, but got: [Errno 28] No space left on device.")
    assert "Traceback" not in told.stderr
