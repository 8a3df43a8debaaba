"""Histograms of scores: levels in order, every frame counted once by its label, on both scales."""

import numpy as np
import pytest

from behavior.score_levels import (
    FINE_LEVELS,
    LOGIT_LEVELS,
    LOGIT_MIDDLES,
    LOGIT_STARTS,
    count_by_label,
    count_fine,
    fine_levels,
    fine_starts,
    logit_levels,
)


def test_fine_levels_go_from_0_to_1_in_order() -> None:
    starts = fine_starts()
    assert (len(starts), starts[0], starts[-1]) == (FINE_LEVELS, 0.0, 1.0)
    assert (np.diff(starts) > 0).all()
    assert np.diff(starts[starts >= 0.001]).max() < 0.0021
    fine = starts[(starts > 1e-3)]
    assert (np.diff(fine) / fine[:-1]).max() < 0.004


def test_a_score_lies_at_the_start_of_its_fine_level_or_above_it() -> None:
    scores = np.random.default_rng(0).random(1000).astype(np.float16)
    starts, level = fine_starts(), fine_levels(scores)
    assert (starts[level] <= scores).all()
    assert (scores[level < FINE_LEVELS - 1] < starts[level[level < FINE_LEVELS - 1] + 1]).all()


def test_every_frame_is_counted_once_by_its_label() -> None:
    counted = count_fine(np.array([0.9, 0.8, 0.7, 0.6, 0.2, 0.1]), np.array([1, 0, 1, 1, 0, 0], bool))
    assert counted.shape == (2, FINE_LEVELS)
    assert counted.sum(axis=1).tolist() == [3, 3]
    assert count_fine(np.array([0.0, -0.0, 1.0]), np.array([True, True, False]))[:, [0, -1]].tolist() == [[0, 1], [2, 0]]
    assert count_by_label(np.array([2, 0, 2, 2]), np.array([1, 1, 0, 1], bool), 4).tolist() == [[0, 0, 1, 0], [1, 0, 2, 0]]
    assert not count_by_label(np.empty(0, np.int16), np.empty(0, bool), 4).any()


@pytest.mark.parametrize("score", [1.01, -0.1, np.nan])
def test_a_score_that_is_no_probability_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match="Expected scores from 0 to 1"):
        count_fine(np.array([score]), np.array([True]))


def test_logit_levels_are_equally_far_apart_on_the_logit() -> None:
    # logits of 0.5, 0.2689 and 0.9526 are 0, -1 and 3; each is half a step above the start of its level
    assert logit_levels(1 / (1 + np.exp(-np.array([0.025, -0.975, 3.025])))).tolist() == [184, 164, 244]
    assert LOGIT_STARTS[[184, 164, 244]].tolist() == pytest.approx([0, -1, 3])
    assert LOGIT_MIDDLES[[184, 164, 244]].tolist() == pytest.approx([0.025, -0.975, 3.025])


def test_scores_of_0_and_1_have_a_logit_level() -> None:
    levels = logit_levels(np.array([0.0, 1e-9, 0.5, 1.0]))
    assert levels[0] == levels[1] == 0 < levels[2] < levels[3] < LOGIT_LEVELS
