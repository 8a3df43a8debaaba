"""Labellings: whom a recording is asked about, what was annotated of them, what is true of each frame."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from behavior.bouts import BOUT_COLUMNS
from behavior.contract import ContractError
from behavior.labelling import PairLabelling, Subject, among_annotated, tracked_subjects
from behavior.recording import Recording, Triple

BEHAVIORS = ("rear", "attack", "sniff")
ANNOTATED = (Triple(1, 1, "rear"), Triple(1, 2, "attack"), Triple(1, 2, "sniff"), Triple(2, 3, "sniff"))


@pytest.fixture
def annotated(recording: Recording) -> Recording:
    return replace(recording, annotated=ANNOTATED)


def bouts(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(BOUT_COLUMNS))


def test_a_subject_is_its_mice_whatever_was_annotated_of_it() -> None:
    assert Subject(1, 2, frozenset({"attack"})) == Subject(1, 2)
    assert {Subject(1, 2, frozenset({"attack"})): "known"}[Subject(1, 2)] == "known"
    assert Subject(1, 2) != Subject(2, 1)
    assert Subject(1, 2).mice == {1, 2}
    assert Subject(3, 3).mice == {3}
    assert Subject().mice == set()


def test_a_subject_says_which_behaviors_were_annotated() -> None:
    assert Subject(1, 2, frozenset({"sniff", "chase"})).mask(BEHAVIORS).tolist() == [False, False, True]


def test_every_annotated_pair_is_a_subject_in_the_order_of_the_recording(annotated: Recording) -> None:
    subjects = PairLabelling(BEHAVIORS).subjects(annotated, (1, 2))
    assert [(one.agent, one.target) for one in subjects] == list(annotated.pairs) == [(1, 1), (1, 2), (2, 3)]
    assert [one.annotated for one in subjects] == [{"rear"}, {"attack", "sniff"}, {"sniff"}]


def test_only_subjects_all_of_whose_mice_are_tracked_are_scored(annotated: Recording) -> None:
    labelling = PairLabelling(BEHAVIORS)
    assert tracked_subjects(labelling, annotated, (1, 2)) == (Subject(1, 1), Subject(1, 2))
    assert tracked_subjects(labelling, annotated, (2, 3)) == (Subject(2, 3),)
    assert tracked_subjects(labelling, annotated, ()) == ()


def test_the_truth_of_a_pair_is_its_own_bouts_in_this_recording_and_every_frame_is_known(annotated: Recording) -> None:
    told = bouts((7, 1, 2, "attack", 2, 4), (7, 2, 1, "sniff", 0, 5), (8, 1, 2, "attack", 0, 5), (7, 1, 2, "unheard", 0, 5))
    truth = PairLabelling(BEHAVIORS).truth(annotated, Subject(1, 2), (1, 2), 5, told)
    assert truth.labels[:, 1].tolist() == [False, False, True, True, False]
    assert not truth.labels[:, [0, 2]].any()
    assert truth.known.tolist() == [True] * 5
    assert truth.bouts["action"].tolist() == ["attack", "unheard"]


def test_behaviors_of_pairs_are_those_that_occur_and_none_is_refused() -> None:
    labelling = PairLabelling.of_actions(["sniff", "attack", "sniff"])
    assert labelling.behaviors == ("attack", "sniff")
    assert not labelling.background
    assert labelling.over(("sniff",)) == PairLabelling(("sniff",))
    with pytest.raises(ContractError, match="Expected bouts in the training recordings, but got none"):
        PairLabelling.of_actions([])


def test_only_annotated_classes_share_the_whole() -> None:
    scores = np.array([[0.5, 0.3, 0.2], [0.0, 1.0, 0.0]], np.float32)
    shared = among_annotated(scores, np.array([True, False, True]))
    assert shared.dtype == np.float32
    np.testing.assert_allclose(shared, [[5 / 7, 0, 2 / 7], [0.5, 0, 0.5]], rtol=1e-6)  # sure of what nobody annotated: nothing is known
