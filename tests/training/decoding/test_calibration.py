"""Calibration: the line on the logit at which scores say how often they come true."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from behavior.score_levels import LOGIT_LEVELS, LOGIT_MIDDLES
from training.decoding.calibration import IDENTITY, fit_calibration


def counts_of(slope: float, offset: float, frames: float = 1000) -> np.ndarray:
    """Return frames at each level of which so many come true as a score with that line promises."""
    share = 1 / (1 + np.exp(-(slope * LOGIT_MIDDLES + offset)))
    return np.stack([frames * (1 - share), frames * share])


@pytest.mark.parametrize(("slope", "offset"), [(1, 0), (0.6, -2), (1.7, 0.5), (1, -4)])
def test_the_line_that_made_the_labels_is_found(slope: float, offset: float) -> None:
    assert fit_calibration(counts_of(slope, offset)) == pytest.approx((slope, offset), abs=0.01)


@pytest.mark.parametrize(("slope", "offset"), [(0.6, -2), (1.7, 0.5)])
def test_the_line_is_that_of_scikit_learn(slope: float, offset: float) -> None:
    """Platt's calibration is a logistic regression on the logit; with many frames the prior of one frame does not show."""
    counts = np.random.default_rng(0).poisson(counts_of(slope, offset, frames=5000))
    logits, labels = np.concatenate([LOGIT_MIDDLES, LOGIT_MIDDLES]), np.repeat([0, 1], LOGIT_LEVELS)
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(logits[:, None], labels, sample_weight=counts.ravel())
    assert fit_calibration(counts) == pytest.approx((theirs.coef_[0, 0], theirs.intercept_[0]), abs=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_few_frames_give_what_a_minimizer_of_scipy_finds_with_the_prior(seed: int) -> None:
    generator = np.random.default_rng(seed)
    levels, labels = generator.integers(80, 290, 40), generator.random(40)
    labels = labels < 1 / (1 + np.exp(-LOGIT_MIDDLES[levels]))

    def loss(line: np.ndarray) -> float:
        logit = line[0] * LOGIT_MIDDLES[levels] + line[1]
        return -np.log(expit(np.where(labels, logit, -logit))).sum() + ((line - [1, 0]) ** 2).sum() / 2

    counts = np.zeros((2, LOGIT_LEVELS))
    np.add.at(counts, (labels.astype(int), levels), 1)
    assert fit_calibration(counts) == pytest.approx(minimize(loss, [1, 0], tol=1e-10).x, abs=1e-4)


def test_one_level_that_comes_true_three_times_in_four_is_moved_there() -> None:
    # all scores are about 0.5, and 3000 of 4000 come true: odds of 3 to 1
    counts = np.zeros((2, LOGIT_LEVELS))
    middle = int(np.abs(LOGIT_MIDDLES).argmin())
    counts[:, middle] = 1000, 3000
    slope, offset = fit_calibration(counts)
    assert slope * LOGIT_MIDDLES[middle] + offset == pytest.approx(np.log(3), abs=0.01)


def test_scores_that_divide_all_frames_get_a_finite_line() -> None:
    counts = np.zeros((2, LOGIT_LEVELS))
    counts[0, :180], counts[1, 190:] = 1e5, 1e5
    slope, offset = fit_calibration(counts)
    assert 1 < slope < 1000
    assert np.isfinite(offset)


def test_scores_that_say_the_opposite_are_left_alone() -> None:
    assert fit_calibration(counts_of(-1.0, 0.3)) == IDENTITY


def test_without_any_frame_scores_are_left_alone() -> None:
    assert fit_calibration(np.zeros((2, LOGIT_LEVELS))) == pytest.approx(IDENTITY)
