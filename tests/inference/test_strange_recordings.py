"""Recordings unlike those of training: other bodyparts, other mice, other clocks; handled by masks and resampling, or refused."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from simulated_lake import profile
from small_recognizer import random_arena_recognizer, random_plus_recognizer, random_recognizer, scores_of

from behavior.contract import ContractError
from behavior.curation import curate
from behavior.recording import Recording, Triple, recordings_from_rows
from behavior.simulated.recordings import simulate
from inference.recognition import recognize

BEHAVIORS = ("attack", "rear", "sniff")
PAIR_FAMILIES = [random_recognizer(BEHAVIORS, threshold=0.05), random_plus_recognizer(BEHAVIORS, threshold=0.05)]


def filmed(**changes: object) -> tuple[pa.Table, Recording]:
    """Six seconds of a lab that is like CalMS21_task2 but for some changes; every mouse is annotated by itself, mouse 1 with mouse 2."""
    made = simulate(replace(profile("CalMS21_task2"), **changes), seed=2, seconds=6)
    (recording,) = recordings_from_rows([made.metadata])
    annotated = [Triple(mouse, mouse, "rear") for mouse in range(1, 5)] + [Triple(1, 2, "attack"), Triple(1, 2, "sniff")]
    return made.tracking, replace(recording, annotated=tuple(sorted(annotated)))


@pytest.mark.parametrize("recognizer", PAIR_FAMILIES, ids=lambda one: one.family.name)
@pytest.mark.parametrize(
    "changes",
    [
        {"bodyparts": ("ear_left", "ear_right", "neck")},
        {"bodyparts": ("nose",)},
        {"bodyparts": ("tail_tip", "hindpaw_left")},
        {"fps": 120.0},
        {"fps": 10.0},
        {"fps": 24.36},
        {"mice": 3},
        {"mice": 4},
    ],
    ids=str,
)
def test_pairs_of_a_recording_unlike_training_are_scored_on_its_own_frames(recognizer, changes: dict) -> None:
    rows, recording = filmed(**changes)
    curated = curate(rows, recording)
    scores = scores_of(recognizer, curated, recording)
    mice = changes.get("mice", 2)
    assert set(scores) == {(1, 2)} | {(mouse, mouse) for mouse in range(1, mice + 1)}
    assert curated.frames == pytest.approx(6 * recording.fps, abs=2)
    for one in scores.values():
        assert one.shape == (curated.frames, 3)
        assert np.isfinite(one).all()
        assert one.min() >= 0
        assert one.max() <= 1
    bouts = recognize(rows, recording, recognizer)
    assert bouts["stop_frame"].max() <= curated.frames


@pytest.mark.parametrize("recognizer", PAIR_FAMILIES, ids=lambda one: one.family.name)
def test_a_mouse_alone_has_no_pairs(recognizer) -> None:
    rows, recording = filmed()
    alone = rows.filter(pa.compute.equal(rows["mouse_id"], 2))
    bouts = recognize(alone, recording, recognizer)
    assert set(zip(bouts["agent_id"], bouts["target_id"], strict=True)) == {(2, 2)}
    assert recognize(alone, replace(recording, annotated=(Triple(1, 2, "attack"),)), recognizer).empty


@pytest.mark.parametrize(
    "changes", [{"bodyparts": ("nose",)}, {"bodyparts": ("tail_middle_2",)}, {"fps": 120.0}, {"fps": 10.0}, {"mice": 4}]
)
def test_groups_in_a_recording_unlike_training_are_found_on_its_own_frames(changes: dict) -> None:
    rows, recording = filmed(**changes)
    curated, recognizer = curate(rows, recording), random_arena_recognizer()
    scores = scores_of(recognizer, curated, recording)[None, None]
    assert scores.shape == (curated.frames, 4)
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    assert (recognize(rows, recording, recognizer)["stop_frame"] <= curated.frames).all()


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("frames_per_second", 0.0, "Expected frames_per_second to be a number from 1 to 2,000, but got 0.0"),
        ("frames_per_second", float("nan"), "Expected frames_per_second to be a number from 1 to 2,000, but got nan"),
        ("pix_per_cm_approx", 0.0, "Expected pix_per_cm_approx to be a number from 0.1 to 10,000, but got 0.0"),
    ],
)
def test_a_recording_with_an_impossible_clock_or_scale_is_refused(column: str, value: float, expected: str) -> None:
    made = simulate(profile("CalMS21_task2"), seed=2, seconds=1)
    with pytest.raises(ContractError, match=expected):
        recordings_from_rows([{**made.metadata, column: value}])


def test_mice_numbered_from_zero_are_refused(recording: Recording, tracking_rows) -> None:
    with pytest.raises(ContractError, match="Expected mice numbered from 1, but got 0"):
        recognize(tracking_rows([(0, 0, "nose", 1.0, 1.0)]), recording, PAIR_FAMILIES[0])
