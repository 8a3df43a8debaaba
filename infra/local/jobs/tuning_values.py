"""The values that a tuning job tries: one draw after the other (Random), or all combinations (Grid).

The other strategies (Bayesian, Hyperband) exist on AWS only.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping
from typing import Any

Ranges = Mapping[str, Any]
"""ParameterRanges of a request."""
_KINDS = ("IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges")


def ranges_of(ranges: Ranges, *kinds: str) -> list[Mapping[str, Any]]:
    """Return the ranges of some kinds, or of all."""
    return [each for kind in kinds or _KINDS for each in ranges.get(kind) or []]


def combinations(ranges: Ranges) -> int:
    """Return how many combinations the categories have."""
    return math.prod(len(each["Values"]) for each in ranges_of(ranges, "CategoricalParameterRanges"))


def tried_values(strategy: str, ranges: Ranges, seed: int | None) -> Iterator[dict[str, str]]:
    """Yield name -> value, as text, of one job after the other; with the same seed the same ones."""
    if strategy == "Grid":
        categories = ranges_of(ranges, "CategoricalParameterRanges")
        for values in itertools.product(*(each["Values"] for each in categories)):
            yield {each["Name"]: str(value) for each, value in zip(categories, values, strict=True)}
        return
    chance = random.Random(seed)
    while True:
        yield {
            **{each["Name"]: str(_whole(each, chance)) for each in ranges_of(ranges, "IntegerParameterRanges")},
            **{each["Name"]: repr(_drawn(each, chance)) for each in ranges_of(ranges, "ContinuousParameterRanges")},
            **{each["Name"]: str(chance.choice(each["Values"])) for each in ranges_of(ranges, "CategoricalParameterRanges")},
        }


def _whole(each: Mapping[str, Any], chance: random.Random) -> int:
    """Draw a whole number, each value of a linear range equally often."""
    low, high = int(each["MinValue"]), int(each["MaxValue"])
    if each.get("ScalingType") != "Logarithmic":
        return chance.randint(low, high)
    drawn = _drawn({**each, "MinValue": low - 0.5 if low > 1 else low, "MaxValue": high + 0.5}, chance)
    return min(max(round(drawn), low), high)


def _drawn(each: Mapping[str, Any], chance: random.Random) -> float:
    low, high = float(each["MinValue"]), float(each["MaxValue"])
    scale = each.get("ScalingType")
    if scale == "Logarithmic":
        return min(max(math.exp(chance.uniform(math.log(low), math.log(high))), low), high)
    if scale == "ReverseLogarithmic":
        return 1 - math.exp(chance.uniform(math.log(1 - high), math.log(1 - low)))
    return chance.uniform(low, high)  # Auto too: AWS chooses a scale by what it learned of earlier jobs
