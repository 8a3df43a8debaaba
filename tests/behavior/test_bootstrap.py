"""Bootstrap: labs keep their size, intervals shrink with more recordings and hold the truth about as often as they say."""

import numpy as np
import pytest
import scipy.stats

from behavior.bootstrap import percentile_interval, resampling_weights


def test_every_lab_draws_as_many_as_it_has() -> None:
    weights = resampling_weights(["A", "B", "A", "A", "B"], resamples=200)
    assert weights.shape == (200, 5)
    assert (weights[:, [0, 2, 3]].sum(axis=1) == 3).all()
    assert (weights[:, [1, 4]].sum(axis=1) == 2).all()
    assert weights.max() == 3
    assert np.abs(weights.mean(axis=0) - 1).max() < 0.2


def test_a_lab_of_one_recording_always_has_it() -> None:
    assert (resampling_weights(["A", "B", "B"], 50)[:, 0] == 1).all()


def test_the_same_seed_draws_the_same() -> None:
    first, second, other = (resampling_weights(["A"] * 6, 20, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_the_interval_is_the_middle_and_skips_what_is_unknown() -> None:
    low, high = percentile_interval(np.append(np.arange(1001) / 1000, [np.nan] * 50))
    assert (round(low, 6), round(high, 6)) == (0.025, 0.975)
    assert percentile_interval(np.array([np.nan])) is None


def test_the_interval_of_a_mean_is_right_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    caught, widths = 0, {}
    for trial in range(200):
        for units in (10, 40):
            values = generator.normal(0.5, 0.1, units)
            low, high = percentile_interval(resampling_weights(["A"] * units, 300, trial) @ values / units)
            widths.setdefault(units, []).append(high - low)
            caught += units == 40 and low <= 0.5 <= high
    assert 0.88 < caught / 200 < 0.99
    assert 1.7 < np.mean(widths[10]) / np.mean(widths[40]) < 2.2  # four times the recordings, about half the width


def test_the_interval_is_that_of_scipy_on_the_same_resamples() -> None:
    values = np.random.default_rng(3).gamma(2.0, size=25)
    theirs = scipy.stats.bootstrap((values,), np.mean, n_resamples=999, method="percentile", rng=np.random.default_rng(4))
    ours = percentile_interval(theirs.bootstrap_distribution)
    assert ours == pytest.approx((theirs.confidence_interval.low, theirs.confidence_interval.high), rel=1e-12)


def test_drawing_is_that_of_scipy_up_to_chance() -> None:
    values = np.random.default_rng(5).gamma(2.0, size=25)
    theirs = scipy.stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(6))
    means = resampling_weights(["A"] * 25, 20_000) @ values / 25
    assert means.std() == pytest.approx(theirs.standard_error, rel=0.03)
    assert percentile_interval(means) == pytest.approx(tuple(theirs.confidence_interval), abs=0.03 * theirs.standard_error * 2)
