"""The bodyparts that labs track: names, aliases, and the ones that no recognizer should see."""

import itertools
from collections.abc import Sequence

BODYPARTS = (
    "body_center",
    "ear_left",
    "ear_right",
    "forepaw_left",
    "forepaw_right",
    "head",
    "headpiece_bottombackleft",
    "headpiece_bottombackright",
    "headpiece_bottomfrontleft",
    "headpiece_bottomfrontright",
    "headpiece_topbackleft",
    "headpiece_topbackright",
    "headpiece_topfrontleft",
    "headpiece_topfrontright",
    "hindpaw_left",
    "hindpaw_right",
    "hip_left",
    "hip_right",
    "lateral_left",
    "lateral_right",
    "neck",
    "nose",
    "spine_1",
    "spine_2",
    "tail_base",
    "tail_middle_1",
    "tail_middle_2",
    "tail_midpoint",
    "tail_tip",
)
"""The 29 names of the MABe recordings."""

ALIASES = {"hip_left": "lateral_left", "hip_right": "lateral_right"}
"""Other names that some labs use for the same place on the body."""

IGNORED = frozenset(part for part in BODYPARTS if part.startswith("headpiece_"))
"""Corners of an implant: they move with the head and exist in few labs."""


def canonical(bodypart: str) -> str:
    """Return the common name of the same place on the body; an unknown bodypart keeps its name."""
    return ALIASES.get(bodypart, bodypart)


def canonical_columns(bodyparts: Sequence[str]) -> dict[str, int]:
    """Return the column of each canonical bodypart among the bodyparts of a recording."""
    return {canonical(bodypart): column for column, bodypart in enumerate(bodyparts)}


ARENA_BODYPARTS = tuple(part for part in BODYPARTS if part not in IGNORED and part not in ALIASES and part != "tail_middle_2")
"""The 18 bodyparts of the arena view: without the implant, the other names, and tail_middle_2, which only one lab tracks."""

_SPINE = (
    "nose",
    "head",
    "neck",
    "spine_1",
    "body_center",
    "spine_2",
    "tail_base",
    "tail_middle_1",
    "tail_midpoint",
    "tail_middle_2",
    "tail_tip",
)
_LIMBS = (
    ("ear", ("nose", "head"), ("neck", "spine_1", "body_center", "head")),
    ("forepaw", ("neck", "spine_1", "body_center"), ()),
    ("lateral", ("neck", "spine_1", "body_center"), ("tail_base", "spine_2")),
    ("hindpaw", ("tail_base", "spine_2", "body_center"), ()),
)
"""Bodyparts on the left and the right, and what each of them is drawn to: the first that is tracked of each list."""


def edges(bodyparts: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Return which bodyparts of a recording to join with lines in a picture, as pairs of their columns."""
    column = canonical_columns(bodyparts)
    spine = [part for part in _SPINE if part in column]
    joined = list(itertools.pairwise(spine))
    for limb, *lists in _LIMBS:
        for part in (f"{limb}_left", f"{limb}_right"):
            ends = [next((one for one in names if one in column), None) for names in lists]
            joined += [(part, end) for end in dict.fromkeys(ends) if end and part in column]
    return tuple((column[one], column[other]) for one, other in joined)
