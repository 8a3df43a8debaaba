"""A curated zone made by the pipeline's own code, upload and Glue job, but with a plain loop where Spark would be: no JVM starts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from aws_pipeline import curation_run, s3_upload
from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.curation_options import Options


@contextmanager
def aws_on_this_disk(mock_dir: Path) -> Iterator[Settings]:
    """Serve AWS over a directory and lead this process and its children there for a while."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "S3_BUCKET", "USE_LOCAL_FS"):
            patch.delenv(name, raising=False)
        patch.setenv("S3_MOCK_DIR", str(mock_dir))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        chosen = settings()
        with endpoint(chosen):
            yield chosen


def fill(chosen: Settings, data_dir: Path) -> None:
    """Upload a data directory and curate it."""
    s3_upload.upload(data_dir, chosen)
    curation_run.run_curation(Options(chosen.uri("raw"), chosen.uri("curated"), chosen.database, due_bytes=0))
