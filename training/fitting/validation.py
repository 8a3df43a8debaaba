"""Judge a network by what counts on validation recordings: the competition's score of its bouts, or F1 over frames.

Axes: S samples, T frames, C behaviors or groups.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from behavior.bouts import BOUT_COLUMNS, smooth
from behavior.groups import GROUP_NAMES, count_groups, macro_f1
from behavior.metric import mabe_score
from behavior.views.sampling import frame_samples
from recognizers.competition import solution_rows, submission_rows
from recognizers.recognizer import Bout, Decoding
from recognizers.torch_windows import score_streams, softmax
from training.decoding.thresholds import ScoredStream, fit_thresholds
from training.fitting.loop import Verdict
from training.material.datasets import Stream, StreamDataset
from training.recipes.network_recipe import Recipe


@dataclass(frozen=True)
class Judge:
    """Score networks of the pair view by the competition's score of their decoded bouts."""

    dataset: StreamDataset
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
        scores = _scores(network, self.dataset, self.recipe, self.device, torch.sigmoid)
        logits = torch.logit(torch.from_numpy(np.concatenate(scores)), eps=1e-6)
        loss = _loss(logits, self.dataset, self.recipe, self.class_weights)
        annotated = self.dataset.annotated.cpu().numpy()
        scored = [
            ScoredSamples(stream, score, _labels(self.dataset, stream), annotated[number])
            for number, (stream, score) in enumerate(zip(self.dataset.streams, scores, strict=True))
        ]
        return verdict_of(scored, self.bouts, self.behaviors, self.decoding, self.recipe.fps, loss)


@dataclass(frozen=True)
class ScoredSamples:
    """One annotated pair of one validation recording, scored."""

    stream: Stream
    """Which pair of which recording."""
    scores: np.ndarray
    """[S, C] float, 0 to 1."""
    labels: np.ndarray
    """[S, C] bool."""
    annotated: np.ndarray
    """[C] bool."""


def verdict_of(
    scored: Sequence[ScoredSamples], bouts: pd.DataFrame, behaviors: tuple[str, ...], decoding: Decoding, fps: float, loss: float
) -> Verdict:
    """Return the competition's score of scores at `fps` with the thresholds fitted on them; on smoothed ones, which they will meet."""
    smoothed = [ScoredStream(smooth(one.scores, fps, decoding.settings.smooth_s), one.labels, one.annotated) for one in scored]
    thresholds = fit_thresholds(smoothed, len(behaviors), fps)
    fitted, rows = replace(decoding, thresholds=thresholds), list[Bout]()
    for one in scored:
        assert one.stream.pair is not None  # the competition asks who does what to whom
        own = one.scores[frame_samples(one.stream.frames, one.stream.recording.fps, fps)]
        rows += fitted.bouts(behaviors, one.stream.recording, one.stream.pair, own)
    truth = solution_rows([one.stream.recording for one in scored], bouts)
    if not rows or truth.empty:  # the competition refuses both
        return Verdict(0.0, loss, thresholds, {})
    score = mabe_score(truth, submission_rows(pd.DataFrame(rows, columns=list(BOUT_COLUMNS))))
    return Verdict(score.score, loss, thresholds, {lab: asdict(one) for lab, one in score.labs.items()})


@dataclass(frozen=True)
class GroupJudge:
    """Score networks of the arena view by F1 over samples, averaged over groups: each sample has the best annotated group."""

    dataset: StreamDataset
    """Their scaled features and labels."""
    recipe: Recipe
    """Windows and rate."""
    device: torch.device
    """Where networks lie."""
    class_weights: Tensor
    """[C], as in training."""

    def __call__(self, network: nn.Module) -> Verdict:
        """Return score and loss; the counts of all recordings are added up, in all and by lab."""
        scores = _scores(network, self.dataset, self.recipe, self.device, softmax)
        logits = torch.from_numpy(np.concatenate(scores)).clamp(min=1e-6).log()
        counts: dict[str, np.ndarray] = defaultdict(lambda: np.zeros((len(GROUP_NAMES), 3), np.int64))
        for stream, score, annotated in zip(self.dataset.streams, scores, self.dataset.annotated.cpu().numpy(), strict=True):
            counts[stream.recording.lab_id] += count_groups(score, _labels(self.dataset, stream), annotated)
        labs = {lab: macro_f1(of_lab) for lab, of_lab in sorted(counts.items())}
        loss = _loss(logits, self.dataset, self.recipe, self.class_weights)
        told = {lab: {"score": score, "actions": by_group} for lab, (score, by_group) in labs.items()}
        return Verdict(macro_f1(np.sum([*counts.values()], axis=0))[0], loss, (), told)


def _scores(
    network: nn.Module, dataset: StreamDataset, recipe: Recipe, device: torch.device, answer: Callable[[Tensor], Tensor]
) -> list[np.ndarray]:
    pieces = zip(dataset.streams, dataset.context, strict=True)
    streams = ((dataset.features[one.start : one.start + one.samples].float(), context) for one, context in pieces)
    return list(score_streams(network, streams, recipe.windowing, device, 2 * recipe.batch, answer))


def _labels(dataset: StreamDataset, stream: Stream) -> np.ndarray:
    return dataset.labels[stream.start : stream.start + stream.samples].cpu().numpy()


def _loss(logits: Tensor, dataset: StreamDataset, recipe: Recipe, class_weights: Tensor) -> float:
    """Return the loss of the logits of all samples [M, C], whole recordings as one row each."""
    lengths = torch.tensor([stream.samples for stream in dataset.streams])
    mask = dataset.annotated.cpu().repeat_interleave(lengths, 0)
    return float(recipe.loss(logits, dataset.labels.cpu(), mask, class_weights.cpu()))
