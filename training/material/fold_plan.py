"""What a cross-validation is about: the recordings, what experts saw in them, which are the same video, and who is held out when."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from behavior.content import Content, content_groups, content_of
from behavior.contract import UsageError, refuse
from behavior.recording import Recording
from training.material.curated_zone import CuratedZone
from training.material.folds import Split, cross_validation


@dataclass(frozen=True)
class FoldPlan:
    """Recordings in folds."""

    zone: CuratedZone
    """Where they lie."""
    recordings: tuple[Recording, ...]
    """All that somebody labelled, by video id."""
    bouts: pd.DataFrame
    """What experts saw in them, annotated ones only."""
    contents: tuple[Content, ...]
    """What tells each recording from the others, in the same order."""
    groups: Mapping[int, int]
    """Video id to the smallest video id of its content."""
    splits: tuple[Split, ...]
    """One per fold."""

    @property
    def fold_of(self) -> dict[int, int]:
        """Return for each video the fold, from 1, that holds it out."""
        return {video: fold for fold, split in enumerate(self.splits, start=1) for video in split.held_out}

    def identity(self) -> dict[str, Any]:
        """Return what must be equal for scores to be comparable: metadata, poses, bouts and folds."""
        told = [(str(recording), content.pose, content.bouts) for recording, content in zip(self.recordings, self.contents, strict=True)]
        digest = hashlib.blake2s(repr(told).encode(), digest_size=16).hexdigest()
        return {"data": digest, "folds": str([list(split.held_out) for split in self.splits])}


def plan_folds(zone: CuratedZone, labs: Sequence[str] | None, n_folds: int) -> FoldPlan:
    """Read all recordings of some labs, or of all, and plan folds over them.

    Raises UsageError for a lab without annotated recordings, ContractError with all faults of the data.
    """
    recordings = zone.annotated_recordings()
    known = sorted({recording.lab_id for recording in recordings})
    if missing := sorted(set(labs or ()) - set(known)):
        raise UsageError(
            f"Expected --labs to name labs with annotations ({', '.join(known)}), but got {', '.join(missing)}. Choose of them."
        )
    chosen = tuple(recording for recording in recordings if labs is None or recording.lab_id in labs)
    refuse(zone.missing(chosen))
    bouts = zone.bouts(chosen)
    contents = tuple(content_of(recording.video_id, zone.tracking(recording), bouts) for recording in chosen)
    groups = content_groups(contents)
    splits = cross_validation({recording.video_id: recording.lab_id for recording in chosen}, n_folds, groups)
    return FoldPlan(zone, chosen, bouts, contents, groups, splits)
