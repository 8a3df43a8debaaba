"""Three points of a mouse that can be computed in every lab: its front, its center, its back."""

from collections.abc import Collection

from behavior.curation import Curated
from behavior.skeleton import canonical_columns

ANCHORS = {
    "front": (("nose",), ("head",), ("ear_left", "ear_right"), ("neck",), ("spine_1",)),
    "center": (("body_center",), ("lateral_left", "lateral_right"), ("spine_2",), ("spine_1",), ("neck", "tail_base")),
    "back": (("tail_base",), ("lateral_left", "lateral_right"), ("spine_2",), ("tail_midpoint",)),
}
"""By name: sets of bodyparts, best first; the anchor is the mean of the first set that is known."""


def anchor_parts(anchor: str, known: Collection[str]) -> tuple[str, ...]:
    """Return the first set of an anchor's bodyparts that are all known; () if there is none."""
    return next((choice for choice in ANCHORS[anchor] if all(part in known for part in choice)), ())


def seen_columns(curated: Curated, row: int) -> dict[str, int]:
    """Return the column of each canonical bodypart that is seen at least once, for the mouse in a row of the pose."""
    columns = canonical_columns(curated.bodyparts)
    return {part: column for part, column in columns.items() if curated.seen[row, column].any()}
