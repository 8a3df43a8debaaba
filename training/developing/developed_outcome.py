"""The whole outcome of a development: for the page, the card and report.json."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from training.developing.annotated_part import AnnotatedPart
from training.developing.choosing import Choice
from training.developing.facts import Facts
from training.developing.label_lag import LabelLag
from training.developing.learning_curve import CurvePoint
from training.developing.running import Tried
from training.developing.second_human import Agreement


@dataclass(frozen=True)
class Outcome:
    """Everything that was found."""

    facts: Facts
    """What the recordings are like."""
    lag: LabelLag | None
    """How late labels are."""
    labels_late_s: float
    """How much earlier labels were read, s."""
    part: AnnotatedPart | None
    """What the bouts show about parts that nobody annotated."""
    part_only: bool
    """Recordings were read from their first to their last bout only."""
    tried: Sequence[Tried]
    """All candidates, also those without a result."""
    choice: Choice
    """The choice among the complete runs."""
    reports: Mapping[str, Mapping[str, Any]]
    """By run: PR-AUC with its interval."""
    report: Mapping[str, Any]
    """The report of the chosen runs, each fold chosen and decoded without it."""
    curve: Sequence[CurvePoint]
    """The learning curve; empty if there was no time."""
    agreed: Mapping[str, Agreement]
    """Agreement of two humans by behavior."""
    minutes: float
    """Time that it took, min."""

    @property
    def best(self) -> str:
        """Name of the run in use."""
        return self.choice.names[self.choice.best]

    def to_json_dict(self) -> dict[str, Any]:
        """Return the content of report.json."""
        return {
            "facts": asdict(self.facts),
            "label_lag": self.lag and {"together": asdict(self.lag.together), **{k: asdict(v) for k, v in self.lag.behaviors.items()}},
            "labels_late_s": self.labels_late_s,
            "annotated_part": {"only": self.part_only, **(asdict(self.part) if self.part else {})},
            "tried": [
                {"recipe": one.candidate.recipe.name, "why": one.candidate.why, "seconds": one.seconds, "left_out": one.left_out}
                for one in self.tried
            ],
            "runs": {name: dict(report) for name, report in self.reports.items()},
            "in_use": self.best,
            "chosen_without_each_fold": [self.choice.names[run] for run in self.choice.of_fold],
            "chosen": dict(self.report),
            "learning_curve": [point.to_json_dict() for point in self.curve],
            "second_human": {name: asdict(one) for name, one in self.agreed.items()},
            "minutes": self.minutes,
        }
