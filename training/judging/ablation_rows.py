"""The results of an ablation study as rows, as a Markdown table, and as a picture."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from reports.charts import bar_chart
from reports.estimates import Estimate, gain_text
from reports.figures import png

_BRACKETS = "Brackets are 95 % bootstrap intervals over recordings within labs. A gain within the noise is not significant."


@dataclass(frozen=True)
class Row:
    """One variant."""

    name: str
    """Short."""
    says: str
    """A few words about it."""
    score: Estimate
    """The competition's score, with the decoding fitted on the other folds."""
    average_precision: Estimate | None
    """Mean PR-AUC of frames; None for a variant that only decodes differently."""
    lost: Estimate | None
    """Score of the whole recipe minus this one's, with the same resamples; None for the whole recipe."""
    lost_precision: Estimate | None
    """The same of the PR-AUC."""
    seconds: float | None
    """Time for training and scoring all folds; None if nothing was trained."""

    def to_json_dict(self) -> dict[str, Any]:
        """Return every field as JSON holds it."""
        return asdict(self)


def markdown(rows: Sequence[Row], about: str) -> str:
    """Return the table, with a line about the data of the study."""
    lines = [
        "# Ablations",
        "",
        about,
        "",
        "| variant | score | PR-AUC | the whole gains | in PR-AUC | trained in |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [f"{row.name}: {row.says}", str(row.score), "" if row.average_precision is None else str(row.average_precision)]
        cells += ["" if gain is None else gain_text(gain) for gain in (row.lost, row.lost_precision)]
        lines.append(f"| {' | '.join([*cells, '' if row.seconds is None else f'{row.seconds:.0f} s'])} |")
    return "\n".join([*lines, "", _BRACKETS, ""])


def picture(rows: Sequence[Row]) -> bytes:
    """Return scores with their intervals, the whole recipe first, as PNG."""
    names = [row.name.replace("_", " ") for row in rows]
    return png(bar_chart(names, [row.score for row in rows], True, "the competition's score, out of fold, 95 % interval"))
