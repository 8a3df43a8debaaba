"""Folds: which recordings are held out, which choose the best epoch, which teach.

By lab, and by a hash of the video id: no list to keep, the same on every machine, no trace of the order of files. Fold 0 is held
out: training never opens its files. Fold 1 validates. All others teach.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

HELD_OUT = 0
VALIDATION = 1
N_FOLDS = 5
_ORDER = (2, HELD_OUT, VALIDATION, 3, 4)
"""Folds in the order in which a lab's recordings fill them: one teaches, two let one be held out, three let one validate."""


@dataclass(frozen=True)
class Split:
    """Video ids by what training does with them, each ascending."""

    train: tuple[int, ...]
    """They teach; the scaler is fitted on them."""
    validation: tuple[int, ...]
    """They choose the epoch and the thresholds."""
    held_out: tuple[int, ...]
    """Never read."""


def assign_folds(labs: Mapping[int, str], groups: Mapping[int, int] | None = None) -> dict[int, int]:
    """Return the fold of each video.

    `labs` maps annotated video ids to labs. `groups` maps video ids to a group that must stay together, such as one video under
    two ids; a group counts as one recording of the lab of its smallest id. A video that is missing there is its own group.
    """
    members: dict[tuple[str, int], list[int]] = defaultdict(list)
    for video in sorted(labs):
        group = None if groups is None else groups.get(video)
        members["video" if group is None else "group", video if group is None else group].append(video)
    units_by_lab: dict[str, list[list[int]]] = defaultdict(list)
    for unit in members.values():
        units_by_lab[labs[unit[0]]].append(unit)
    folds: dict[int, int] = {}
    for units in units_by_lab.values():
        for rank, unit in enumerate(sorted(units, key=lambda unit: _digest(unit[0]))):
            folds |= dict.fromkeys(unit, _ORDER[rank % N_FOLDS])
    return folds


def split_videos(labs: Mapping[int, str], groups: Mapping[int, int] | None = None) -> Split:
    """Return which videos teach, validate and are held out."""
    folds = assign_folds(labs, groups)
    validation = tuple(sorted(video for video, fold in folds.items() if fold == VALIDATION))
    held_out = tuple(sorted(video for video, fold in folds.items() if fold == HELD_OUT))
    return Split(tuple(sorted({*folds} - {*validation, *held_out})), validation, held_out)


def _digest(video: int) -> bytes:
    return hashlib.blake2s(str(video).encode(), digest_size=8).digest()
