"""Boosted trees over the statistics of a pair: a recognizer for machines without a GPU, with models of single labs where they were taught.

Axes: S samples at the recognizer's rate, T frames of the recording, F features, C behaviors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

import recognizers
from behavior.bouts import smooth
from behavior.contract import ContractError
from behavior.curation import Curated
from behavior.recording import Recording
from behavior.views.pair_statistics import BLOCK_SAMPLES, PairStatistics
from behavior.views.sampling import sample_count
from recognizers import checkpoint
from recognizers.boosted_trees import BoostedTrees, TreesConfig
from recognizers.recognizer import Decoding, Head, Pair, View, annotated_pairs
from recognizers.windowed import FlowingScores, on_frames

if TYPE_CHECKING:
    import torch
    from torch import Tensor

FAMILY = "trees"
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
        return recognizers.FAMILIES[FAMILY].view

    @property
    def head(self) -> Head:
        """How it answers."""
        return recognizers.FAMILIES[FAMILY].head

    def scores(self, curated: Curated, recording: Recording) -> Iterator[tuple[Pair, np.ndarray]]:
        """Yield (pair, scores [T, C]) as the protocol says; 0 for a behavior that nobody annotated in the pair: it is not asked for."""
        return ((pair, scores.whole()) for pair, scores in self.flowing_scores(curated, recording))

    def flowing_scores(self, curated: Curated, recording: Recording) -> Iterator[tuple[Pair, FlowingScores]]:
        """Yield the same without ever holding all scores of a pair; read those of one pair before the next is asked for."""
        for pair in annotated_pairs(curated, recording):
            blocks = on_frames(self.sampled_scores(curated, recording, pair), curated.frames, recording.fps, self.features.fps)
            yield pair, FlowingScores(blocks, curated.frames, len(self.behaviors))

    def trees_of(self, lab: str, annotated: frozenset[str]) -> BoostedTrees:
        """Return who answers in a lab for some behaviors: its own model where there is one, else the shared one; none for the others."""
        own = self.labs.get(lab, BoostedTrees((None,) * len(self.behaviors)))
        answering = (mine or all_labs for mine, all_labs in zip(own.boosters, self.shared.boosters, strict=True))
        return BoostedTrees(tuple(one if name in annotated else None for name, one in zip(self.behaviors, answering, strict=True)))

    def on(self, device: "torch.device | str", batch: int) -> Self:
        """Return the same: trees know neither devices nor batches."""
        return self

    def save(self, path: Path, provenance: Mapping[str, Any]) -> None:
        """Write a checkpoint; `provenance` holds recipe, videos, metrics, seed and the like."""
        checkpoint.save(path, *self.parts(provenance))

    def parts(self, provenance: Mapping[str, Any]) -> checkpoint.Parts:
        """Return header and tensors of a checkpoint."""
        header = {
            **provenance,
            "family": FAMILY,
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

    @classmethod
    def from_checkpoint(cls, header: Mapping[str, Any], tensors: "Mapping[str, Tensor]", where: str) -> Self:
        """Return the recognizer that the parts of a checkpoint describe. Raises ContractError, with the difference, for an unusable one."""
        try:
            features, config = PairStatistics(**header["features"]), TreesConfig(**header["network"]["trees"])
        except TypeError as error:
            raise ContractError(
                [f"{where}: Expected the settings of trees, but got others: {error}. Use the code that trained it."]
            ) from None
        if header["feature_names"] != list(features.names):
            changed = sorted({*header["feature_names"]} ^ {*features.names}) or ["another order"]
            fault = f"{where}: Expected the features this code makes, but got others: {', '.join(changed[:8])}. Train again."
            raise ContractError([fault])

        def read(prefix: str, whose: str) -> BoostedTrees:
            own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
            return BoostedTrees.from_tensors(own, len(header["behaviors"]), len(features.names), f"{where}, {whose}")

        return cls(
            behaviors=tuple(header["behaviors"]),
            features=features,
            config=config,
            shared=read(_SHARED, "shared trees"),
            decoding=Decoding.from_json_dict(header["decoding"]),
            smooth_s=header["network"]["smooth_s"],
            labs={lab: read(_prefix(number), f"trees of {lab}") for number, lab in enumerate(header["network"]["labs"])},
        )

    def sampled_scores(self, curated: Curated, recording: Recording, pair: Pair) -> Iterator[np.ndarray]:
        """Yield scores [<= S, C] at the recognizer's rate, block after block."""
        trees = self.trees_of(recording.lab_id, frozenset(recording.behaviors_of(*pair)))
        rate, samples = self.features.fps, sample_count(curated.frames, recording.fps, self.features.fps)
        around = round(self.smooth_s * rate / 2) + 1
        for first in range(0, samples, BLOCK_SAMPLES):
            last, begin = min(first + BLOCK_SAMPLES, samples), max(first - around, 0)
            single = trees.predict(self.features.of(curated, recording.fps, *pair, slice(begin, last + around)))
            yield smooth(single, rate, self.smooth_s)[first - begin : last - begin]


def _prefix(number: int) -> str:
    return f"lab{number}."
