"""Drift: new recordings against those that a recognizer was trained on, lab by lab and measure by measure.

The rule. A value is unusual if it lies more than `MOST_DEVIATIONS` standard deviations from the median of the lab's reference recordings;
the standard deviation is estimated from the median distance to the median, so that a few strange recordings do not widen it. A lab
has drifted in a measure if the median of its new recordings is unusual.

With fewer than `LEAST_REFERENCE` reference recordings of a lab, the deviation is the usual one within labs. A lab without any is compared
with the recordings of all labs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_DEVIATIONS = 4.0
"""In 20 normally distributed recordings, one is farther away by chance about once in 800 measures."""
LEAST_REFERENCE = 5
"""Fewer recordings do not say how much a measure varies."""
_DEVIATION_OF_MEDIAN_DISTANCE = 1.4826
_LEAST_SHARE = 0.05
"""The standard deviation counts as this share of the median at least: a camera that never moved has no variation at all."""
_LEAST_DEVIATION = {", %": 0.5, ", 1/min": 0.1}
"""By the unit of a measure: its standard deviation counts as at least so much, because small shares vary little and matter little."""
ALL_LABS = "all labs"


@dataclass(frozen=True)
class Measured:
    """The measures of one recording."""

    lab: str
    """Its lab."""
    name: str
    """Its name on pages."""
    values: Mapping[str, float]
    """By measure, with its unit in the name; without measures that are unknown."""


@dataclass(frozen=True)
class Compared:
    """One measure of one lab."""

    lab: str
    """The lab of the new recordings."""
    measure: str
    """The measure."""
    against: str
    """Whose reference recordings they are compared with: the lab, or all labs."""
    reference: tuple[float, ...]
    """Values of the reference recordings."""
    new: tuple[tuple[str, float], ...]
    """Names and values of the new recordings."""
    usual: tuple[float, float] | None
    """Lowest and highest usual value; None with too few reference recordings."""

    @property
    def new_median(self) -> float:
        """Median of the new recordings."""
        return float(np.median([value for _, value in self.new]))

    @property
    def unusual(self) -> tuple[str, ...]:
        """Names of the new recordings with an unusual value."""
        return tuple(name for name, value in self.new if self._is_unusual(value))

    @property
    def drifted(self) -> bool:
        """Whether the median of the new recordings is unusual."""
        return self._is_unusual(self.new_median)

    def _is_unusual(self, value: float) -> bool:
        return self.usual is not None and not self.usual[0] <= value <= self.usual[1]


def compare(reference: Sequence[Measured], new: Sequence[Measured]) -> list[Compared]:
    """Return a comparison for each lab and measure of the new recordings that any reference recording has, sorted by lab."""
    compared = []
    for lab in sorted({one.lab for one in new}):
        of_lab = [one for one in new if one.lab == lab]
        for measure in dict.fromkeys(name for one in of_lab for name in one.values):
            by_lab = _by_lab(reference, measure)
            if by_lab:
                known = tuple((one.name, float(one.values[measure])) for one in of_lab if measure in one.values)
                against, values = (lab, by_lab[lab]) if lab in by_lab else (ALL_LABS, [x for own in by_lab.values() for x in own])
                within = values if len(values) >= LEAST_REFERENCE else _around_medians(by_lab)
                compared.append(Compared(lab, measure, against, tuple(values), known, usual_range(values, within, _least(measure))))
    return compared


def usual_range(values: Sequence[float], within: Sequence[float], least: float = 0.0) -> tuple[float, float] | None:
    """Return the lowest and the highest usual value around `values`, if they vary as much as `within`; None if these are too few.

    The standard deviation is at least `least`.
    """
    if len(within) < LEAST_REFERENCE:
        return None
    middle = float(np.median(values))
    distances = np.abs(np.array(within) - np.median(within))
    deviation = max(_DEVIATION_OF_MEDIAN_DISTANCE * float(np.median(distances)), _LEAST_SHARE * abs(middle), least)
    return middle - MOST_DEVIATIONS * deviation, middle + MOST_DEVIATIONS * deviation


def to_json_list(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """Return what `from_json_list` reads."""
    return [{"lab": one.lab, "name": one.name, "values": dict(one.values)} for one in measured]


def from_json_list(value: Sequence[Mapping[str, Any]]) -> list[Measured]:
    """Read what `to_json_list` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    return [Measured(str(one["lab"]), str(one["name"]), {str(name): float(x) for name, x in one["values"].items()}) for one in value]


def _by_lab(measured: Sequence[Measured], measure: str) -> dict[str, list[float]]:
    by_lab: dict[str, list[float]] = {}
    for one in measured:
        if measure in one.values:
            by_lab.setdefault(one.lab, []).append(float(one.values[measure]))
    return by_lab


def _least(measure: str) -> float:
    return next((value for unit, value in _LEAST_DEVIATION.items() if measure.endswith(unit)), 0.0)


def _around_medians(by_lab: Mapping[str, Sequence[float]]) -> list[float]:
    """Return the distances of all values to the medians of their labs."""
    return [value - float(np.median(own)) for own in by_lab.values() for value in own]
