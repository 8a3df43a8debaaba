"""Judges in training: what a network, or trees, are worth on the recordings that validate, by the way the head answers.

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
from recognizers.recognizer import Bout, Decoding, Head
from recognizers.torch_windows import score_streams, softmax
from training.decoding.thresholds import DEFAULT_THRESHOLD, ScoredStream, fit_thresholds
from training.fitting.verdict import Verdict
from training.material.datasets import Stream, StreamDataset
from training.recipes.network_recipe import Recipe


@dataclass(frozen=True)
class Judge:
    """What judges have in common."""

    dataset: StreamDataset
    """Scaled features and labels of the recordings that validate."""
    bouts: pd.DataFrame
    """What experts saw in them: video_id, agent_id, target_id, action, start_frame, stop_frame."""
    labelling: Labelling
    """Whom the network is asked about."""
    decoding: Decoding
    """Its thresholds are fitted anew for every network, where the head has any."""
    recipe: Recipe
    """Windows, rate and decode settings."""
    device: torch.device
    """Where networks lie."""
    class_weights: Tensor
    """[C], as in training."""

    def scores(self, network: nn.Module, answer: Callable[[Tensor], Tensor]) -> list[np.ndarray]:
        """Return the scores [S, C] of each stream; `answer` makes them of logits."""
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
    """Score networks by the competition's score of their decoded bouts: each behavior is a question of its own."""

    def __call__(self, network: nn.Module) -> Verdict:
        """Return score, loss and thresholds. Thresholds are fitted on smoothed scores, for that is what they will meet."""
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
    """Score networks by F1 over samples, averaged over classes that exclude each other: each sample has the best annotated one."""

    def __call__(self, network: nn.Module) -> Verdict:
        """Return score and loss; the counts of all recordings are added up, in all and by lab."""
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
"""By the way a head answers."""


def default_decoding(head: Head, behaviors: Sequence[str], occurring: Mapping[str, frozenset[str]], settings: DecodeSettings) -> Decoding:
    """Return how scores become bouts before anything is fitted; classes that exclude each other need no threshold, and no lab's list."""
    if head is Head.EXCLUSIVE:
        return Decoding((0.0,) * len(behaviors), {}, settings)
    return Decoding((DEFAULT_THRESHOLD,) * len(behaviors), occurring, settings)


@dataclass(frozen=True)
class ScoredSamples:
    """One subject of one validation recording, scored."""

    stream: Stream
    """Which subject of which recording."""
    scores: np.ndarray
    """[S, C] float, 0 to 1."""
    labels: np.ndarray
    """[S, C] bool."""
    annotated: np.ndarray
    """[C] bool."""


def verdict_of(
    scored: Sequence[ScoredSamples], bouts: pd.DataFrame, labelling: Labelling, decoding: Decoding, fps: float, loss: float
) -> Verdict:
    """Return the competition's score of scores at `fps` with the thresholds fitted on them; on smoothed ones, which they will meet."""
    smoothed = [ScoredStream(smooth(one.scores, fps, decoding.settings.smooth_s), one.labels, one.annotated) for one in scored]
    thresholds = fit_thresholds(smoothed, len(labelling.behaviors), fps)
    fitted, rows = replace(decoding, thresholds=thresholds), list[Bout]()
    for one in scored:
        own = one.scores[frame_samples(one.stream.frames, one.stream.recording.fps, fps)]
        rows += fitted.bouts(labelling, one.stream.recording, one.stream.subject, own)
    truth = solution_rows([one.stream.recording for one in scored], bouts)
    if not rows or truth.empty:  # the competition refuses both
        return Verdict(0.0, loss, thresholds, {})
    score = mabe_score(truth, submission_rows(bout_table(rows)))
    return Verdict(score.score, loss, thresholds, {lab: asdict(one) for lab, one in score.labs.items()})
