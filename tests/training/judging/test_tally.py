"""Tallies: what is counted, what is left out, and that the competition's score can be put together from the counts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from behavior.bouts import BOUT_COLUMNS
from behavior.metric import mabe_score
from behavior.recording import Recording, Triple
from recognizers.competition import solution_rows, submission_rows
from training.judging.evaluation import evaluate
from training.judging.tally import ScoredPair, Tally, tally

BEHAVIORS = ("rear", "attack", "sniff")


def table(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(BOUT_COLUMNS)).astype({"start_frame": int, "stop_frame": int})


@pytest.fixture
def annotated(recording: Recording) -> Recording:
    """attack and sniff are annotated in pair (1, 2); rear is not."""
    return replace(recording, video_id=7, annotated=(Triple(1, 2, "attack"), Triple(1, 2, "sniff")))


def pair(recording: Recording, true: pd.DataFrame, found: list, scores: np.ndarray, unit: int | None = None) -> ScoredPair:
    return ScoredPair(recording, (1, 2), recording.video_id if unit is None else unit, scores.astype(np.float16), true, found)


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
    behaviors = sorted({triple.behavior for one in recordings for triple in one.annotated})
    pairs = []
    for one in recordings:
        for agent, target in one.pairs:
            own = [part[(part.video_id == one.video_id) & (part.agent_id == agent) & (part.target_id == target)] for part in (true, found)]
            bouts = list(own[1].itertuples(index=False, name=None))
            pairs.append(ScoredPair(one, (agent, target), one.video_id, np.zeros((200, len(behaviors)), np.float16), own[0], bouts))
    return tally(pairs, behaviors)
