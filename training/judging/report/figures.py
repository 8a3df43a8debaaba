"""Figures of a cross-validation as SVG to be set into a page: calm, one hue, text as text.

matplotlib is loaded when the first figure is drawn. Every figure is drawn at the size it has on a telephone and grows from there.
"""

import functools
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
INK, QUIET, HUE, ACCENT = "#22303c", "#9aa5ae", "#2f6690", "#c8553d"
_SHADES = ("#b9cfe0", "#7fa6c4", "#2f6690")
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "mouse-behavior",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": "#c9d0d6",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "xtick.color": "#5c6a75",
    "ytick.color": "#5c6a75",
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "grid.color": "#eceff1",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


def _in_house_style(draw: Callable[P, str]) -> Callable[P, str]:
    @functools.wraps(draw)
    def drawn(*arguments: P.args, **options: P.kwargs) -> str:
        import matplotlib

        with matplotlib.rc_context(_STYLE):
            return draw(*arguments, **options)

    return drawn


@_in_house_style
def precision_recall_figure(name: str, behavior: Mapping[str, Any]) -> str:
    """Draw one small precision-recall curve; the dotted line is what guessing reaches."""
    figure, axes = _canvas(1.9, 1.6)
    curve = behavior["curve"]
    axes.plot([0, *curve["recall"]], [*curve["precision"][:1], *curve["precision"]], color=HUE, linewidth=1.6)
    axes.axhline(behavior["share"] or 0, color=ACCENT, linewidth=1.3, linestyle=":")
    _unit_square(axes)
    return _svg(figure, f"pr-{name}")


@_in_house_style
def reliability_figure(behaviors: Mapping[str, Mapping[str, Any]]) -> str:
    """Draw how often what was scored s came true: every behavior thin, all together bold, and lighter as it was before calibration."""
    figure, axes = _canvas(3.9, 3.4)
    axes.plot([0, 1], [0, 1], color=ACCENT, linewidth=1.3, linestyle=":", label="perfect")
    key = "reliability_calibrated" if any(one["reliability_calibrated"] for one in behaviors.values()) else "reliability"
    if key != "reliability":
        score, share, _ = _pooled_reliability(behaviors, "reliability")
        axes.plot(score, share, color=_SHADES[1], linewidth=1.4, linestyle="--", label="before")
    known = [one[key] for one in behaviors.values() if one[key]]
    for number, one in enumerate(known):
        axes.plot(one["score"], one["share"], color=QUIET, linewidth=0.8, alpha=0.7, label=None if number else "one behavior")
    score, share, frames = _pooled_reliability(behaviors, key)
    axes.plot(score, share, color=HUE, linewidth=1.8, label="all behaviors")
    axes.scatter(score, share, s=10 + 60 * frames / max(frames.max(initial=1), 1), color=HUE, zorder=3, linewidths=0)
    _unit_square(axes, "mean score of the frames", "share with the behavior")
    axes.legend(frameon=False, ncols=4, loc="lower left", bbox_to_anchor=(-0.1, 1), columnspacing=0.8, handlelength=1.2)
    return _svg(figure, "reliability")


def calibration_error(behaviors: Mapping[str, Mapping[str, Any]], key: str) -> float:
    """Return the mean distance, over frames of all behaviors, of score and share in each tenth."""
    score, share, frames = _pooled_reliability(behaviors, key)
    return float((abs(score - share) * frames).sum() / max(frames.sum(), 1))


def _pooled_reliability(behaviors: Mapping[str, Mapping[str, Any]], key: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return score, share and frames of each tenth over all behaviors."""
    sums = np.zeros((3, 10))
    for behavior in behaviors.values():
        if behavior[key]:
            score, share, frames = (np.array(behavior[key][name], float) for name in ("score", "share", "frames"))
            np.add.at(sums.T, np.minimum((score * 10).astype(int), 9), np.stack([score * frames, share * frames, frames]).T)
    used = sums[2] > 0
    return sums[0, used] / sums[2, used], sums[1, used] / sums[2, used], sums[2, used]


@_in_house_style
def overlap_figure(behaviors: Mapping[str, Mapping[str, Any]], overlaps: Sequence[float]) -> str:
    """Draw bout F1 at each overlap, a line of dots for each behavior."""
    figure, axes = _canvas(3.9, 0.9 + 0.24 * max(len(behaviors), 8))
    names = list(behaviors)
    rows = np.arange(len(names))
    values = np.array([[behaviors[name][f"bout_f1_at_{overlap}"]["value"] for overlap in overlaps] for name in names], float)
    values = values.reshape(len(names), len(overlaps))
    axes.hlines(rows, np.nan_to_num(values.min(axis=1)), np.nan_to_num(values.max(axis=1)), color="#dfe5e9", linewidth=2, zorder=1)
    for place, overlap in enumerate(overlaps):
        axes.scatter(
            values[:, place], rows, s=26, color=_SHADES[place % len(_SHADES)], label=f"{overlap:g}", zorder=2 + place, linewidths=0
        )
    axes.set_yticks(rows, names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(-0.02, 1)
    axes.set_xlabel("bout F1")
    axes.grid(axis="x")
    axes.legend(frameon=False, title="least overlap", ncols=len(overlaps), loc="lower left", bbox_to_anchor=(0, 1), columnspacing=1)
    return _svg(figure, "overlap")


@_in_house_style
def confusion_figure(names: Sequence[str], frames: Sequence[Sequence[int]]) -> str:
    """Draw for each true behavior (row) the share of its frames on which each behavior was found (column)."""
    counts = np.array(frames, float)
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    few = len(names) <= 14
    side = 1.5 + (0.42 if few else 0.2) * len(names)
    figure, axes = _canvas(side + 0.3, side)
    axes.imshow(share, cmap=_blues(), vmin=0, vmax=1, aspect="equal")
    size = 8.5 if few else 5.5
    axes.set_xticks(range(len(names)), names, rotation=45, ha="left", rotation_mode="anchor", fontsize=size)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.xaxis.tick_top()
    axes.spines[:].set_visible(False)
    for row, column in zip(*np.nonzero(share >= 0.005), strict=True) if few else ():
        dark = share[row, column] > 0.55
        axes.text(column, row, f"{100 * share[row, column]:.0f}", ha="center", va="center", color="white" if dark else INK, fontsize=8)
    return _svg(figure, "confusion")


def _canvas(width: float, height: float) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _unit_square(axes: "Axes", x: str = "", y: str = "") -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_axisbelow(True)
    axes.grid()


def _blues() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("house", ["#f6f8f9", *_SHADES, "#1d4260"])


def _svg(figure: "Figure", prefix: str) -> str:
    """Return the figure as an <svg> element that is as wide as its place and whose ids no other figure has."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1), count=1)
    own = re.sub(r"[^A-Za-z0-9]+", "-", prefix)
    text = re.sub(r'\bid="', f'id="{own}-', text)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{own}-", text).strip()
