"""Charts for reports: curves, calibration, dots, matrices and bars, from names and numbers.

Axes: N names, S series.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from reports.estimates import Estimate
from reports.figures import ACCENT, FAINT, GRAY, HUE, INK, MIDDLE, PALE, PAPER, QUIET, canvas, in_house_style

Points = tuple[Sequence[float], Sequence[float]]
"""Values along x and along y, from 0 to 1."""
_SERIES = ((PALE, 64), (MIDDLE, 32), (HUE, 12))
"""Color and size of the dots of each series, the first below the last, so that all are visible where they overlap."""
_MOST_NUMBERS = 20
"""A matrix with more names has no numbers in its cells."""


@in_house_style
def curve_chart(points: Points, reference: float) -> Figure:
    """Draw one small curve, and a dotted line at a reference value."""
    figure, axes = canvas(1.9, 1.6)
    axes.plot(*points, color=HUE, linewidth=1.6, clip_on=False)
    axes.axhline(reference, color=ACCENT, linewidth=1.3, linestyle=":")
    _unit_square(axes)
    return figure


@in_house_style
def calibration_chart(single: Sequence[Points], together: Points, frames: Sequence[float], before: Points | None = None) -> Figure:
    """Draw shares over mean scores: single behaviors thin, all together bold, with the size of dots for the number of frames.

    `before` is all together before calibration.
    """
    figure, axes = canvas(3.6, 3.4)
    axes.plot([0, 1], [0, 1], color=ACCENT, linewidth=1.3, linestyle=":", label="perfect")
    if before is not None:
        axes.plot(*before, color=MIDDLE, linewidth=1.4, linestyle="--", label="all, before")
    for number, points in enumerate(single):
        axes.plot(*points, color=GRAY, linewidth=0.8, alpha=0.7, label=None if number else "one behavior")
    axes.plot(*together, color=HUE, linewidth=1.8, label="all behaviors", clip_on=False)
    sizes = 10 + 60 * np.array(frames) / max([*frames, 1])
    axes.scatter(*together, s=sizes, color=HUE, zorder=3, linewidths=0, clip_on=False)
    _unit_square(axes, "mean score of the frames", "share with the behavior")
    figure.legend(loc="outside upper center", ncols=2, columnspacing=1.5, handlelength=1.6)
    return figure


@in_house_style
def dot_chart(names: Sequence[str], values: np.ndarray, series: Sequence[str], label: str, meaning: str) -> Figure:
    """Draw a line of dots for each name: values [N, S] from 0 to 1, NaN for none. `label` names the values, `meaning` the series."""
    if len(series) > len(_SERIES):
        raise ValueError(f"Expected at most {len(_SERIES)} series, but got {len(series)}. Draw them in several charts.")
    figure, axes = canvas(3.6, 0.9 + 0.24 * max(len(names), 4))
    rows = np.arange(len(names))
    known = np.isfinite(values).any(axis=1)
    lows, highs = np.nanmin(values[known], axis=1), np.nanmax(values[known], axis=1)
    axes.hlines(rows, 0, 1, color=FAINT, linewidth=0.8, zorder=0)
    axes.hlines(rows[known], lows, highs, color=PALE, linewidth=2, zorder=1)
    for place, name in enumerate(series):
        color, size = _SERIES[place - len(series)]
        axes.scatter(values[:, place], rows, s=size, color=color, label=name, zorder=2 + place, linewidths=0, clip_on=False)
    axes.set_yticks(rows, names)
    axes.tick_params(axis="y", pad=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set_xlabel(label)
    axes.spines[["left", "bottom"]].set_visible(False)
    figure.legend(title=meaning, loc="outside upper center", ncols=len(series), columnspacing=1.5, handletextpad=0.2)
    return figure


@in_house_style
def matrix_chart(names: Sequence[str], share: np.ndarray) -> Figure:
    """Draw shares [N, N] as cells, with a row per true behavior and a column per predicted one; with numbers if there are few names."""
    few = len(names) <= _MOST_NUMBERS
    side = 1.5 + (0.34 if few else 0.2) * len(names)
    figure, axes = canvas(side + 0.3, side)
    for row, column in zip(*np.nonzero(share >= 0.005), strict=True):
        cell = float(share[row, column])
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=HUE, alpha=cell, linewidth=0))
        if few:
            color = PAPER if cell > 0.7 else INK  # so that it can be read in light and in dark mode
            axes.text(column, row, f"{100 * cell:.0f}", ha="center", va="center", color=color, fontsize=7.5)
    edges = np.arange(len(names) + 1) - 0.5
    axes.hlines(edges, -0.5, len(names) - 0.5, color=FAINT, linewidth=0.8, zorder=0)
    axes.vlines(edges, -0.5, len(names) - 0.5, color=FAINT, linewidth=0.8, zorder=0)
    size = 8 if few else 6.5
    axes.set_xticks(range(len(names)), names, rotation=45, ha="left", rotation_mode="anchor", fontsize=size)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.xaxis.tick_top()
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.spines[:].set_visible(False)
    return figure


@in_house_style
def bar_chart(names: Sequence[str], estimates: Sequence[Estimate], first_is_reference: bool, label: str) -> Figure:
    """Draw estimates from 0 to 1 as bars with their intervals, from the top; `label` names them. A missing value is drawn as 0."""
    figure, axes = canvas(6.5, 0.9 + 0.38 * len(names))
    for place, one in enumerate(estimates):
        value = one.value or 0.0
        axes.barh(place, value, color=HUE if first_is_reference and place == 0 else PALE, height=0.6)
        if one.low is not None and one.high is not None:
            axes.plot([one.low, one.high], [place, place], color=INK, linewidth=1.2, solid_capstyle="butt")
        axes.text(max(one.high or 0.0, value) + 0.01, place, one.number, va="center", fontsize=8)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, min(1.0, max((one.high or one.value or 0.0) for one in estimates) + 0.12))
    axes.set_xlabel(label)
    return figure


@in_house_style
def growth_chart(
    amounts: Sequence[float], estimates: Sequence[Estimate], single: Mapping[str, Sequence[float]], amount: str, label: str
) -> Figure:
    """Draw estimates with their intervals over rising amounts, and single series thin, with their names at the right end."""
    figure, axes = canvas(5.2, 3.2)
    for name, values in single.items():
        axes.plot(amounts, values, color=GRAY, linewidth=0.8, alpha=0.8)
        axes.annotate(name, (amounts[-1], values[-1]), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8, color=QUIET)
    values = [one.value or 0.0 for one in estimates]
    axes.plot(amounts, values, color=HUE, linewidth=1.8, marker="o", markersize=4)
    for place, one in zip(amounts, estimates, strict=True):
        if one.low is not None and one.high is not None:
            axes.plot([place, place], [one.low, one.high], color=HUE, linewidth=1.2)
    axes.annotate("mean", (amounts[-1], values[-1]), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8, color=HUE)
    axes.set_xticks(amounts, [f"{one:.0f}" for one in amounts])
    axes.set_ylim(0, 1)
    axes.set_xlabel(amount)
    axes.set_ylabel(label)
    axes.grid(axis="y")
    return figure


@in_house_style
def contribution_chart(names: Sequence[str], values: Sequence[float], label: str) -> Figure:
    """Draw values above and below 0 as bars, from the top; `label` names them."""
    figure, axes = canvas(3.6, 0.7 + 0.26 * max(len(names), 2))
    axes.barh(range(len(names)), values, color=[HUE if value >= 0 else ACCENT for value in values], height=0.62)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
    axes.margins(x=0.05)
    axes.set_xlabel(label)
    axes.spines[["left"]].set_visible(False)
    return figure


@in_house_style
def training_chart(
    epochs: Sequence[int], losses: Mapping[str, Sequence[float | None]], score: Sequence[float | None], best: int | None
) -> Figure:
    """Draw losses by name, and the score on validation recordings below, over epochs, with a line at the best epoch."""
    figure = Figure(figsize=(4.4, 3.4), layout="constrained")
    known = any(value is not None for value in score)
    panels = list(figure.subplots(1 + known, 1, sharex=True, squeeze=False)[:, 0])
    for (name, values), color in zip(losses.items(), (HUE, ACCENT), strict=False):
        panels[0].plot(epochs, _or_nan(values), color=color, marker=".", linewidth=1.5, label=name)
    panels[0].set_ylabel("loss")
    panels[0].set_ylim(bottom=0)
    panels[0].legend(loc="upper right")
    if known:
        panels[1].plot(epochs, _or_nan(score), color=HUE, marker=".", linewidth=1.5)
        panels[1].set_ylabel("score")
        panels[1].set_ylim(0, 1)
    for axes in panels:
        axes.grid(axis="y")
        if best:
            axes.axvline(best, color=GRAY, linewidth=1, linestyle=":")
    panels[-1].set_xlabel("epoch")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _or_nan(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def _unit_square(axes: Axes, x: str = "", y: str = "") -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid()
