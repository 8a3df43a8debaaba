"""The bodyparts labs track: names, aliases, the ones no recognizer should see, and which left belongs to which right."""

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
"""Two names for one place on the body, depending on the lab."""

IGNORED = frozenset(part for part in BODYPARTS if part.startswith("headpiece_"))
"""Corners of an implant: they move with the head and exist in few labs."""

LEFT_RIGHT = tuple((part, part.replace("left", "right")) for part in BODYPARTS if part.endswith("_left"))
"""Pairs that change names when a pose is mirrored."""


def canonical(bodypart: str) -> str:
    """Return the one name of the place that `bodypart` names; an unknown bodypart keeps its name."""
    return ALIASES.get(bodypart, bodypart)


def canonical_columns(bodyparts: Sequence[str]) -> dict[str, int]:
    """Return where each canonical bodypart stands among the bodyparts of a recording."""
    return {canonical(bodypart): column for column, bodypart in enumerate(bodyparts)}


ARENA_BODYPARTS = tuple(part for part in BODYPARTS if part not in IGNORED and part not in ALIASES and part != "tail_middle_2")
"""The 18 places on a body that the arena view knows. Left out beside the implant and the second names: tail_middle_2, which one lab alone
tracks, between two other points of the tail."""
