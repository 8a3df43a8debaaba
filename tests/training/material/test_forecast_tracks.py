"""Tracks without labels, end to end: every two mice once, windows within them."""

from dataclasses import replace

import numpy as np
import pytest

from behavior.contract import ContractError
from behavior.curation import curate
from behavior.labelling import Subject
from behavior.material import Material
from behavior.recording import Recording
from behavior.views.pair_tracks import PairTracks
from recognizers.windowed import Windowing
from training.material.forecast_tracks import stacked_tracks

LAYOUT = PairTracks(("nose",))


@pytest.fixture
def filmed(tracking_rows, recording: Recording):
    """Return the material of mice that stand still, mouse n at n cm right of the middle, for so many frames at 30 a second."""

    def make(video: int, mice: tuple[int, ...], frames: int) -> Material:
        rows = [(frame, mouse, "nose", 200.0 + 10 * mouse, 100.0) for frame in range(frames) for mouse in mice]
        own = replace(recording, video_id=video)
        return Material.with_tracking(own, curate(tracking_rows(rows), own))

    return make


def test_every_two_mice_are_stacked_and_no_window_crosses_a_border(filmed) -> None:
    """Three mice make 3 pairs of 50 samples; 9 samples are shorter than a window of 16; a lonely mouse is its own companion."""
    materials = [filmed(1, (1, 2, 3), 50), filmed(2, (1, 2), 9), filmed(3, (4,), 16)]
    tracks, starts = stacked_tracks(iter(materials), LAYOUT, Windowing(16, 8))
    assert tracks.shape == (3 * 50 + 16, len(LAYOUT.names))
    regular = [0, 8, 16, 24, 32, 34]
    assert starts.tolist() == [*regular, *(50 + start for start in regular), *(100 + start for start in regular), 150]
    x, other_x = (tracks[:, LAYOUT.names.index(name)].float().numpy() for name in ("x_m_nose", "t_x_m_nose"))
    for place, (agent, target) in enumerate([(1, 2), (1, 3), (2, 3)]):
        part = slice(50 * place, 50 * place + 50)
        np.testing.assert_allclose(x[part], agent / 100, rtol=1e-3)
        np.testing.assert_allclose(other_x[part], target / 100, rtol=1e-3)
    np.testing.assert_allclose(x[150:], 0.04, rtol=1e-3)
    np.testing.assert_array_equal(x[150:], other_x[150:])
    expected = LAYOUT.of(materials[0].tracking, 30.0, Subject(1, 2))
    np.testing.assert_array_equal(tracks[:50].numpy(), np.nan_to_num(expected).astype(np.float16))


def test_recordings_that_are_all_shorter_than_a_window_are_refused(filmed) -> None:
    with pytest.raises(ContractError, match="Expected recordings of 2 s or more, but got shorter ones only"):
        stacked_tracks([filmed(1, (1, 2), 50)], LAYOUT, Windowing(60, 30))
