"""Charts of where mice are: their paths in the arena, and their speed over time.

Axes: P points of a path; 2 coordinates.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reports.ethogram_charts import time_unit
from reports.figures import INK, LINE, QUIET, canvas, in_house_style, mouse_color

_LEAST_COVERED = 0.5
"""Paths that cover less of the picture, along x and along y, are drawn from near."""
_BARS_CM = (100, 50, 20, 10, 5, 2, 1)


@in_house_style
def path_chart(paths: Mapping[int, np.ndarray], picture_cm: Sequence[float] | None, unit: str = "cm") -> Figure:
    """Draw the paths of mice as `draw_paths` does."""
    width, height = _extent(paths, picture_cm)[1]
    inches = 3.2 * min(1.0, float(width / height))
    figure, axes = canvas(max(inches, 0.6 + 0.8 * len(paths)), 0.7 + inches * float(height / width))
    draw_paths(axes, paths, picture_cm, unit)
    axes.set_anchor("W")
    figure.legend(loc="outside upper left", ncols=4, handlelength=1.2, columnspacing=1.2)
    return figure


@in_house_style
def speed_chart(time_s: np.ndarray, speeds: Mapping[int, np.ndarray], unit: str = "cm") -> Figure:
    """Draw the speeds of mice as `draw_speeds` does."""
    figure, axes = canvas(7.0, 2.0)
    draw_speeds(axes, time_s, speeds, unit)
    figure.legend(loc="outside upper right", ncols=4, handlelength=1.2, columnspacing=1.2)
    return figure


def draw_paths(axes: Axes, paths: Mapping[int, np.ndarray], picture_cm: Sequence[float] | None, unit: str = "cm") -> None:
    """Draw the path [2, P] of each mouse by its number, seen from above, a dot at its beginning, and a scale bar.

    NaN interrupts a path. `picture_cm` is the border of the picture: left, top, right, bottom; None without one.
    """
    low, size = _extent(paths, picture_cm)
    high, longest = low + size, float(size.max())
    if picture_cm is not None:
        left, top, right, bottom = picture_cm
        axes.add_patch(Rectangle((left, top), right - left, bottom - top, facecolor="none", edgecolor=LINE, linewidth=1))
    for mouse, path in paths.items():
        axes.plot(*path, color=mouse_color(mouse), linewidth=0.7, alpha=0.8, label=f"mouse {mouse}")
        begin = path[:, np.isfinite(path[0])][:, :1]
        axes.scatter(begin[0], begin[1], color=mouse_color(mouse), s=22, zorder=3, linewidths=0)
    _scale_bar(axes, low, high, unit)
    axes.set_aspect("equal")
    axes.set_xlim(low[0] - 0.02 * longest, high[0] + 0.02 * longest)
    axes.set_ylim(high[1] + 0.09 * longest, low[1] - 0.02 * longest)  # pictures count from the top
    axes.axis("off")


def draw_speeds(axes: Axes, time_s: np.ndarray, speeds: Mapping[int, np.ndarray], unit: str = "cm") -> None:
    """Draw the speed [P] of each mouse by its number over time [P]; NaN interrupts the line."""
    seconds, word = time_unit(float(time_s[-1] - time_s[0]) if len(time_s) else 0.0)
    for mouse, speed in speeds.items():
        axes.plot(time_s / seconds, speed, color=mouse_color(mouse), linewidth=0.9, label=f"mouse {mouse}")
    axes.set_ylim(bottom=0)
    axes.margins(x=0)
    axes.set_xlabel(f"time in the recording, {word}")
    axes.set_ylabel(f"speed, {unit.replace(' ', '/s ', 1) if ' ' in unit else f'{unit}/s'}".replace(" of ", "\nof "))
    axes.grid(axis="y")


def _extent(paths: Mapping[int, np.ndarray], picture_cm: Sequence[float] | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the upper left corner of what is drawn, and its width and height, cm: the picture, or the paths if they are far smaller."""
    known = np.concatenate([np.zeros((2, 0)), *(path[:, np.isfinite(path[0])] for path in paths.values())], axis=1)
    size = np.ptp(known, axis=1) if known.size else np.zeros(2)
    picture = None if picture_cm is None else np.array(picture_cm, float).reshape(2, 2).T
    if picture is not None and (not known.size or (size >= _LEAST_COVERED * np.ptp(picture, axis=1)).any()):
        known = picture
    if not known.size:
        return np.zeros(2), np.ones(2)
    return known.min(axis=1), np.maximum(np.ptp(known, axis=1), 1e-3)


def _scale_bar(axes: Axes, low: np.ndarray, high: np.ndarray, unit: str) -> None:
    """Draw a bar of a round length below the picture."""
    width, span = float(high[0] - low[0]), float(max(high - low))
    length = next((one for one in _BARS_CM if one <= width / 3), width / 4)
    y = float(high[1]) + 0.03 * span
    axes.plot([float(low[0]), float(low[0]) + length], [y, y], color=INK, linewidth=2, solid_capstyle="butt")
    axes.text(float(low[0]) + length + 0.015 * span, y, f"{length:g} {unit}", va="center", fontsize=8, color=QUIET)
