"""What a run removes at its end, and what it must leave to others."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from faults.night import BAD, GOOD, tracking, walk

from aws_pipeline import athena, commit_predictions, lake, publication, retention
from aws_pipeline.iceberg import LakeTable
from aws_pipeline.lake import read_snapshot
from aws_pipeline.pins import pinned_runs, remove_pin, write_pin
from behavior.bouts import scored_bout_table
from behavior.predictions import Predictions, Source, triple_table
from behavior.recording import Recording
from behavior.tables import PREDICTION_TABLES

pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")  # awswrangler says it to pandas


def predictions(*starts, recognizer="a"):
    """Bouts of rear of a recognizer in recording 7, one from each of these frames."""
    recordings = [Recording("QuietOtter", 7, 30.0, 10.0, 400, 200)]
    bouts = scored_bout_table([(7, 1, 1, "rear", start, start + 3, 0.9, 0.5) for start in starts])
    tables = Predictions(bouts, triple_table([(7, 1, 1, "rear", 0, 100)])).tables(recordings, Source("train", recognizer, "trees"))
    return {table.name: rows for table, rows in zip(PREDICTION_TABLES, tables, strict=True)}


def grow_old(folder):
    for file in folder.rglob("*"):
        os.utime(file, (0, 0))


def test_a_run_leaves_the_tables_of_predictions_however_old_they_are(night):
    night.run()
    commit_predictions.commit(predictions(0, 5), night.settings)
    grow_old(night.curated)
    night.put(night.tracking(*GOOD), tracking(walk(range(21))))
    night.run()
    assert athena.query("SELECT count(*) AS n FROM predicted_bouts", night.settings)["n"].tolist() == [2]
    assert athena.query("SELECT count(*) AS n FROM predictable_triples", night.settings)["n"].tolist() == [1]


def objects_of(night, folder):
    return sorted(str(file.relative_to(night.curated)) for file in (night.curated / folder).rglob("*.parquet"))


def test_predictions_that_were_overtaken_leave_no_object_that_a_glob_would_count(night):
    commit, begun = LakeTable.commit, []

    def overtaken(table, *arguments, **named):
        if not begun:
            begun.append(True)
            commit_predictions.commit(predictions(2, recognizer="b"), night.settings)
        return commit(table, *arguments, **named)

    with mock.patch.object(LakeTable, "commit", overtaken):
        commit_predictions.commit(predictions(0, 5), night.settings)
    assert len(objects_of(night, "predicted_bouts")) == 1
    left = night.curated / "predicted_bouts" / "lab_id=QuietOtter" / "predicted_bouts-000000000000000a.parquet"
    left.write_bytes(b"of a killed one")
    commit_predictions.commit(predictions(0, 5, 9), night.settings)
    assert not left.exists()
    assert len(objects_of(night, "predicted_bouts")) == 1


def test_predictions_whose_object_somebody_removed_can_be_committed_again(night):
    commit_predictions.commit(predictions(0), night.settings)
    for key in objects_of(night, "predicted_bouts"):
        (night.curated / key).unlink()
    commit_predictions.commit(predictions(0, 5, 11), night.settings)
    assert athena.query("SELECT count(*) AS n FROM predicted_bouts WHERE recognizer = 'a'", night.settings)["n"].tolist() == [3]


def test_a_run_that_begins_while_another_cleans_up_loses_nothing(night):
    """It begins just after the look at the marks, and writes an object; at that moment its tables do not name it."""
    night.run()
    young = night.curated / "tracking_curated" / "lab_id=QuietOtter" / "train-7-000000000000000a.parquet"
    look = retention.others_underway

    def then_another_begins(zone, run):
        answer = look(zone, run)
        young.write_bytes(b"of the other run")
        return answer

    night.put(night.tracking(*GOOD), tracking(walk(range(22))))
    with mock.patch.object(retention, "others_underway", then_another_begins):
        night.run()
    assert young.exists()
    night.run()
    assert not young.exists(), "nobody has committed it, and nobody is under way"


def test_a_run_that_ended_while_another_was_about_to_clean_up_loses_nothing(night):
    night.run()
    clean, ended = publication.clean, []

    def another_first(*arguments, **named):
        if not ended:
            ended.append(True)
            night.put(night.tracking(*BAD), tracking(walk(range(31))))
            night.run()
        return clean(*arguments, **named)

    night.put(night.tracking(*GOOD), tracking(walk(range(23))))
    with mock.patch.object(publication, "clean", another_first):
        night.run()
    listed = read_snapshot("s3://curated-zone")
    assert all((night.curated / key).is_file() for key in listed.every_key)
    assert night.accepted() == [7, 8, 9]


def test_a_training_that_pins_a_run_while_another_one_ends_keeps_its_objects(night):
    night.run()
    pinned = read_snapshot("s3://curated-zone")
    read = publication.read_retention

    def then_a_training_begins(*arguments):
        found = read(*arguments)
        write_pin("s3://curated-zone", "training", pinned.run, datetime.now(UTC) + timedelta(hours=1))
        return found

    night.put(night.tracking(*GOOD), tracking(walk(range(24))))
    with mock.patch.object(publication, "read_retention", then_a_training_begins):
        night.run()
    assert all((night.curated / key).is_file() for key in pinned.every_key)
    assert read_snapshot("s3://curated-zone", pinned.run) == pinned
    remove_pin("s3://curated-zone", "training")


def test_the_list_of_the_last_run_is_published_also_if_an_overtaken_one_publishes_later(night):
    night.run()
    zone, asked = "s3://curated-zone", []
    before = read_snapshot(zone)
    last = replace(before, run="last")

    def is_newest():
        asked.append(True)
        if len(asked) == 1:
            assert retention.publish_snapshot(zone, replace(before, run="overtaken"), lambda: True)
        return True

    assert retention.publish_snapshot(zone, last, is_newest)
    assert read_snapshot(zone) == last
    assert not retention.publish_snapshot(zone, replace(before, run="old"), lambda: False)
    assert read_snapshot(zone) == last


def test_what_another_run_removes_between_listing_and_reading_is_left_out(night):
    night.run()
    zone, read = "s3://curated-zone", lake.read_object

    def gone(zone, key):
        if key == "pins/a.json":
            remove_pin(zone, "a")
        return read(zone, key)

    write_pin(zone, "a", "1", datetime.now(UTC) + timedelta(hours=1))
    write_pin(zone, "b", "2", datetime.now(UTC) + timedelta(hours=1))
    with mock.patch.object(lake, "read_object", gone):
        assert pinned_runs(zone) == {"2"}
    remove_pin(zone, "b")
