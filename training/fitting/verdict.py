"""The result of validation in training."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """Score, loss and thresholds from the validation recordings."""

    score: float
    """The best network is the one with the highest score, 0 to 1; which score it is depends on the judge."""
    loss: float
    """Loss on the validation recordings."""
    thresholds: tuple[float, ...]
    """Fitted on the same recordings, one per behavior; empty for a head without thresholds."""
    labs: dict[str, Any]
    """Score per lab and behavior."""

    @classmethod
    def from_json_dict(cls, value: dict[str, Any]) -> "Verdict":
        """Return the inverse of `dataclasses.asdict`, from JSON, which has no tuples."""
        return cls(**{**value, "thresholds": tuple(value["thresholds"])})
