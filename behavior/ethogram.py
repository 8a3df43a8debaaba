"""The behaviors: 37 of the MABe ethogram (11 a mouse does by itself, 26 toward another), and their groups.

A lab may have behaviors of its own: `ethogram` puts them after the known ones. The target of a bout (target == agent) says whether it
is a self behavior, not its name: labs differ (some annotate freezing as one mouse toward another).
"""

from collections.abc import Iterable

SELF_BEHAVIORS = (
    "biteobject",
    "climb",
    "dig",
    "exploreobject",
    "freeze",
    "genitalgroom",
    "huddle",
    "rear",
    "rest",
    "run",
    "selfgroom",
)
PAIR_BEHAVIORS = (
    "allogroom",
    "approach",
    "attack",
    "attemptmount",
    "avoid",
    "chase",
    "chaseattack",
    "defend",
    "disengage",
    "dominance",
    "dominancegroom",
    "dominancemount",
    "ejaculate",
    "escape",
    "flinch",
    "follow",
    "intromit",
    "mount",
    "reciprocalsniff",
    "shepherd",
    "sniff",
    "sniffbody",
    "sniffface",
    "sniffgenital",
    "submit",
    "tussle",
)
BEHAVIORS = SELF_BEHAVIORS + PAIR_BEHAVIORS

BACKGROUND = "background"
_GROUP_MEMBERS = {
    "social": "allogroom approach avoid disengage escape flinch follow huddle reciprocalsniff shepherd "
    "sniff sniffbody sniffface sniffgenital submit",
    "mating": "attemptmount dominancemount ejaculate intromit mount",
    "aggressive": "attack chase chaseattack defend dominance dominancegroom tussle",
}
GROUPS = {behavior: group for group, members in _GROUP_MEMBERS.items() for behavior in members.split()}
"""Behavior to one of the three groups of the Conv1D-BiLSTM; a behavior that is missing here is background."""


def ethogram(behaviors: Iterable[str]) -> tuple[str, ...]:
    """Order behaviors: the known ones in the order of `BEHAVIORS`, then a lab's own by name, each once."""
    distinct = set(behaviors)
    known = tuple(behavior for behavior in BEHAVIORS if behavior in distinct)
    return known + tuple(sorted(distinct.difference(BEHAVIORS)))
