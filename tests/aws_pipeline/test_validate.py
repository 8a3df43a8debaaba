"""A data directory is checked before anything is uploaded, with the words and the exit codes of the ETL."""

import json
import shutil

import pyarrow.parquet as pq
import pytest

from aws_pipeline.validate import validate

VALIDATE = "aws_pipeline/validate.py"


@pytest.fixture
def spoiled(data_dir):
    """A third recording has a scale of 0, and the annotation of the first one ends with a bout that ends before it begins."""
    csv = data_dir / "train.csv"
    csv.write_text(csv.read_text() + "LoudHeron,9,25,0,400,200,\n")
    file = data_dir / "train_annotation/QuietOtter/7.parquet"
    rows = pq.read_table(file, partitioning=None)
    pq.write_table(rows.rename_columns(["agent_id", "target_id", "action", "stop_frame", "start_frame"]), file)
    return data_dir


def test_a_sound_directory_is_accepted_and_counted(script, data_dir, tmp_path):
    told = script(VALIDATE, data_dir)
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[:3] == [
        "recordings: 2 in = 2 accepted + 0 quarantined + 0 excluded + 0 repeated",
        "files: 3 in = 3 accepted + 0 quarantined + 0 excluded + 0 of no recording",
        "tracking rows: 8 in = 8 accepted + 0 quarantined + 0 excluded",
    ]
    assert "2 recordings would be accepted, 0 put aside" in lines[3]
    assert not (tmp_path / "s3_mock").exists(), "no AWS is needed, and nothing is written"


def test_faults_are_counted_by_code_with_their_recordings(script, spoiled):
    told = script(VALIDATE, "--json", spoiled)
    assert told.returncode == 3, told.stderr
    report = json.loads(told.stdout)
    assert (report["contract"], report["accepted"], report["put_aside"]) == (2, 1, ["train-7", "train-9"])
    found = {one["code"]: (one["severity"], one["count"], one["names"]) for one in report["findings"]}
    assert found == {"bout-reversed": ("reject", 1, ["train-7"]), "scale": ("reject", 1, ["train-9"])}
    first = next(one["first"] for one in report["findings"] if one["code"] == "bout-reversed")
    assert first.startswith("train_annotation/QuietOtter/7.parquet: Expected bouts to end after they begin, but got 1")


def test_a_policy_says_what_would_happen_instead(script, spoiled, tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text('contract = 2\n[severity]\nbout-reversed = "repair"\n')
    told = script(VALIDATE, spoiled, MABE_POLICY=str(policy))
    assert told.returncode == 3
    assert "repair  bout-reversed        1 in 1 recordings: train-7" in told.stdout
    assert "2 recordings would be accepted, 1 put aside" in told.stdout
    policy.write_text('contract = 2\n[severity]\nscale = "flag"\n')
    told = script(VALIDATE, spoiled, "--policy", policy)
    assert told.returncode == 2
    assert told.stderr == (f"error: {policy}: Expected scale to be reject, but got 'flag'. Such input cannot be used otherwise.\n")


def test_a_directory_that_the_etl_would_refuse_as_a_whole_ends_with_4(script, data_dir):
    shutil.rmtree(data_dir / "train_tracking")
    told = script(VALIDATE, data_dir)
    assert told.returncode == 4, told.stderr
    assert "the ETL would refuse the whole data set. " in told.stdout
    assert "Expected a sound recording in train.csv, but got none: 2 put aside, 0 excluded." in told.stdout
    assert "Expected a file train_tracking/QuietOtter/7.parquet, but got none. Add it or remove the row." in told.stdout


def test_a_folder_that_is_no_data_directory_is_a_usage_error(script, tmp_path):
    told = script(VALIDATE, tmp_path / "nowhere")
    assert told.returncode == 2
    assert "Expected a data directory with train.csv" in told.stderr


def test_the_codes_are_listed_with_what_a_policy_may_make_of_them(script):
    told = script(VALIDATE, "--codes")
    assert told.returncode == 0
    assert "place-contradiction  reject    one keypoint at two places in one frame\n" in told.stdout


@pytest.mark.realdata
def test_the_published_recordings_are_all_accepted(real_data):
    report = validate(real_data)
    assert (report.accepted, report.put_aside, report.exit_code) == (60, (), 0)
    assert report.balances[2] == "tracking rows: 5,873,285 in = 5,873,285 accepted + 0 quarantined + 0 excluded"
