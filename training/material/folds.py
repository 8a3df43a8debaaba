"""Folds: which recordings are held out, which are for validation, which for training.

They follow from the lab and a hash of the video id: there is no list to store, and they are the same on every machine, for any order of
files. Fold 0 is held out: training never opens its files. Fold 1 is for validation. All others are for training.

Cross-validation holds every recording out once: see `cross_validation`.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from behavior.contract import ContractError

HELD_OUT = 0
VALIDATION = 1
N_FOLDS = 5
_ORDER = (2, HELD_OUT, VALIDATION, 3, 4)
"""The order in which a lab's recordings fill the folds: the first is for training, the second is held out, the third for validation."""
_VALIDATION_SHARE = 0.2
"""Share of the recordings of the other folds, by lab."""


@dataclass(frozen=True)
class Split:
    """Video ids by their use in training, each ascending."""

    train: tuple[int, ...]
    """For training, and for fitting the scaler."""
    validation: tuple[int, ...]
    """For choosing the epoch and fitting thresholds."""
    held_out: tuple[int, ...]
    """Never read."""

    def without_validation(self) -> "Split":
        """Return the split in which validation recordings are for training too."""
        return Split(tuple(sorted((*self.train, *self.validation))), (), self.held_out)


def assign_folds(labs: Mapping[int, str], groups: Mapping[int, int] | None = None) -> dict[int, int]:
    """Return the fold of each video.

    `labs` maps annotated video ids to labs. `groups` maps video ids to a group that must stay together, such as one video under
    two ids; a group counts as one recording of the lab of its smallest id. A video without a group is its own group.
    """
    folds: dict[int, int] = {}
    for units in _units_by_lab(labs, groups).values():
        for rank, unit in enumerate(_shuffled(units)):
            folds |= dict.fromkeys(unit, _ORDER[rank % N_FOLDS])
    return folds


def split_videos(labs: Mapping[int, str], groups: Mapping[int, int] | None = None) -> Split:
    """Return which videos are for training, for validation, and held out."""
    folds = assign_folds(labs, groups)
    validation = tuple(sorted(video for video, fold in folds.items() if fold == VALIDATION))
    held_out = tuple(sorted(video for video, fold in folds.items() if fold == HELD_OUT))
    return Split(tuple(sorted({*folds} - {*validation, *held_out})), validation, held_out)


def cross_validation(labs: Mapping[int, str], n_folds: int, groups: Mapping[int, int] | None = None) -> tuple[Split, ...]:
    """Return one split per fold; every video is held out in exactly one, with all of its group.

    Folds have similar shares of labs, and are the same for every recipe and seed, so that scores can be compared and combined. Validation
    recordings are a fifth of each lab in the other folds; at least one recording if there are two.
    Raises ContractError if there are fewer recordings of different content than folds.
    """
    folds: list[list[tuple[str, list[int]]]] = [[] for _ in range(max(n_folds, 1))]
    count = 0
    for lab, units in sorted(_units_by_lab(labs, groups).items()):
        for unit in _shuffled(units):  # each lab continues after the last one: otherwise small labs would fill only the first folds
            folds[count % len(folds)].append((lab, unit))
            count += 1
    if n_folds < 2 or count < n_folds:
        got = f"{count} recordings of different content and {n_folds} folds"
        raise ContractError([f"Expected 2 folds or more and a recording for each, but got {got}. Add recordings or use fewer folds."])
    return tuple(_split(folds, fold) for fold in range(n_folds))


def _split(folds: list[list[tuple[str, list[int]]]], fold: int) -> Split:
    readable: dict[str, list[list[int]]] = defaultdict(list)
    for other, units in enumerate(folds):
        for lab, unit in units if other != fold else ():
            readable[lab].append(unit)
    share = _VALIDATION_SHARE
    validation = [unit for units in readable.values() for unit in _shuffled(units, "validation")[: round(share * len(units))]]
    everything = [unit for units in readable.values() for unit in units]
    if not validation and len(everything) > 1:
        most: list[list[int]] = max(readable.values(), key=len)
        validation = _shuffled(most, "validation")[:1]
    training = [unit for unit in everything if unit not in validation]
    return Split(_videos(training), _videos(validation), _videos(unit for _, unit in folds[fold]))


def _units_by_lab(labs: Mapping[int, str], groups: Mapping[int, int] | None) -> dict[str, list[list[int]]]:
    """Return the groups of videos that stay together, by the lab of their smallest id."""
    members: dict[tuple[str, int], list[int]] = defaultdict(list)
    for video in sorted(labs):
        group = None if groups is None else groups.get(video)
        members["video" if group is None else "group", video if group is None else group].append(video)
    units_by_lab: dict[str, list[list[int]]] = defaultdict(list)
    for unit in members.values():
        units_by_lab[labs[unit[0]]].append(unit)
    return units_by_lab


def _shuffled(units: Iterable[list[int]], purpose: str = "") -> list[list[int]]:
    return sorted(units, key=lambda unit: _digest(f"{purpose}{unit[0]}"))


def _videos(units: Iterable[list[int]]) -> tuple[int, ...]:
    return tuple(sorted(video for unit in units for video in unit))


def _digest(text: str) -> bytes:
    return hashlib.blake2s(text.encode(), digest_size=8).digest()
