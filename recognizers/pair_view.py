"""The pair view at work: any network over windows of pair features becomes a recognizer of recordings.

Axes: S samples at the recognizer's rate, F features, T frames of the recording, C behaviors.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from behavior.curation import Curated
from behavior.features import frame_samples
from behavior.recording import Recording
from recognizers.context import context_of, lab_number
from recognizers.network_recognizer import NetworkRecognizer
from recognizers.recognizer import Pair, View, watched_pairs
from recognizers.windowed import score_streams


@dataclass(frozen=True)
class PairRecognizer(NetworkRecognizer):
    """A network of the pair view with all that belongs to it."""

    VIEW: ClassVar[View] = View.PAIR

    def scores(self, curated: Curated, recording: Recording) -> Iterator[tuple[Pair, np.ndarray]]:
        """Yield (pair, scores [T, C]) as the protocol says."""
        pairs = watched_pairs(curated, recording)
        streams = ((self._features(curated, recording, pair), self._context(recording, pair)) for pair in pairs)
        back = frame_samples(curated.frames, recording.fps, self.features.fps)
        scored = score_streams(self.network, streams, self.windowing, self.device, self.batch)
        for pair, scores in zip(pairs, scored, strict=True):
            yield pair, scores[back]

    def _features(self, curated: Curated, recording: Recording, pair: Pair) -> Tensor:
        return torch.from_numpy(self.scaler.transform(self.features.of(curated, recording.fps, *pair)))

    def _context(self, recording: Recording, pair: Pair) -> Tensor:
        watched = set(recording.behaviors_of(*pair))
        return context_of(lab_number(recording.lab_id, self.labs), [behavior in watched for behavior in self.behaviors])


def load_pair_recognizer(path: Path) -> PairRecognizer:
    """Read a checkpoint of any pair-view family. Raises ContractError, with the difference, for one this code cannot use."""
    return PairRecognizer.load(path)
