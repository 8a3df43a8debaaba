import numpy as np
import pytest

from behavior.annotation_clock import fit_clock
from behavior.curation import CuratedTracking
from behavior.recording import Triple
from behavior.tracking import Pose

FPS, FRAMES = 30.0, 9000
RUNS = Triple(1, 1, "run")


def bouts_of(seed=0, n=40):
    """Forty bouts of about a second, over five minutes."""
    rng = np.random.default_rng(seed)
    starts = np.sort(rng.choice(np.arange(100, FRAMES - 200, 90), n, replace=False)) + rng.integers(0, 30, n)
    return np.stack([starts, starts + rng.integers(15, 60, n)], axis=1)


def mouse_that_runs(bouts, seed=0):
    """A mouse that moves at 20 cm/s within the bouts and at about 2 cm/s outside of them."""
    rng = np.random.default_rng(seed)
    speed = rng.gamma(2.0, 1.0, FRAMES)
    for start, stop in bouts:
        speed[start:stop] += 18
    xy = np.zeros((2, 1, 2, FRAMES), np.float32)
    xy[0] = (speed / FPS).cumsum()
    xy[1, :, 1] = 3 + rng.normal(0, 0.1, FRAMES)
    velocity = np.gradient(xy, axis=-1).astype(np.float32) * np.float32(FPS)
    return CuratedTracking(Pose((1,), ("nose", "tail_base"), xy, np.ones((1, 2, FRAMES), bool)), velocity)


@pytest.mark.parametrize("lag", [-9, 0, 9, 24])
def test_a_lag_is_measured_to_the_frame(lag):
    bouts = bouts_of()
    fit = fit_clock(mouse_that_runs(bouts), {RUNS: bouts + lag}, FPS)
    assert fit.clear
    assert abs(fit.lag_frames - lag) <= 1
    assert (fit.lags, fit.other_clock) == (lag != 0, False)
    assert fit.interval[0] <= lag <= fit.interval[1]


@pytest.mark.parametrize("rate", [25.0, 20.0])
def test_an_annotation_at_another_rate_is_recognized(rate):
    bouts = bouts_of()
    fit = fit_clock(mouse_that_runs(bouts), {RUNS: np.rint(bouts * rate / FPS).astype(int)}, FPS)
    assert (fit.clear, fit.other_clock, fit.clock_fps) == (True, True, rate)
    assert fit.clock_gain > 1.5


def test_an_annotation_that_goes_on_after_the_film_shows_in_its_end():
    bouts = np.rint(bouts_of() * 1.2).astype(int)
    assert fit_clock(mouse_that_runs(bouts_of()), {RUNS: bouts}, FPS).end_share == pytest.approx(bouts[:, 1].max() / FRAMES)


def test_an_annotation_of_something_else_is_not_measured():
    fit = fit_clock(mouse_that_runs(bouts_of()), {RUNS: bouts_of(seed=1) + 45}, FPS)
    assert not fit.lags
    assert not fit.other_clock


def test_few_bouts_and_mice_that_are_not_tracked_are_not_measured():
    bouts = bouts_of()
    tracks = mouse_that_runs(bouts)
    assert not fit_clock(tracks, {RUNS: bouts[:19]}, FPS).clear
    assert not fit_clock(tracks, {Triple(1, 2, "chase"): bouts}, FPS).clear
    assert fit_clock(tracks, {}, FPS).bouts == 0


@pytest.mark.realdata
def test_the_lag_of_a_real_lab_is_found_and_another_rate_too(real_data):
    from aws_pipeline.measure_clock import measure

    (((_, fit),), faults) = measure(real_data, ["58101352"])
    assert faults == []
    assert fit.lags
    assert 6 <= fit.lag_frames <= 12  # of 20 frames a second, as a study of this lab found
