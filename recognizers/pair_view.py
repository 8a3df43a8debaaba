"""The pair view at work: any network over windows of pair features becomes a recognizer of recordings.

Axes: S samples at the recognizer's rate, F features, T frames of the recording, C behaviors.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from behavior.contract import ContractError
from behavior.curation import Curated
from behavior.recording import Recording
from behavior.views.mirror import mirror_of
from behavior.views.sampling import sample_count, sample_frames
from recognizers.context import context_of, lab_number
from recognizers.network_recognizer import NetworkRecognizer
from recognizers.recognizer import Pair, View, annotated_pairs
from recognizers.windowed import FlowingScores, MadeRows, MirroredScorer, flow_scores, on_frames


@dataclass(frozen=True)
class PairRecognizer(NetworkRecognizer):
    """A network of the pair view with all that belongs to it."""

    VIEW: ClassVar[View] = View.PAIR

    mirror: bool = False
    """Whether scores are the mean over what is seen and what a mirror shows: twice the work."""

    def scores(self, curated: Curated, recording: Recording) -> Iterator[tuple[Pair, np.ndarray]]:
        """Yield (pair, scores [T, C]) as the protocol says."""
        return ((pair, scores.whole()) for pair, scores in self.flowing_scores(curated, recording))

    def flowing_scores(self, curated: Curated, recording: Recording) -> Iterator[tuple[Pair, FlowingScores]]:
        """Yield the same without ever holding all scores of a pair; read those of one pair before the next is asked for."""
        pairs = annotated_pairs(curated, recording)
        streams = ((self._rows(curated, recording, pair), self._context(recording, pair)) for pair in pairs)
        scorer = MirroredScorer(self.scorer) if self.mirror else self.scorer
        for pair, blocks in zip(pairs, flow_scores(scorer, streams, self.windowing, self.batch), strict=True):
            own = on_frames(blocks, curated.frames, recording.fps, self.features.fps)
            yield pair, FlowingScores(own, curated.frames, len(self.behaviors))

    def _rows(self, curated: Curated, recording: Recording, pair: Pair) -> MadeRows:
        """Return scaled features [S, F]; with a mirror [S, 2F], what it shows behind."""
        rate = self.features.fps
        mirror = mirror_of(self.features.names) if self.mirror else None

        def make(start: int, stop: int) -> np.ndarray:
            sampled = sample_frames(curated.frames, recording.fps, rate, slice(start, stop))
            seen = self.features.at(curated, sampled, *pair)
            sides = (seen,) if mirror is None else (seen, mirror(seen))
            return np.concatenate([self.scaler.transform(side) for side in sides], axis=1)

        return MadeRows(sample_count(curated.frames, recording.fps, rate), make)

    def _context(self, recording: Recording, pair: Pair) -> np.ndarray:
        annotated = set(recording.behaviors_of(*pair))
        return context_of(lab_number(recording.lab_id, self.labs), [behavior in annotated for behavior in self.behaviors])


def load_pair_recognizer(path: Path) -> PairRecognizer:
    """Read a checkpoint of any pair-view family. Raises ContractError, with the difference, for one this code cannot use."""
    return PairRecognizer.load(path)


def with_mirror(recognizer: Any) -> Any:
    """Return the same recognizer, or one made of others, whose networks of the pair view also look into a mirror.

    Raises ContractError if there is no such network.
    """
    if isinstance(recognizer, PairRecognizer):
        return replace(recognizer, mirror=True)
    members = getattr(recognizer, "members", ())
    if not any(_has_network(member) for member in members):
        raise ContractError(["Expected a network to look into a mirror, but got none. Leave out --tta."])
    return replace(recognizer, members=tuple(with_mirror(member) if _has_network(member) else member for member in members))


def _has_network(recognizer: Any) -> bool:
    return isinstance(recognizer, PairRecognizer) or any(map(_has_network, getattr(recognizer, "members", ())))
