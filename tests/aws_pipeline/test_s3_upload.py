import json
import os
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from behavior.keys import RAW_FOLDERS
from behavior.workplace import REPOSITORY as ROOT

UPLOAD = "aws_pipeline/s3_upload.py"


def recordings_and_reasons(raw):
    """The objects of the raw zone without those of the table `landing`."""
    files = {path.relative_to(raw).as_posix() for path in raw.rglob("*") if path.is_file()}
    return {key for key in files if key.partition("/")[0] in (*RAW_FOLDERS, "quarantine")}


def test_recordings_lie_partitioned_by_lab_byte_for_byte_and_a_second_run_sends_nothing(script, data_dir, tmp_path):
    first = script(UPLOAD, "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["sent"] == 4
    raw = tmp_path / "s3_mock" / "raw-zone"
    assert recordings_and_reasons(raw) == {
        "metadata/train.csv",
        "train_tracking/lab_id=QuietOtter/7.parquet",
        "train_tracking/lab_id=LoudHeron/8.parquet",
        "train_annotation/lab_id=QuietOtter/7.parquet",
    }
    assert (raw / "metadata/train.csv").read_bytes() == (data_dir / "train.csv").read_bytes()
    again = json.loads(script(UPLOAD, "--json").stdout)
    assert (again["files"], again["sent"]) == (4, 0)


def test_an_upload_without_news_loads_neither_pandas_nor_the_catalog(script, data_dir, tmp_path):
    """They take longer to load than such an upload has to do."""
    assert script(UPLOAD).returncode == 0
    told = tmp_path / "told.py"
    told.write_text(
        f"import runpy, sys\nsys.path.insert(0, {str(ROOT)!r})\nsys.argv = ['{UPLOAD}']\n"
        f"try:\n    runpy.run_path({str(ROOT / UPLOAD)!r}, run_name='__main__')\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(sorted({'pandas', 'pyiceberg', 'pyarrow'} & sys.modules.keys()))\n"
    )
    assert script(told).stdout.splitlines()[-1] == "['pyarrow']"


def test_only_what_changed_is_sent_again(script, data_dir):
    assert script(UPLOAD).returncode == 0
    csv = data_dir / "train.csv"
    csv.write_text(csv.read_text().replace(",30,", ",31,"))
    assert json.loads(script(UPLOAD, "--json").stdout)["sent"] == 1


def test_a_dry_run_names_every_object_and_writes_nothing(script, data_dir, tmp_path):
    told = script(UPLOAD, "--dry-run")
    assert told.returncode == 0
    assert "s3://raw-zone/train_tracking/lab_id=LoudHeron/8.parquet" in told.stdout
    assert not (tmp_path / "s3_mock").exists()


def test_a_folder_that_is_no_data_directory_is_a_usage_error(script, tmp_path):
    told = script(UPLOAD, "--data-dir", tmp_path / "nowhere")
    assert told.returncode == 2
    assert "Expected a data directory with train.csv" in told.stderr
    assert "Traceback" not in told.stderr


def test_every_fault_is_told_and_nothing_is_uploaded(script, data_dir, tmp_path):
    (data_dir / "train_tracking/QuietOtter/7.parquet").write_bytes(b"PAR1 cut off")
    file = data_dir / "train_tracking/LoudHeron/8.parquet"
    pq.write_table(pq.read_table(file, partitioning=None).rename_columns(["video_frame", "mouse_id", "body_part", "x", "y"]), file)
    csv = data_dir / "train.csv"
    csv.write_text(csv.read_text() + "QuietOtter,9,30,10,400,200,\n")
    told = script(UPLOAD)
    assert told.returncode == 4
    assert "train_tracking/QuietOtter/7.parquet: Expected a Parquet file" in told.stderr
    assert "Rename column body_part" in told.stderr
    assert "Expected a file train_tracking/QuietOtter/9.parquet" in told.stderr
    assert not list((tmp_path / "s3_mock" / "raw-zone").iterdir())


def test_a_file_of_another_table_stays_behind_with_its_reason_and_the_others_are_sent(script, data_dir, tmp_path):
    file = data_dir / "train_tracking/QuietOtter/7.parquet"
    content = file.read_bytes()
    table = pq.read_table(file, partitioning=None)
    pq.write_table(table.append_column("bodypart", table["bodypart"]), file)
    told = script(UPLOAD)
    assert told.returncode == 3, told.stderr
    fault = "train_tracking/QuietOtter/7.parquet: Expected a column bodypart once, but got it 2 times. Remove all but one of them."
    assert told.stdout.splitlines()[1:] == [
        "recordings: 2 in = 1 sound + 1 put aside + 0 repeated",
        "files: 3 in = 2 sound + 1 left out",
        f"left out: train-7: {fault}",
    ]
    raw = tmp_path / "s3_mock" / "raw-zone"
    assert recordings_and_reasons(raw) == {
        "metadata/train.csv",
        "train_tracking/lab_id=LoudHeron/8.parquet",
        "train_annotation/lab_id=QuietOtter/7.parquet",
        "quarantine/reasons/train-7.json",
    }
    kept = (raw / "quarantine/reasons/train-7.json").read_bytes()
    assert json.loads(kept)["faults"][0]["code"] == "column-repeated"
    again = json.loads(script(UPLOAD, "--json").stdout)
    assert (again["sent"], again["put_aside"][0]["faults"]) == (0, [fault])
    assert (raw / "quarantine/reasons/train-7.json").read_bytes() == kept, "the same reasons are the same bytes: nothing has changed"
    file.write_bytes(content)
    assert script(UPLOAD).returncode == 0
    assert not (raw / "quarantine/reasons/train-7.json").exists()
    assert (raw / "train_tracking/lab_id=QuietOtter/7.parquet").read_bytes() == content


def test_a_frame_rate_that_no_camera_has_is_refused(script, data_dir):
    csv = data_dir / "train.csv"
    csv.write_text(csv.read_text().replace("LoudHeron,8,25,", "LoudHeron,8,1e9,"))
    told = script(UPLOAD)
    assert told.returncode == 3, told.stderr
    assert "Expected frames_per_second to be a number from 1 to 2,000, but got 1000000000.0." in told.stdout
    assert "Traceback" not in told.stderr


def test_faults_of_metadata_are_told_with_their_rows(script, data_dir, tmp_path):
    csv = data_dir / "train.csv"
    csv.write_text(csv.read_text().replace("LoudHeron,8,25,10,", "Loud/../Heron,8,0,0,"))
    told = script(UPLOAD)
    assert told.returncode == 3, told.stderr
    assert told.stdout.count("left out: train-8: train.csv, row 2") == 3
    assert "pix_per_cm_approx" in told.stdout
    assert not (tmp_path / "s3_mock/raw-zone/quarantine").exists(), "the metadata goes up as it is, and the ETL sees for itself"
    csv.write_text(csv.read_text().replace("QuietOtter,7,30,", "QuietOtter,7,0,"))
    told = script(UPLOAD)
    assert told.returncode == 4
    assert told.stderr.count("error: train.csv, row") == 4


def test_the_test_split_goes_up_as_well(script, data_dir, tmp_path):
    shutil.copytree(data_dir / "train_tracking", data_dir / "test_tracking")
    shutil.copy(data_dir / "train.csv", data_dir / "test.csv")
    assert script(UPLOAD).returncode == 0
    assert (tmp_path / "s3_mock/raw-zone/test_tracking/lab_id=LoudHeron/8.parquet").is_file()
    assert (tmp_path / "s3_mock/raw-zone/metadata/test.csv").is_file()


def test_a_split_that_is_no_longer_there_leaves_the_metadata_and_its_recordings_stay(script, data_dir, tmp_path):
    shutil.copytree(data_dir / "train_tracking", data_dir / "test_tracking")
    shutil.copy(data_dir / "train.csv", data_dir / "test.csv")
    assert script(UPLOAD).returncode == 0
    (data_dir / "test.csv").unlink()
    assert script(UPLOAD).returncode == 0
    assert not (tmp_path / "s3_mock/raw-zone/metadata/test.csv").exists()
    assert (tmp_path / "s3_mock/raw-zone/test_tracking/lab_id=LoudHeron/8.parquet").is_file()


def test_content_decides_what_is_sent_and_a_run_without_news_writes_nothing(script, data_dir, tmp_path):
    assert script(UPLOAD).returncode == 0
    raw = tmp_path / "s3_mock" / "raw-zone"
    before = {path: path.stat().st_mtime_ns for path in raw.rglob("*") if path.is_file()}
    told = script(UPLOAD)
    assert "nothing to do: all 4 files were there already" in told.stdout
    assert {path: path.stat().st_mtime_ns for path in raw.rglob("*") if path.is_file()} == before
    for file in data_dir.rglob("*.parquet"):
        file.touch()
    assert "is new: 3 objects, " in script(UPLOAD, "--plan").stdout
    assert "nothing to do: all 4 files were there already" in script(UPLOAD).stdout
    file = data_dir / "train_tracking/QuietOtter/7.parquet"
    said, rows = file.stat(), pq.read_table(file, partitioning=None)
    pq.write_table(rows.set_column(3, "x", pa.array([0.0, 2, 4, 7])), file)
    assert file.stat().st_size == said.st_size
    os.utime(file, ns=(said.st_atime_ns, said.st_mtime_ns))
    assert json.loads(script(UPLOAD, "--json").stdout)["sent"] == 1, "neither size nor time of modification says that it changed"
    assert json.loads(script(UPLOAD, "--json", "--force").stdout)["sent"] == 4


@pytest.mark.parametrize("flags", [("--jobs", "0"), ("--jobs", "1000"), ("--bwlimit", "0"), ("--bwlimit", "nan")])
def test_flags_without_sense_are_refused(script, data_dir, flags):
    told = script(UPLOAD, *flags)
    assert told.returncode == 2
    assert told.stderr.startswith(f"error: Expected {flags[0]} to be ")
