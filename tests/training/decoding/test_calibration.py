"""Calibration: the line on the logit at which scores say how often they come true."""

import numpy as np
import pytest

from training.decoding.calibration import IDENTITY, fit_calibration
from training.decoding.thresholds import LEVEL_LOGITS, N_LEVELS


def counts_of(slope: float, offset: float, frames: float = 1000) -> np.ndarray:
    """Return frames at each level of which so many come true as a score with that line promises."""
    share = 1 / (1 + np.exp(-(slope * LEVEL_LOGITS + offset)))
    return np.stack([frames * (1 - share), frames * share])


@pytest.mark.parametrize(("slope", "offset"), [(1, 0), (0.6, -2), (1.7, 0.5), (1, -4)])
def test_the_line_that_made_the_labels_is_found(slope: float, offset: float) -> None:
    assert fit_calibration(counts_of(slope, offset)) == pytest.approx((slope, offset), abs=0.01)


def test_one_level_that_comes_true_three_times_in_four_is_moved_there() -> None:
    # all scores are about 0.5, and 3000 of 4000 come true: odds of 3 to 1
    counts = np.zeros((2, N_LEVELS))
    middle = int(np.abs(LEVEL_LOGITS).argmin())
    counts[:, middle] = 1000, 3000
    slope, offset = fit_calibration(counts)
    assert slope * LEVEL_LOGITS[middle] + offset == pytest.approx(np.log(3), abs=0.01)


def test_scores_that_divide_all_frames_get_a_finite_line() -> None:
    counts = np.zeros((2, N_LEVELS))
    counts[0, :180], counts[1, 190:] = 1e5, 1e5
    slope, offset = fit_calibration(counts)
    assert 1 < slope < 1000
    assert np.isfinite(offset)


def test_scores_that_say_the_opposite_are_left_alone() -> None:
    assert fit_calibration(counts_of(-1.0, 0.3)) == IDENTITY


def test_without_any_frame_scores_are_left_alone() -> None:
    assert fit_calibration(np.zeros((2, N_LEVELS))) == pytest.approx(IDENTITY)
