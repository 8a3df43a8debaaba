"""Reconciliation: how much went into a step, and what became of it. Nothing may get lost on the way, and nothing may be there twice."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Balance:
    """Of one unit: what went in, counted where it came from, and what became of it, counted where it went."""

    unit: str
    """What is counted: recordings, files or rows."""
    total: int
    """How many went in."""
    parts: Mapping[str, int]
    """How many had each outcome."""

    def __post_init__(self) -> None:
        """Raise RuntimeError if it does not add up: a mistake of the program, which no user can mend."""
        if self.total != sum(self.parts.values()):
            raise RuntimeError(f"Expected {self} to add up, but got {sum(self.parts.values()):,}. Report this; nothing was published.")

    def __str__(self) -> str:
        """Return such as 'recordings: 8 in = 6 accepted + 1 quarantined + 1 excluded + 0 repeated'."""
        return f"{self.unit}: {self.total:,} in = {' + '.join(f'{count:,} {outcome}' for outcome, count in self.parts.items())}"
