"""Which distribution requires which, followed to the end over what is installed; and what of it is missing or of a wrong version."""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@dataclass(frozen=True)
class Demand:
    """One distribution's requirement of another."""

    of: str
    requirement: str


def demands(
    roots: Iterable[str],
    platform: Mapping[str, str] | None = None,
    path: Sequence[str] | None = None,
    not_beyond: Collection[str] = (),
) -> dict[str, list[Demand]]:
    """Follow requirements from `roots` on; return all demands by the canonical name of what they ask for.

    `platform` replaces variables of markers, such as {"sys_platform": "linux"}; `path` is where distributions lie (default: sys.path);
    what distributions named in `not_beyond` ask for is not followed. The end of a branch is a distribution that is not installed.
    """
    reached: dict[str, list[Demand]] = {}
    waiting = [Demand("pyproject.toml", root) for root in roots]
    while waiting:
        demand = waiting.pop()
        asked = Requirement(demand.requirement)
        name = canonicalize_name(asked.name)
        if demand in reached.setdefault(name, []):
            continue
        reached[name].append(demand)
        if name not in not_beyond:
            waiting += [Demand(name, text) for text in _requires(name, asked.extras, platform or {}, path)]
    return reached


def faults(reached: Mapping[str, Iterable[Demand]], path: Sequence[str] | None = None) -> list[str]:
    """Return a line for each demand that what is installed does not meet."""
    lines = []
    for name, asked in sorted(reached.items()):
        distribution = _installed(name, path)
        got = distribution.version if distribution else "nothing"
        for demand in asked:
            if not distribution or not Requirement(demand.requirement).specifier.contains(got, prereleases=True):
                lines.append(f"{demand.of} expects {demand.requirement}, but got {got}")
    return lines


def _requires(name: str, extras: Collection[str], platform: Mapping[str, str], path: Sequence[str] | None) -> list[str]:
    distribution = _installed(name, path)
    texts = distribution.requires or () if distribution else ()
    return [text for text in texts if any(_applies(text, {**platform, "extra": extra}) for extra in ("", *extras))]


def _applies(text: str, variables: dict[str, str]) -> bool:
    marker = Requirement(text).marker
    return marker is None or marker.evaluate(variables)


def _installed(name: str, path: Sequence[str] | None) -> Distribution | None:
    return next(iter(Distribution.discover(name=name, path=list(sys.path if path is None else path))), None)
