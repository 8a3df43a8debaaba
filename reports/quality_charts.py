"""Charts of data quality: what share of each bodypart is missing in each lab, and one dot for every recording.

Axes: L labs, K bodyparts.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reports.figures import ACCENT, FAINT, HUE, INK, PALE, PAPER, canvas, in_house_style

MOST_DOTS = 300
"""Of a lab with more recordings, a strip chart draws a band and the outermost recordings: 200,000 dots are a page that no browser opens."""
_OUTERMOST = 25
"""So many on each side."""


@in_house_style
def missing_chart(labs: Sequence[str], bodyparts: Sequence[str], share: np.ndarray) -> Figure:
    """Draw shares [K, L] from 0 to 1 as cells with their percent, a row for each bodypart; NaN where a lab does not track it."""
    figure, axes = canvas(2.1 + 0.44 * len(labs), 1.5 + 0.25 * len(bodyparts))
    for row, column in np.ndindex(share.shape):
        value = float(share[row, column])
        if np.isfinite(value):
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=HUE, alpha=min(value * 2, 1), linewidth=0))
            text = "0" if value < 0.0005 else f"{100 * value:.1f}" if value < 0.0995 else f"{100 * value:.0f}"
            axes.text(column, row, text, ha="center", va="center", color=PAPER if value > 0.35 else INK, fontsize=7.5)
    axes.hlines(np.arange(len(bodyparts) + 1) - 0.5, -0.5, len(labs) - 0.5, color=FAINT, linewidth=0.8, zorder=0)
    axes.vlines(np.arange(len(labs) + 1) - 0.5, -0.5, len(bodyparts) - 0.5, color=FAINT, linewidth=0.8, zorder=0)
    axes.set_xticks(range(len(labs)), labs, rotation=45, ha="left", rotation_mode="anchor", fontsize=8)
    axes.set_yticks(range(len(bodyparts)), bodyparts, fontsize=8)
    axes.xaxis.tick_top()
    axes.set_xlim(-0.5, len(labs) - 0.5)
    axes.set_ylim(len(bodyparts) - 0.5, -0.5)
    axes.spines[:].set_visible(False)
    return figure


@in_house_style
def strip_chart(
    values: Mapping[str, Sequence[float]], label: str, from_zero: bool = True, new: Mapping[str, Sequence[bool]] | None = None
) -> Figure:
    """Draw a line for each lab with a dot for each of its recordings, and a bar at their median; `label` names the values.

    `new` says which recordings have the color of an accent, lab by lab in the same order. A lab with more than `MOST_DOTS` recordings
    has a band from its 5th to its 95th percentile, and dots only for its outermost and its new recordings.
    """
    figure, axes = canvas(3.6, 0.8 + 0.26 * max(len(values), 2))
    jitter = np.random.default_rng(0)
    for place, (lab, own) in enumerate(values.items()):
        each = np.array(own, float)
        known = np.isfinite(each)
        marked = np.array(new[lab], bool)[known] if new else np.zeros(np.count_nonzero(known), bool)
        each = each[known]
        if not len(each):
            continue
        drawn = _drawn(each, marked)
        if len(drawn) < len(each):
            low, high = np.percentile(each, (5, 95))
            axes.add_patch(Rectangle((low, place - 0.22), high - low, 0.44, facecolor=PALE, linewidth=0, zorder=0.5))
        heights = place + jitter.uniform(-0.2, 0.2, len(drawn))
        for chosen, color in ((~marked[drawn], HUE), (marked[drawn], ACCENT)):
            if chosen.any():
                axes.scatter(each[drawn][chosen], heights[chosen], s=14, color=color, alpha=0.6, linewidths=0, clip_on=False)
        axes.plot([np.median(each)] * 2, [place - 0.35, place + 0.35], color=INK, linewidth=1.6)
    axes.hlines(np.arange(len(values)), *((0, 1)), color=FAINT, linewidth=0.8, zorder=0, transform=axes.get_yaxis_transform())
    axes.set_yticks(range(len(values)), list(values))
    axes.set_ylim(max(len(values), 1) - 0.5, -0.5)
    if from_zero:
        axes.set_xlim(left=0)
    axes.set_xlabel(label)
    axes.spines[["left"]].set_visible(False)
    return figure


def _drawn(values: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Return the places of the values that are drawn as dots: all if they are few, else the outermost and the new ones."""
    if len(values) <= MOST_DOTS:
        return np.arange(len(values))
    order = np.argsort(values, kind="stable")
    newest = np.flatnonzero(new)[:MOST_DOTS]
    return np.unique(np.concatenate([order[:_OUTERMOST], order[-_OUTERMOST:], newest]))
