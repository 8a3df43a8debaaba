from pathlib import Path

import pytest

from aws_pipeline.config import settings
from behavior.contract import UsageError


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
