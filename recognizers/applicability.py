"""Does a recognizer fit recordings that it was not made for: bodyparts, frame rate, units, behaviors, labs, and distance from its training.

Axes: N samples, F features.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from behavior.labelling import Subject
from behavior.material import Material
from behavior.recording import Recording
from behavior.skeleton import IGNORED, canonical
from behavior.views.pair_features import PairFeatures, common_bodyparts
from behavior.views.scaler import RobustScaler
from recognizers.recognizer import Recognizer, View, labelling_of


class Verdict(StrEnum):
    """How well one side of the recordings fits."""

    FITS = "fits"
    LOOK = "look"
    """It works, but worse than on recordings like those of training."""
    UNFIT = "unfit"
    """The recognizer cannot work on these recordings."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Check:
    """One side of the recordings."""

    name: str
    """What was checked."""
    verdict: Verdict
    text: str
    """What was seen; one line."""


LEAST_PARTS = 0.5
"""A recognizer that gets fewer of its bodyparts sees too little."""
FAR = 1.0
"""A feature is far if its median moved by so many interquartile ranges of the training recordings."""
FAR_SHARE = 0.1
"""Up to this share of far features is usual between recordings of one lab."""
_ROWS = 2000
"""Samples of one subject, evenly spaced, that distance is measured on."""


def applicability(recognizer: Recognizer, materials: Sequence[Material], reference: Sequence[Material] = ()) -> list[Check]:
    """Return all checks of a recognizer on recordings; `reference` are recordings of its training, if they are at hand."""
    recordings = [one.recording for one in materials]
    tracked = [one.tracking.bodyparts for one in materials]
    features = features_of(recognizer)
    return [
        _bodyparts(features.bodyparts if features else (), tracked),
        _frame_rate(features.fps if features else None, recordings),
        _units(recordings),
        _behaviors(recognizer, recordings),
        _labs(recognizer, recordings),
        _distance(recognizer, materials, reference),
    ]


def features_of(recognizer: Any) -> Any:
    """Return the features of a recognizer, or of its first member that has any; None if none has."""
    if hasattr(recognizer, "features"):
        return recognizer.features
    return next((found for member in getattr(recognizer, "members", ()) if (found := features_of(member)) is not None), None)


def _bodyparts(wanted: Sequence[str], tracked: Sequence[tuple[str, ...]]) -> Check:
    if not wanted:
        return Check("bodyparts", Verdict.UNKNOWN, "the recognizer does not say which bodyparts it uses")
    have = [{canonical(part) for part in parts if part not in IGNORED} for parts in tracked]
    everywhere = set.intersection(*have) if have else set()
    used = [part for part in wanted if part in everywhere]
    missing = [part for part in wanted if part not in everywhere]
    share = len(used) / len(wanted)
    unused = sorted(everywhere.difference(wanted))
    verdict = Verdict.UNFIT if not used else Verdict.FITS if not missing else Verdict.LOOK
    text = f"{len(used)} of {len(wanted)} bodyparts of the recognizer are tracked in all recordings"
    text += f"; missing: {_some(missing)}" if missing else ""
    text += f"; not used: {_some(unused)}" if unused else ""
    text += "; that is too few" if 0 < share < LEAST_PARTS else ""
    return Check("bodyparts", verdict, text)


def _frame_rate(wanted: float | None, recordings: Sequence[Recording]) -> Check:
    rates = sorted({one.fps for one in recordings})
    shown = " to ".join(f"{rate:g}" for rate in dict.fromkeys((rates[0], rates[-1])))
    if wanted is None:
        return Check("frame rate", Verdict.UNKNOWN, f"{shown} frames per second")
    low = rates[0] < wanted / 2
    text = f"{shown} frames per second; the recognizer samples {wanted:g} times per second"
    return Check("frame rate", Verdict.LOOK if low else Verdict.FITS, text + ("; fast motion between frames is lost" if low else ""))


def _units(recordings: Sequence[Recording]) -> Check:
    without = [one for one in recordings if not one.pix_per_cm]
    if without:
        text = f"{len(without)} of {len(recordings)} recordings have no scale: lengths are body lengths, not measured centimeters"
        return Check("units", Verdict.LOOK, text)
    return Check("units", Verdict.FITS, "all recordings have a scale; lengths are centimeters")


def _behaviors(recognizer: Recognizer, recordings: Sequence[Recording]) -> Check:
    own, background = set(recognizer.behaviors), labelling_of(recognizer).background
    if recognizer.view is View.ARENA:
        return Check("behaviors", Verdict.FITS, f"groups of behaviors: {_some(sorted(own - {background}))}")
    asked = {triple.behavior for one in recordings for triple in one.annotated}
    if not asked:
        text = f"behaviors_labeled is empty, so all {len(own)} behaviors are looked for: {_some(sorted(own))}"
        return Check("behaviors", Verdict.FITS, text)
    shared, unknown = sorted(asked & own), sorted(asked - own)
    verdict = Verdict.UNFIT if not shared else Verdict.LOOK if unknown else Verdict.FITS
    text = f"{len(shared)} of {len(asked)} behaviors that you ask for are known: {_some(shared) or 'none'}"
    return Check("behaviors", verdict, text + (f"; it can never predict {_some(unknown)}" if unknown else ""))


def _labs(recognizer: Recognizer, recordings: Sequence[Recording]) -> Check:
    labs = sorted({one.lab_id for one in recordings})
    known = [lab for lab in labs if lab in recognizer.decoding.occurring]
    if len(known) == len(labs):
        return Check("labs", Verdict.FITS, f"it was trained on recordings of {_some(labs)}")
    strange = _some([lab for lab in labs if lab not in known])
    return Check("labs", Verdict.LOOK, f"it never saw recordings of {strange}: general thresholds are used")


def _distance(recognizer: Recognizer, materials: Sequence[Material], reference: Sequence[Material]) -> Check:
    """Compare the medians of features with those of training: of the reference, or else as the scaler of a network remembers them."""
    if reference:
        parts = common_bodyparts([one.tracking.bodyparts for one in (*materials, *reference)])
        features = PairFeatures(parts, 30.0)
        scaler = features.fit_scaler(_rows(features, reference))
    else:
        network = _scaled_network(recognizer)
        if network is None or not (network.scaler.median != 0).any():
            return Check("distance", Verdict.UNKNOWN, "the recognizer does not remember its training recordings; name some of them")
        features, scaler = network.features, network.scaler
    moved = shift(_rows(features, materials), scaler)
    known = np.isfinite(moved)
    if not known.any():
        return Check("distance", Verdict.UNKNOWN, "the recordings and the recognizer share no feature")
    far = np.abs(np.nan_to_num(moved)) > FAR
    share = float(far.sum() / known.sum())
    worst = [features.names[place] for place in np.argsort(-np.abs(np.nan_to_num(moved)), kind="stable")[:3] if far[place]]
    text = f"the median of {100 * share:.0f} % of {int(known.sum())} features is more than an interquartile range away"
    return Check("distance", Verdict.FITS if share <= FAR_SHARE else Verdict.LOOK, text + (f", most {_some(worst)}" if worst else ""))


def shift(rows: np.ndarray, scaler: RobustScaler) -> np.ndarray:
    """Return [F]: how far the medians of features [N, F] are from those of the scaler, in its interquartile ranges; NaN if unknown."""
    moved = np.full(rows.shape[1], np.nan)
    for column in range(rows.shape[1]):
        known = rows[np.isfinite(rows[:, column]), column]
        if len(known) and not set(np.unique(known)) <= {0.0, 1.0}:  # masks are no measures
            moved[column] = (np.median(known) - scaler.median[column]) / scaler.iqr[column]
    return moved


def _rows(features: Any, materials: Sequence[Material]) -> np.ndarray:
    """Return features [N, F] of the subjects of all recordings, a few of each."""
    parts = [_thin(features.of(one.tracking, one.recording.fps, subject)) for one in materials for subject in _subjects(one)]
    return np.concatenate([np.empty((0, len(features.names)), np.float32), *parts])


def _subjects(material: Material) -> Iterator[Subject]:
    """Yield the annotated pairs that are tracked; without any, each mouse by itself."""
    pairs = [Subject(*pair) for pair in material.recording.pairs if set(pair) <= set(material.tracking.mice)]
    yield from pairs or [Subject(mouse, mouse) for mouse in material.tracking.mice]


def _thin(rows: np.ndarray) -> np.ndarray:
    return rows[:: max(1, len(rows) // _ROWS)]


def _scaled_network(recognizer: Any) -> Any:
    if hasattr(recognizer, "scaler") and recognizer.view is View.PAIR:
        return recognizer
    return next((found for member in getattr(recognizer, "members", ()) if (found := _scaled_network(member)) is not None), None)


def _some(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def as_json(checks: Sequence[Check]) -> list[Mapping[str, str]]:
    """Return the checks for JSON."""
    return [{"name": one.name, "verdict": str(one.verdict), "text": one.text} for one in checks]
