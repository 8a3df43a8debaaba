"""Charts that compare groups of animals, with a point for each animal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures import ACCENT, FAINT, HUE, QUIET, in_house_style

_COLUMNS = 4
_PANEL_IN = (2.1, 2.15)
_MOST_LEVEL = 2
"""The names of more groups are slanted."""
_LONGEST_NAME = 14
_GOLDEN = 0.6180339887
_SPREAD = 0.3
"""Largest distance of a point from the middle of its group, in groups."""


@dataclass(frozen=True)
class Panel:
    """One small chart: a value of each animal, group by group."""

    title: str
    """What the values are of."""
    groups: Mapping[str, Sequence[float]]
    """By name of the group: a value for each animal."""
    note: str = ""
    """A line below the title."""


@in_house_style
def group_chart(panels: Sequence[Panel], label: str, caption: str = "") -> Figure:
    """Draw one small chart for each panel, each with its own scale from 0. The short line is the mean.

    `label` names the values, `caption` explains the notes of the panels.
    """
    columns = min(_COLUMNS, max(len(panels), 1))
    rows = -(-len(panels) // columns) or 1
    figure = Figure(figsize=(_PANEL_IN[0] * columns, _PANEL_IN[1] * rows + 0.2), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place < len(panels):
            _draw(axes, panels[place])
        else:
            axes.set_axis_off()
    figure.supylabel(label, fontsize=9, color=QUIET)
    if caption:
        figure.supxlabel(caption, fontsize=8, color=QUIET)
    return figure


def _draw(axes: Axes, panel: Panel) -> None:
    names = list(panel.groups)
    for place, values in enumerate(panel.groups.values()):
        known = np.asarray(values, float)
        axes.scatter(place + _side_by_side(known), known, s=18, color=HUE, alpha=0.75, linewidths=0, zorder=2, clip_on=False)
        if len(known):
            axes.plot([place - 0.34, place + 0.34], [known.mean()] * 2, color=ACCENT, linewidth=2, zorder=3, solid_capstyle="butt")
    slanted = len(names) > _MOST_LEVEL
    sizes = [len(values) for values in panel.groups.values()]
    short = [name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…" for name in names]
    ticks = [f"{name}{' ' if slanted else chr(10)}n = {n}" for name, n in zip(short, sizes, strict=True)]
    if slanted:
        axes.set_xticks(range(len(names)), ticks, rotation=40, ha="right", rotation_mode="anchor")
    else:
        axes.set_xticks(range(len(names)), ticks)
    axes.tick_params(labelsize=7.5)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=FAINT)
    axes.set_title(panel.title + (f"\n{panel.note}" if panel.note else ""), fontsize=8.5, linespacing=1.4)


def _side_by_side(values: np.ndarray) -> np.ndarray:
    """Return offsets of points, all different, so that equal values lie side by side: by rank, the golden ratio spreads them evenly."""
    offsets = np.zeros(len(values))
    if len(values) > 1:
        offsets[np.argsort(values, kind="stable")] = 2 * (np.arange(len(values)) * _GOLDEN % 1) - 1
    return offsets * _SPREAD
