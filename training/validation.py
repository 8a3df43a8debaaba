"""Judge a network by what counts: the competition's score of its decoded bouts on validation recordings.

Axes: S samples, T frames, C behaviors.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from behavior.bouts import BOUT_COLUMNS
from behavior.features import frame_samples
from behavior.metric import mabe_score
from recognizers.competition import solution_rows, submission_rows
from recognizers.pair_view import score_streams
from recognizers.recognizer import Bout, Decoding
from training.datasets import PairDataset, Stream
from training.loop import Verdict
from training.losses import masked_loss
from training.recipes import Recipe
from training.thresholds import ScoredStream, fit_thresholds, moving_average


@dataclass(frozen=True)
class Judge:
    """Score networks on validation recordings."""

    dataset: PairDataset
    """Their scaled features and labels."""
    bouts: pd.DataFrame
    """What experts saw in them: video_id, agent_id, target_id, action, start_frame, stop_frame."""
    behaviors: tuple[str, ...]
    """Names along axis C."""
    decoding: Decoding
    """Its thresholds are fitted anew for every network."""
    recipe: Recipe
    """Windows, rate and decode settings."""
    device: torch.device
    """Where networks lie."""
    class_weights: Tensor
    """[C], as in training."""

    def __call__(self, network: nn.Module) -> Verdict:
        """Return score, loss and thresholds. Thresholds are fitted on smoothed scores, for that is what they will meet."""
        scores = list(self._scores(network))
        loss = self._loss(scores)
        watched = self.dataset.watched.cpu().numpy()
        fps = self.recipe.fps
        streams = [
            ScoredStream(moving_average(score, self.recipe.decode.smooth_s * fps), self._labels(stream), watched[number])
            for number, (stream, score) in enumerate(zip(self.dataset.streams, scores, strict=True))
        ]
        thresholds = fit_thresholds(streams, len(self.behaviors), fps)
        decoding = replace(self.decoding, thresholds=thresholds)
        predicted = self._decoded(scores, decoding)
        truth = solution_rows([stream.recording for stream in self.dataset.streams], self.bouts)
        if predicted.empty or truth.empty:  # the competition refuses both
            return Verdict(0.0, loss, thresholds, {})
        score = mabe_score(truth, submission_rows(predicted))
        return Verdict(score.score, loss, thresholds, {lab: asdict(one) for lab, one in score.labs.items()})

    def _scores(self, network: nn.Module) -> Iterable[np.ndarray]:
        streams = (self.dataset.features[one.start : one.start + one.samples].float() for one in self.dataset.streams)
        return score_streams(network, streams, self.recipe.windowing, self.device, 2 * self.recipe.batch)

    def _decoded(self, scores: Sequence[np.ndarray], decoding: Decoding) -> pd.DataFrame:
        rows: list[Bout] = []
        for stream, sampled in zip(self.dataset.streams, scores, strict=True):
            own = sampled[frame_samples(stream.frames, stream.recording.fps, self.recipe.fps)]
            rows += decoding.bouts(self.behaviors, stream.recording, stream.pair, own)
        return pd.DataFrame(rows, columns=list(BOUT_COLUMNS))

    def _labels(self, stream: Stream) -> np.ndarray:
        return self.dataset.labels[stream.start : stream.start + stream.samples].cpu().numpy()

    def _loss(self, scores: Sequence[np.ndarray]) -> float:
        """Return the loss of the scores, whole recordings as one row each."""
        logits = torch.logit(torch.from_numpy(np.concatenate(scores)), eps=1e-6)
        lengths = torch.tensor([stream.samples for stream in self.dataset.streams])
        mask = self.dataset.watched.cpu().repeat_interleave(lengths, 0)
        return float(masked_loss(logits, self.dataset.labels.cpu(), mask, self.class_weights.cpu(), self.recipe.loss))
