"""Plans of Iceberg tables on the local Athena: read once for each snapshot and limits, and never of another snapshot."""

from __future__ import annotations

from typing import Any

import pytest
from athena_lake import Lake
from iceberg_lake import catalog, commit, create_table, files, write
from pyiceberg.table import DataScan

from infra.local.athena.iceberg.metadata import StoreFiles
from infra.local.athena.iceberg.plans import Plans
from infra.local.athena.trino.limits import Limit
from infra.local.s3.object_store import ObjectStore

LOUD = Limit("lab_id", "=", ("LoudHeron",))
QUIET = Limit("lab_id", "=", ("QuietOtter",))


@pytest.fixture
def plans(lake: Lake) -> Plans:
    return Plans(StoreFiles(ObjectStore(lake.endpoint.root).local_path), most_files=3)


@pytest.fixture
def table(lake: Lake) -> Any:
    table = create_table()
    commit(table, [write(table, "LoudHeron", 1, "aaaa", [1.0]), write(table, "QuietOtter", 2, "aaaa", [2.0])])
    return catalog().load_table("mabe.tracking")


def of(plans: Plans, table: Any, *limits: Limit) -> list[str]:
    return sorted(file.path.name for file in plans.of(table, table.schema(), table.current_snapshot(), limits))


def test_the_manifests_of_a_snapshot_are_read_once_for_equal_limits(plans: Plans, table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert of(plans, table, LOUD) == ["train-1-aaaa.parquet"]

    monkeypatch.setattr(DataScan, "plan_files", lambda scan: pytest.fail("Expected what is known already, but its manifests are read."))
    assert of(plans, table, LOUD) == ["train-1-aaaa.parquet"]


def test_other_limits_and_another_snapshot_have_a_plan_of_their_own(plans: Plans, table: Any) -> None:
    assert of(plans, table, LOUD) == ["train-1-aaaa.parquet"]
    assert of(plans, table, QUIET) == ["train-2-aaaa.parquet"]
    assert of(plans, table) == ["train-1-aaaa.parquet", "train-2-aaaa.parquet"]

    newer = catalog().load_table("mabe.tracking")
    commit(newer, [write(newer, "LoudHeron", 1, "bbbb", [1.5])], [file for file in files(newer) if "train-1-" in file.file_path])
    assert of(plans, newer, LOUD) == ["train-1-bbbb.parquet"]
    assert of(plans, table, LOUD) == ["train-1-aaaa.parquet"]


def test_the_plans_asked_for_last_are_remembered(plans: Plans, table: Any) -> None:
    for limits in ([LOUD], [QUIET], [LOUD], []):
        of(plans, table, *limits)
    assert len(plans) == 2, "the last one has two files, and of the others the one asked for last is left"
