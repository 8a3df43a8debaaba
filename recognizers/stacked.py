"""A stack: boosted trees over the scores of other recognizers, itself a recognizer.

Axes: M members, T frames, C behaviors of the stack.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from behavior.contract import refuse
from behavior.labelling import Subject
from behavior.material import Material
from recognizers import checkpoint
from recognizers.boosted_trees import BoostedTrees
from recognizers.ensemble import WeightedMean, mean_faults, mean_from_json
from recognizers.members import MadeOfMembers, member_faults
from recognizers.recognizer import Decoding, Parts, Recognizer
from recognizers.stack_inputs import ScoresAround, StackInputs
from recognizers.windowed import FlowingScores

if TYPE_CHECKING:
    from torch import Tensor

_BLOCK_FRAMES = 65_536


@dataclass(frozen=True)
class Stack:
    """The trained part of a stack: one model per behavior, over the scores of members."""

    behaviors: tuple[str, ...]
    """Names along axis C."""
    inputs: StackInputs
    """The inputs of the trees."""
    trees: tuple[BoostedTrees, ...]
    """Per behavior, each with one column; for a behavior that could not be learned, the mean of the members is used."""
    share: tuple[float, ...]
    """Per behavior: weight of the trees, 0 to 1; the rest is the mean of the members, which does not overfit."""
    mean: WeightedMean
    """The mean of the members."""

    def scores(self, members: np.ndarray, fps: float) -> np.ndarray:
        """Return scores [T, C] float32 for those of members [M, T, C], NaN where a member has none."""
        mean = self.mean.scores(members, fps)
        around = ScoresAround(members, fps, self.inputs)
        scores = np.nan_to_num(mean)
        for column, (trees, share) in enumerate(zip(self.trees, self.share, strict=True)):
            if trees.boosters[0] is None or not share:
                continue
            for first in range(0, len(scores), _BLOCK_FRAMES):
                frames = np.arange(first, min(first + _BLOCK_FRAMES, len(scores)))
                own = trees.predict(around.of(column, frames), threads=1)[:, 0]
                others = np.where(np.isnan(mean[frames, column]), own, mean[frames, column])
                scores[frames, column] = share * own + (1 - share) * others
        return scores


@dataclass(frozen=True)
class Stacked(MadeOfMembers):
    """A stack with its members."""

    stack: Stack
    """It makes the scores."""
    decoding: Decoding
    """How its scores become bouts."""

    def __post_init__(self) -> None:
        faults = member_faults(self.members, "Name its members", least=1)
        refuse([*faults, *mean_faults(self.stack.mean, len(self.members), len(self.behaviors))])

    @property
    def behaviors(self) -> tuple[str, ...]:
        """The names along axis C."""
        return self.stack.behaviors

    def scores(self, material: Material) -> Iterator[tuple[Subject, FlowingScores]]:
        """Yield (subject, scores [T, C]), as `Recognizer.scores` says."""
        for subject, members in self.member_scores(material, self.behaviors):
            yield subject, FlowingScores.of(self.stack.scores(np.stack(list(members)), material.recording.fps))

    def parts_with(self, provenance: Mapping[str, Any], members: Sequence[Parts]) -> Parts:
        """Return header and tensors of a checkpoint that also holds those of its members, in their order."""
        network = {"inputs": asdict(self.stack.inputs), "share": list(self.stack.share), "mean": asdict(self.stack.mean)}
        header = {**provenance, **self.header(FAMILY.name, network, self.behaviors, self.decoding)}
        tensors = {
            f"{column}.{name}": tensor for column, trees in enumerate(self.stack.trees) for name, tensor in trees.to_tensors().items()
        }
        return checkpoint.with_members(header, tensors, members)


@dataclass(frozen=True)
class StackedFamily:
    """Stacks."""

    name: str = "stacked"
    """Its name in checkpoints."""

    def open(self, header: Mapping[str, Any], tensors: "Mapping[str, Tensor]", where: str, members: tuple[Recognizer, ...]) -> Stacked:
        """Return the stack from the parts of a checkpoint, with its members. Raises ContractError for broken trees."""
        inputs = StackInputs.from_json_dict(header["network"]["inputs"])
        behaviors = tuple(header["behaviors"])
        trees = []
        for column, behavior in enumerate(behaviors):
            prefix = f"{column}."
            own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
            n_inputs = len(inputs.names(len(members), behaviors, column))
            trees.append(BoostedTrees.from_tensors(own, 1, n_inputs, f"{where}, trees of {behavior}"))
        network = header["network"]
        stack = Stack(behaviors, inputs, tuple(trees), tuple(network["share"]), mean_from_json(network["mean"]))
        return Stacked(members, stack, Decoding.from_json_dict(header["decoding"]))


FAMILY = StackedFamily()
