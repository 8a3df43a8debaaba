"""The arena view at work: any network over windows of a whole arena becomes a recognizer of groups of behaviors, without agent or target.

Axes: S samples at the recognizer's rate, F features, T frames of the recording, G groups.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from behavior.curation import Curated
from behavior.groups import annotated_groups
from behavior.recording import Recording
from behavior.views.arena_features import arena_features
from behavior.views.sampling import frame_samples, sample_count
from recognizers.network_recognizer import NetworkRecognizer
from recognizers.recognizer import View
from recognizers.windowed import MadeRows, flow_scores


@dataclass(frozen=True)
class ArenaRecognizer(NetworkRecognizer):
    """A network of the arena view with all that belongs to it; its behaviors are `behavior.groups.GROUP_NAMES`.

    It is no `Recognizer`: it does not say who does it to whom, so nothing it finds can stand in a submission.
    """

    VIEW: ClassVar[View] = View.ARENA

    def group_scores(self, curated: Curated, recording: Recording) -> np.ndarray:
        """Return scores [T, G] float32 on the recording's own frames, each row summing to one.

        A group that nobody annotated in the recording scores 0, so one without any annotated group is all background. An unlabelled
        recording, of which nothing is known, is asked for all groups.
        """
        samples = sample_count(curated.frames, recording.fps, self.features.fps)
        stream = MadeRows(samples, lambda start, stop: self._features(curated, recording, slice(start, stop)))
        (scores,) = (list(blocks) for blocks in flow_scores(self.scorer, [(stream, None)], self.windowing, self.batch))
        sampled = np.concatenate(scores)
        if recording.annotated:
            sampled = among_annotated(sampled, annotated_groups(recording, curated.mice))
        return sampled[frame_samples(curated.frames, recording.fps, self.features.fps)]

    def _features(self, curated: Curated, recording: Recording, part: slice) -> np.ndarray:
        """Return scaled features [S, F] of a part of the samples."""
        return self.scaler.transform(arena_features(curated, recording.fps, self.features, part))


def load_arena_recognizer(path: Path, device: str = "cpu", batch: int = 64) -> ArenaRecognizer:
    """Read a checkpoint of any arena-view family. Raises ContractError, with the difference, for one this code cannot use."""
    return ArenaRecognizer.load(path).on(device, batch)


def among_annotated(scores: np.ndarray, annotated: np.ndarray) -> np.ndarray:
    """Return scores [..., G] in which only annotated groups [G] share the whole; all background if none is annotated."""
    if not annotated.any():
        return np.broadcast_to(np.eye(len(annotated), dtype=scores.dtype)[0], scores.shape).copy()
    kept = np.where(annotated, np.maximum(scores, np.finfo(np.float32).tiny), 0)  # never all 0, however sure of an unannotated group
    return (kept / kept.sum(axis=-1, keepdims=True)).astype(scores.dtype, copy=False)
