"""Figures in one style, as SVG with a light and a dark mode, or as PNG.

A figure is drawn in the light colors, at about the size that it has on a telephone. In the SVG each color is a variable of the page
(`reports/templates/page.css`), or the light color without a page.
"""

import functools
import io
import re
from collections.abc import Callable
from typing import Any, ParamSpec

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imsave

P = ParamSpec("P")
PAPER, INK, QUIET, LINE, FAINT = "#ffffff", "#22303c", "#5c6a75", "#c9d0d6", "#eceff1"
HUE, MIDDLE, PALE, GRAY, ACCENT = "#2f6690", "#7fa6c4", "#b9cfe0", "#9aa5ae", "#c8553d"
"""HUE is for the main values, MIDDLE and PALE for those it is compared with, GRAY for many background lines, ACCENT for references."""
MICE = ("#0072b2", "#d55e00", "#009e73", "#b0528c")
"""Colors of mouse 1 to 4: blue, orange, green, purple of Okabe and Ito, which also color-blind readers can tell apart."""
_NAMES = {
    PAPER: "paper",
    INK: "ink",
    QUIET: "quiet",
    LINE: "line",
    FAINT: "faint",
    HUE: "hue",
    MIDDLE: "middle",
    PALE: "pale",
    GRAY: "gray",
    ACCENT: "accent",
    **{color: f"mouse-{number}" for number, color in enumerate(MICE, start=1)},
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "reports",
    "text.parse_math": False,  # a name may have a dollar sign
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "grid.color": FAINT,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


def in_house_style(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Decorate a function that draws, so that it uses the common style."""

    @functools.wraps(draw)
    def styled(*arguments: P.args, **options: P.kwargs) -> Figure:
        with matplotlib.rc_context(_STYLE):
            return draw(*arguments, **options)

    return styled


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Return an empty figure of so many inches, and its only axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def svg(figure: Figure) -> str:
    """Return the figure as an <svg> element. Raises ValueError for a color that the page does not have in dark mode."""
    buffer = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    return re.sub(r"(?<=: )#[0-9a-f]{6}\b", lambda color: _variable(color[0]), text).strip()


def mouse_color(mouse: int) -> str:
    """Return the color of a mouse by its number, from 1."""
    return MICE[(mouse - 1) % len(MICE)]


def png(figure: Figure) -> bytes:
    """Return the figure on white, at twice the size of a screen's pixels."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(buffer, format="png", dpi=192, facecolor=PAPER, metadata={"Software": None})
    return buffer.getvalue()


def gray_png(picture: np.ndarray) -> bytes:
    """Return a gray picture [H, W] uint8 as PNG, pixel by pixel."""
    buffer = io.BytesIO()
    imsave(buffer, picture, cmap="gray", vmin=0, vmax=255, format="png")
    return buffer.getvalue()


def _variable(color: str) -> str:
    if color not in _NAMES:
        known = ", ".join(name.upper().replace("-", " ") for name in _NAMES.values())
        raise ValueError(f"Expected colors of reports.figures only, but got {color}. Use one of {known}.")
    return f"var(--{_NAMES[color]}, {color})"
