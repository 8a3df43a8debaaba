"""Groups of behaviors: what is known of a frame, what is not, and what a whole arena is asked about."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from behavior.bouts import DecodeSettings
from behavior.contract import ContractError
from behavior.ethogram import GROUPS
from behavior.groups import GROUP_NAMES, GroupLabelling, annotated_groups, group_labels
from behavior.labelling import Subject
from behavior.recording import Recording, Triple
from recognizers.recognizer import Decoding

BACKGROUND, SOCIAL, MATING, AGGRESSIVE = range(4)
MICE = (1, 2, 3)


@pytest.fixture
def annotated(recording: Recording) -> Recording:
    """Sniffing and attacks of mouse 1 toward mouse 2 and of 2 toward 3, and rearing; nobody annotates mating."""
    triples = [Triple(1, 2, "sniff"), Triple(1, 2, "attack"), Triple(2, 3, "sniff"), Triple(2, 3, "attack"), Triple(1, 1, "rear")]
    return replace(recording, annotated=tuple(triples))


def bouts(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame"])


def named(labels: np.ndarray) -> list[str]:
    return ["unknown" if not row.any() else GROUP_NAMES[row.argmax()] for row in labels]


def test_there_are_four_groups_and_the_background_is_first() -> None:
    assert GROUP_NAMES == ("background", "social", "mating", "aggressive")
    assert set(GROUPS.values()) == {"social", "mating", "aggressive"}


def test_a_group_is_annotated_if_any_of_its_triples_is(annotated: Recording) -> None:
    assert annotated_groups(annotated, MICE).tolist() == [True, True, False, True]


def test_a_recording_annotated_solo_behaviors_alone_says_nothing(recording: Recording) -> None:
    solo = replace(recording, annotated=(Triple(1, 1, "rear"),))
    assert not annotated_groups(solo, MICE).any()
    assert named(group_labels(solo, MICE, 3, bouts((7, 1, 1, "rear", 0, 2)))) == ["unknown"] * 3


def test_a_mouse_that_is_not_tracked_makes_no_group_annotated(recording: Recording) -> None:
    pair = replace(recording, annotated=(Triple(1, 4, "attack"), Triple(1, 2, "sniff")))
    assert annotated_groups(pair, MICE).tolist() == [True, True, False, False]
    assert annotated_groups(pair, (1, 2, 4)).tolist() == [True, True, False, True]


def test_a_frame_has_the_group_of_the_bout_that_covers_it_whichever_pair_does_it(annotated: Recording) -> None:
    told = bouts((7, 1, 2, "sniff", 1, 3), (7, 2, 3, "attack", 4, 5), (8, 1, 2, "attack", 0, 6), (7, 1, 1, "rear", 0, 6))
    expected = ["background", "social", "social", "background", "aggressive", "background"]
    assert named(group_labels(annotated, MICE, 6, told)) == expected


def test_of_two_groups_at_once_the_later_one_is_named_in_whatever_order_the_rows_come(annotated: Recording) -> None:
    rows = [(7, 1, 2, "sniff", 0, 4), (7, 2, 3, "attack", 2, 6)]
    for told in (bouts(*rows), bouts(*rows[::-1])):
        assert named(group_labels(annotated, MICE, 6, told)) == ["social"] * 2 + ["aggressive"] * 4


def test_unknown_is_not_background(annotated: Recording) -> None:
    """A behavior of the lab's own, and one of a mouse nobody tracks: nobody can say which group these frames have."""
    told = bouts((7, 1, 2, "keepdown", 0, 3), (7, 1, 4, "attack", 3, 5), (7, 1, 2, "sniff", 2, 4))
    expected = ["unknown", "unknown", "social", "social", "unknown", "background"]
    assert named(group_labels(annotated, MICE, 6, told)) == expected


def test_a_bout_may_lie_partly_or_wholly_beyond_the_recording(annotated: Recording) -> None:
    told = bouts((7, 1, 2, "sniff", 2, 99), (7, 1, 2, "attack", 50, 60), (7, 1, 2, "attack", 1, 1))
    assert named(group_labels(annotated, MICE, 4, told)) == ["background", "background", "social", "social"]


def test_an_arena_is_one_subject_that_names_no_mouse_and_knows_its_annotated_groups(annotated: Recording) -> None:
    (arena,) = GroupLabelling().subjects(annotated, MICE)
    assert arena == Subject()
    assert not arena.mice
    assert arena.mask(GROUP_NAMES).tolist() == [True, True, False, True]


def test_an_arena_without_an_annotated_group_is_no_subject_and_one_without_labels_is_asked_for_all(recording: Recording) -> None:
    solo = replace(recording, annotated=(Triple(1, 1, "rear"),))
    assert GroupLabelling().subjects(solo, MICE) == ()
    (arena,) = GroupLabelling().subjects(replace(recording, annotated=()), MICE)
    assert arena.annotated == set(GROUP_NAMES)


def test_the_truth_of_an_arena_is_runs_of_groups_of_nobody_in_particular(annotated: Recording) -> None:
    """Frame 0 is background, 1 and 2 social, 3 aggressive, 4 unknown for a behavior of the lab's own, 5 social again."""
    told = bouts((7, 1, 2, "sniff", 1, 4), (7, 2, 3, "attack", 3, 4), (7, 1, 2, "keepdown", 4, 5), (7, 2, 3, "sniff", 5, 9))
    truth = GroupLabelling().truth(annotated, Subject(), MICE, 6, told)
    assert named(truth.labels) == ["background", "social", "social", "aggressive", "unknown", "social"]
    assert truth.known.tolist() == [True] * 4 + [False, True]
    assert truth.bouts[["action", "start_frame", "stop_frame"]].to_numpy().tolist() == [
        ["social", 1, 3],
        ["social", 5, 6],
        ["aggressive", 3, 4],
    ]
    assert truth.bouts[["agent_id", "target_id"]].isna().all(axis=None)
    assert set(truth.bouts["video_id"]) == {7}


def test_groups_are_asked_about_where_a_bout_of_any_occurs() -> None:
    assert GroupLabelling.of_actions(["rear", "sniff"]).behaviors == GROUP_NAMES
    with pytest.raises(ContractError, match="Expected social, mating, aggressive bouts in the training recordings, but got only dig, rear"):
        GroupLabelling.of_actions(["rear", "dig"])
    with pytest.raises(ContractError, match="but got none at all"):
        GroupLabelling.of_actions([])


def test_some_of_the_groups_have_the_same_background() -> None:
    some = GroupLabelling().over(("background", "mating"))
    assert (some.behaviors, some.background) == (("background", "mating"), "background")


def group_bouts(scores: np.ndarray, recording: Recording, settings: DecodeSettings, groups: tuple[str, ...] = GROUP_NAMES) -> list[tuple]:
    """Return (group, start, stop) of an arena in which these groups were annotated."""
    arena = Subject(annotated=frozenset(groups))
    found = Decoding((0.0,) * len(GROUP_NAMES), {}, settings).bouts(GroupLabelling(), recording, arena, scores)
    assert {bout[:3] for bout in found} <= {(recording.video_id, None, None)}
    return [bout[3:] for bout in found]


def test_the_best_group_stands_and_background_is_no_bout(recording: Recording) -> None:
    scores = np.zeros((12, 4), np.float32)
    scores[:, BACKGROUND] = 0.4
    scores[2:6, SOCIAL] = 0.45  # below any fixed threshold of 0.5, but the best
    scores[6:9, AGGRESSIVE] = 0.6
    scores[9:, SOCIAL] = 0.3
    assert group_bouts(scores, recording, DecodeSettings(0, 0.5, 0, 0)) == [("social", 2, 6), ("aggressive", 6, 9)]


def test_short_gaps_between_bouts_of_a_group_are_closed_and_short_bouts_dropped(recording: Recording) -> None:
    scores = np.zeros((20, 4), np.float32)
    scores[:, BACKGROUND], scores[2:9, SOCIAL], scores[5, SOCIAL] = 0.5, 0.9, 0.1
    scores[14, MATING] = 0.9
    assert group_bouts(scores, recording, DecodeSettings(0, 0.5, 2 / 30, 3 / 30)) == [("social", 2, 9)]


def test_a_recording_without_any_annotated_group_has_no_bouts(recording: Recording) -> None:
    assert group_bouts(np.tile(np.array([1, 0, 0, 0], np.float32), (9, 1)), recording, DecodeSettings()) == []
    assert group_bouts(np.zeros((9, 4), np.float32), recording, DecodeSettings(), groups=()) == []
