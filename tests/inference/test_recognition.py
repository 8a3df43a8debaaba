"""Recognition: raw rows to bouts, only what was annotated, the same way as training sees it."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from simulated_lake import profile
from small_recognizer import random_recognizer, scores_of

from behavior.bouts import SCORED_COLUMNS, DecodeSettings
from behavior.contract import ContractError
from behavior.curation import curate, from_table, to_table
from behavior.material import Material
from behavior.recording import Recording, Triple, recordings_from_rows
from behavior.simulated.recordings import simulate
from inference.recognition import predict, recognize, recognize_material

BEHAVIORS = ("freeze", "rear", "attack", "sniff")


@pytest.fixture(scope="module")
def simulated() -> tuple[pa.Table, Recording]:
    """Two mice for 20 s at 30 frames a second."""
    made = simulate(profile("CalMS21_task2"), seed=5, seconds=20)
    (recording,) = recordings_from_rows([made.metadata])
    return made.tracking, recording


def annotating(recording: Recording, *triples: Triple) -> Recording:
    return replace(recording, annotated=triples)


def test_only_annotated_triples_are_given(simulated: tuple[pa.Table, Recording]) -> None:
    rows, recording = simulated
    annotated = annotating(recording, Triple(1, 2, "attack"), Triple(1, 2, "freeze"), Triple(2, 2, "rear"))
    bouts = recognize(rows, annotated, random_recognizer(BEHAVIORS, threshold=0.05))
    found = {Triple(*row) for row in bouts[["agent_id", "target_id", "action"]].itertuples(index=False)}
    assert list(bouts.columns) == list(SCORED_COLUMNS)
    assert found <= set(annotated.annotated)
    assert {triple[:2] for triple in found} == {(1, 2), (2, 2)}


def test_self_is_told_by_the_triple_and_not_by_the_name(simulated: tuple[pa.Table, Recording]) -> None:
    """Freezing may be annotated toward another mouse, and attack could be a self behavior for some lab."""
    rows, recording = simulated
    annotated = annotating(recording, Triple(1, 2, "freeze"), Triple(1, 1, "attack"))
    bouts = recognize(rows, annotated, random_recognizer(BEHAVIORS, threshold=0.05))
    assert {tuple(row) for row in bouts[["agent_id", "target_id", "action"]].to_numpy()} == {(1, 2, "freeze"), (1, 1, "attack")}


def test_a_behavior_that_never_occurs_in_the_lab_is_not_predicted(simulated: tuple[pa.Table, Recording]) -> None:
    rows, recording = simulated
    annotated = annotating(recording, Triple(1, 2, "attack"), Triple(1, 2, "sniff"))
    occurring = {recording.lab_id: frozenset({"sniff"})}
    known = recognize(rows, annotated, random_recognizer(BEHAVIORS, threshold=0.05, occurring=occurring))
    stranger = recognize(rows, annotated, random_recognizer(("attack",), threshold=0.05, occurring={"Another": frozenset({"sniff"})}))
    assert set(known["action"]) == {"sniff"}
    assert set(stranger["action"]) == {"attack"}


def test_bouts_of_a_pair_never_overlap_and_lie_within_the_recording(simulated: tuple[pa.Table, Recording]) -> None:
    rows, recording = simulated
    annotated = annotating(
        recording, *(Triple(1, 2, behavior) for behavior in BEHAVIORS), *(Triple(2, 1, behavior) for behavior in BEHAVIORS)
    )
    bouts = recognize(rows, annotated, random_recognizer(BEHAVIORS, threshold=0.4))
    assert len(bouts) > 4
    for _, pair in bouts.groupby(["agent_id", "target_id"]):
        spans = sorted(zip(pair["start_frame"], pair["stop_frame"], strict=True))
        assert all(start < stop for start, stop in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        assert spans[0][0] >= 0
        assert spans[-1][1] <= 600


def test_recognition_from_the_curated_zone_equals_recognition_from_raw_rows(simulated: tuple[pa.Table, Recording]) -> None:
    rows, recording = simulated
    annotated = annotating(recording, Triple(1, 2, "attack"), Triple(1, 2, "sniff"))
    recognizer = random_recognizer(BEHAVIORS, threshold=0.4)
    shelved = from_table(to_table(curate(rows, annotated), annotated, "train"))
    raw, curated = recognize(rows, annotated, recognizer), recognize_material(Material.with_tracking(annotated, shelved), recognizer)
    assert raw.equals(curated)
    shuffled = rows.take(np.random.default_rng(0).permutation(len(rows)))
    assert recognize(shuffled, annotated, recognizer).equals(raw)


def test_bouts_of_a_clip_out_of_a_film_are_in_the_films_numbers(simulated: tuple[pa.Table, Recording]) -> None:
    rows, recording = simulated
    annotated = annotating(recording, Triple(1, 2, "attack"), Triple(1, 2, "sniff"))
    recognizer = random_recognizer(BEHAVIORS, threshold=0.4)
    whole = recognize(rows, annotated, recognizer)
    frames = pa.compute.add(rows["video_frame"].cast(pa.int32()), 100_000)
    clip = recognize(rows.set_column(rows.schema.get_field_index("video_frame"), "video_frame", frames), annotated, recognizer)
    assert len(whole) > 2
    assert clip["start_frame"].tolist() == [start + 100_000 for start in whole["start_frame"]]
    assert clip["stop_frame"].tolist() == [stop + 100_000 for stop in whole["stop_frame"]]
    assert clip.drop(columns=["start_frame", "stop_frame"]).equals(whole.drop(columns=["start_frame", "stop_frame"]))


def test_other_decode_settings_may_be_given(simulated: tuple[pa.Table, Recording]) -> None:
    rows, recording = simulated
    annotated = annotating(recording, Triple(1, 2, "attack"), Triple(1, 2, "sniff"))
    long_only = recognize(rows, annotated, random_recognizer(BEHAVIORS, threshold=0.4), DecodeSettings(min_length_s=1.0))
    assert (long_only["stop_frame"] - long_only["start_frame"] >= 30).all()


def test_in_a_new_recording_without_a_list_every_behavior_is_looked_for(simulated: tuple[pa.Table, Recording]) -> None:
    """Sniffing of each mouse toward the other, rearing of each mouse, and a behavior of a lab's own in both ways."""
    rows, recording = simulated
    known = ("rear", "sniff", "spin")
    material = Material.with_tracking(annotating(recording), curate(rows, recording))
    found = predict(material, random_recognizer(known, occurring={"Another": frozenset({"rear"})}, threshold=0.3))
    looked_for = {tuple(row) for row in found.triples[["agent_id", "target_id", "action"]].to_numpy().tolist()}
    expected = {(mouse, mouse, name) for mouse in (1, 2) for name in ("rear", "spin")}
    assert looked_for == expected | {(agent, 3 - agent, name) for agent in (1, 2) for name in ("sniff", "spin")}
    assert not found.bouts.empty


def test_a_recording_of_one_frame_is_recognized(recording: Recording, tracking_rows) -> None:
    annotated = annotating(recording, Triple(1, 1, "rear"))
    bouts = recognize(
        tracking_rows([(0, 1, "nose", 5.0, 5.0)]), annotated, random_recognizer(BEHAVIORS, threshold=0.05), DecodeSettings(min_length_s=0)
    )
    assert bouts[["start_frame", "stop_frame"]].to_numpy().tolist() == [[0, 1]]


def test_bodyparts_the_recognizer_never_saw_are_ignored_and_missing_ones_are_unknown(recording: Recording, tracking_rows) -> None:
    annotated = annotating(recording, Triple(1, 1, "rear"))
    rows = [(frame, 1, "whisker", 100.0 + frame, 50.0) for frame in range(40)]
    (scores,) = (scores for _, scores in scores_of(random_recognizer(BEHAVIORS), curate(tracking_rows(rows), annotated), annotated).items())
    assert np.isfinite(scores).all()


def test_broken_rows_are_refused(recording: Recording) -> None:
    with pytest.raises(ContractError, match="Expected a column video_frame"):
        recognize(pa.table({"frame": [1]}), annotating(recording, Triple(1, 1, "rear")), random_recognizer(BEHAVIORS))
