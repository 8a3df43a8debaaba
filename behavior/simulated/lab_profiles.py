"""How each of the 19 annotated MABe labs records: frame rate, scale, bodyparts, mice, arena and behaviors, for simulated recordings.

Frame rates, scales, arenas, bodyparts and behaviors follow the published files; durations and frequencies of behaviors are rounded.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from behavior.ethogram import SELF_BEHAVIORS

# fmt: off
BOUT_MEDIANS_S = {
    "allogroom": 2.0, "approach": 0.9, "attack": 1.0, "attemptmount": 1.2, "avoid": 0.9, "biteobject": 1.5, "chase": 1.3,
    "chaseattack": 1.4, "climb": 1.6, "defend": 1.0, "dig": 1.8, "disengage": 0.9, "dominance": 1.6, "dominancegroom": 2.0,
    "dominancemount": 1.8, "ejaculate": 10.0, "escape": 0.7, "exploreobject": 2.0, "flinch": 0.3, "follow": 2.5, "freeze": 2.5,
    "genitalgroom": 2.5, "huddle": 8.0, "intromit": 6.0, "mount": 2.5, "rear": 1.2, "reciprocalsniff": 1.2, "rest": 10.0,
    "run": 1.0, "selfgroom": 3.0, "shepherd": 2.5, "sniff": 1.2, "sniffbody": 1.0, "sniffface": 0.5, "sniffgenital": 1.0,
    "submit": 1.4, "tussle": 1.5,
}
# fmt: on
"""Median length of a bout in seconds, unless a lab's profile has another."""


@dataclass(frozen=True)
class LabProfile:
    """How one lab records and annotates mice."""

    name: str
    """lab_id of the recordings."""
    fps: float
    """Frames per second."""
    pix_per_cm: float
    """Scale, pixels per cm."""
    bodyparts: tuple[str, ...]
    """Names as the lab writes them, aliases included."""
    arena_cm: tuple[float, float]
    """Width and height, cm."""
    behaviors: tuple[str, ...]
    """Behaviors that occur and are annotated."""
    mice: int = 2
    """Number of mice, 1 to 4."""
    seconds: float = 600.0
    """Length of a recording."""
    listed_only: tuple[str, ...] = ()
    """Behaviors that are annotated but never occur."""
    unlisted: tuple[str, ...] = ()
    """Behaviors that occur but are not annotated."""
    meanings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By name: the behaviors that the lab means by it, if not only the one of that name."""
    margins_s: tuple[float, float] = (0.0, 0.0)
    """How much earlier the experts' bouts begin and how much later they end, seconds; negative for later and earlier."""
    bout_medians_s: dict[str, float] = field(default_factory=dict)
    """Bout lengths that differ from BOUT_MEDIANS_S, seconds."""
    weights: dict[str, int] = field(default_factory=dict)
    """Relative frequencies of behaviors; 1 by default."""
    gap_median_s: float = 1.6
    """Median time between two bouts of a mouse, seconds."""
    annotated_share: float = 1.0
    """Share of the ordered mouse pairs that experts annotated; at least one is."""
    missing_rate: float = 0.02
    """Share of the points that the tracker lost, in frames that it has."""
    gap_rate: float = 0.0
    """Share of the frames that the tracker lost for all mice."""
    nan_share: float = 0.0
    """Share of the lost points that are written as NaN rows; the others have no row."""
    noise_cm: float = 0.06
    """Standard deviation of the tracker's error, cm."""
    circular: bool = False
    """A round arena; its diameter is the smaller side."""
    arena_type: str = "neutral"
    """Free text of the metadata."""
    tracker: str = "DeepLabCut"
    """Name of the tracking software."""
    mixed_frame_types: bool = False
    """Annotation files of odd seeds hold int32 frames although int16 would do."""
    broken_quotes: bool = False
    """The list of annotated behaviors repeats its entries with stray quotes inside, as some published ones do."""

    def __post_init__(self) -> None:
        faults = []
        if not 1 <= self.mice <= 4:
            faults.append(f"Expected 1 to 4 mice, but got {self.mice}. Change `mice`.")
        meant = [act for acts in self.meanings.values() for act in acts]
        unknown = sorted({*self.behaviors, *self.listed_only, *self.unlisted, *meant}.difference(BOUT_MEDIANS_S))
        if unknown:
            faults.append(f"Expected behaviors of behavior.ethogram, but got {', '.join(unknown)}. Simulated mice know no other behaviors.")
        if self.mice == 1 and not set(self.behaviors) <= set(SELF_BEHAVIORS):
            faults.append("Expected only self behaviors of a mouse that is alone, but got pair behaviors. Raise `mice` or drop them.")
        named = [act for act, _ in self.names]
        if not set(self.meanings) <= set(self.behaviors) or len(set(named)) < len(named) or set(named) & set(self.unlisted):
            got = f"{self.meanings} and unlisted {', '.join(self.unlisted) or 'none'}"
            faults.append(f"Expected at most one name for what a mouse does, one of the lab's behaviors, but got {got}. Sort them.")
        if any((act in SELF_BEHAVIORS) != (name in SELF_BEHAVIORS) for name, acts in self.meanings.items() for act in acts):
            faults.append(f"Expected a name to mean self behaviors or pair behaviors, but got {self.meanings}. Divide them.")
        if max(self.margins_s) > 0.3 or min(self.margins_s) < -0.2 or sum(self.margins_s) > 0.45:
            faults.append(f"Expected margins that fit between two bouts, but got {self.margins_s} s. Use -0.2 to 0.3 s, 0.45 s in all.")
        for name in ("missing_rate", "gap_rate", "nan_share", "annotated_share"):
            if not 0 <= getattr(self, name) <= 1:
                faults.append(f"Expected {name} to lie in 0 to 1, but got {getattr(self, name)}. Change the profile.")
        if faults:
            raise ValueError("\n".join(sorted(faults)))

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """Pairs of a behavior and its name in this lab; behaviors without a name are not annotated."""
        return tuple((act, name) for name in self.behaviors for act in self.meanings.get(name, (name,)))

    @property
    def video_px(self) -> tuple[int, int]:
        """Width and height of the picture, even pixels: the arena and a tenth of it on each side."""
        width, height = (2 * round(side * self.pix_per_cm * 1.2 / 2) for side in self.arena_cm)
        return width, height

    def bout_median_s(self, behavior: str) -> float:
        """Return the typical length of a bout in this lab, seconds."""
        return self.bout_medians_s.get(behavior, BOUT_MEDIANS_S[behavior])


def profiles_of(name: str) -> tuple[LabProfile, ...]:
    """Return all profiles of a lab, the usual one first: some labs changed their frame rate, scale, mice or bodyparts."""
    return (PROFILES[name], *_OTHERS.get(name, ()))


_FIVE = ("body_center", "ear_left", "ear_right", "nose", "tail_base")
_HIPS = ("ear_left", "ear_right", "hip_left", "hip_right", "neck", "nose", "tail_base")
_SIDES = ("body_center", "ear_left", "ear_right", "lateral_left", "lateral_right", "nose", "tail_base")
_IMPLANT = tuple(f"headpiece_{level}{end}{side}" for level in ("bottom", "top") for end in ("back", "front") for side in ("left", "right"))
_SIDES_TAIL = tuple(sorted({*_SIDES, "tail_tip"}))
_SNAIL = tuple(sorted({*_SIDES, "neck", "tail_midpoint", "tail_tip"}))
_FERRET = tuple(sorted({*_SIDES, "hip_left", "hip_right", "spine_1", "spine_2", "tail_middle_1", "tail_middle_2", "tail_tip"}))


_RECORDED: dict[str, tuple[float, float, tuple[str, ...], tuple[float, float], float]] = {
    "AdaptableSnail": (30, 16, tuple(sorted({*_SNAIL, *_IMPLANT})), (60, 60), 1800),
    "BoisterousParrot": (30, 5.5, _FIVE, (45, 45), 19_801),
    "CautiousGiraffe": (25, 21, _HIPS, (30, 30), 600),
    "DeliriousFly": (60, 16, _SIDES_TAIL, (38, 18.5), 900),
    "ElegantMink": (30, 17.3, _HIPS, (33, 22), 1600),
    "GroovyShrew": (30, 11.2, ("ear_left", "ear_right", "head", "tail_base"), (33, 19), 920),
    "InvincibleJellyfish": (30, 32, _HIPS, (28, 18), 580),
    "JovialSwallow": (10, 15.3, _HIPS, (15, 35), 900),
    "LyricalHare": (120, 10.9, ("ear_left", "ear_right", "nose", "tail_base", "tail_tip"), (30.8, 22.2), 320),
    "NiftyGoldfinch": (30, 13.5, _FIVE, (33, 19), 1000),
    "PleasantMeerkat": (45, 15.8, _SIDES_TAIL, (120, 120), 600),
    "ReflectiveManatee": (25, 15, _SIDES, (35, 20), 600),
    "SparklingTapir": (60, 20, _SIDES, (35, 20), 300),
    "TranquilPanther": (30, 11, _HIPS, (35, 20), 1700),
    "UppityFerret": (25, 12.7, _FERRET, (38, 38), 600),
    "CRIM13": (25, 15, _HIPS, (35, 15), 500),
    "CalMS21_supplemental": (30, 18.33, _HIPS, (35, 15), 600),
    "CalMS21_task1": (30, 18.33, _HIPS, (35, 15), 300),
    "CalMS21_task2": (30, 18.33, _HIPS, (35, 15), 600),
}
"""fps, pix_per_cm, bodyparts, arena_cm, seconds."""

_ACTED = {
    "AdaptableSnail": "approach attack avoid chase chaseattack rear submit",
    "BoisterousParrot": "shepherd",
    "CautiousGiraffe": "chase escape reciprocalsniff sniff sniffbody sniffgenital",
    "DeliriousFly": "attack dominance sniff",
    "ElegantMink": "allogroom attack attemptmount ejaculate intromit mount sniff",
    "GroovyShrew": "approach attemptmount climb defend dig escape rear rest run selfgroom sniff sniffgenital",
    "InvincibleJellyfish": "allogroom attack dig dominancegroom escape selfgroom sniff sniffgenital",
    "JovialSwallow": "attack chase sniff",
    "LyricalHare": "approach attack defend escape freeze rear sniff",
    "NiftyGoldfinch": (
        "approach attack biteobject chase climb defend dig escape exploreobject flinch follow "
        "rear selfgroom sniff sniffface sniffgenital tussle"
    ),
    "PleasantMeerkat": "attack chase escape follow",
    "ReflectiveManatee": "attack sniff",
    "SparklingTapir": "attack defend escape mount",
    "TranquilPanther": "intromit mount rear selfgroom sniff sniffgenital",
    "UppityFerret": "huddle reciprocalsniff sniffgenital",
    "CRIM13": "approach attack disengage mount rear selfgroom sniff",
    "CalMS21_supplemental": "approach attack attemptmount dominancemount intromit mount sniff sniffbody sniffface sniffgenital",
    "CalMS21_task1": "approach attack genitalgroom intromit mount sniff sniffbody sniffface sniffgenital",
    "CalMS21_task2": "attack mount sniff",
}

_RESIDENT: dict[str, Any] = {"arena_type": "resident-intruder", "annotated_share": 0.5}
_SLEAP: dict[str, Any] = {"tracker": "SLEAP", "gap_rate": 0.01, "mixed_frame_types": True}
_MARS: dict[str, Any] = {"tracker": "MARS"}
_OWN: dict[str, dict[str, Any]] = {
    "AdaptableSnail": {
        "mice": 4,
        "annotated_share": 0.75,
        "missing_rate": 0.03,
        "gap_rate": 0.01,
        "arena_type": "familiar",
        "mixed_frame_types": True,
    },
    "BoisterousParrot": {"gap_median_s": 12},
    "CautiousGiraffe": {"listed_only": ("approach",), "gap_rate": 0.005},
    "DeliriousFly": {**_RESIDENT, "broken_quotes": True},
    "ElegantMink": {
        **_RESIDENT,
        **_SLEAP,
        "listed_only": ("rear", "selfgroom", "sniffgenital"),
        "weights": {"sniff": 4, "mount": 3, "intromit": 3},
    },
    "GroovyShrew": {**_SLEAP, "listed_only": ("intromit", "mount"), "weights": {"sniff": 3, "rear": 3, "climb": 2}},
    "InvincibleJellyfish": {**_RESIDENT, **_MARS},
    "JovialSwallow": {"tracker": "SLEAP", "missing_rate": 0.04, "gap_rate": 0.01, "nan_share": 0.3, "arena_type": "resident-intruder"},
    "LyricalHare": {"weights": {"sniff": 2, "rear": 2}, "mixed_frame_types": True},
    "NiftyGoldfinch": {**_SLEAP, "bout_medians_s": {"sniffface": 0.37}, "weights": {"sniff": 3, "rear": 2, "sniffgenital": 2}},
    "PleasantMeerkat": {
        "bout_medians_s": {"attack": 0.2, "chase": 0.2, "escape": 0.2, "follow": 8.0},
        "gap_median_s": 6,
        "gap_rate": 0.005,
        "arena_type": "divided territories",
    },
    "ReflectiveManatee": {**_RESIDENT, "broken_quotes": True},
    "SparklingTapir": {"listed_only": ("sniffgenital",), "arena_type": "resident-intruder"},
    "TranquilPanther": {**_RESIDENT, **_SLEAP, "missing_rate": 0.04, "weights": {"sniff": 3, "sniffgenital": 2, "rear": 3}},
    "UppityFerret": {"listed_only": ("intromit", "mount", "rear", "selfgroom", "sniff"), "circular": True},
    "CRIM13": {**_MARS, "arena_type": "resident-intruder"},
    "CalMS21_supplemental": {**_RESIDENT, **_MARS, "mixed_frame_types": True, "weights": {"sniff": 3, "approach": 2, "sniffgenital": 2}},
    "CalMS21_task1": {**_RESIDENT, **_MARS},
    "CalMS21_task2": {**_RESIDENT, **_MARS},
}


def _profile(name: str) -> LabProfile:
    fps, pix_per_cm, bodyparts, arena_cm, seconds = _RECORDED[name]
    return LabProfile(name, fps, pix_per_cm, bodyparts, arena_cm, tuple(_ACTED[name].split()), seconds=seconds, **_OWN[name])


PROFILES: dict[str, LabProfile] = {name: _profile(name) for name in _RECORDED}
"""The usual profile of each lab."""

_OTHERS: dict[str, tuple[LabProfile, ...]] = {
    "AdaptableSnail": (
        replace(PROFILES["AdaptableSnail"], mice=3, bodyparts=_SNAIL),
        replace(PROFILES["AdaptableSnail"], mice=3, fps=25, pix_per_cm=9.7, bodyparts=_SNAIL),
    ),
    "DeliriousFly": (replace(PROFILES["DeliriousFly"], fps=60.01),),
    "ElegantMink": (replace(PROFILES["ElegantMink"], pix_per_cm=20.3, arena_cm=(33, 16)),),
    "GroovyShrew": (replace(PROFILES["GroovyShrew"], pix_per_cm=9.8),),
    "LyricalHare": (replace(PROFILES["LyricalHare"], fps=120.02),),
    "SparklingTapir": tuple(
        replace(PROFILES["SparklingTapir"], fps=fps, pix_per_cm=scale) for fps, scale in ((30, 15), (50, 30), (120, 65))
    ),
    "TranquilPanther": (replace(PROFILES["TranquilPanther"], pix_per_cm=13.7),),
    "UppityFerret": (replace(PROFILES["UppityFerret"], fps=24.36, pix_per_cm=13),),
}
