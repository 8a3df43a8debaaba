"""The outcome of an ablation study as rows, as a table of Markdown, and as a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Estimate = Mapping[str, float | None]
"""value, low, high: what was measured, and its 95 % interval."""


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
        seconds = "" if row.seconds is None else f"{row.seconds:.0f} s"
        gained = [_gain(row.lost), _gain(row.lost_precision)]
        lines.append(f"| {row.name}: {row.says} | {_text(row.score)} | {_text(row.average_precision)} | {' | '.join(gained)} | {seconds} |")
    told = "Brackets are 95 % bootstrap intervals over recordings, drawn within labs. A gain whose interval holds 0 is none that was shown."
    return "\n".join([*lines, "", told, ""])


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw scores with their intervals, the whole on top, as PNG."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 0.9 + 0.42 * len(rows)), dpi=150, layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(rows):
        color = "#2f6690" if row.lost is None else "#9aa5ae"
        value, low, high = (row.score[key] or 0.0 for key in ("value", "low", "high"))
        axes.barh(place, value, color=color, height=0.6)
        axes.plot([low, high], [place, place], color="#22303c", linewidth=1.2)
        axes.text(max(high, value) + 0.01, place, f"{value:.3f}", va="center", fontsize=8, color="#22303c")
    axes.set_yticks(range(len(rows)), [row.name.replace("_", " ") for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, min(1.0, max((row.score["high"] or row.score["value"] or 0.0) for row in rows) + 0.12))
    axes.set_xlabel("the competition's score, out of fold, 95 % interval")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def _text(estimate: Estimate | None) -> str:
    if estimate is None or estimate["value"] is None:
        return ""
    if estimate["low"] is None:
        return f"{estimate['value']:.3f}"
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"


def _gain(estimate: Estimate | None) -> str:
    if estimate is None or estimate["value"] is None or estimate["low"] is None or estimate["high"] is None:
        return ""
    shown = "" if estimate["low"] > 0 or estimate["high"] < 0 else ", not shown"
    return f"{estimate['value']:+.3f} [{estimate['low']:+.3f}, {estimate['high']:+.3f}]{shown}"
