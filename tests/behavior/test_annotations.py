import numpy as np
import pyarrow as pa
import pytest

from behavior.annotations import Occurrences, bout_lengths, class_distribution, enrich, sound_bouts
from behavior.contract import ContractError
from behavior.recording import Recording, Triple
from behavior.tables import ANNOTATIONS_ENRICHED, CLASS_DISTRIBUTION_STATS, RAW_ANNOTATION

REAR, RUN, SNIFF = Triple(1, 1, "rear"), Triple(1, 1, "run"), Triple(1, 2, "sniff")


def recording(video=7, lab="QuietOtter", fps=30.0, annotated=(REAR, RUN, SNIFF)):
    return Recording(lab, video, fps, 10.0, 400, 200, annotated=tuple(annotated))


def bouts(*rows, frames=None):
    frames = frames or pa.int16()
    agents, targets, actions, starts, stops = zip(*rows, strict=True) if rows else ((),) * 5
    return pa.table(
        {
            "agent_id": pa.array(agents, pa.int8()),
            "target_id": pa.array(targets, pa.int8()),
            "action": pa.array(actions, pa.string()),
            "start_frame": pa.array(starts, frames),
            "stop_frame": pa.array(stops, frames),
        }
    )


def statistics(*occurrences):
    return {(row["lab_id"], row["action"], row["kind"]): row for row in class_distribution(occurrences).to_pylist()}


def test_a_bout_knows_its_duration_its_kind_and_whether_somebody_annotated_it():
    told = enrich(bouts((1, 1, "rear", 0, 15), (1, 2, "sniff", 3, 6), (2, 1, "sniff", 3, 6)), recording())
    assert told.schema == ANNOTATIONS_ENRICHED.schema
    assert told.column("duration_s").to_pylist() == pytest.approx([0.5, 0.1, 0.1])
    assert told.column("kind").to_pylist() == ["self", "pair", "pair"]
    assert told.column("annotated").to_pylist() == [True, True, False]
    assert told.column("frames_per_second").to_pylist() == [30.0] * 3


@pytest.mark.parametrize("frames", [pa.int16(), pa.int32(), pa.int64()])
def test_the_width_of_frame_numbers_does_not_matter(frames):
    assert enrich(bouts((1, 1, "rear", 0, 15), frames=frames), recording()).column("stop_frame").to_pylist() == [15]


def test_bouts_beyond_the_tracked_frames_of_no_length_and_written_twice_are_mended_and_counted():
    """60 frames are tracked: one bout ends after them, one begins after them; one has no length; one comes three times."""
    raw = bouts(
        (1, 1, "rear", 50, 90),
        (1, 1, "rear", 0, 30),
        (1, 2, "sniff", 70, 80),
        (1, 1, "rear", 0, 30),
        (1, 1, "run", 4, 4),
        (1, 1, "rear", 0, 30),
    )
    sound, notes = sound_bouts(raw, range(60), "train_annotation/x")
    assert sound.schema == RAW_ANNOTATION.schema
    assert [tuple(row.values()) for row in sound.to_pylist()] == [(1, 1, "rear", 50, 60, None), (1, 1, "rear", 0, 30, None)]
    assert [(note.code, note.severity, note.count, note.where) for note in notes] == [
        ("bout-beyond", "repair", 2, "train_annotation/x"),
        ("bout-empty", "repair", 1, "train_annotation/x"),
        ("bout-repeated", "repair", 2, "train_annotation/x"),
    ]
    row = statistics(Occurrences(recording(), 60, bout_lengths(enrich(sound, recording()))))["QuietOtter", "rear", "self"]
    assert (row["bouts"], row["frames"], row["share"]) == (2, 40, pytest.approx(40 / 60))


def test_sound_bouts_stay_as_they_are():
    raw = bouts((1, 2, "sniff", 30, 60), (1, 1, "rear", 0, 30), (2, 1, "sniff", 0, 30), (1, 1, "run", 0, 30), (1, 1, "rear", 30, 31))
    sound, notes = sound_bouts(raw, range(60))
    assert sound.select(raw.column_names).to_pylist() == raw.to_pylist()
    assert notes == []
    assert sound_bouts(bouts(), range(60))[0].to_pylist() == []


def test_who_wrote_a_bout_stays_with_it_and_a_bout_of_two_annotators_counts_once():
    raw = bouts((1, 1, "rear", 0, 15), (1, 1, "rear", 0, 15), (1, 1, "run", 20, 30)).append_column("annotator", [["Ada", "Zoë", None]])
    sound, (note,) = sound_bouts(raw, range(60))
    assert note.code == "bout-repeated"
    assert enrich(sound, recording()).select(["action", "annotator"]).to_pylist() == [
        {"action": "rear", "annotator": "Ada"},
        {"action": "run", "annotator": None},
    ]


def test_bouts_of_a_clip_are_in_the_films_numbers():
    sound, (note,) = sound_bouts(bouts((1, 1, "rear", 9_990, 10_020), (1, 1, "rear", 10_030, 10_040)), range(10_000, 10_100))
    assert sound.column("start_frame").to_pylist() == [10_000, 10_030]
    assert sound.column("stop_frame").to_pylist() == [10_020, 10_040]
    assert (note.code, note.count) == ("bout-beyond", 1)


def test_bouts_that_count_from_another_frame_than_the_clip_are_refused():
    with pytest.raises(ContractError) as error:
        sound_bouts(bouts((1, 1, "rear", 0, 30), (1, 1, "rear", 50, 90)), range(10_000, 10_100), "train_annotation/x")
    (fault,) = error.value.faults
    assert (fault.code, fault.count) == ("bout-clock", 2)
    assert str(fault).startswith("train_annotation/x: Expected bouts within the tracked frames 10000 to 10099, but got none there.")


@pytest.mark.parametrize(("agent", "target"), [(0, 1), (1, 0), (-1, 2), (2, -1)])
def test_mice_are_numbered_from_1(agent, target):
    with pytest.raises(ContractError, match="Expected bouts of mice numbered from 1 on, but got 1 of another"):
        enrich(bouts((agent, target, "sniff", 0, 3), (1, 2, "sniff", 0, 3)), recording())


def test_no_bouts_at_all_are_an_empty_table():
    assert enrich(bouts(), recording()).num_rows == 0


def test_bouts_that_end_before_they_begin_and_begin_before_the_recording_are_told_together():
    with pytest.raises(ContractError) as error:
        enrich(bouts((1, 1, "rear", 5, 4), (1, 1, "rear", -1, 4)), recording(), "train_annotation/x")
    assert len(error.value.faults) == 2
    assert [fault.code for fault in error.value.faults] == ["bout-negative", "bout-reversed"]
    assert {fault.where for fault in error.value.faults} == {"train_annotation/x"}


def test_annotated_and_never_seen_is_zero_and_unannotated_is_no_row():
    enriched = enrich(bouts((1, 1, "rear", 0, 30), (1, 1, "dig", 0, 30)), recording())
    rows = statistics(Occurrences(recording(), 60, bout_lengths(enriched)))
    assert set(rows) == {("QuietOtter", "rear", "self"), ("QuietOtter", "run", "self"), ("QuietOtter", "sniff", "pair")}
    never = rows["QuietOtter", "run", "self"]
    assert (never["videos_annotated"], never["videos"], never["bouts"], never["frames"]) == (1, 0, 0, 0)
    assert (never["seconds"], never["annotated_seconds"], never["share"], never["median_bout_s"]) == (0.0, 2.0, 0.0, None)


def test_recordings_of_one_lab_add_up_in_seconds_whatever_their_frame_rate():
    slow = Occurrences(recording(7, fps=10.0, annotated=[SNIFF]), 100, {("sniff", "pair"): np.array([10, 30], np.int32)})
    fast = Occurrences(
        recording(8, fps=100.0, annotated=[SNIFF, Triple(2, 1, "sniff")]), 500, {("sniff", "pair"): np.array([50], np.int32)}
    )
    idle = Occurrences(recording(9, fps=10.0, annotated=[SNIFF]), 50, {})
    row = statistics(slow, fast, idle)["QuietOtter", "sniff", "pair"]
    assert (row["videos_annotated"], row["videos"], row["bouts"], row["frames"]) == (3, 2, 3, 90)
    assert row["seconds"] == pytest.approx(1 + 3 + 0.5)
    assert row["annotated_seconds"] == pytest.approx(10 + 2 * 5 + 5)
    assert row["share"] == pytest.approx(4.5 / 25)
    assert row["median_bout_s"] == pytest.approx(1.0)


def test_statistics_fit_their_table_and_are_sorted():
    told = class_distribution([Occurrences(recording(8, "Zebra"), 3, {}), Occurrences(recording(7, "Ant"), 3, {})])
    assert told.schema == CLASS_DISTRIBUTION_STATS.schema
    keys = [(row["lab_id"], row["action"]) for row in told.to_pylist()]
    assert keys == sorted(keys)
    assert class_distribution([]).schema == CLASS_DISTRIBUTION_STATS.schema
