"""The outcome of an ablation study as rows, as a table of Markdown, and as a picture."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from reports.charts import bar_chart
from reports.estimates import Estimate, gain_text
from reports.figures import png

_BRACKETS = "Brackets are 95 % bootstrap intervals over recordings, drawn within labs. A gain within the noise was not shown to be one."


@dataclass(frozen=True)
class Row:
    """One variant."""

    name: str
    """Short."""
    says: str
    """What it is."""
    score: Estimate
    """The competition's score, decoded as fitted on the other folds."""
    average_precision: Estimate | None
    """Mean PR-AUC of frames; None for a variant of decoding, which leaves scores as they are."""
    lost: Estimate | None
    """Score of the whole minus this one's, over the same resamples; None for the whole."""
    lost_precision: Estimate | None
    """The same of the PR-AUC."""
    seconds: float | None
    """Training and scoring all folds; None if nothing was trained."""

    def to_json_dict(self) -> dict[str, Any]:
        """Return every field as JSON holds it."""
        return asdict(self)


def markdown(rows: Sequence[Row], about: str) -> str:
    """Return the table with a line that says what was measured on what."""
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
    """Return scores with their intervals, the whole on top, as PNG."""
    names = [row.name.replace("_", " ") for row in rows]
    return png(bar_chart(names, [row.score for row in rows], True, "the competition's score, out of fold, 95 % interval"))
