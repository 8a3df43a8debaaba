"""Boosted trees over the statistics of a pair: a recognizer for machines without a GPU, with shared models and models of single labs.

Axes: S samples at the recognizer's rate, T frames of the recording, F features, C behaviors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from behavior.bouts import smooth
from behavior.contract import ContractError
from behavior.curation import CuratedTracking
from behavior.labelling import Subject, tracked_subjects
from behavior.material import Material
from behavior.recording import Recording
from behavior.views.pair_statistics import PairStatistics
from behavior.views.sampling import BLOCK_SAMPLES, sample_count
from recognizers import checkpoint
from recognizers.boosted_trees import BoostedTrees, TreesConfig
from recognizers.joint_trees import JointTrees
from recognizers.recognizer import Decoding, Head, Parts, Recognizer, View, labelling_of
from recognizers.windowed import FlowingScores, on_frames

if TYPE_CHECKING:
    from torch import Tensor

_SHARED = "shared."


@dataclass(frozen=True)
class TreesRecognizer:
    """Trees with their features and decoding."""

    behaviors: tuple[str, ...]
    """Names along axis C."""
    features: PairStatistics
    """What the trees see."""
    config: TreesConfig
    """Settings with which they were grown."""
    shared: BoostedTrees | JointTrees
    """Trained on all labs; used where a lab has no model of its own, and in unknown labs. Joint for behaviors that exclude each other."""
    decoding: Decoding
    """How scores become bouts."""
    smooth_s: float = 0.0
    """Width of the centered mean over the scores, s: trees score each sample by itself."""
    labs: Mapping[str, BoostedTrees] = field(default_factory=dict)
    """By lab: models trained on it alone; none for a behavior with too few bouts."""
    score_every: int = 1
    """Trees score the middle one of so many samples, for all of them."""

    @property
    def view(self) -> View:
        """What it sees."""
        return FAMILY.view

    @property
    def head(self) -> Head:
        """What kind of scores it gives."""
        return FAMILY.head

    def scores(self, material: Material) -> Iterator[tuple[Subject, FlowingScores]]:
        """Yield (subject, scores [T, C]), as `Recognizer.scores` says; 0 for behaviors that are not annotated."""
        curated, recording = material.tracking, material.recording
        for subject in tracked_subjects(labelling_of(self), recording, curated.mice):
            blocks = on_frames(self.sampled_scores(curated, recording, subject), curated.frames, recording.fps, self.features.fps)
            yield subject, FlowingScores(blocks, curated.frames, len(self.behaviors))

    def trees_of(self, lab: str, annotated: frozenset[str]) -> BoostedTrees | JointTrees:
        """Return the models for some behaviors in a lab: its own if it has one, else the shared one; none for other behaviors."""
        chosen = np.isin(self.behaviors, sorted(annotated))
        if isinstance(self.shared, JointTrees):
            return self.shared.only(chosen)
        own = self.labs.get(lab, BoostedTrees((None,) * len(self.behaviors)))
        models = (mine or all_labs for mine, all_labs in zip(own.boosters, self.shared.boosters, strict=True))
        return BoostedTrees(tuple(models)).only(chosen)

    def on(self, device: str, batch: int) -> Self:
        """Return the same: trees have neither devices nor batches."""
        return self

    def mirrored(self) -> None:
        """Return None: mirrored mice have the same statistics."""
        return

    def parts(self, provenance: Mapping[str, Any]) -> Parts:
        """Return header and tensors of a checkpoint."""
        joint = isinstance(self.shared, JointTrees)
        header = {
            **provenance,
            "family": FAMILY.name,
            "view": self.view,
            "head": self.head,
            "network": {
                "trees": asdict(self.config),
                "smooth_s": self.smooth_s,
                "score_every": self.score_every,
                "labs": list(self.labs),
                "joint": joint,
            },
            "behaviors": list(self.behaviors),
            "features": asdict(self.features),
            "feature_names": list(self.features.names),
            "decoding": self.decoding.to_json_dict(),
        }
        models = {_SHARED: self.shared, **{_prefix(number): trees for number, trees in enumerate(self.labs.values())}}
        return header, {f"{prefix}{name}": tensor for prefix, trees in models.items() for name, tensor in trees.to_tensors().items()}

    def sampled_scores(self, curated: CuratedTracking, recording: Recording, subject: Subject) -> Iterator[np.ndarray]:
        """Yield scores [<= S, C] at the recognizer's rate, block after block."""
        trees = self.trees_of(recording.lab_id, subject.annotated)
        rate, samples = self.features.fps, sample_count(curated.frames, recording.fps, self.features.fps)
        around = round(self.smooth_s * rate / 2) + 1
        for first in range(0, samples, BLOCK_SAMPLES):
            last, begin = min(first + BLOCK_SAMPLES, samples), max(first - around, 0) // self.score_every * self.score_every
            stop = -(-(last + around) // self.score_every) * self.score_every  # no group of samples is cut by a block
            inside = np.arange(begin, min(stop, samples))
            single = trees.predict(self.features.at(curated, recording.fps, subject, self._middles(inside)))
            yield smooth(np.repeat(single, self.score_every, axis=0)[: len(inside)], rate, self.smooth_s)[first - begin : last - begin]

    def _middles(self, samples: np.ndarray) -> np.ndarray:
        """Return the middle sample of each group of `score_every` samples, the last one if the last group has no middle."""
        middles = np.arange(self.score_every // 2, len(samples) + self.score_every // 2, self.score_every)
        return np.asarray(samples[np.minimum(middles, len(samples) - 1)])


@dataclass(frozen=True)
class TreesFamily:
    """The one kind of trees."""

    name: str = "trees"
    """Its name in checkpoints and recipes."""
    view: View = View.PAIR
    """What it sees."""
    head: Head = Head.MULTILABEL
    """What kind of scores it gives."""

    def open(
        self, header: Mapping[str, Any], tensors: "Mapping[str, Tensor]", where: str, members: tuple[Recognizer, ...] = ()
    ) -> TreesRecognizer:
        """Return the recognizer from the parts of a checkpoint, as `recognizers.families.Family` says; it has no members."""
        features = checkpoint.features_of(header, PairStatistics, where)
        try:
            config = TreesConfig(**header["network"]["trees"])
        except TypeError as error:
            raise ContractError(
                [f"{where}: Expected the settings of trees, but got others: {error}. Use the code that trained it."]
            ) from None

        def own(prefix: str) -> "dict[str, Tensor]":
            return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

        def read(prefix: str, what: str) -> BoostedTrees:
            return BoostedTrees.from_tensors(own(prefix), len(header["behaviors"]), len(features.names), f"{where}, {what}")

        shared: BoostedTrees | JointTrees
        if header["network"].get("joint"):  # older checkpoints have no joint trees
            shared = JointTrees.from_tensors(own(_SHARED), len(features.names), f"{where}, shared trees")
        else:
            shared = read(_SHARED, "shared trees")

        return TreesRecognizer(
            behaviors=tuple(header["behaviors"]),
            features=features,
            config=config,
            shared=shared,
            decoding=Decoding.from_json_dict(header["decoding"]),
            smooth_s=header["network"]["smooth_s"],
            score_every=header["network"].get("score_every", 1),  # older checkpoints score every sample
            labs={lab: read(_prefix(number), f"trees of {lab}") for number, lab in enumerate(header["network"]["labs"])},
        )


FAMILY = TreesFamily()


def _prefix(number: int) -> str:
    return f"lab{number}."
