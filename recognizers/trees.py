"""Boosted trees over the statistics of a pair: a recognizer for machines without a GPU, with models of single labs where they were taught.

Axes: S samples at the recognizer's rate, T frames of the recording, F features, C behaviors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from behavior.bouts import smooth
from behavior.contract import ContractError
from behavior.curation import Curated
from behavior.labelling import Subject, tracked_subjects
from behavior.material import Material
from behavior.recording import Recording
from behavior.views.pair_statistics import BLOCK_SAMPLES, PairStatistics
from behavior.views.sampling import sample_count
from recognizers import checkpoint
from recognizers.boosted_trees import BoostedTrees, TreesConfig
from recognizers.recognizer import Decoding, Head, Parts, Recognizer, View, labelling_of
from recognizers.windowed import FlowingScores, on_frames

if TYPE_CHECKING:
    from torch import Tensor

_SHARED = "shared."


@dataclass(frozen=True)
class TreesRecognizer:
    """Trees with all that belongs to them."""

    behaviors: tuple[str, ...]
    """Names along axis C."""
    features: PairStatistics
    """What the trees see."""
    config: TreesConfig
    """How they were grown."""
    shared: BoostedTrees
    """Taught by all labs: it answers for labs that have no model of their own, and for labs nobody knew."""
    decoding: Decoding
    """How scores become bouts."""
    smooth_s: float = 0.0
    """Width of the centered mean over the answers, s: trees judge each sample by itself."""
    labs: Mapping[str, BoostedTrees] = field(default_factory=dict)
    """By lab: models taught by it alone; none for a behavior that it saw too seldom."""

    @property
    def view(self) -> View:
        """What it sees."""
        return FAMILY.view

    @property
    def head(self) -> Head:
        """How it answers."""
        return FAMILY.head

    def scores(self, material: Material) -> Iterator[tuple[Subject, FlowingScores]]:
        """Yield (subject, scores [T, C]) as the protocol says; 0 for a behavior that nobody annotated: it is not asked for."""
        curated, recording = material.tracking, material.recording
        for subject in tracked_subjects(labelling_of(self), recording, curated.mice):
            blocks = on_frames(self.sampled_scores(curated, recording, subject), curated.frames, recording.fps, self.features.fps)
            yield subject, FlowingScores(blocks, curated.frames, len(self.behaviors))

    def trees_of(self, lab: str, annotated: frozenset[str]) -> BoostedTrees:
        """Return who answers in a lab for some behaviors: its own model where there is one, else the shared one; none for the others."""
        own = self.labs.get(lab, BoostedTrees((None,) * len(self.behaviors)))
        answering = (mine or all_labs for mine, all_labs in zip(own.boosters, self.shared.boosters, strict=True))
        return BoostedTrees(tuple(one if name in annotated else None for name, one in zip(self.behaviors, answering, strict=True)))

    def on(self, device: str, batch: int) -> Self:
        """Return the same: trees know neither devices nor batches."""
        return self

    def mirrored(self) -> None:
        """Return None: statistics of mirrored mice are the same."""
        return

    def parts(self, provenance: Mapping[str, Any]) -> Parts:
        """Return header and tensors of a checkpoint."""
        header = {
            **provenance,
            "family": FAMILY.name,
            "view": self.view,
            "head": self.head,
            "network": {"trees": asdict(self.config), "smooth_s": self.smooth_s, "labs": list(self.labs)},
            "behaviors": list(self.behaviors),
            "features": asdict(self.features),
            "feature_names": list(self.features.names),
            "decoding": self.decoding.to_json_dict(),
        }
        models = {_SHARED: self.shared, **{_prefix(number): trees for number, trees in enumerate(self.labs.values())}}
        return header, {f"{prefix}{name}": tensor for prefix, trees in models.items() for name, tensor in trees.to_tensors().items()}

    def sampled_scores(self, curated: Curated, recording: Recording, subject: Subject) -> Iterator[np.ndarray]:
        """Yield scores [<= S, C] at the recognizer's rate, block after block."""
        trees = self.trees_of(recording.lab_id, subject.annotated)
        rate, samples = self.features.fps, sample_count(curated.frames, recording.fps, self.features.fps)
        around = round(self.smooth_s * rate / 2) + 1
        for first in range(0, samples, BLOCK_SAMPLES):
            last, begin = min(first + BLOCK_SAMPLES, samples), max(first - around, 0)
            single = trees.predict(self.features.of(curated, recording.fps, subject, slice(begin, last + around)))
            yield smooth(single, rate, self.smooth_s)[first - begin : last - begin]


@dataclass(frozen=True)
class TreesFamily:
    """The one kind of trees."""

    name: str = "trees"
    """As checkpoints and recipes have it."""
    view: View = View.PAIR
    """What it sees."""
    head: Head = Head.MULTILABEL
    """How it answers."""

    def open(
        self, header: Mapping[str, Any], tensors: "Mapping[str, Tensor]", where: str, members: tuple[Recognizer, ...] = ()
    ) -> TreesRecognizer:
        """Return the recognizer that the parts of a checkpoint describe, as `recognizers.families.Family` says; it has no members."""
        try:
            features, config = PairStatistics(**header["features"]), TreesConfig(**header["network"]["trees"])
        except TypeError as error:
            raise ContractError(
                [f"{where}: Expected the settings of trees, but got others: {error}. Use the code that trained it."]
            ) from None
        checkpoint.refuse_other_features(header, features.names, where)

        def read(prefix: str, whose: str) -> BoostedTrees:
            own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
            return BoostedTrees.from_tensors(own, len(header["behaviors"]), len(features.names), f"{where}, {whose}")

        return TreesRecognizer(
            behaviors=tuple(header["behaviors"]),
            features=features,
            config=config,
            shared=read(_SHARED, "shared trees"),
            decoding=Decoding.from_json_dict(header["decoding"]),
            smooth_s=header["network"]["smooth_s"],
            labs={lab: read(_prefix(number), f"trees of {lab}") for number, lab in enumerate(header["network"]["labs"])},
        )


FAMILY = TreesFamily()


def _prefix(number: int) -> str:
    return f"lab{number}."
