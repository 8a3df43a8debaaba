"""Reconciliation: the input of a step must equal the sum of its outcomes, so that nothing is lost or counted twice."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Balance:
    """Counts of one unit: the input, counted at the source, and the outcomes, counted at the destination."""

    unit: str
    """Recordings, files or rows."""
    total: int
    """Number in the input."""
    parts: Mapping[str, int]
    """Number by outcome."""

    def __post_init__(self) -> None:
        """Raise RuntimeError if it does not add up: then the program has a bug."""
        if self.total != sum(self.parts.values()):
            raise RuntimeError(f"Expected {self} to add up, but got {sum(self.parts.values()):,}. Report this; nothing was published.")

    @classmethod
    def from_json(cls, unit: str, counts: Mapping[str, int]) -> Self:
        """Return the balance of `to_json`."""
        return cls(unit, counts["in"], {outcome: count for outcome, count in counts.items() if outcome != "in"})

    def to_json(self) -> dict[str, int]:
        """Return the input as `in`, and the outcomes, for the summary of a step."""
        return {"in": self.total, **self.parts}

    def __str__(self) -> str:
        """Return such as 'recordings: 8 in = 6 accepted + 1 quarantined + 1 excluded + 0 repeated'."""
        return f"{self.unit}: {self.total:,} in = {' + '.join(f'{count:,} {outcome}' for outcome, count in self.parts.items())}"
