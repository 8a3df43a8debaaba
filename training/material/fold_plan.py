"""The plan of a cross-validation: recordings, their bouts, which of them show the same video, and which fold holds each of them out."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from behavior.content import Content, content_groups
from behavior.contract import UsageError, refuse
from behavior.recording import Recording
from training.material.fold_grouping import merged_groups
from training.material.folds import Split, cross_validation
from training.material.zones import Zone


@dataclass(frozen=True)
class FoldPlan:
    """Recordings in folds."""

    zone: Zone
    """The zone of the recordings."""
    recordings: tuple[Recording, ...]
    """All annotated recordings, by video id."""
    bouts: pd.DataFrame
    """Their annotated bouts."""
    contents: tuple[Content, ...]
    """Digests of the content of each recording, in the same order."""
    groups: Mapping[int, int]
    """Video id to the smallest video id of those that stay in one fold: of its content, and of its group if recordings were grouped."""
    splits: tuple[Split, ...]
    """One per fold."""

    @property
    def fold_of(self) -> dict[int, int]:
        """Return for each video the fold, from 1, that holds it out."""
        return {video: fold for fold, split in enumerate(self.splits, start=1) for video in split.held_out}

    def identity(self) -> dict[str, Any]:
        """Return digests of metadata, poses, bouts and folds: scores are comparable if these are equal."""
        facts = [(str(recording), content.pose, content.bouts) for recording, content in zip(self.recordings, self.contents, strict=True)]
        digest = hashlib.blake2s(repr(facts).encode(), digest_size=16).hexdigest()
        return {"data": digest, "folds": str([list(split.held_out) for split in self.splits])}


def sensible_folds(groups: int) -> int:
    """Return the number of folds for so many groups: with few recordings, most of them must be for training."""
    return max(2, min(groups, 6)) if groups <= 12 else 4


def plan_folds(
    zone: Zone,
    labs: Sequence[str] | None,
    n_folds: int | None,
    grouped: Callable[[Sequence[Recording]], Mapping[int, str]] = lambda recordings: {},
    excluded: Collection[int] = (),
) -> FoldPlan:
    """Read all recordings of some labs, or of all, without the excluded video ids, and plan folds over them.

    `n_folds` None lets the number of groups decide (`sensible_folds`). `grouped` names groups that stay together in one fold, besides
    recordings of the same content. Raises UsageError for a lab without annotated recordings, ContractError with all faults of the data.
    """
    recordings = zone.annotated_recordings()
    known = sorted({recording.lab_id for recording in recordings})
    if missing := sorted(set(labs or ()) - set(known)):
        raise UsageError(
            f"Expected --labs to name labs with annotations ({', '.join(known)}), but got {', '.join(missing)}. Choose some of them."
        )
    chosen = tuple(recording for recording in recordings if labs is None or recording.lab_id in labs)
    if unknown := sorted(set(excluded) - {recording.video_id for recording in chosen}):
        raise UsageError(f"Expected --exclude to name annotated recordings, but got {', '.join(map(str, unknown))}. Correct the ids.")
    chosen = tuple(recording for recording in chosen if recording.video_id not in excluded)
    refuse(zone.data_faults(chosen))
    bouts = zone.bouts(chosen)
    contents = zone.contents(chosen, bouts)
    groups = merged_groups(content_groups(contents), grouped(chosen))
    count = sensible_folds(len(set(groups.values()))) if n_folds is None else n_folds
    splits = cross_validation({recording.video_id: recording.lab_id for recording in chosen}, count, groups)
    return FoldPlan(zone, chosen, bouts, contents, groups, splits)
