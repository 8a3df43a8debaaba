"""How labs annotate differently: the same name means different behaviors, bouts begin and end earlier or later, and only a part of the
behaviors is annotated.

The published labs differ in all three ways, but the details are not published. The habits here are invented, so that a study can measure
how well a recognizer copes with them.
"""

from dataclasses import replace

from behavior.simulated.lab_profiles import PROFILES, LabProfile

COMMON = ("rear", "selfgroom", "sniff", "approach")
"""Behaviors that occur in every lab, whether annotated or not."""

_ANY_SNIFF = ("sniff", "sniffbody", "sniffface", "sniffgenital")
_ANY_MOUNT = ("mount", "attemptmount", "intromit")
_ANY_ATTACK = ("attack", "chaseattack", "tussle")
_MEANINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "CautiousGiraffe": {"chase": ("chase", "follow")},
    "DeliriousFly": {"sniff": _ANY_SNIFF, "attack": _ANY_ATTACK},
    "ElegantMink": {"sniff": ("sniff", "sniffbody", "sniffface")},
    "GroovyShrew": {"sniff": ("sniff", "sniffbody", "sniffface")},
    "InvincibleJellyfish": {"sniff": ("sniff", "sniffbody", "sniffface"), "attack": _ANY_ATTACK},
    "JovialSwallow": {"sniff": _ANY_SNIFF, "chase": ("chase", "follow")},
    "LyricalHare": {"sniff": _ANY_SNIFF, "escape": ("escape", "avoid")},
    "ReflectiveManatee": {"sniff": _ANY_SNIFF, "attack": _ANY_ATTACK},
    "SparklingTapir": {"mount": _ANY_MOUNT, "escape": ("escape", "avoid", "disengage")},
    "TranquilPanther": {"sniff": ("sniff", "sniffbody", "sniffface")},
    "CRIM13": {"sniff": _ANY_SNIFF, "mount": _ANY_MOUNT, "attack": _ANY_ATTACK},
    "CalMS21_task2": {"sniff": _ANY_SNIFF, "mount": _ANY_MOUNT, "attack": _ANY_ATTACK},
}
"""By lab and name: the behaviors that the lab calls by this name; any other name means itself."""

_MARGINS_S = {
    "AdaptableSnail": (0.0, 0.2),
    "BoisterousParrot": (0.2, 0.2),
    "CautiousGiraffe": (-0.2, 0.2),
    "DeliriousFly": (0.15, -0.1),
    "ElegantMink": (0.2, 0.2),
    "GroovyShrew": (-0.15, -0.1),
    "InvincibleJellyfish": (0.1, 0.3),
    "JovialSwallow": (-0.2, 0.3),
    "LyricalHare": (0.0, -0.15),
    "NiftyGoldfinch": (-0.1, 0.1),
    "ReflectiveManatee": (0.3, 0.1),
    "SparklingTapir": (-0.2, 0.0),
    "TranquilPanther": (0.2, 0.0),
    "UppityFerret": (0.1, 0.2),
    "CRIM13": (0.25, 0.15),
    "CalMS21_supplemental": (-0.15, 0.15),
    "CalMS21_task1": (0.0, 0.0),
    "CalMS21_task2": (0.2, 0.2),
}
"""How early a lab's bouts begin and how late they end, seconds."""


def with_habits(profile: LabProfile) -> LabProfile:
    """Return the profile of a lab with its habits; at most a third of the bouts are of behaviors that it does not annotate."""
    meanings = _MEANINGS.get(profile.name, {})
    named = {*profile.behaviors, *profile.listed_only, *(act for acts in meanings.values() for act in acts)}
    unlisted = tuple(act for act in COMMON if act not in named)
    cards = sum(profile.weights.get(behavior, 1) for behavior in profile.behaviors)
    times = -(-2 * len(unlisted) // cards)
    weights = {behavior: max(times, 1) * profile.weights.get(behavior, 1) for behavior in profile.behaviors}
    margins_s = _MARGINS_S.get(profile.name, (0.0, 0.0))
    return replace(profile, meanings=meanings, unlisted=unlisted, weights=weights, margins_s=margins_s)


HABITUAL: dict[str, LabProfile] = {name: with_habits(profile) for name, profile in PROFILES.items()}
"""The usual profile of each lab, with its habits."""
