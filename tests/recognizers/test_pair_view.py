"""The pair view at work: windows, batches, rates, lost mice."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_recognizer import random_recognizer
from torch import Tensor, nn

from behavior.curation import curate
from behavior.recording import Triple
from recognizers.windowed import Windowing, score_streams, window_rows

CPU = torch.device("cpu")


class Logit(nn.Module):
    """Answers with the logit of the first feature, so that scores are that feature; counts its passes."""

    def __init__(self) -> None:
        super().__init__()
        self.passes: list[int] = []

    def forward(self, features: Tensor, valid: Tensor | None = None, context: Tensor | None = None) -> Tensor:
        self.passes.append(len(features))
        return torch.logit(features[..., :1].clamp(0.001, 0.999))


def ramp(samples: int) -> Tensor:
    return torch.linspace(0.1, 0.9, samples)[:, None]


@pytest.mark.parametrize("samples", [1, 7, 16, 17, 50])
def test_stitched_windows_give_each_sample_its_own_score(samples: int) -> None:
    (scores,) = score_streams(Logit(), [(ramp(samples), None)], Windowing(16, 5), CPU, batch=4)
    np.testing.assert_allclose(scores, ramp(samples), atol=1e-5)


def test_windows_of_several_streams_share_a_batch_and_come_back_in_order() -> None:
    network = Logit()
    lengths = (40, 3, 16, 90)
    scored = list(score_streams(network, [(ramp(length), None) for length in lengths], Windowing(16, 16), CPU, batch=4))
    assert [len(scores) for scores in scored] == list(lengths)
    for scores in scored:
        np.testing.assert_allclose(scores, ramp(len(scores)), atol=1e-5)
    assert network.passes == [4, 4, 3]  # 3 + 1 + 1 + 6 windows


def test_a_stream_is_scored_before_the_last_one_is_asked_for() -> None:
    asked = []

    def streams():
        for number in range(5):
            asked.append(number)
            yield ramp(64), None

    scored = score_streams(Logit(), streams(), Windowing(16, 16), CPU, batch=4)
    next(scored)
    assert asked == [0]


def test_the_rows_of_a_window_never_leave_their_stream() -> None:
    rows, valid = window_rows(torch.tensor([0, 10, 13]), torch.tensor([10, 6, 3]), window=4)
    assert rows[:2].tolist() == [[0, 1, 2, 3], [10, 11, 12, 13]]
    assert rows[2].tolist() == [13, 14, 15, 13]
    assert valid is not None
    assert valid.tolist() == [[True] * 4, [True] * 4, [True, True, True, False]]


def test_padding_does_not_change_the_scores_of_a_short_recording() -> None:
    network = random_recognizer(("sniff",)).network
    stream = torch.randn(20, network.convolutions[0].convolution.in_channels)
    (padded,) = score_streams(network, [(stream, None)], Windowing(64, 32), CPU, batch=4)
    (whole,) = score_streams(network, [(stream, None)], Windowing(20, 20), CPU, batch=4)
    np.testing.assert_allclose(padded, whole, atol=1e-5)


@pytest.mark.parametrize("fps", [10.0, 30.0, 120.0])
def test_scores_come_on_the_frames_of_the_recording(fps: float, recording, tracking_rows) -> None:
    frames = 90
    rows = [
        (frame, mouse, part, 100 + frame, 50.0 * mouse) for frame in range(frames) for mouse in (1, 2) for part in ("nose", "tail_base")
    ]
    clocked = replace(recording, fps=fps, annotated=(Triple(1, 1, "rear"), Triple(1, 2, "sniff")))
    scores = dict(random_recognizer(("rear", "sniff")).scores(curate(tracking_rows(rows), clocked), clocked))
    assert set(scores) == {(1, 1), (1, 2)}
    assert all(one.shape == (frames, 2) for one in scores.values())


def test_a_recording_at_twice_the_rate_of_the_network_repeats_each_score(recording, tracking_rows) -> None:
    rows = [(frame, 1, "nose", 100 + 3 * frame, 50.0) for frame in range(80)]
    fast = replace(recording, fps=60.0, annotated=(Triple(1, 1, "rear"),))
    ((_, scores),) = random_recognizer(("rear",)).scores(curate(tracking_rows(rows), fast), fast)
    np.testing.assert_array_equal(scores[0::2], scores[1::2])
    assert len(np.unique(scores)) > 20


def test_pairs_with_a_mouse_that_was_not_tracked_are_left_out(recording, tracking_rows) -> None:
    watched = replace(recording, annotated=(Triple(1, 1, "rear"), Triple(1, 2, "sniff"), Triple(3, 3, "rear")))
    rows = [(frame, mouse, "nose", 100.0, 50.0 * mouse) for frame in range(40) for mouse in (1, 2)]
    scores = random_recognizer(("rear", "sniff")).scores(curate(tracking_rows(rows), watched), watched)
    assert [pair for pair, _ in scores] == [(1, 1), (1, 2)]


def test_a_step_longer_than_the_window_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected a step from 1 to the window's 16 samples, but got 17"):
        Windowing(16, 17)
