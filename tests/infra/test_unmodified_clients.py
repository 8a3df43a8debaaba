"""Clients as people have them, with nothing but environment variables between them and AWS on this disk."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import TableAlreadyExistsError

from infra.local.server import LocalServer

if TYPE_CHECKING:
    from conftest import Endpoint

REPOSITORY = Path(__file__).resolve().parents[2]
ODD_KEYS = ["a b", "a+b", "a%2Fb", "ü/🐁", "lab_id=Quiet Otter/1.parquet", "a/", "a//b", "../up", "a?b#c", "quote'\"<&>"]


@pytest.fixture
def s3(endpoint: Endpoint) -> Iterator[Any]:
    client = boto3.client("s3")
    client.create_bucket(Bucket="raw-zone")
    yield client
    client.close()


@contextmanager
def server_process(root: Path, *options: str) -> Iterator[str]:
    """Run `python -m infra.local serve` and yield its address."""
    command = [sys.executable, "-m", "infra.local", "serve", *options, "--root", str(root), "--port", "0", "--with-parent"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        yield json.loads(child.stdout.readline())["endpoint"]
        child.stdin.close()
        assert child.wait(timeout=30) == 0


# boto3


def test_boto3_moves_twenty_megabytes_in_parts(s3: Any, endpoint: Endpoint) -> None:
    content = os.urandom(20 << 20)
    s3.upload_fileobj(
        io.BytesIO(content), "raw-zone", "big", Config=TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20)
    )
    head = s3.head_object(Bucket="raw-zone", Key="big")
    assert (head["ContentLength"], head["ETag"].endswith('-3"')) == (20 << 20, True)
    back = io.BytesIO()
    s3.download_fileobj("raw-zone", "big", back)
    assert back.getvalue() == content
    assert (endpoint.root / "raw-zone" / "big").read_bytes() == content
    assert s3.list_multipart_uploads(Bucket="raw-zone").get("Uploads", []) == []


def test_boto3_copies_in_parts_and_whole(s3: Any) -> None:
    content = os.urandom(12 << 20)
    s3.put_object(Bucket="raw-zone", Key="a", Body=content, Metadata={"lab": "Quiet"}, ContentType="x/y", Tagging="kind=raw")
    parts = TransferConfig(multipart_threshold=6 << 20, multipart_chunksize=6 << 20)
    s3.copy({"Bucket": "raw-zone", "Key": "a"}, "raw-zone", "parts", Config=parts)
    s3.copy_object(Bucket="raw-zone", Key="whole", CopySource={"Bucket": "raw-zone", "Key": "a"})
    for key in ("parts", "whole"):
        assert s3.get_object(Bucket="raw-zone", Key=key)["Body"].read() == content
    copy = s3.head_object(Bucket="raw-zone", Key="whole")
    assert (copy["Metadata"], copy["ContentType"]) == ({"lab": "Quiet"}, "x/y")
    assert s3.get_object_tagging(Bucket="raw-zone", Key="whole")["TagSet"] == [{"Key": "kind", "Value": "raw"}]
    assert s3.head_object(Bucket="raw-zone", Key="parts")["ETag"].endswith('-2"')


def test_boto3_continues_and_gives_up_uploads(s3: Any) -> None:
    begun = s3.create_multipart_upload(Bucket="raw-zone", Key="big", Metadata={"a": "b"})["UploadId"]
    s3.upload_part(Bucket="raw-zone", Key="big", UploadId=begun, PartNumber=1, Body=b"part")
    assert [part["PartNumber"] for part in s3.list_parts(Bucket="raw-zone", Key="big", UploadId=begun)["Parts"]] == [1]
    assert [upload["Key"] for upload in s3.list_multipart_uploads(Bucket="raw-zone")["Uploads"]] == ["big"]
    s3.abort_multipart_upload(Bucket="raw-zone", Key="big", UploadId=begun)
    with pytest.raises(ClientError, match="NoSuchUpload"):
        s3.list_parts(Bucket="raw-zone", Key="big", UploadId=begun)


def test_boto3_reads_a_range(s3: Any) -> None:
    s3.put_object(Bucket="raw-zone", Key="digits", Body=b"0123456789")
    answer = s3.get_object(Bucket="raw-zone", Key="digits", Range="bytes=3-5")
    assert (answer["Body"].read(), answer["ContentRange"]) == (b"345", "bytes 3-5/10")


def test_boto3_deletes_many(s3: Any) -> None:
    for key in ODD_KEYS:
        s3.put_object(Bucket="raw-zone", Key=key, Body=b"")
    answer = s3.delete_objects(Bucket="raw-zone", Delete={"Objects": [{"Key": key} for key in [*ODD_KEYS, "never there"]]})
    assert {deleted["Key"] for deleted in answer["Deleted"]} == {*ODD_KEYS, "never there"}
    assert "Contents" not in s3.list_objects_v2(Bucket="raw-zone")


def test_boto3_writes_under_conditions(s3: Any) -> None:
    first = s3.put_object(Bucket="raw-zone", Key="state", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket="raw-zone", Key="state", Body=b"2", IfNoneMatch="*")
    s3.put_object(Bucket="raw-zone", Key="state", Body=b"3", IfMatch=first)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket="raw-zone", Key="state", Body=b"4", IfMatch=first)
    assert s3.get_object(Bucket="raw-zone", Key="state")["Body"].read() == b"3"


def test_a_presigned_address_reads_and_writes_without_credentials(s3: Any) -> None:
    for key in ("a b", "ü"):
        write = s3.generate_presigned_url("put_object", Params={"Bucket": "raw-zone", "Key": key})
        with urllib.request.urlopen(urllib.request.Request(write, data=b"mouse", method="PUT")) as answer:
            assert answer.status == 200
        read = s3.generate_presigned_url("get_object", Params={"Bucket": "raw-zone", "Key": key, "ResponseContentType": "x/y"})
        with urllib.request.urlopen(read) as answer:
            assert (answer.read(), answer.headers["Content-Type"]) == (b"mouse", "x/y")


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_boto3_sends_checksums_and_wrong_ones_are_refused(s3: Any, algorithm: str) -> None:
    s3 = boto3.client("s3", config=Config(retries={"max_attempts": 0}))  # it would try a refused body five times
    s3.put_object(Bucket="raw-zone", Key="a", Body=b"mouse", ChecksumAlgorithm=algorithm)
    name = f"Checksum{algorithm}"
    kept = s3.head_object(Bucket="raw-zone", Key="a", ChecksumMode="ENABLED")[name]
    assert kept
    with pytest.raises(ClientError, match="BadDigest"):
        s3.put_object(Bucket="raw-zone", Key="a", Body=b"house", **{name: kept})
    assert s3.get_object(Bucket="raw-zone", Key="a")["Body"].read() == b"mouse"


def test_boto3_keeps_odd_keys(s3: Any) -> None:
    for key in ODD_KEYS:
        s3.put_object(Bucket="raw-zone", Key=key, Body=key.encode())
    listed = [found["Key"] for found in s3.list_objects_v2(Bucket="raw-zone")["Contents"]]
    assert listed == sorted(ODD_KEYS, key=str.encode)
    assert all(s3.get_object(Bucket="raw-zone", Key=key)["Body"].read() == key.encode() for key in ODD_KEYS)


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_boto3_pages_through_a_listing_with_a_delimiter(s3: Any, operation: str) -> None:
    for lab in "ABC":
        for video in range(3):
            s3.put_object(Bucket="raw-zone", Key=f"tracking/lab_id={lab}/{video}.parquet", Body=b"")
    for number in range(4):
        s3.put_object(Bucket="raw-zone", Key=f"tracking/note {number}", Body=b"")
    pages = s3.get_paginator(operation).paginate(Bucket="raw-zone", Prefix="tracking/", Delimiter="/", PaginationConfig={"PageSize": 2})
    listed = list(pages)
    assert len(listed) == 4
    assert [each["Prefix"] for page in listed for each in page.get("CommonPrefixes", [])] == [f"tracking/lab_id={lab}/" for lab in "ABC"]
    assert [each["Key"] for page in listed for each in page.get("Contents", [])] == [f"tracking/note {number}" for number in range(4)]


def test_a_file_that_another_program_drops_is_an_object_at_once(s3: Any, endpoint: Endpoint) -> None:
    shutil.copy(__file__, endpoint.root / "raw-zone" / "dropped.py")
    assert s3.get_object(Bucket="raw-zone", Key="dropped.py")["Body"].read() == Path(__file__).read_bytes()
    (endpoint.root / "by-hand").mkdir()
    assert "by-hand" in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


# awswrangler


@pytest.fixture
def bouts() -> pd.DataFrame:
    return pd.DataFrame({"lab_id": ["A", "A", "B"], "video_id": [1, 2, 3], "action": ["rear", "sniff", "rear"]})


# awswrangler calls pandas in a way that pandas 3 warns of
wrangler_warns = pytest.mark.filterwarnings("ignore:The \\w+ keyword:DeprecationWarning")


@wrangler_warns
def test_awswrangler_writes_a_cataloged_data_set_and_reads_it_back(endpoint: Endpoint, bouts: pd.DataFrame) -> None:
    import awswrangler as wr

    boto3.client("s3").create_bucket(Bucket="curated-zone")
    wr.catalog.create_database("mabe")
    path = "s3://curated-zone/bouts/"
    for _ in range(2):
        wr.s3.to_parquet(
            bouts, path, dataset=True, partition_cols=["lab_id"], database="mabe", table="bouts", mode="overwrite", compression="zstd"
        )
    assert wr.catalog.does_table_exist("mabe", "bouts")
    assert list(wr.catalog.table("mabe", "bouts")["Column Name"]) == ["video_id", "action", "lab_id"]
    assert wr.catalog.get_partitions("mabe", "bouts") == {f"{path}lab_id=A/": ["A"], f"{path}lab_id=B/": ["B"]}
    back = wr.s3.read_parquet(path, dataset=True).sort_values("video_id", ignore_index=True)
    assert [tuple(row) for row in back[["lab_id", "video_id", "action"]].values] == [("A", 1, "rear"), ("A", 2, "sniff"), ("B", 3, "rear")]
    only = wr.s3.read_parquet_table("bouts", "mabe", partition_filter=lambda partition: partition["lab_id"] == "B")
    assert list(only["video_id"]) == [3]
    assert sorted(file.parent.name for file in (endpoint.root / "curated-zone" / "bouts").rglob("*.parquet")) == ["lab_id=A", "lab_id=B"]
    wr.catalog.delete_table_if_exists("mabe", "bouts")
    assert list(wr.catalog.tables(database="mabe")["Table"]) == []


@wrangler_warns
def test_awswrangler_lists_copies_and_deletes(endpoint: Endpoint, bouts: pd.DataFrame) -> None:
    import awswrangler as wr

    boto3.client("s3").create_bucket(Bucket="raw-zone")
    wr.s3.to_csv(bouts, "s3://raw-zone/metadata/train.csv", index=False)
    wr.s3.copy_objects(["s3://raw-zone/metadata/train.csv"], "s3://raw-zone/metadata", "s3://raw-zone/copy")
    assert wr.s3.list_objects("s3://raw-zone/") == ["s3://raw-zone/copy/train.csv", "s3://raw-zone/metadata/train.csv"]
    assert wr.s3.list_directories("s3://raw-zone/") == ["s3://raw-zone/copy/", "s3://raw-zone/metadata/"]
    assert list(wr.s3.read_csv("s3://raw-zone/copy/train.csv")["video_id"]) == [1, 2, 3]
    wr.s3.delete_objects("s3://raw-zone/")
    assert not wr.s3.does_object_exist("s3://raw-zone/metadata/train.csv")


# Arrow


def test_arrow_reads_and_writes_a_data_set(endpoint: Endpoint) -> None:
    from pyarrow import fs

    endpoint.server.store.create_bucket("curated-zone")
    s3 = fs.S3FileSystem(endpoint_override=endpoint.url, scheme="http")
    table = pa.table({"lab_id": ["A", "B"], "video_id": [1, 2]})
    pq.write_to_dataset(table, "curated-zone/arrow", partition_cols=["lab_id"], filesystem=s3)
    back = pq.read_table("curated-zone/arrow", filesystem=s3)
    assert sorted(zip(back["lab_id"].to_pylist(), back["video_id"].to_pylist(), strict=True)) == [("A", 1), ("B", 2)]
    s3.create_dir("curated-zone/empty")
    kinds = {info.base_name: info.type for info in s3.get_file_info(fs.FileSelector("curated-zone"))}
    assert kinds == {"arrow": fs.FileType.Directory, "empty": fs.FileType.Directory}
    content = os.urandom(12 << 20)
    with s3.open_output_stream("curated-zone/parts") as stream:
        for start in range(0, len(content), 5 << 20):
            stream.write(content[start : start + (5 << 20)])
    with s3.open_input_file("curated-zone/parts") as file:
        assert file.size() == len(content)
        file.seek(11 << 20)
        assert file.read() == content[11 << 20 :]
    s3.move("curated-zone/parts", "curated-zone/moved")
    s3.delete_dir("curated-zone/arrow")
    assert {info.base_name for info in s3.get_file_info(fs.FileSelector("curated-zone"))} == {"empty", "moved"}


# Iceberg


def test_of_two_iceberg_commits_at_once_none_is_lost(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One writer commits between the moment in which the other reads the catalog and the moment in which it writes there.

    The other is refused, and pyiceberg reads the table again and repeats the commit.
    """
    boto3.client("glue").create_database(DatabaseInput={"Name": "lake"})
    rows = pa.table({"video_id": pa.array([1], pa.int64())})
    one, other = (load_catalog(name, type="glue", **{"s3.endpoint": os.environ["AWS_ENDPOINT_URL"]}) for name in ("one", "other"))
    one.create_table("lake.bouts", schema=rows.schema, location="s3://raw-zone/bouts").append(rows)
    first, second = one.load_table("lake.bouts"), other.load_table("lake.bouts")
    update, updates = other.glue.update_table, []

    def update_late(**request: Any) -> Any:
        updates.append(request["VersionId"])
        if len(updates) == 1:
            first.append(rows)
        return update(**request)

    monkeypatch.setattr(other.glue, "update_table", update_late)
    second.append(rows)
    assert len(updates) == 2
    assert one.load_table("lake.bouts").scan().to_arrow().num_rows == 3


def test_of_two_that_create_an_iceberg_table_at_once_one_is_refused(s3: Any) -> None:
    boto3.client("glue").create_database(DatabaseInput={"Name": "lake"})
    schema = pa.schema([("video_id", pa.int64())])
    gate = threading.Barrier(2)

    def create(name: str) -> str:
        catalog = load_catalog(name, type="glue", **{"s3.endpoint": os.environ["AWS_ENDPOINT_URL"]})
        gate.wait()
        try:
            return catalog.create_table("lake.bouts", schema=schema, location="s3://raw-zone/bouts").metadata_location
        except TableAlreadyExistsError:
            return "there is one"

    with ThreadPoolExecutor(2) as pool:
        told = sorted(pool.map(create, ("one", "other")))
    kept = boto3.client("glue").get_table(DatabaseName="lake", Name="bouts")["Table"]["Parameters"]["metadata_location"]
    assert told == sorted([kept, "there is one"])


# The AWS CLI


def test_the_aws_cli_copies_both_ways_and_reads_the_catalog(endpoint: Endpoint, tmp_path: Path) -> None:
    program = shutil.which("aws")
    if program is None:
        pytest.skip("the AWS CLI is not installed")

    def aws(*words: str) -> str:
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "from" / "deep").mkdir(parents=True)
    (tmp_path / "from" / "deep" / "a b.txt").write_text("mouse")
    (tmp_path / "from" / "big").write_bytes(bytes(9 << 20))
    aws("s3", "mb", "s3://raw-zone")
    aws("s3", "sync", str(tmp_path / "from"), "s3://raw-zone/in")
    assert endpoint.server.store.get("raw-zone", "in/big").size == 9 << 20
    aws("s3", "cp", "s3://raw-zone/in/deep/a b.txt", str(tmp_path / "back"))
    assert (tmp_path / "back").read_text() == "mouse"
    endpoint.server.control.invoke("glue", "CreateDatabase", {"DatabaseInput": {"Name": "mabe"}})
    assert json.loads(aws("glue", "get-databases", "--output", "json"))["DatabaseList"][0]["Name"] == "mabe"


# Several processes, one after the other and at once


def test_objects_and_catalog_survive_a_restart(tmp_path: Path, lead_clients_to: Callable[[str], None]) -> None:
    with LocalServer(tmp_path) as first:
        lead_clients_to(first.url)
        boto3.client("s3").create_bucket(Bucket="raw-zone")
        written = boto3.client("s3").put_object(Bucket="raw-zone", Key="a", Body=b"mouse", Metadata={"lab": "Quiet"})
        boto3.client("glue").create_database(DatabaseInput={"Name": "mabe"})
    with server_process(tmp_path, "--no-deploy") as url:
        lead_clients_to(url)
        found = boto3.client("s3").get_object(Bucket="raw-zone", Key="a")
        assert (found["Body"].read(), found["Metadata"], found["ETag"]) == (b"mouse", {"lab": "Quiet"}, written["ETag"])
        assert boto3.client("glue").get_database(Name="mabe")["Database"]["Name"] == "mabe"


def test_two_processes_work_on_one_store(tmp_path: Path) -> None:
    session = boto3.Session("local", "local", region_name="us-east-1")
    many = Config(max_pool_connections=16)

    def clients(name: str, *urls: str) -> tuple[Any, ...]:
        return tuple(session.client(name, endpoint_url=url, config=many) for url in urls)

    with server_process(tmp_path, "--no-deploy") as one, server_process(tmp_path, "--no-deploy") as other:
        racers = clients("s3", one, other) * 8
        racers[0].create_bucket(Bucket="raw-zone")
        start = threading.Barrier(len(racers))

        def race(number: int) -> str:
            start.wait(timeout=30)
            try:
                racers[number].put_object(Bucket="raw-zone", Key="lock/owner", Body=str(number).encode(), IfNoneMatch="*")
            except ClientError as error:
                return str(error.response["Error"]["Code"])
            return f"racer {number} won"

        with ThreadPoolExecutor(len(racers)) as pool:
            results = list(pool.map(race, range(len(racers))))
        winners = [result for result in results if result != "PreconditionFailed"]
        assert winners == [f"racer {(tmp_path / 'raw-zone' / 'lock' / 'owner').read_text()} won"]

        first, second = clients("glue", one, other)
        first.create_database(DatabaseInput={"Name": "mabe"})
        second.create_table(DatabaseName="mabe", TableInput={"Name": "bouts"})
        assert first.get_table(DatabaseName="mabe", Name="bouts")["Table"]["Name"] == "bouts"
        names = [f"table_{number}" for number in range(12)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda glue, name: glue.create_table(DatabaseName="mabe", TableInput={"Name": name}), (first, second) * 6, names))
        for glue in (first, second):
            assert sorted(table["Name"] for table in glue.get_tables(DatabaseName="mabe")["TableList"]) == sorted(["bouts", *names])


# A fresh stack and clients that know nothing of this repository


@pytest.mark.spark
@pytest.mark.slow
def test_start_job_run_by_any_client_curates_on_a_fresh_stack(tmp_path: Path, lead_clients_to: Callable[[str], None]) -> None:
    rows = {"video_frame": pa.array([0, 1], pa.int16()), "mouse_id": pa.array([1, 1], pa.int8()), "bodypart": ["nose", "nose"]}
    tracking = io.BytesIO()
    pq.write_table(pa.table({**rows, "x": [0.0, 2.0], "y": [0.0, 0.0]}), tracking)
    header = "lab_id,video_id,frames_per_second,pix_per_cm_approx,video_width_pix,video_height_pix,behaviors_labeled"
    with server_process(tmp_path) as url:
        lead_clients_to(url)
        s3, glue = boto3.client("s3"), boto3.client("glue")
        s3.put_object(Bucket="raw-zone", Key="train_tracking/lab_id=QuietOtter/7.parquet", Body=tracking.getvalue())
        s3.put_object(Bucket="raw-zone", Key="metadata/train.csv", Body=f"{header}\nQuietOtter,7,30,10,400,200,\n".encode())
        run = glue.start_job_run(JobName="mabe-curate")["JobRunId"]
        deadline = time.monotonic() + 120
        while (found := glue.get_job_run(JobName="mabe-curate", RunId=run)["JobRun"])["JobRunState"] in ("STARTING", "RUNNING"):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert found["JobRunState"] == "SUCCEEDED", found.get("ErrorMessage")
        table = glue.get_table(DatabaseName="mabe", Name="tracking_curated")["Table"]
        assert table["Parameters"]["table_type"] == "ICEBERG"
        listed = s3.list_objects_v2(Bucket="curated-zone", Prefix="tracking_curated/")["Contents"]
        assert len(listed) == 1
