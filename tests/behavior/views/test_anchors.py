"""Anchors: front, center and back of a mouse, of whatever bodyparts a lab tracks."""

from behavior.curation import curate
from behavior.recording import Recording
from behavior.views.anchors import ANCHORS, anchor_parts, seen_columns


def test_an_anchor_is_the_best_choice_whose_bodyparts_are_all_known() -> None:
    assert list(ANCHORS) == ["front", "center", "back"]
    assert anchor_parts("front", {"nose", "head", "neck"}) == ("nose",)
    assert anchor_parts("front", {"ear_left", "neck"}) == ("neck",)  # one ear alone is no middle
    assert anchor_parts("front", {"ear_left", "ear_right", "neck"}) == ("ear_left", "ear_right")
    assert anchor_parts("center", {"neck", "tail_base"}) == ("neck", "tail_base")
    assert anchor_parts("back", {"nose"}) == ()


def test_only_bodyparts_that_are_seen_at_least_once_count(recording: Recording, tracking_rows) -> None:
    """Mouse 1 has a nose and, by its other name, a left lateral point; mouse 2 has a nose only."""
    rows = [(0, 1, "nose", 200, 100), (1, 1, "hip_left", 210, 100), (0, 2, "nose", 220, 100)]
    curated = curate(tracking_rows(rows), recording)
    places = {part: curated.bodyparts.index(name) for part, name in (("nose", "nose"), ("lateral_left", "hip_left"))}
    assert seen_columns(curated, 0) == places
    assert seen_columns(curated, 1) == {"nose": places["nose"]}
