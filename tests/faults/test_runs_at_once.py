"""Runs of the ETL that are killed, that overlap, or that find a lake somebody has changed: nothing is lost, doubled or half visible."""

import shutil
import time
from unittest import mock

import numpy as np
import pytest
from faults.night import BAD, FAR_OFF, GOOD, annotation, tracking, walk
from faults.undisturbed import content, ends, start

from aws_pipeline import curation_run, preparation
from aws_pipeline.curation_options import Options
from aws_pipeline.glue_catalog import connect
from aws_pipeline.iceberg import CommitConflictError
from aws_pipeline.lake import read_snapshot
from behavior.tables import TRACKING_CURATED

NEW = ("LoudHeron", 10)


def a_changed_night(night, change):
    """A recording is longer than before, one is new, one has left. `change` makes it different from that of other tests."""
    night.put(night.tracking(*GOOD), tracking(walk(range(20 + change))))
    night.put(night.tracking(*NEW), tracking(walk(range(5))))
    night.put(night.annotation(*NEW), annotation([(1, 1, "rear", 0, 3)]))
    night.rows([night.row(*BAD), night.row(*GOOD), night.row(*NEW)])


def undisturbed(night):
    """What the lake should hold: that of an ordinary run."""
    night.run()
    return content(night)


def test_a_run_that_is_overtaken_plans_anew_and_both_are_in_the_lake(night):
    """While the first run curates, recording 8 is uploaded again and another run commits it."""
    night.run()
    night.put(night.tracking(*BAD), tracking(walk(range(12))))
    publish, tried = curation_run.publish, []

    def overtaken(*arguments):
        tried.append(arguments)
        if len(tried) == 1:
            night.put(night.tracking(*GOOD), tracking(walk(range(14))))
            night.run()
        return publish(*arguments)

    with mock.patch.object(curation_run, "publish", overtaken):
        summary = night.run()
    assert len(tried) == 3, "the other run in between, and this one twice"
    rows = connect().load_table("mabe.tracking_curated").scan().to_arrow().group_by("video_id").aggregate([([], "count_all")]).to_pylist()
    assert {row["video_id"]: row["count_all"] for row in rows} == {7: 12, 8: 14, 9: 10}
    assert night.accepted() == [7, 8, 9]
    assert summary["videos"] == 3
    before = content(night)
    assert undisturbed(night) == before


def test_a_commit_based_on_an_old_state_is_refused(night):
    night.run()
    options = Options("s3://raw-zone", "s3://curated-zone", "mabe")
    prepared = preparation.prepare(options, preparation.read_policy(None), create=True)
    night.put(night.tracking(*BAD), tracking(walk(range(13))))
    night.run()
    table = prepared.tables[TRACKING_CURATED.name]
    with pytest.raises(CommitConflictError, match="Expected to commit to tracking_curated"):
        table.commit([], list(table.entries)[:1])


def test_two_runs_at_once_both_end_well(night):
    night.run()
    a_changed_night(night, 1)
    ends([start(night), start(night)])
    together = content(night)
    assert night.accepted() == [7, 8, 10]
    assert undisturbed(night) == together
    listed = {name: table.snapshot_id for name, table in read_snapshot("s3://curated-zone").tables.items()}
    ids = {name: connect().load_table(f"mabe.{name}").metadata.current_snapshot_id for name in listed}
    assert listed == ids


@pytest.mark.parametrize("seed", range(3))
def test_after_a_kill_at_any_moment_the_next_run_ends_as_if_nothing_had_been(night, seed):
    night.run()
    before = connect().load_table("mabe.tracking_curated").scan().count()
    a_changed_night(night, 10 + seed)
    process = start(night)
    time.sleep(np.random.default_rng(seed).uniform(0, 2.5))
    process.kill()
    process.communicate()
    seen = connect().load_table("mabe.tracking_curated").scan().count()
    after = undisturbed(night)
    whole = connect().load_table("mabe.tracking_curated").scan().count()
    assert seen in (before, whole), "a reader sees the old state or the new one"
    assert night.accepted() == [7, 8, 10]
    shutil.rmtree(night.curated)  # a lake that knows nothing of all this
    night.curated.mkdir()
    assert undisturbed(night) == after


def test_a_run_that_was_killed_after_its_commits_is_published_by_the_next_one(night):
    night.run()
    night.put(night.tracking(*BAD), tracking(walk(range(15))))
    with mock.patch("aws_pipeline.publication.publish_snapshot", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        night.run()
    stale = read_snapshot("s3://curated-zone")
    assert night.run()["curated_anew"] == 0
    current = read_snapshot("s3://curated-zone")
    assert current.run != stale.run
    assert len(list(night.curated.glob("tracking_curated/lab_id=QuietOtter/train-7-*.parquet"))) == 1
    assert night.accepted() == [7, 8, 9]


def test_a_run_that_was_killed_before_it_cleaned_up_is_completed_by_the_next_one(night):
    night.run()
    night.put(night.tracking(*BAD), tracking(walk(range(16))))
    with mock.patch("aws_pipeline.publication.clean", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        night.run()
    current = read_snapshot("s3://curated-zone")
    assert len(list(night.curated.glob("tracking_curated/lab_id=QuietOtter/train-7-*.parquet"))) == 2
    night.run()
    assert read_snapshot("s3://curated-zone") == current
    assert len(list(night.curated.glob("tracking_curated/lab_id=QuietOtter/train-7-*.parquet"))) == 1
    assert set(connect().load_table("mabe.tracking_curated").refs()) == {"main", f"run-{current.run}"}


def test_an_emptied_curated_zone_is_noticed_and_filled_again(night):
    night.run()
    before = content(night)
    for folder in ("tracking_curated", "snapshots"):
        shutil.rmtree(night.curated / folder)
    assert night.run()["curated_anew"] == 3
    assert content(night) == before
    shutil.rmtree(night.curated)
    night.curated.mkdir()
    assert night.run()["curated_anew"] == 3
    assert content(night) == before


def test_a_changed_object_of_the_curated_zone_is_found_by_its_size_and_replaced(night):
    night.run()
    before = content(night)
    (file,) = night.curated.glob("tracking_curated/lab_id=LoudHeron/*.parquet")
    file.write_bytes(file.read_bytes()[:-5])
    assert night.run()["curated_anew"] == 1
    assert content(night) == before


def test_what_is_due_is_explained(night):
    night.run()
    night.put(night.annotation(*BAD), annotation([(1, 1, "rear", 3, 6)]))
    night.rows([night.row(*BAD), night.row(*GOOD, pix_per_cm_approx=11), night.row(*FAR_OFF), night.row(*NEW)])
    night.put(night.tracking(*NEW), tracking(walk()))
    options = Options("s3://raw-zone", "s3://curated-zone", "mabe")
    why = preparation.prepare(options, preparation.read_policy(None), create=False).due.why
    unchanged = why.pop("train-9")
    assert unchanged.startswith("unchanged since run ")
    assert why == {
        "train-7": "its annotation changed",
        "train-8": "its row of the metadata changed",
        "train-10": "it is new",
    }


def test_a_pinned_snapshot_gives_the_same_rows_after_later_runs(night):
    night.run()
    pinned = read_snapshot("s3://curated-zone")
    contents = {key: (night.curated / key).read_bytes() for table in pinned.tables.values() for key in (one.key for one in table.objects)}
    options = Options("s3://raw-zone", "s3://curated-zone", "mabe", keep_days=1, due_bytes=0)
    for change in (1, 2):
        night.put(night.tracking(*BAD), tracking(walk(range(10 + change))))
        curation_run.run_curation(options)
    assert read_snapshot("s3://curated-zone", pinned.run) == pinned
    assert {key: (night.curated / key).read_bytes() for key in contents} == contents
    table = connect().load_table("mabe.tracking_curated")
    assert table.scan(snapshot_id=table.snapshot_by_name(f"run-{pinned.run}").snapshot_id).count() == 30
    night.put(night.tracking(*BAD), tracking(walk(range(13))))
    night.run()
    assert read_snapshot("s3://curated-zone", pinned.run) is None
    assert len(list(night.curated.glob("tracking_curated/lab_id=QuietOtter/train-7-*.parquet"))) == 1
