"""An upload meets S3 in trouble, is killed, or finds files that change: it ends well or clearly, and the next one completes it."""

import errno
import os
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import boto3
import numpy as np
import pyarrow as pa
import pytest
from faults.night import BAD, tracking, walk
from faults.troubled_s3 import ERRORS, RESET, TroubledS3
from small_disk import small_disk

from aws_pipeline import lake, s3_upload, sending
from aws_pipeline.connections import forget_connections
from aws_pipeline.landed import Present, read_digests
from aws_pipeline.sending import Bandwidth, Pace, Sender
from aws_pipeline.terminal import run
from aws_pipeline.upload_plan import plan_uploads

ROOT = Path(__file__).resolve().parents[2]
RAW = "s3://raw-zone"
N_FILES = 7
"""Of the night: metadata, and tracking and annotation of three recordings."""


@pytest.fixture
def data_dir(night, tmp_path):
    """The three recordings of the night as a data directory; the raw zone has none."""
    night.download(tmp_path)
    for folder in ("train_tracking", "train_annotation", "metadata"):
        for file in sorted((night.raw / folder).rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()
    return tmp_path


@pytest.fixture
def trouble(monkeypatch):
    """Let the clients of this process reach S3 through a bad line from now on; tries are many, and pauses between them are short."""
    lines = []

    def begin(rule, attempts="10"):
        line = TroubledS3(os.environ["AWS_ENDPOINT_URL"], rule)
        monkeypatch.setenv("AWS_ENDPOINT_URL", line.__enter__().url)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", attempts)
        monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0.001)
        forget_connections()
        lines.append(line)
        return line

    def end():
        monkeypatch.undo()
        forget_connections()
        for line in lines:
            line.__exit__(None, None, None)
        lines.clear()

    begin.end = end
    yield begin
    end()


def whole(night, data_dir):
    """Assert that the raw zone holds the bytes of every file, and that the table says so."""
    landed = read_digests(RAW)
    plan = plan_uploads(data_dir)
    assert len(plan.uploads) == N_FILES
    for item in plan.uploads:
        stored = lake.read_object(RAW, item.key)
        assert stored.to_pybytes() == item.path.read_bytes(), item.key
        assert landed[item.key].sha256 == lake.digest(stored), item.key


@pytest.mark.parametrize("kind", ["SlowDown", "InternalError", RESET])
def test_trouble_that_passes_is_not_noticed(night, data_dir, trouble, kind):
    """The first two of three requests that write a recording or read a list go wrong."""
    tried = count()
    line = trouble(lambda method, path, _: kind if "_tracking" in path and next(tried) % 3 else None)
    done = s3_upload.upload(data_dir, night.settings)
    assert len(done.sent) == N_FILES
    assert kind in {got for _, _, got in line.seen}
    trouble.end()
    whole(night, data_dir)


@pytest.mark.parametrize("kind", ["SlowDown", "InternalError", RESET])
def test_trouble_that_lasts_ends_in_one_line_and_the_next_upload_sends_only_the_rest(night, data_dir, trouble, kind, capsys):
    def rule(method, path, number):
        return kind if method == "PUT" and "train_tracking" in path and "QuietOtter/8" in path else None

    trouble(rule, attempts="3")
    assert run(lambda: len(s3_upload.upload(data_dir, night.settings, Pace(jobs=1)).sent)) == 2
    told = capsys.readouterr().err
    assert "error: Expected AWS to answer, but got, after several attempts:" in told
    assert told.endswith("Try again later; what is done stays done.\n")
    trouble.end()
    n_done = len(list(night.raw.rglob("train_*/lab_id=*/*.parquet")))
    assert n_done > 0
    assert len(s3_upload.upload(data_dir, night.settings).sent) == N_FILES - n_done
    whole(night, data_dir)


@pytest.mark.parametrize("kind", ["ExpiredToken", "AccessDenied"])
@pytest.mark.parametrize("begins_with", [1, 4, 9, 14])
def test_credentials_that_expire_in_mid_run_are_told_with_their_code(night, data_dir, trouble, kind, begins_with, capsys):
    assert kind in ERRORS
    trouble(lambda method, path, number: kind if number >= begins_with else None)
    assert run(lambda: len(s3_upload.upload(data_dir, night.settings).sent)) == 5
    told = capsys.readouterr().err
    assert told.splitlines()[-1].startswith("error: Expected AWS to let this through, but got: ")
    assert "Traceback" not in told
    trouble.end()
    s3_upload.upload(data_dir, night.settings)
    whole(night, data_dir)


@pytest.mark.parametrize("seed", range(3))
def test_after_a_kill_at_any_moment_the_next_upload_completes_it(night, data_dir, seed):
    environment = {**os.environ, "MABE_DATA_DIR": str(data_dir)}
    command = [sys.executable, str(ROOT / "aws_pipeline" / "s3_upload.py"), "--jobs", "1", "--bwlimit", "0.05"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    random = np.random.default_rng(seed)
    deadline = time.monotonic() + 60
    while process.poll() is None and not list(night.raw.glob("train_*/**/*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(random.uniform(0, 2))
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {path: path.stat().st_ino for path in night.raw.glob("train_*/**/*.parquet")}
    assert before
    s3_upload.upload(data_dir, night.settings)
    assert {path: path.stat().st_ino for path in before} == before, "a finished object is not sent again"
    whole(night, data_dir)
    assert s3_upload.upload(data_dir, night.settings).sent == ()


def test_a_file_that_goes_on_changing_is_left_out_and_the_others_are_sent(night, data_dir, monkeypatch):
    file, taken = data_dir / "train_tracking" / "QuietOtter" / "7.parquet", sending.Path.read_bytes

    def growing(path):
        content = taken(path)
        if path == file:
            path.touch()
        return content

    monkeypatch.setattr(sending.Path, "read_bytes", growing)
    done = s3_upload.upload(data_dir, night.settings)
    assert [one.name for one in done.plan.put_aside] == ["train-7"]
    (fault,) = done.plan.put_aside[0].faults
    assert (fault.code, fault.where) == ("file-changing", "train_tracking/QuietOtter/7.parquet")
    assert [str(balance) for balance in done.plan.balances] == [
        "recordings: 3 in = 2 sound + 1 put aside + 0 repeated",
        "files: 6 in = 5 sound + 1 left out",
    ]
    assert not night.tracking(*BAD).exists()
    assert [one["name"] for one in night.run()["put_aside"]] == ["train-7"]
    monkeypatch.undo()
    assert [item.key for item in s3_upload.upload(data_dir, night.settings).sent] == ["train_tracking/lab_id=QuietOtter/7.parquet"]
    assert night.run()["put_aside"] == []


def test_a_file_that_the_disk_does_not_give_out_is_left_out_and_the_others_are_sent(night, data_dir, monkeypatch):
    """Its footer can be read, and a page of it lies on a bad sector, or its network folder has gone."""
    file, taken = data_dir / "train_tracking" / "QuietOtter" / "7.parquet", sending.Path.read_bytes

    def broken(path):
        if path == file:
            raise OSError(errno.EIO, "Input/output error")
        return taken(path)

    monkeypatch.setattr(sending.Path, "read_bytes", broken)
    done = s3_upload.upload(data_dir, night.settings)
    (fault,) = done.plan.put_aside[0].faults
    assert (fault.code, fault.where) == ("file-unreadable", "train_tracking/QuietOtter/7.parquet")
    assert fault.text == "Expected a file that can be read, but got: Input/output error."
    assert len(done.sent) == N_FILES - 1
    assert [one["name"] for one in night.run()["put_aside"]] == ["train-7"]


def test_a_file_that_changed_once_is_sent_as_it_is_now(night, data_dir, monkeypatch):
    file, taken, times = data_dir / "train_tracking" / "QuietOtter" / "7.parquet", sending.Path.read_bytes, count()

    def written_meanwhile(path):
        content = taken(path)
        if path == file and next(times) == 0:
            night.put(file, tracking(walk(range(30))))
        return content

    monkeypatch.setattr(sending.Path, "read_bytes", written_meanwhile)
    assert len(s3_upload.upload(data_dir, night.settings).sent) == N_FILES
    monkeypatch.undo()
    whole(night, data_dir)


@pytest.fixture
def large(tmp_path):
    """A file of three parts that is sent as an object of the raw zone."""
    (tmp_path / "train.csv").write_bytes(np.random.default_rng(0).bytes(17 << 20))
    return tmp_path / "train.csv"


def an_upload(file):
    return sending.Upload(file, "metadata/train.csv", "train.csv", sending.Stamp.of(file))


def test_a_large_file_is_sent_in_parts_with_checksums(night, large):
    (done,) = Sender("raw-zone", Pace(2), Present()).send_all([an_upload(large)])
    head = boto3.client("s3").head_object(Bucket="raw-zone", Key="metadata/train.csv", ChecksumMode="ENABLED")
    assert head["ETag"].strip('"').endswith("-3")
    assert head["Metadata"]["sha256"] == done.landed.sha256 == lake.digest(lake.read_object(RAW, "metadata/train.csv"))
    stored = Present(lake.list_objects(RAW, ["metadata"]))
    (again,) = Sender("raw-zone", Pace(2), stored).send_all([an_upload(large)])
    assert (again.was_sent, again.landed.version) == (False, done.landed.version)


def test_a_large_file_that_changes_while_its_parts_are_sent_never_becomes_an_object(night, large, monkeypatch):
    old = night.raw / "metadata" / "train.csv"
    before, n_read = old.read_bytes(), count()
    read = sending._Checked.read

    def with_a_change(content, size=-1):
        if next(n_read) == 1:
            with large.open("r+b") as file:
                file.seek(-10, os.SEEK_END)
                file.write(b"changed!")
        return read(content, size)

    monkeypatch.setattr(sending._Checked, "read", with_a_change)
    (done,) = Sender("raw-zone", Pace(2), Present()).send_all([an_upload(large)])
    assert [fault.code for fault in done.faults] == ["file-changing"]
    assert old.read_bytes() == before
    assert not boto3.client("s3").list_multipart_uploads(Bucket="raw-zone").get("Uploads")


def test_parts_of_a_killed_upload_are_given_up_by_the_next_one(night, data_dir):
    s3, key = boto3.client("s3"), "train_tracking/lab_id=QuietOtter/7.parquet"
    for one in (key, "somebody/else.bin"):
        upload = s3.create_multipart_upload(Bucket="raw-zone", Key=one)["UploadId"]
        s3.upload_part(Bucket="raw-zone", Key=one, UploadId=upload, PartNumber=1, Body=b"half")
    s3_upload.upload(data_dir, night.settings)
    (left,) = s3.list_multipart_uploads(Bucket="raw-zone")["Uploads"]
    assert left["Key"] == "somebody/else.bin"
    s3.abort_multipart_upload(Bucket="raw-zone", Key=left["Key"], UploadId=left["UploadId"])
    whole(night, data_dir)


def test_parts_of_an_upload_that_begins_while_another_one_looks_for_left_ones_stay(night, data_dir, monkeypatch):
    s3, key, look = boto3.client("s3"), "train_tracking/lab_id=QuietOtter/7.parquet", s3_upload.others_underway

    def then_another_begins(zone, run):
        answer = look(zone, run)
        s3.create_multipart_upload(Bucket="raw-zone", Key=key)
        return answer

    s3.create_multipart_upload(Bucket="raw-zone", Key=key)
    monkeypatch.setattr(s3_upload, "others_underway", then_another_begins)
    s3_upload.upload(data_dir, night.settings)
    (left,) = s3.list_multipart_uploads(Bucket="raw-zone")["Uploads"]
    s3.abort_multipart_upload(Bucket="raw-zone", Key=key, UploadId=left["UploadId"])


@pytest.fixture
def disk(tmp_path_factory):
    with small_disk(tmp_path_factory.mktemp("disk"), megabytes=12) as place:
        yield place


def test_a_disk_that_fills_ends_in_one_line_and_the_next_upload_completes_it(night, data_dir, disk):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MABE_", "S3_"))}
    environment |= {"S3_MOCK_DIR": str(disk / "s3_mock"), "MABE_DATA_DIR": str(data_dir)}

    def upload():
        command = [sys.executable, str(ROOT / "aws_pipeline" / "s3_upload.py")]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)

    assert upload().returncode == 0
    file = data_dir / "train_tracking" / "QuietOtter" / "7.parquet"
    night.put(file, tracking(walk(range(200_000)), video_frame=pa.int32()), compression=None)
    ballast = disk / "ballast"
    room = os.statvfs(disk)
    ballast.write_bytes(bytes(room.f_bavail * room.f_frsize - file.stat().st_size // 2))
    told = upload()
    assert told.returncode == 2, told.stderr
    assert told.stderr.splitlines()[-1].startswith("error: Expected room for the objects in")
    assert "Free some space and try again." in told.stderr
    ballast.unlink()
    assert upload().returncode == 0
    stored = disk / "s3_mock" / "raw-zone" / "train_tracking" / "lab_id=QuietOtter" / "7.parquet"
    assert stored.read_bytes() == file.read_bytes()


def test_an_upload_of_no_recording_says_so(night, tmp_path, capsys):
    assert run(lambda: len(s3_upload.upload(tmp_path, night.settings).sent)) == 2
    assert "Expected a data directory with train.csv" in capsys.readouterr().err
    (tmp_path / "train.csv").write_text("")
    assert run(lambda: len(s3_upload.upload(tmp_path, night.settings).sent)) == 4


def test_bandwidth_is_shared_by_all():
    now, slept = [0.0], []
    limit = Bandwidth(1000, lambda: now[0], slept.append)
    limit.take(500)
    limit.take(1000)
    now[0] = 10.0
    limit.take(250)
    assert slept == [0.5, 1.5, 0.25]
    Bandwidth(None, lambda: now[0], slept.append).take(10**9)
    assert len(slept) == 3
