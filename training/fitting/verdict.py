"""What validation says about a recognizer in training."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """Score, loss and what was fitted on the recordings that validate."""

    score: float
    """What the best network is chosen by, 0 to 1: the judge says what it measures."""
    loss: float
    """Loss on the validation recordings."""
    thresholds: tuple[float, ...]
    """Fitted on the same recordings, one per behavior; none for a head that needs none."""
    labs: dict[str, Any]
    """Score per lab and behavior."""

    @classmethod
    def from_json_dict(cls, value: dict[str, Any]) -> "Verdict":
        """Read what `dataclasses.asdict` made, from JSON, which knows no tuples."""
        return cls(**{**value, "thresholds": tuple(value["thresholds"])})
