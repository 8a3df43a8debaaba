"""Charts of behavior over time: the ethogram of a recording, truth over prediction, and time budgets.

Times are seconds. Axes: N bouts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from reports.figures import FAINT, GRAY, HUE, canvas, in_house_style

_TRUE, _PREDICTED = (-0.40, -0.02), (0.02, 0.40)
"""Where the two halves of a row lie, around its middle; the axis points down."""
_COLORS = {"true": GRAY, "predicted": HUE}
ROW_INCHES = 0.3
"""Height of one row."""
_MINUTES_FROM_S = 180.0
"""Longer recordings have an axis in minutes."""


@dataclass(frozen=True)
class EthogramRow:
    """One behavior of one animal or pair."""

    label: str
    """Its name, such as "sniff 1 → 2"."""
    true: np.ndarray | None
    """Bouts of experts [N, 2], start and stop; None if nobody annotated it."""
    predicted: np.ndarray | None
    """Bouts of a recognizer [N, 2]; None if it does not know the behavior, or there is no prediction."""


@in_house_style
def ethogram_chart(rows: Sequence[EthogramRow], start_s: float, stop_s: float) -> Figure:
    """Draw one line for each row: bouts of experts in gray above, of a recognizer in color below. Times are those of the recording."""
    figure, axes = canvas(7.0, 0.9 + ROW_INCHES * max(len(rows), 2))
    draw_ethogram(axes, rows, start_s, stop_s)
    figure.legend(handles=ethogram_legend(rows), loc="outside upper right", ncols=3, handlelength=1.2, columnspacing=1.5)
    return figure


def draw_ethogram(axes: Axes, rows: Sequence[EthogramRow], start_s: float, stop_s: float) -> None:
    """Draw an ethogram into these axes, without its legend."""
    unit, word = time_unit(stop_s - start_s)
    sides = [side for side in ("true", "predicted") if any(getattr(row, side) is not None for row in rows)]
    halves = {sides[0]: (_TRUE[0], _PREDICTED[1])} if len(sides) == 1 else {"true": _TRUE, "predicted": _PREDICTED}
    for place, row in enumerate(rows):
        for side, (top, bottom) in halves.items():
            bouts, color = getattr(row, side), _COLORS[side]
            if bouts is None:
                axes.hlines(place + (top + bottom) / 2, start_s / unit, stop_s / unit, color=GRAY, linewidth=1, linestyle=(0, (1, 4)))
            elif len(bouts):
                _bars(axes, bouts / unit, place + top, place + bottom, color)
    axes.hlines(np.arange(len(rows) + 1) - 0.5, start_s / unit, stop_s / unit, color=FAINT, linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.set_xlim(start_s / unit, stop_s / unit)
    axes.set_xlabel(f"time in the recording, {word}")
    axes.spines[["left"]].set_visible(False)


def time_unit(duration_s: float) -> tuple[float, str]:
    """Return the unit of an axis of time, s, and its name."""
    return (60.0, "min") if duration_s > _MINUTES_FROM_S else (1.0, "s")


@in_house_style
def budget_chart(names: Sequence[str], true: Sequence[float | None], predicted: Sequence[float | None]) -> Figure:
    """Draw for each name the shares of time, in percent, that experts and a recognizer give it; None where it is unknown.

    If experts gave none at all, the bars of the recognizer fill the rows.
    """
    figure, axes = canvas(3.6, 0.9 + 0.3 * max(len(names), 2))
    annotated = any(value is not None for value in true)
    alone = _TRUE[0], _PREDICTED[1]
    for values, (top, bottom), color in ((true, _TRUE, GRAY), (predicted, _PREDICTED if annotated else alone, HUE)):
        for place, value in enumerate(values):
            if value is not None:
                axes.barh(place + (top + bottom) / 2, value, height=bottom - top, color=color)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("share of the time, %")
    axes.grid(axis="x")
    handles = [*([Patch(color=GRAY, label="experts")] if annotated else []), Patch(color=HUE, label="predicted")]
    figure.legend(handles=handles, loc="outside upper right", ncols=2, handlelength=1.2, columnspacing=1.5)
    return figure


def _bars(axes: Axes, bouts: np.ndarray, top: float, bottom: float, color: str) -> None:
    """Draw bars as one path, so that thousands of them stay a small file; very short ones keep a width that can be seen."""
    corners = [np.array([[start, top], [stop, top], [stop, bottom], [start, bottom]]) for start, stop in bouts]
    axes.add_collection(PolyCollection(corners, facecolor=color, edgecolor=color, linewidth=0.4))


def ethogram_legend(rows: Sequence[EthogramRow]) -> list[Artist]:
    """Return the handles of the legend."""
    true, predicted = ([getattr(row, side) is not None for row in rows] for side in ("true", "predicted"))
    handles: list[Artist] = [Patch(color=GRAY, label="experts")] if any(true) else []
    if any(predicted):
        handles.append(Patch(color=HUE, label="predicted"))
    if any(true) and not all(true):
        handles.append(Line2D([], [], color=GRAY, linewidth=1, linestyle=(0, (1, 4)), label="not annotated"))
    return handles
