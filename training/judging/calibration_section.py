"""The section of a report about calibration."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from reports.charts import calibration_chart
from reports.figures import svg
from reports.page import FigureBlock, Section, Text

_RAW, _CALIBRATED = "reliability", "reliability_calibrated"
_BINS = 10
_READING = "Below the dotted line scores are too high, above it too low. Larger dots hold more frames."


def calibration_section(behaviors: Mapping[str, Mapping[str, Any]]) -> Section:
    """Return the section for the behaviors of a report, by name."""
    is_calibrated = any(one[_CALIBRATED] for one in behaviors.values())
    shown = _CALIBRATED if is_calibrated else _RAW
    score, share, frames = (part.tolist() for part in _pooled(behaviors, shown))
    before = _pooled(behaviors, _RAW)[:2] if is_calibrated else None
    single = [(one[shown]["score"], one[shown]["share"]) for one in behaviors.values() if one[shown]]
    chart = calibration_chart(single, (score, share), frames, before and (before[0].tolist(), before[1].tolist()))
    says = f"{_READING} {_distance(behaviors, is_calibrated)}"
    return Section(
        "Calibration", [Text(says, quiet=True), FigureBlock(svg(chart), "Share of frames with the behavior over their mean score.")]
    )


def calibration_error(behaviors: Mapping[str, Mapping[str, Any]], key: str) -> float:
    """Return the mean distance between score and share in tenths, over the frames of all behaviors."""
    score, share, frames = _pooled(behaviors, key)
    return float((abs(score - share) * frames).sum() / max(frames.sum(), 1))


def _distance(behaviors: Mapping[str, Mapping[str, Any]], is_calibrated: bool) -> str:
    raw = f"{calibration_error(behaviors, _RAW):.3f}"
    if not is_calibrated:
        return f"The mean distance from the line is {raw}."
    calibrated = f"{calibration_error(behaviors, _CALIBRATED):.3f}"
    return f"The mean distance from the line is {raw}, and {calibrated} calibrated on the other folds, as bouts are decoded."


def _pooled(behaviors: Mapping[str, Mapping[str, Any]], key: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return score, share and frames of each tenth over all behaviors."""
    sums = np.zeros((3, _BINS))
    for behavior in behaviors.values():
        if behavior[key]:
            score, share, frames = (np.array(behavior[key][name], float) for name in ("score", "share", "frames"))
            np.add.at(sums.T, np.minimum((score * _BINS).astype(int), _BINS - 1), np.stack([score * frames, share * frames, frames]).T)
    used = sums[2] > 0
    return sums[0, used] / sums[2, used], sums[1, used] / sums[2, used], sums[2, used]
