"""Windows over streams: cut, batched, stitched, and never more in memory than is needed."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from small_recognizer import random_recognizer
from torch import Tensor, nn

from behavior.views.sampling import frame_samples, sample_count
from recognizers.torch_windows import score_streams, window_rows
from recognizers.windowed import FlowingScores, MadeRows, MirroredScorer, Windowing, flow_scores, on_frames

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
    (scores,) = score_streams(Logit(), [(ramp(samples), np.ones(2))], Windowing(16, 5), CPU, batch=4)
    np.testing.assert_allclose(scores, ramp(samples), atol=1e-5)


def test_windows_of_several_streams_share_a_batch_and_come_back_in_order() -> None:
    network = Logit()
    lengths = (40, 3, 16, 90)
    scored = list(score_streams(network, [(ramp(length), np.ones(2)) for length in lengths], Windowing(16, 16), CPU, batch=4))
    assert [len(scores) for scores in scored] == list(lengths)
    for scores in scored:
        np.testing.assert_allclose(scores, ramp(len(scores)), atol=1e-5)
    assert network.passes == [4, 4, 3]  # 3 + 1 + 1 + 6 windows


def test_a_stream_is_scored_before_the_last_one_is_asked_for() -> None:
    asked = []

    def streams():
        for number in range(5):
            asked.append(number)
            yield ramp(64), np.ones(2)

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
    (padded,) = score_streams(network, [(stream, np.ones(2))], Windowing(64, 32), CPU, batch=4)
    (whole,) = score_streams(network, [(stream, np.ones(2))], Windowing(20, 20), CPU, batch=4)
    np.testing.assert_allclose(padded, whole, atol=1e-5)


def test_blocks_leave_before_the_end_of_the_stream_is_made() -> None:
    made = []

    def make(start: int, stop: int) -> np.ndarray:
        made.append((start, stop))
        return np.full((stop - start, 1), 0.5, np.float32)

    scored = flow_scores(
        lambda pieces, contexts: np.stack([np.full((16, 1), 0.5)] * len(pieces)),
        [(MadeRows(100_000, make), np.ones(2))],
        Windowing(16, 16),
        8,
    )
    blocks = next(scored)
    assert len(next(blocks)) == 128
    assert made == [(0, 16_384)]
    assert sum(map(len, blocks)) == 100_000 - 128
    assert made[1][0] <= 16_384  # a window lies across the border of two blocks
    assert made[-1][1] == 100_000


def test_a_stream_that_nobody_reads_to_the_end_does_not_hold_up_the_next() -> None:
    def repeated(pieces, contexts) -> np.ndarray:
        """Answer with the rows themselves."""
        return np.stack([np.pad(piece, ((0, 16 - len(piece)), (0, 0))) for piece in pieces])

    scored = flow_scores(repeated, [(ramp(length).numpy(), np.ones(2)) for length in (90, 40)], Windowing(16, 16), 2)
    next(next(scored))
    np.testing.assert_allclose(np.concatenate(list(next(scored))), ramp(40))
    assert next(scored, None) is None


@pytest.mark.parametrize(("fps", "frames"), [(30.0, 100), (120.0, 401), (119.88, 777), (10.0, 31), (25.0, 333), (1000.0, 999), (30.0, 1)])
@pytest.mark.parametrize("block", [1, 7, 1000])
def test_scores_on_samples_become_scores_on_frames_block_by_block(fps: float, frames: int, block: int) -> None:
    samples = sample_count(frames, fps, 30.0)
    scores = np.arange(samples, dtype=np.float32)[:, None]
    blocks = (scores[first : first + block] for first in range(0, samples, block))
    own = np.concatenate(list(on_frames(blocks, frames, fps, 30.0)))
    np.testing.assert_array_equal(own, scores[frame_samples(frames, fps, 30.0)])


def tens() -> Iterator[np.ndarray]:
    """Scores 0 to 99 in blocks of ten."""
    return (np.arange(first, first + 10, dtype=np.float32)[:, None] * [1, -1] for first in range(0, 100, 10))


def test_flowing_scores_are_read_from_front_to_back_and_forget() -> None:
    scores, both = FlowingScores(tens(), 100, 2), np.array([0, 1])
    assert (len(scores), scores.shape) == (100, (100, 2))
    assert scores[0:13, both][[0, 12]].tolist() == [[0, 0], [12, -12]]
    assert scores[8:25, np.array([1])][:, 0].tolist() == [-frame for frame in range(8, 25)]
    assert scores[60:500, both][:, 0].tolist() == list(range(60, 100))
    with pytest.raises(ValueError, match="Expected scores to be read in order, but got frame 59 again"):
        scores[59:70, both]


def test_flowing_scores_can_be_had_as_a_whole() -> None:
    np.testing.assert_array_equal(FlowingScores(tens(), 100, 2).whole(), np.concatenate(list(tens())))


def test_made_rows_are_made_once_each_but_for_what_a_window_shares_with_the_block_before() -> None:
    made: list[int] = []

    def make(start: int, stop: int) -> np.ndarray:
        made.extend(range(start, stop))
        return np.arange(start, stop)[:, None]

    rows = MadeRows(40_000, make)
    for start, stop in itertools.pairwise([*range(0, 40_000, 100), 40_000]):
        assert rows[start : stop + 50][:, 0].tolist() == list(range(start, min(stop + 50, 40_000)))
    assert len(made) <= 40_000 + 2 * 150
    assert sorted(set(made)) == list(range(40_000))


def test_what_a_mirror_shows_counts_half() -> None:
    piece = np.array([[1.0, 2.0, 10.0, 20.0]])  # two features, and what a mirror shows of them
    scores = MirroredScorer(lambda pieces, _: np.stack([one.sum(axis=1, keepdims=True) for one in pieces]))([piece], [None])
    assert scores.tolist() == [[[16.5]]]


def test_a_step_longer_than_the_window_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected a step from 1 to the window's 16 samples, but got 17"):
        Windowing(16, 17)
