"""Tallies: what is counted, what is left out, and that the competition's score can be put together from the counts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from behavior.bouts import BOUT_COLUMNS, labels_of_bouts
from behavior.labelling import Subject, Truth
from behavior.metric import mabe_score
from behavior.recording import Recording, Triple
from recognizers.competition import solution_rows, submission_rows
from training.decoding.scored_subject import ScoredSubject
from training.judging.evaluation import evaluate
from training.judging.tally import Tally, tally

BEHAVIORS = ("rear", "attack", "sniff")


def table(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(BOUT_COLUMNS)).astype({"start_frame": int, "stop_frame": int})


@pytest.fixture
def annotated(recording: Recording) -> Recording:
    """attack and sniff are annotated in pair (1, 2); rear is not."""
    return replace(recording, video_id=7, annotated=(Triple(1, 2, "attack"), Triple(1, 2, "sniff")))


def pair(recording: Recording, true: pd.DataFrame, found: list, scores: np.ndarray, unit: int | None = None) -> ScoredSubject:
    unit = recording.video_id if unit is None else unit
    return scored(recording, (1, 2), unit, BEHAVIORS, scores, true, found)


def scored(
    recording: Recording,
    mice: tuple[int, int],
    unit: int,
    behaviors: tuple[str, ...],
    scores: np.ndarray,
    true: pd.DataFrame,
    found: list,
    known: np.ndarray | None = None,
) -> ScoredSubject:
    subject = Subject(*mice, frozenset(recording.behaviors_of(*mice)))
    truth = Truth(labels_of_bouts(true, behaviors, len(scores)), np.ones(len(scores), bool) if known is None else known, true)
    answered = np.ones(len(behaviors), bool)
    return ScoredSubject(recording, subject, unit, behaviors, scores.astype(np.float16), truth, answered, tuple(found))


def test_what_was_not_annotated_is_counted_nowhere(annotated: Recording) -> None:
    scores = np.full((10, 3), 0.9)
    counted = tally([pair(annotated, table((7, 1, 2, "attack", 2, 5)), [], scores)], BEHAVIORS)
    assert set(counted.levels) == set(counted.bouts) == {(0, 1), (0, 2)}
    assert not counted.level_counts(0).any()
    assert counted.level_counts(1).sum(axis=2).tolist() == [[7, 3]]
    assert counted.recordings == {1: {7}, 2: {7}}


def test_found_and_true_bouts_are_matched_within_their_pair(annotated: Recording) -> None:
    other = replace(annotated, video_id=8)
    zeros = np.zeros((10, 3))
    parts = [
        pair(annotated, table((7, 1, 2, "attack", 2, 5)), [(7, 1, 2, "attack", 2, 4), (7, 1, 2, "sniff", 6, 8)], zeros),
        pair(other, table((8, 1, 2, "attack", 2, 5)), [], zeros),
    ]
    counted = tally(parts, BEHAVIORS)
    assert counted.bout_counts(1).tolist() == [[[1, 1, 1]] * 3, [[0, 0, 1]] * 3]  # 2 frames of 3: overlap 2/3
    assert counted.bout_counts(2).tolist() == [[[0, 1, 0]] * 3, [[0, 0, 0]] * 3]
    nothing = counted.confusion[-1].tolist()
    assert counted.confusion[1].tolist() == [0, 2, 0, 4]  # of 6 attack frames 2 are found, 4 are nothing
    assert nothing == [0, 0, 2, 12]


def test_recordings_of_one_content_are_one_unit(annotated: Recording) -> None:
    twin = replace(annotated, video_id=9)
    scores = np.full((10, 3), 0.5)
    counted = tally([pair(annotated, table(), [], scores, unit=7), pair(twin, table(), [], scores, unit=7)], BEHAVIORS)
    assert counted.units == [7]
    assert counted.level_counts(1).sum() == 20


def test_frames_of_which_nobody_knows_the_truth_are_counted_nowhere(annotated: Recording) -> None:
    """Frames 6 to 9 are unknown: attack is true on 3 of the other 6, and found on 2 of them."""
    true, found = table((7, 1, 2, "attack", 2, 5)), [(7, 1, 2, "attack", 3, 8)]
    known = np.arange(10) < 6
    counted = tally([scored(annotated, (1, 2), 7, BEHAVIORS, np.full((10, 3), 0.9), true, found, known)], BEHAVIORS)
    assert counted.level_counts(1).sum(axis=2).tolist() == [[3, 3]]
    assert counted.confusion.sum() == 6
    assert counted.confusion[1].tolist() == [0, 2, 0, 1]


def test_scores_stand_in_an_order_of_their_own_and_some_are_not_judged(annotated: Recording) -> None:
    """What is judged is sniff alone; scores say so of 0.2 in the last of their columns."""
    one = pair(annotated, table((7, 1, 2, "sniff", 2, 5)), [], np.full((10, 3), (0.9, 0.6, 0.2)))
    counted = tally([one], ("sniff",))
    alone = tally([replace(one, behaviors=("sniff",), scores=one.scores[:, 2:])], ("sniff",))
    np.testing.assert_array_equal(counted.level_counts(0), alone.level_counts(0))
    assert counted.level_counts(0).sum(axis=2).tolist() == [[7, 3]]


def random_bouts(generator: np.random.Generator, recordings: list[Recording]) -> pd.DataFrame:
    rows = []
    for one in recordings:
        for agent, target in one.pairs:
            edges = np.sort(generator.choice(200, 2 * int(generator.integers(0, 5)), replace=False))
            for start, stop in zip(edges[::2], edges[1::2], strict=True):
                rows.append((one.video_id, agent, target, str(generator.choice(one.behaviors_of(agent, target))), start, stop))
    return table(*rows)


@pytest.mark.parametrize("seed", range(20))
def test_an_evaluation_says_the_score_of_the_competition(seed: int, recording: Recording) -> None:
    generator = np.random.default_rng(seed)
    every = tuple(Triple(agent, target, name) for agent in (1, 2) for target in (1, 2) for name in ("run", "paw_lick", "ear_lick", "sniff"))
    recordings = [
        replace(recording, lab_id=f"Lab{number % 3}", video_id=number, annotated=tuple(one for one in every if generator.random() < 0.6))
        for number in range(1, 8)
    ]
    true, found = random_bouts(generator, recordings), random_bouts(generator, recordings)
    exact = mabe_score(solution_rows(recordings, true), submission_rows(found))
    told = evaluate(
        whole_tally(recordings, true, found), recordings, {one.video_id: one.video_id for one in recordings}, folds(recordings), 50
    ).numbers
    assert told["headline"]["competition_score"]["value"] == pytest.approx(exact.score)
    assert {lab: one["score"]["value"] for lab, one in told["labs"].items()} == pytest.approx({k: v.score for k, v in exact.labs.items()})


def folds(recordings: list[Recording]) -> dict[int, int]:
    return {one.video_id: one.video_id % 2 for one in recordings}


def whole_tally(recordings: list[Recording], true: pd.DataFrame, found: pd.DataFrame) -> Tally:
    behaviors = tuple(sorted({triple.behavior for one in recordings for triple in one.annotated}))
    pairs = []
    for one in recordings:
        for agent, target in one.pairs:
            own = [part[(part.video_id == one.video_id) & (part.agent_id == agent) & (part.target_id == target)] for part in (true, found)]
            bouts = list(own[1].itertuples(index=False, name=None))
            pairs.append(scored(one, (agent, target), one.video_id, behaviors, np.zeros((200, len(behaviors))), own[0], bouts))
    return tally(pairs, behaviors)
