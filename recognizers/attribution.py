"""Why a recognizer predicts a behavior: how much each family of features raises or lowers its score during a bout.

Trees: TreeSHAP, which LightGBM computes itself; of joint trees, for the behavior against "nothing". Networks: integrated gradients
(Sundararajan et al. 2017), from the mean features of the recording to those of the bout. Both are in log-odds, and both are complete:
base and contributions add up to the score.

Axes: S samples at the recognizer's rate, W samples of a window, F features, C behaviors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from behavior.contract import ContractError
from behavior.labelling import Subject, tracked_subjects
from behavior.material import Material
from behavior.views.feature_families import families
from behavior.views.sampling import BLOCK_SAMPLES, frame_samples, sample_count
from recognizers.network_recognizer import NetworkRecognizer
from recognizers.recognizer import Recognizer, labelling_of

if TYPE_CHECKING:
    from recognizers.trees import TreesRecognizer

STEPS = 32
"""Points between the mean features and those of the bout, at which gradients are taken."""
MOST_SAMPLES = 64
"""Of a longer bout, so many samples, equally far apart, are explained."""


@dataclass(frozen=True)
class Attribution:
    """Why a behavior was predicted for one subject during one bout; all numbers are means over the bout, in log-odds."""

    behavior: str
    """The behavior."""
    contributions: Mapping[str, float]
    """By family of features, the largest first: above 0 it raises the score, below 0 it lowers it."""
    base: float
    """What the score would be without them: of trees, the mean over training; of networks, that of the mean features of the recording."""
    total: float
    """The score of the bout."""
    compared_with: str
    """What the base is, in words."""

    @property
    def unexplained(self) -> float:
        """Difference between total, and base and contributions: small, because integrals are sums of few steps."""
        return self.total - self.base - sum(self.contributions.values())


def attribute(recognizer: Recognizer, material: Material, subject: Subject, behavior: str, frames: slice) -> Attribution:
    """Return why `behavior` was predicted for a subject in these frames of the recording.

    Raises ContractError for a recognizer of another kind than one network or trees, and for a behavior or subject that it does not know.
    """
    from recognizers.trees import TreesRecognizer

    if behavior not in recognizer.behaviors:
        raise ContractError([f"Expected one of {', '.join(recognizer.behaviors)}, but got {behavior}. Choose a bout of this recognizer."])
    subject = _own_subject(recognizer, material, subject)
    column = recognizer.behaviors.index(behavior)
    if isinstance(recognizer, TreesRecognizer):
        return _of_trees(recognizer, material, subject, column, frames)
    if isinstance(recognizer, NetworkRecognizer) and recognizer.network_config is not None:
        return _of_network(recognizer, material, subject, column, frames)
    kind = type(recognizer).__name__
    raise ContractError([f"Expected the checkpoint of one network or of trees, but got {kind}. Explain one of its members."])


def _own_subject(recognizer: Recognizer, material: Material, subject: Subject) -> Subject:
    """Return the recognizer's subject with the same mice, which knows what was annotated."""
    known = tracked_subjects(labelling_of(recognizer), material.recording, material.tracking.mice)
    for one in known:
        if (one.agent, one.target) == (subject.agent, subject.target):
            return one
    got = f"agent {subject.agent}, target {subject.target}"
    raise ContractError([f"Expected mice that are tracked and annotated in this recording, but got {got}. Choose another bout."])


def _of_trees(recognizer: "TreesRecognizer", material: Material, subject: Subject, column: int, frames: slice) -> Attribution:
    curated, recording = material.tracking, material.recording
    behavior = recognizer.behaviors[column]
    trees = recognizer.trees_of(recording.lab_id, frozenset([behavior]))
    if not trees.answered[column]:
        raise ContractError([f"Expected trees for {behavior}, but got none: it has too few bouts in training. Choose another behavior."])
    samples = frame_samples(curated.frames, recording.fps, recognizer.features.fps, frames)
    rows = recognizer.features.of(curated, recording.fps, subject, slice(int(samples[0]), int(samples[-1]) + 1))
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, MOST_SAMPLES).round().astype(int))]
    shares = trees.contributions(rows, column).mean(axis=0)
    return Attribution(behavior, _grouped(recognizer.features.names, shares[:-1]), float(shares[-1]), float(shares.sum()), "training data")


def _of_network(recognizer: NetworkRecognizer, material: Material, subject: Subject, column: int, frames: slice) -> Attribution:
    import torch

    curated, recording, features = material.tracking, material.recording, recognizer.features
    count = sample_count(curated.frames, recording.fps, features.fps)
    samples = frame_samples(curated.frames, recording.fps, features.fps, frames)
    width = min(recognizer.windowing.window, count)
    begin = int(np.clip((samples[0] + samples[-1]) // 2 - width // 2, 0, count - width))
    seen = recognizer.scaler.transform(features.of(curated, recording.fps, subject, slice(begin, begin + width)))
    inside = np.unique(np.clip(samples - begin, 0, width - 1))
    mean = _mean_features(recognizer, material, subject, count)
    network = recognizer.network.eval()  # type: ignore[union-attr]
    device = torch.device(recognizer.device)
    point, start = (torch.tensor(np.broadcast_to(one, seen.shape), device=device) for one in (seen, mean))
    context = torch.from_numpy(recognizer.context(recording, subject))[None].to(device)

    def level(windows: "torch.Tensor") -> "torch.Tensor":
        """Return the mean logit [B] of the behavior over the bout, above that of the background if there is one."""
        logits = network(windows, None, context.expand(len(windows), -1))[:, inside].float()
        background = labelling_of(recognizer).background
        above = logits[..., recognizer.behaviors.index(background)] if background else 0.0
        return (logits[..., column] - above).mean(dim=1)

    total = torch.zeros_like(point)
    for step in range(STEPS):  # one by one: a batch of all would not fit beside a large network
        share = (step + 0.5) / STEPS
        window = (start + share * (point - start))[None].requires_grad_(True)
        (gradient,) = torch.autograd.grad(level(window).sum(), window)
        total += torch.nan_to_num(gradient[0])  # a distance of 0 has no gradient
    with torch.no_grad():
        base, reached = level(torch.stack([start, point])).tolist()
    shares = ((point - start) * total / STEPS).sum(dim=0).cpu().numpy()
    return Attribution(recognizer.behaviors[column], _grouped(features.names, shares), base, reached, "the mean of this recording")


def _mean_features(recognizer: NetworkRecognizer, material: Material, subject: Subject, count: int) -> np.ndarray:
    """Return the mean of the scaled features over the recording [F] float32."""
    total = np.zeros(len(recognizer.features.names))
    for first in range(0, count, BLOCK_SAMPLES):
        part = slice(first, min(first + BLOCK_SAMPLES, count))
        features = recognizer.features.of(material.tracking, material.recording.fps, subject, part)
        total += recognizer.scaler.transform(features).sum(axis=0)
    return (total / count).astype(np.float32)


def _grouped(names: tuple[str, ...], shares: np.ndarray) -> dict[str, float]:
    """Return the sum of each family, the largest in size first."""
    sums: dict[str, float] = {}
    for family, share in zip(families(names), shares.tolist(), strict=True):
        sums[family] = sums.get(family, 0.0) + share
    return dict(sorted(sums.items(), key=lambda one: -abs(one[1])))
