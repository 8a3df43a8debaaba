"""Who is scored in a film, and what is true of its frames."""

import numpy as np
import pandas as pd
import pytest

from behavior.contract import ContractError
from behavior.film_labelling import FilmLabelling
from behavior.pain import CODES, MERGED, PAIN_BEHAVIORS
from behavior.recording import Recording, Triple


def recording(*behaviors: str) -> Recording:
    return Recording("lab", 5, 30.0, float("nan"), 96, 96, annotated=tuple(Triple(1, 1, name) for name in behaviors))


def bouts(*rows: tuple[str, int, int], video: int = 5) -> pd.DataFrame:
    return pd.DataFrame(
        [(video, 1, 1, *row) for row in rows], columns=["video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame"]
    )


def test_every_written_behavior_counts_as_one_of_six():
    assert {MERGED.get(code, code) for code in CODES} == set(PAIN_BEHAVIORS)
    assert [MERGED.get(code, code) for code in CODES].count("paw_withdraw") == 3


def test_a_film_is_one_subject_that_names_no_mouse():
    (subject,) = FilmLabelling().subjects(recording(*PAIN_BEHAVIORS), ())
    assert subject.mice == frozenset()
    assert subject.annotated == frozenset(PAIN_BEHAVIORS)


def test_a_film_without_labels_is_scored_for_all_behaviors():
    assert FilmLabelling().subjects(recording(), ())[0].annotated == frozenset(PAIN_BEHAVIORS)


def test_a_frame_without_a_bout_is_unknown_and_rest_has_bouts():
    labelling = FilmLabelling()
    (subject,) = labelling.subjects(recording(*PAIN_BEHAVIORS), ())
    other = bouts(("walk", 0, 9), video=6)
    truth = labelling.truth(recording(), subject, (), 9, pd.concat([bouts(("rest", 0, 3), ("paw_lick", 5, 8)), other]))
    assert truth.known.tolist() == [True] * 3 + [False] * 2 + [True] * 3 + [False]
    assert truth.labels[:3, 0].all()
    assert truth.bouts[["action", "start_frame", "stop_frame"]].to_numpy().tolist() == [["rest", 0, 3], ["paw_lick", 5, 8]]
    assert truth.bouts["agent_id"].isna().all()


def test_bouts_of_merged_behaviors_that_touch_are_one_bout():
    labelling = FilmLabelling()
    (subject,) = labelling.subjects(recording(*PAIN_BEHAVIORS), ())
    truth = labelling.truth(recording(), subject, (), 9, bouts(("paw_withdraw", 0, 3), ("paw_withdraw", 3, 6)))
    assert truth.bouts[["start_frame", "stop_frame"]].to_numpy().tolist() == [[0, 6]]


def test_behaviors_of_ones_own_come_after_the_known_ones():
    assert FilmLabelling.of_actions(["walk", "twist", "rest", "bow"]).behaviors == ("rest", "walk", "bow", "twist")
    with pytest.raises(ContractError, match="Expected bouts"):
        FilmLabelling.of_actions([])


def test_a_behavior_that_was_not_annotated_is_not_true():
    labelling = FilmLabelling()
    (subject,) = labelling.subjects(recording("rest", "walk"), ())
    truth = labelling.truth(recording(), subject, (), 4, bouts(("rest", 0, 2), ("active", 2, 4)))
    assert np.flatnonzero(truth.known).tolist() == [0, 1]
