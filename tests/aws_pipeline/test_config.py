"""Names and places, and that near is near: what the environment may and may not change."""

import ast
import os
import re
from pathlib import Path

import boto3
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


FAR = {"USE_LOCAL_FS": "false", "S3_BUCKET": "otters", "AWS_DEFAULT_REGION": "eu-west-1"}
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def aws_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write the AWS configuration file of a person."""

    def write(text: str) -> None:
        (tmp_path / "aws-config").write_text(text)

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    write("")
    return write


def test_the_briefs_variables_are_read(tmp_path: Path, aws_configuration):
    chosen = settings({**FAR, "USE_LOCAL_FS": "False", "MABE_DATA_DIR": str(tmp_path), "S3_MOCK_DIR": "/x"})
    assert not chosen.local
    assert chosen.uri("athena") == "s3://otters-eu-west-1-athena-results"
    assert (chosen.data_dir, chosen.mock_dir, chosen.region) == (tmp_path, Path("/x"), "eu-west-1")


def test_prefix_and_region_are_in_every_name(aws_configuration):
    chosen = settings(FAR)
    named = [chosen.bucket("raw"), chosen.glue_job, chosen.glue_role, chosen.training_role, chosen.workgroup, chosen.names.of("data")]
    assert all(name.startswith("otters-eu-west-1") for name in named)
    assert chosen.database == "otters_eu_west_1"


def test_the_region_of_the_aws_configuration_counts_and_none_is_guessed(aws_configuration):
    here = {name: value for name, value in FAR.items() if name != "AWS_DEFAULT_REGION"}
    with pytest.raises(UsageError, match="Expected a region of AWS, but got none"):
        settings(here)
    aws_configuration("[default]\nregion = eu-central-1\n")
    chosen = settings(here)
    assert chosen.region == "eu-central-1"
    with endpoint(chosen):
        assert boto3.Session().region_name == "eu-central-1"
    assert settings({**here, "AWS_REGION": "us-west-2"}).region == "us-west-2"
    assert settings({"AWS_REGION": "us-west-2"}).region == "us-east-1", "the stand-in has one region"


@pytest.mark.parametrize(
    ("environment", "got"),
    [
        ({"USE_LOCAL_FS": "perhaps"}, "'perhaps'"),
        ({"USE_LOCAL_FS": "false"}, "Expected S3_BUCKET to be set"),
        ({**FAR, "S3_BUCKET": "Otters"}, "'Otters'"),
        ({**FAR, "S3_BUCKET": "my_lab"}, "'my_lab'"),
        ({**FAR, "S3_BUCKET": "my.lab"}, "'my.lab'"),
        ({**FAR, "S3_BUCKET": "-lab"}, "'-lab'"),
        ({**FAR, "S3_BUCKET": "lab-"}, "'lab-'"),
        ({**FAR, "S3_BUCKET": "a--b"}, "'a--b'"),
        ({**FAR, "S3_BUCKET": "7labs"}, "'7labs'"),
        ({**FAR, "S3_BUCKET": "sthree-lab"}, "'sthree-lab'"),
        ({**FAR, "S3_BUCKET": "x" * 39}, "at most 38 lower-case letters"),
        ({**FAR, "AWS_ENDPOINT_URL": NOBODY}, f"no endpoint of your own with USE_LOCAL_FS=false, but got AWS_ENDPOINT_URL={NOBODY}"),
        ({**FAR, "AWS_ENDPOINT_URL_S3": NOBODY}, f"but got AWS_ENDPOINT_URL_S3={NOBODY}"),
        ({**FAR, "AWS_ENDPOINT_URL": NOBODY, "USE_ENDPOINT_URL": "perhaps"}, "USE_ENDPOINT_URL to be true or false"),
        ({"AWS_ENDPOINT_URL": "https://vpce.example"}, "to name a stand-in on this machine, but got https://vpce.example"),
    ],
)
def test_settings_that_mean_nothing_are_refused(environment: dict[str, str], got: str, aws_configuration):
    with pytest.raises(UsageError, match=re.escape(got)):
        settings(environment)


def test_the_longest_prefix_makes_the_longest_name_of_a_bucket(aws_configuration):
    chosen = settings({**FAR, "S3_BUCKET": "x" * 38})
    assert max(len(chosen.bucket(zone)) for zone in ("raw", "curated", "athena", "artifacts")) == 63


def test_an_endpoint_in_the_aws_configuration_is_refused_far_and_ignored_near(aws_configuration):
    aws_configuration(f"[default]\nendpoint_url = {NOBODY}\n")
    with pytest.raises(UsageError, match="endpoint_url in the AWS configuration"):
        settings(FAR)
    assert settings({**FAR, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}).endpoint_url is None
    assert settings({}).local


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"S3_MOCK_DIR": "/x"}, "in /x"),
        ({"S3_MOCK_DIR": "/x", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}, "at http://127.0.0.1:4566"),
        (FAR, "on AWS"),
        ({**FAR, "USE_ENDPOINT_URL": "true", "AWS_ENDPOINT_URL": "https://vpce.example"}, "at https://vpce.example"),
    ],
)
def test_the_place_of_objects_is_where_they_really_are(environment: dict[str, str], place: str, aws_configuration):
    assert settings(environment).place == place


def test_a_step_that_writes_to_a_stand_in_of_somebody_else_names_that_one(script, data_dir, tmp_path: Path):
    with LocalServer(tmp_path / "elsewhere") as server:
        deploy_once(server)
        told = script("aws_pipeline/s3_upload.py", AWS_ENDPOINT_URL=server.url)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(f"s3://raw-zone at {server.url}: 4 of 4 files sent")
    assert (tmp_path / "elsewhere" / "raw-zone" / "metadata" / "train.csv").is_file()
    assert not (tmp_path / "s3_mock").exists()


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"AWS_ENDPOINT_URL_S3": NOBODY, "AWS_ENDPOINT_URL_GLUE": NOBODY, "AWS_PROFILE": "nobody", "AWS_SESSION_TOKEN": "x"},
        {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"},
        {"http_proxy": NOBODY, "HTTP_PROXY": NOBODY, "https_proxy": NOBODY, "no_proxy": "example.org"},
        {"AWS_CONFIG_FILE": "odd-config", "AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1"},
    ],
    ids=["other endpoints", "no endpoints", "proxies", "a configuration file"],
)
def test_near_is_near_whatever_else_the_environment_says(elsewhere: dict[str, str], script, data_dir, tmp_path: Path):
    (tmp_path / "odd-config").write_text(
        f"[default]\nendpoint_url = {NOBODY}\nignore_configured_endpoint_urls = true\nuse_fips_endpoint = true\n"
    )
    told = script("aws_pipeline/s3_upload.py", **elsewhere)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(f"s3://raw-zone in {tmp_path / 's3_mock'}: 4 of 4 files sent")


def test_far_a_left_over_endpoint_of_a_stand_in_is_refused_by_every_step(script, data_dir, tmp_path: Path):
    with LocalServer(tmp_path / "elsewhere") as server:
        told = script("aws_pipeline/s3_upload.py", AWS_ENDPOINT_URL=server.url, **FAR)
        assert told.returncode == 2
        assert told.stderr.startswith("error: Expected no endpoint of your own with USE_LOCAL_FS=false")
        assert server.store.buckets() == []


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
