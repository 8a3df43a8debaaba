"""One picture of a recording: its ethogram, the speed of its mice, and their paths in the arena."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from reports.ethogram_charts import ROW_INCHES, EthogramRow, draw_ethogram, ethogram_legend
from reports.figures import in_house_style
from reports.track_charts import draw_paths, draw_speeds

_PATH_INCHES, _SPEED_INCHES = 4.0, 1.9


@dataclass(frozen=True)
class RecordingPicture:
    """What is drawn of a recording; P points of paths and speeds."""

    title: str
    """Its name."""
    rows: Sequence[EthogramRow]
    """Rows of the ethogram; none without bouts."""
    start_s: float
    """First time that is drawn, s."""
    stop_s: float
    """Last time."""
    time_s: np.ndarray
    """Times of the speeds [P]."""
    speeds: Mapping[int, np.ndarray]
    """Speed [P] of each mouse by its number."""
    paths: Mapping[int, np.ndarray]
    """Path [2, P] of each mouse."""
    picture_cm: Sequence[float] | None
    """The border of the picture: left, top, right, bottom."""
    unit: str = "cm"
    """Unit of lengths."""


@in_house_style
def recording_chart(one: RecordingPicture) -> Figure:
    """Draw ethogram, speeds and paths below each other, on one axis of time."""
    heights = [*([0.5 + ROW_INCHES * len(one.rows)] if one.rows else []), _SPEED_INCHES, _PATH_INCHES]
    figure = Figure(figsize=(7.4, 0.5 + sum(heights)), layout="constrained")
    figure.suptitle(one.title, x=0.01, ha="left", fontsize=11)
    panels = list(figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0])
    if one.rows:
        draw_ethogram(panels[0], one.rows, one.start_s, one.stop_s)
        panels[0].legend(handles=ethogram_legend(one.rows), loc="lower right", bbox_to_anchor=(1, 1), ncols=2, handlelength=1.2)
        panels[-2].sharex(panels[0])
    draw_speeds(panels[-2], one.time_s, one.speeds, one.unit)
    panels[-2].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4, handlelength=1.2, columnspacing=1.2)
    draw_paths(panels[-1], one.paths, one.picture_cm, one.unit)
    return figure
