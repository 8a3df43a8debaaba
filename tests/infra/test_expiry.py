"""What is too old is removed on this disk, too: by the rules of buckets, and what killed processes left half done."""

from __future__ import annotations

import os
import time
from pathlib import Path
from unittest import mock

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.local.athena import files
from infra.local.jobs.runs import RunStore
from infra.local.leftovers import older, remove
from infra.local.s3.expiry import DAY_S
from infra.local.tidying import tidy

RULES = [
    {"ID": "results", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Days": 14}},
    {"ID": "never", "Status": "Disabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}},
    {"ID": "parts", "Status": "Enabled", "Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
]


@pytest.mark.parametrize(("days", "left", "unfinished"), [(6, {"old/a", "new/b"}, 1), (9, {"old/a", "new/b"}, 0), (16, {"new/b"}, 0)])
def test_objects_and_unfinished_uploads_end_by_the_rules_of_their_bucket(endpoint, days: int, left: set[str], unfinished: int) -> None:
    s3 = boto3.client("s3")
    for bucket in ("bucket", "without-rules"):
        s3.create_bucket(Bucket=bucket)
        for key in ("old/a", "new/b"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    s3.create_multipart_upload(Bucket="bucket", Key="c")
    s3.put_bucket_lifecycle_configuration(Bucket="bucket", LifecycleConfiguration={"Rules": RULES})
    tidy(endpoint.server, time.time() + days * DAY_S)
    assert {one["Key"] for one in s3.list_objects_v2(Bucket="bucket")["Contents"]} == left
    assert len(s3.list_multipart_uploads(Bucket="bucket").get("Uploads", [])) == unfinished
    assert s3.list_objects_v2(Bucket="without-rules")["KeyCount"] == 2


def test_drafts_of_killed_processes_are_removed_after_a_day(endpoint) -> None:
    staged, drafts = endpoint.root / ".aws" / "s3" / "staged", endpoint.root / ".aws" / "drafts"
    (staged / "half").write_bytes(b"1")
    (drafts / "query").mkdir(parents=True)
    (drafts / "query" / "part").write_bytes(b"1")
    assert tidy(endpoint.server) == 0
    assert tidy(endpoint.server, time.time() + DAY_S + 60) == 2
    assert [*staged.iterdir(), *drafts.iterdir()] == []


def test_what_another_process_removes_at_the_same_time_is_no_error(tmp_path: Path) -> None:
    for name in ("old", "young"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part").write_bytes(b"1")
    os.utime(tmp_path / "old", (0, 0))
    assert older([tmp_path / "gone", *tmp_path.iterdir()], time.time() - DAY_S) == [tmp_path / "old"]
    for name in ("gone", "old"):
        remove(tmp_path / name)
    assert [one.name for one in tmp_path.iterdir()] == ["young"]


def test_runs_are_forgotten_as_aws_forgets_them(tmp_path: Path) -> None:
    former = RunStore(tmp_path)
    for name, days in (("old", 46), ("young", 44)):
        former.create(name, {})
        former.update(name, state="SUCCEEDED")
        former.log(name).write_text("done")
        former.workplace(name)
        os.utime(tmp_path / f"{name}.json", (time.time() - days * DAY_S,) * 2)
    runs = RunStore(tmp_path, keep_days=45)
    assert runs.get("old") is not None
    runs.create("new", {})
    assert [run.run_id for run in runs.all()] == ["new", "young"]
    assert not list(tmp_path.glob("old*"))


def test_the_end_of_a_server_takes_as_long_after_many_runs_as_after_one(tmp_path: Path) -> None:
    for number in range(20):
        RunStore(tmp_path).create(f"before-{number}", {})
    runs = RunStore(tmp_path)
    runs.create("own", {}, "RUNNING")
    with mock.patch.object(RunStore, "_read", autospec=True, side_effect=RunStore._read) as reading:
        runs.stop_own()
    assert {call.args[1] for call in reading.call_args_list} == {"own"}
    own = runs.get("own")
    assert own is not None
    assert own.state == "FAILED"


def test_footers_of_files_that_are_gone_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_FEW", 10)
    cache, stays = files.FooterCache(), tmp_path / "stays.parquet"
    pq.write_table(pa.table({"a": [1]}), stays)
    assert cache.of(stays).columns == ("a int64",)
    for night in range(100):
        of_night = tmp_path / f"{night}.parquet"
        pq.write_table(pa.table({"a": [night]}), of_night)
        cache.of(of_night)
        of_night.unlink()
    assert len(cache) <= 25
    assert cache.of(stays).columns == ("a int64",)
