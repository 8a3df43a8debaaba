"""Judges: scores of a network, or of trees, on the validation recordings; there is one judge per head.

Axes: S samples, T frames, C behaviors.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from behavior.bouts import DecodeSettings, bout_table, smooth
from behavior.class_scores import count_classes, macro_f1
from behavior.labelling import Labelling
from behavior.metric import mabe_score
from behavior.views.sampling import frame_samples
from recognizers.competition import solution_rows, submission_rows
from recognizers.recognizer import BoutRow, Decoding, Head
from recognizers.torch_windows import score_streams, softmax
from training.decoding.thresholds import DEFAULT_THRESHOLD, ScoredStream, fit_thresholds
from training.fitting.verdict import Verdict
from training.material.datasets import Stream, StreamDataset
from training.recipes.network_recipe import Recipe


@dataclass(frozen=True)
class Judge:
    """The common part of judges."""

    dataset: StreamDataset
    """Scaled features and labels of the validation recordings."""
    bouts: pd.DataFrame
    """Their annotated bouts: video_id, agent_id, target_id, action, start_frame, stop_frame."""
    labelling: Labelling
    """Subjects and behaviors that the network scores."""
    decoding: Decoding
    """Its thresholds are fitted for every network, if the head has any."""
    recipe: Recipe
    """Windows, rate and decode settings."""
    device: torch.device
    """Device of networks."""
    class_weights: Tensor
    """[C], as in training."""

    def scores(self, network: nn.Module, answer: Callable[[Tensor], Tensor]) -> list[np.ndarray]:
        """Return the scores [S, C] of each stream; `answer` is the function from logits to scores."""
        pieces = zip(self.dataset.streams, self.dataset.context, strict=True)
        streams = ((self.dataset.features[one.start : one.start + one.samples].float(), context) for one, context in pieces)
        return list(score_streams(network, streams, self.recipe.windowing, self.device, 2 * self.recipe.batch, answer))

    def labels(self, stream: Stream) -> np.ndarray:
        """Return the labels [S, C] of a stream."""
        return self.dataset.labels[stream.start : stream.start + stream.samples].cpu().numpy()

    def loss(self, logits: Tensor) -> float:
        """Return the loss of the logits of all samples [M, C], whole recordings as one row each."""
        lengths = torch.tensor([stream.samples for stream in self.dataset.streams])
        mask = self.dataset.annotated.cpu().repeat_interleave(lengths, 0)
        return float(self.recipe.loss(logits, self.dataset.labels.cpu(), mask, self.class_weights.cpu()))


@dataclass(frozen=True)
class BoutJudge(Judge):
    """Score networks by the competition's score of their decoded bouts, for multilabel heads."""

    def __call__(self, network: nn.Module) -> Verdict:
        """Return score, loss and thresholds. Thresholds are fitted on smoothed scores, as in decoding."""
        scores = self.scores(network, torch.sigmoid)
        loss = self.loss(torch.logit(torch.from_numpy(np.concatenate(scores)), eps=1e-6))
        annotated = self.dataset.annotated.cpu().numpy()
        scored = [
            ScoredSamples(stream, score, self.labels(stream), annotated[number])
            for number, (stream, score) in enumerate(zip(self.dataset.streams, scores, strict=True))
        ]
        return verdict_of(scored, self.bouts, self.labelling, self.decoding, self.recipe.fps, loss)


@dataclass(frozen=True)
class FrameJudge(Judge):
    """Score networks by the mean F1 over classes that exclude each other; the best annotated class of a sample is predicted."""

    def __call__(self, network: nn.Module) -> Verdict:
        """Return score and loss; counts are summed over all recordings, and by lab."""
        names = self.labelling.behaviors
        scores = self.scores(network, softmax)
        loss = self.loss(torch.from_numpy(np.concatenate(scores)).clamp(min=1e-6).log())
        counts: dict[str, np.ndarray] = defaultdict(lambda: np.zeros((len(names), 3), np.int64))
        for stream, score, annotated in zip(self.dataset.streams, scores, self.dataset.annotated.cpu().numpy(), strict=True):
            counts[stream.recording.lab_id] += count_classes(score, self.labels(stream), annotated)
        labs = {lab: macro_f1(of_lab, names) for lab, of_lab in sorted(counts.items())}
        of_labs = {lab: {"score": score, "actions": by_class} for lab, (score, by_class) in labs.items()}
        return Verdict(macro_f1(np.sum([*counts.values()], axis=0), names)[0], loss, (), of_labs)


JUDGES: dict[Head, type[BoutJudge] | type[FrameJudge]] = {Head.MULTILABEL: BoutJudge, Head.EXCLUSIVE: FrameJudge}
"""By head."""


def default_decoding(head: Head, behaviors: Sequence[str], occurring: Mapping[str, frozenset[str]], settings: DecodeSettings) -> Decoding:
    """Return the decoding before anything is fitted; classes that exclude each other need no thresholds and no lists per lab."""
    if head is Head.EXCLUSIVE:
        return Decoding((0.0,) * len(behaviors), {}, settings)
    return Decoding((DEFAULT_THRESHOLD,) * len(behaviors), occurring, settings)


@dataclass(frozen=True)
class ScoredSamples:
    """Scores and labels of one subject of one validation recording."""

    stream: Stream
    """Its recording and subject."""
    scores: np.ndarray
    """[S, C] float, 0 to 1."""
    labels: np.ndarray
    """[S, C] bool."""
    annotated: np.ndarray
    """[C] bool."""


def verdict_of(
    scored: Sequence[ScoredSamples], bouts: pd.DataFrame, labelling: Labelling, decoding: Decoding, fps: float, loss: float
) -> Verdict:
    """Return the competition's score of scores at `fps`, with thresholds fitted on the same scores, smoothed as in decoding."""
    smoothed = [ScoredStream(smooth(one.scores, fps, decoding.settings.smooth_s), one.labels, one.annotated) for one in scored]
    thresholds = fit_thresholds(smoothed, len(labelling.behaviors), fps)
    fitted, rows = replace(decoding, thresholds=thresholds), list[BoutRow]()
    for one in scored:
        own = one.scores[frame_samples(one.stream.frames, one.stream.recording.fps, fps)]
        rows += fitted.bouts(labelling, one.stream.recording, one.stream.subject, own)
    truth = solution_rows([one.stream.recording for one in scored], bouts)
    if not rows or truth.empty:  # the competition refuses both
        return Verdict(0.0, loss, thresholds, {})
    score = mabe_score(truth, submission_rows(bout_table(rows)))
    return Verdict(score.score, loss, thresholds, {lab: asdict(one) for lab, one in score.labs.items()})
