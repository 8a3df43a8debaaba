import json
import sys

import pyarrow.parquet as pq
import pytest
from raw_zone import HERON, OTTER, TEST, walk

from aws_pipeline import curation_run, lineage
from aws_pipeline.curation_options import Options


@pytest.fixture
def run(settings, monkeypatch, capsys):
    """Call the command; return its exit code and what it prints."""

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["lineage.py", *arguments])
        capsys.readouterr()  # of the ETL
        code = lineage.main()
        out, err = capsys.readouterr()
        return code, out, err

    return command


@pytest.fixture
def lake(settings, whole_raw_zone):
    return curation_run.run_curation(Options(settings.uri("raw"), settings.uri("curated"), settings.database, code="abc", due_bytes=0))


@pytest.fixture
def whole_raw_zone(settings):
    from raw_zone import Zone

    raw = Zone(settings.mock_dir / "raw-zone", "s3://raw-zone")
    raw.metadata(OTTER, HERON)
    raw.tracking(OTTER, walk(range(4)))
    raw.tracking(HERON, walk(range(5)))
    raw.annotation(OTTER, [(1, 1, "rear", 1, 3)])
    raw.metadata(TEST, split="test")
    raw.tracking(TEST, walk(range(3)), split="test")
    return raw


def test_a_recording_leads_to_its_raw_objects_and_to_its_run(run, lake):
    code, out, _ = run("7", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["recording"], found["lab"]) == ("train-7", "QuietOtter")
    assert found["tracking"]["key"] == "train_tracking/lab_id=QuietOtter/7.parquet"
    assert found["curated"]["rows"] == 4
    assert found["run"]["run"] in {one["run"] for one in json.loads(run("--runs", "--json")[1])}
    code, out, _ = run("train-7")
    assert code == 0
    assert "annotations_enriched/lab_id=QuietOtter/train-7-" in out


def test_runs_have_the_snapshots_of_their_tables(run, lake):
    runs = json.loads(run("--runs", "--json")[1])
    assert runs[-1]["snapshots"]["tracking_curated"] > 0
    assert f"run {runs[-1]['run']}: 3 recordings" in run("--runs")[1]


def test_a_recording_that_is_not_there_is_a_usage_error(run, lake):
    code, _, err = run("12345")
    assert code == 2
    assert "Expected a recording of the curated zone, but got 12345." in err
    assert run()[0] == 2


def test_a_flipped_byte_in_the_raw_or_in_the_curated_zone_is_found(run, lake, settings):
    assert run("--verify")[0] == 0
    (curated,) = (settings.mock_dir / "curated-zone").glob("tracking_curated/lab_id=LoudHeron/train-8-*.parquet")
    raw = settings.mock_dir / "raw-zone/train_tracking/lab_id=QuietOtter/7.parquet"
    contents = {file: file.read_bytes() for file in (curated, raw)}
    for file, content in contents.items():
        flipped = bytearray(content)
        flipped[len(flipped) // 2] ^= 1
        file.write_bytes(flipped)
    try:
        code, out, _ = run("--verify")
        assert code == 4
        assert {line.partition(": Expected the bytes")[0] for line in out.splitlines()} == {
            f"s3://curated-zone/{curated.relative_to(settings.mock_dir / 'curated-zone')}",
            "s3://raw-zone/train_tracking/lab_id=QuietOtter/7.parquet",
        }
        assert run("--verify", "test-500")[0] == 0
    finally:
        for file, content in contents.items():
            file.write_bytes(content)


def test_only_the_last_run_names_recordings_in_its_summary(run, lake, settings, whole_raw_zone):
    """A table with the names of all nights would grow for ever."""
    names = {"put_aside", "by_leave", "excluded"}
    whole_raw_zone.tracking(HERON, walk([-1, 0]))
    options = Options(settings.uri("raw"), settings.uri("curated"), settings.database, code="abc", due_bytes=0)
    last = curation_run.run_curation(options)
    (file,) = (settings.mock_dir / "curated-zone" / "runs").glob("*.parquet")
    *earlier, now = map(json.loads, pq.read_table(file, partitioning=None).column("summary").to_pylist())
    assert [one["name"] for one in now["put_aside"]] == [one["name"] for one in last["put_aside"]] == ["train-8"]
    assert earlier
    assert all(not names & one.keys() and one["balances"] for one in earlier)
