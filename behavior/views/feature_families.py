"""Families of features, in words that a biologist uses: "distance between the mice" instead of 40 columns."""

import re
from collections.abc import Sequence

AGENT, TARGET, BOTH = "agent", "target", "both"
DISTANCE, DIRECTION, APPROACH, LOST = "distance between the mice", "who faces whom", "approach", "lost points"
SPEED, TURNING, POSTURE, PLACE = "speed", "turning", "posture", "place in the arena"
_HEAD = re.compile(r"front|nose|head|ear_(left|right)|forepaw_(left|right)")
_TAIL = re.compile(r"back|tail_.*")
_OF_ARENA = re.compile(r"([xy]_m|seen)_arena_(low|high)")
_STATISTIC = re.compile(r" (mean|dev) [\d.]+s(, [+-][\d.]+s)?$")
_SIGNALS: tuple[tuple[str, str], ...] = (
    (r"lost|m_.*|seen_.*", LOST),
    (r".* speed [\d.]+s|(forward|sideways) [\d.]+s|v[xy]_.*|(speed|acceleration)_.*", SPEED),
    (r"turn [\d.]+s", TURNING),
    (r"bend", POSTURE),
    (r".* (ahead|aside) cm|facing|headings", DIRECTION),
    (r"(approach|opening|passing) [\d.]+s", APPROACH),
    (r".* to .* cm|center center cm|rel_.*|(?P<part>\S+) (?P=part) cm", DISTANCE),
    (r"\S+ \S+ cm", POSTURE),
)
"""Patterns of names, in the order in which they are tried, and their families."""
_OF_BOTH = {DISTANCE, APPROACH, DIRECTION, LOST}
"""Families that are about both mice, whoever they are measured from."""


def families(names: Sequence[str]) -> tuple[str, ...]:
    """Return the family of each named column of any view."""
    return tuple(map(_family, names))


def _family(name: str) -> str:
    own = _STATISTIC.sub("", name)
    owner = TARGET if own.startswith("t_") else BOTH if own.startswith(("low ", "high ")) else AGENT
    own = own.removeprefix("t_").removeprefix("low ").removeprefix("high ")
    if _OF_ARENA.fullmatch(own):
        return f"{owner}: {PLACE}"
    if track := re.fullmatch(r"[xy]_m_(.*)", own):  # bare tracks: their network makes everything else from them
        return f"{owner}: where its {_region(track[1])} is"
    if keypoint := re.fullmatch(r"(x|y|speed|acceleration)_(mouse\d)_.*", own):
        kind = PLACE if keypoint[1] in "xy" else SPEED
        return f"{keypoint[2].replace('mouse', 'mouse ')}: {kind}"
    for pattern, family in _SIGNALS:
        if re.fullmatch(pattern, own):
            return family if family in _OF_BOTH else f"{owner}: {family}"
    return f"{owner}: {PLACE}"


def _region(point: str) -> str:
    return "head" if _HEAD.fullmatch(point) else "tail" if _TAIL.fullmatch(point) else "body"
