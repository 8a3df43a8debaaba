"""One AWS on this disk for all faults, and a fresh raw zone for each."""

import pytest
from curated_lake import aws_on_this_disk
from faults.night import Night


@pytest.fixture(scope="package")
def aws(tmp_path_factory):
    with aws_on_this_disk(tmp_path_factory.mktemp("s3_mock")) as chosen:
        yield chosen


@pytest.fixture
def night(aws):
    """Three sound recordings lie in the raw zone; the curated zone is empty."""
    one = Night(aws)
    one.begin()
    return one
