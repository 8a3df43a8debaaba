"""Names and places, and that near is near: what the environment may and may not change."""

import ast
import os
from pathlib import Path

import pytest

from aws_pipeline.config import endpoint, settings
from behavior.contract import UsageError
from infra.local.__main__ import deploy_once
from infra.local.server import LocalServer

ROOT = Path(__file__).resolve().parents[2]


def test_without_an_environment_everything_stays_on_this_disk():
    chosen = settings({})
    assert chosen.local
    assert chosen.mock_dir.name == "s3_mock"
    assert chosen.uri("raw", "metadata/train.csv") == "s3://raw-zone/metadata/train.csv"
    assert chosen.uri("curated") == "s3://curated-zone"


def test_the_briefs_variables_are_read(tmp_path: Path):
    chosen = settings(
        {"USE_LOCAL_FS": "False", "S3_BUCKET": "otters", "MABE_DATA_DIR": str(tmp_path), "S3_MOCK_DIR": "/x", "AWS_REGION": "eu-west-1"}
    )
    assert not chosen.local
    assert chosen.uri("athena") == "s3://otters-athena-results"
    assert (chosen.data_dir, chosen.mock_dir, chosen.region) == (tmp_path, Path("/x"), "eu-west-1")


@pytest.mark.parametrize("environment", [{"USE_LOCAL_FS": "perhaps"}, {"USE_LOCAL_FS": "false"}])
def test_settings_that_mean_nothing_are_refused(environment: dict[str, str]):
    with pytest.raises(UsageError, match="Expected"):
        settings(environment)


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"S3_MOCK_DIR": "/x"}, "in /x"),
        ({"S3_MOCK_DIR": "/x", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}, "at http://127.0.0.1:4566"),
        ({"USE_LOCAL_FS": "false", "S3_BUCKET": "otters"}, "on AWS"),
        ({"USE_LOCAL_FS": "false", "S3_BUCKET": "otters", "AWS_ENDPOINT_URL": "https://vpce.example"}, "at https://vpce.example"),
    ],
)
def test_the_place_of_objects_is_where_they_really_are(environment: dict[str, str], place: str):
    assert settings(environment).place == place


def test_a_step_that_writes_to_a_stand_in_of_somebody_else_names_that_one(script, data_dir, tmp_path: Path):
    with LocalServer(tmp_path / "elsewhere") as server:
        deploy_once(server)
        told = script("aws_pipeline/s3_upload.py", AWS_ENDPOINT_URL=server.url)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(f"s3://raw-zone at {server.url}: 4 of 4 files sent")
    assert (tmp_path / "elsewhere" / "raw-zone" / "metadata" / "train.csv").is_file()
    assert not (tmp_path / "s3_mock").exists()


def test_near_is_near_whatever_else_the_environment_says(script, data_dir, tmp_path: Path):
    nobody = "http://127.0.0.1:9"
    elsewhere = {"AWS_ENDPOINT_URL_S3": nobody, "AWS_ENDPOINT_URL_GLUE": nobody, "AWS_PROFILE": "nobody", "AWS_SESSION_TOKEN": "x"}
    told = script("aws_pipeline/s3_upload.py", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true", **elsewhere)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(f"s3://raw-zone in {tmp_path / 's3_mock'}: 4 of 4 files sent")


def test_the_environment_is_as_before_when_the_endpoint_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    before = dict(os.environ)
    with endpoint(settings({"S3_MOCK_DIR": str(tmp_path)})):
        assert os.environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
        assert "AWS_ENDPOINT_URL_S3" not in os.environ
    assert dict(os.environ) == before


def test_a_stand_in_that_cannot_start_gives_its_reason_as_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    (tmp_path / "file").write_text("no folder")
    with (
        pytest.raises(UsageError, match=r"Expected to serve on 127\.0\.0\.1:0, but got .*file"),
        endpoint(settings({"S3_MOCK_DIR": str(tmp_path / "file")})),
    ):
        pass
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("path", sorted((ROOT / "aws_pipeline").glob("*.py")), ids=lambda path: path.name)
def test_the_environment_is_read_in_config_and_nowhere_else_in_this_room(path: Path):
    names = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    names |= {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
    reads = names & {"environ", "environb", "getenv", "getenvb", "putenv"}
    assert not reads or path.name == "config.py"
