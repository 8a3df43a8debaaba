import json
import shutil

import pyarrow.parquet as pq

UPLOAD = "aws_pipeline/s3_upload.py"


def test_recordings_lie_partitioned_by_lab_byte_for_byte_and_a_second_run_sends_nothing(script, data_dir, tmp_path):
    first = script(UPLOAD, "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["sent"] == 4
    raw = tmp_path / "s3_mock" / "raw-zone"
    stored = {str(path.relative_to(raw)) for path in raw.rglob("*") if path.is_file()}
    assert stored == {
        "metadata/train.csv",
        "train_tracking/lab_id=QuietOtter/7.parquet",
        "train_tracking/lab_id=LoudHeron/8.parquet",
        "train_annotation/lab_id=QuietOtter/7.parquet",
    }
    assert (raw / "metadata/train.csv").read_bytes() == (data_dir / "train.csv").read_bytes()
    again = json.loads(script(UPLOAD, "--json").stdout)
    assert (again["files"], again["sent"]) == (4, 0)


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
    assert not (tmp_path / "s3_mock").exists()


def test_a_column_twice_is_refused_by_its_name(script, data_dir, tmp_path):
    file = data_dir / "train_tracking/QuietOtter/7.parquet"
    table = pq.read_table(file, partitioning=None)
    pq.write_table(table.append_column("bodypart", table["bodypart"]), file)
    told = script(UPLOAD)
    assert told.returncode == 4
    assert told.stderr == (
        "error: train_tracking/QuietOtter/7.parquet: Expected a column bodypart once, but got it 2 times. Remove all but one of them.\n"
    )
    assert not (tmp_path / "s3_mock").exists()


def test_a_frame_rate_that_no_camera_has_is_refused(script, data_dir):
    csv = data_dir / "train.csv"
    csv.write_text(csv.read_text().replace("LoudHeron,8,25,", "LoudHeron,8,1e9,"))
    told = script(UPLOAD)
    assert told.returncode == 4
    assert "Expected frames_per_second to be a number from 1 to 2,000, but got 1000000000.0." in told.stderr
    assert "Traceback" not in told.stderr


def test_faults_of_metadata_are_told_with_their_rows(script, data_dir):
    csv = data_dir / "train.csv"
    csv.write_text(csv.read_text().replace("LoudHeron,8,25,10,", "Loud/../Heron,8,0,,"))
    told = script(UPLOAD)
    assert told.returncode == 4
    assert told.stderr.count("train.csv, row 2") == 3
    assert "pix_per_cm_approx" in told.stderr


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
