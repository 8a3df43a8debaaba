"""The page about drift: what is unusual in new recordings, and the values of each measure against those of the reference."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from behavior.drift_rule import LEAST_REFERENCE, MOST_DEVIATIONS, Compared
from reports.figures import ACCENT, FAINT, GRAY, HUE, INK, canvas, in_house_style, svg
from reports.page import Block, Facts, FigureBlock, Gallery, Note, Page, Section, TableBlock, Text

_RULE = (
    f"A value is unusual if it lies more than {MOST_DEVIATIONS:g} standard deviations (estimated from medians) from the median of the "
    "lab's reference recordings. A lab has drifted in a measure if the median of its new recordings is unusual. With fewer than "
    f"{LEAST_REFERENCE} reference recordings of a lab, the deviation is the usual one within labs; a new lab is compared with all labs."
)
_CHARTS = "Gray dots are reference recordings, colored ones new recordings; the band holds the usual values, the bars are medians."
_MOST_CHARTS, _MOST_NAMES = 24, 5


def drift_page(compared: Sequence[Compared], n_reference: int, n_new: int, line: str) -> Page:
    """Return the page. `line` says when and of which data."""
    drifted = [one for one in compared if one.drifted]
    single = [one for one in compared if one.unusual and not one.drifted]
    labs = sorted({one.lab for one in drifted})
    facts = Facts(
        [
            ("new recordings", f"{n_new:,}"),
            ("reference recordings", f"{n_reference:,}"),
            ("comparisons", f"{len(compared):,}"),
            ("drifted", f"{len(drifted):,}"),
            ("unusual in single recordings only", f"{len(single):,}"),
        ]
    )
    verdict = (
        Note(f"Drift in {', '.join(labs)}. Look at these recordings before you trust their bouts.", warning=True)
        if labs
        else Note("No drift.")
    )
    return Page(
        "Drift",
        line,
        [
            facts,
            verdict,
            Text(_RULE),
            Section("Drifted", [_table(drifted)] if drifted else [Text("No measure of any lab has drifted.")]),
            Section("Unusual recordings", [_table(single)] if single else [Text("No other recording is unusual.")]),
            Section("Measures", _charts([*drifted, *single, *(one for one in compared if not one.unusual and not one.drifted)])),
        ],
    )


def drift_lines(compared: Sequence[Compared]) -> list[str]:
    """Return a line of text for each measure that has drifted or is unusual."""
    lines = []
    for one in compared:
        if one.usual and (one.drifted or one.unusual):
            what = "drifted" if one.drifted else "unusual"
            usual = f"usual {one.usual[0]:.3g} to {one.usual[1]:.3g}"
            lines.append(
                f"{what:<8} {one.lab:<24} {one.measure:<34} {one.new_median:>8.3g}  {usual}  {', '.join(one.unusual[:_MOST_NAMES])}"
            )
    return lines


@in_house_style
def drift_chart(one: Compared) -> Figure:
    """Draw the values of reference and new recordings as dots, and the usual range as a band."""
    figure, axes = canvas(3.2, 1.35)
    jitter = np.random.default_rng(0)
    if one.usual:
        axes.axvspan(*one.usual, color=FAINT, zorder=0)
    for place, (values, color) in enumerate(((one.reference, GRAY), ([value for _, value in one.new], ACCENT if one.drifted else HUE))):
        axes.scatter(values, place + jitter.uniform(-0.25, 0.25, len(values)), s=16, color=color, alpha=0.75, linewidths=0, clip_on=False)
        axes.plot([np.median(values)] * 2, [place - 0.4, place + 0.4], color=INK, linewidth=1.6, zorder=1)
    axes.set_yticks([0, 1], ["reference", "new"])
    axes.set_ylim(1.6, -0.6)
    axes.spines[["left"]].set_visible(False)
    axes.margins(x=0.08)
    return figure


def _table(compared: Sequence[Compared]) -> TableBlock:
    head = ["lab", "measure", "usual", "median of\nnew", "reference\nrecordings", "unusual", "which"]
    rows = []
    for one in compared:
        more = f" and {len(one.unusual) - _MOST_NAMES} more" if len(one.unusual) > _MOST_NAMES else ""
        usual = f"{one.usual[0]:.3g} to {one.usual[1]:.3g}" if one.usual else "-"
        counted = f"{len(one.reference)}" + ("" if one.against == one.lab else f" ({one.against})")
        which = ", ".join(one.unusual[:_MOST_NAMES]) + more
        rows.append([one.lab, one.measure, usual, f"{one.new_median:.3g}", counted, f"{len(one.unusual)} of {len(one.new)}", which])
    return TableBlock(head, rows, text_columns=(0, 1, 6))


def _charts(compared: Sequence[Compared]) -> list[Block]:
    shown = compared[:_MOST_CHARTS]
    figures = [FigureBlock(svg(drift_chart(one)), f"{one.measure} of {one.lab}.", f"{one.lab}: {one.measure}") for one in shown]
    rest = len(compared) - len(shown)
    left_out = [Text(f"{rest} more comparisons show nothing unusual.", quiet=True)] if rest else []
    return [Text(_CHARTS, quiet=True), Gallery(figures, wide=True), *left_out]
