"""The scale of a recording: pixels per cm as its lab gives them, else measured from the length of its mice.

A recording without a scale has the body length as its unit: the median distance from the nose (or head) to the base of the tail counts
as a length that is declared here. Its positions are then cm of a usual mouse, not of this one, so `scale_source` in its metadata says it.

Axes: I mice, K bodyparts, T frames; 2 coordinates (x, y).
"""

from collections.abc import Sequence

import numpy as np

from behavior.contract import ContractError, Fault
from behavior.recording import Recording

BODY_LENGTHS_CM = {"nose": 7.0, "head": 6.0}
"""Length from this bodypart to `TAIL` that counts as usual, cm. Those of the mice in 15 films go from 4.2 to 9.4 cm; the median is 6.9."""
TAIL = "tail_base"
LEAST_FRAMES = 10
"""A mouse is measured if both ends are seen in at least so many frames."""
_MOST_NAMES = 5
MEASURED, BODY_LENGTH = "measured", "body_length"
"""Values of `scale_source`."""


def body_length_px(xy: np.ndarray, bodyparts: Sequence[str]) -> tuple[float, str] | None:
    """Return the median body length and the bodypart in front that it begins at; None if it cannot be measured.

    `xy` [2, I, K, T] is in pixels, NaN where lost. The length is the median over mice of their medians over frames.
    """
    names = list(bodyparts)
    for front in BODY_LENGTHS_CM:
        if front not in names or TAIL not in names:
            continue
        length = np.hypot(*(xy[:, :, names.index(front)] - xy[:, :, names.index(TAIL)]))
        medians = [np.median(known) for row in length if len(known := row[np.isfinite(row)]) >= LEAST_FRAMES]
        if medians and np.median(medians) > 0:
            return float(np.median(medians)), front
    return None


def unscaled_note(recordings: Sequence[Recording]) -> str:
    """Return one line about the recordings whose unit is the body length; empty if there are none."""
    names = [one.shown for one in recordings if one.pix_per_cm is None]
    if not names:
        return ""
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    listed = ", ".join(names[:_MOST_NAMES]) + more
    return f"{len(names)} of {len(recordings)} recordings have no scale; their unit is the body length, not cm: {listed}."


def scale_of_bodies(xy: np.ndarray, bodyparts: Sequence[str], where: str) -> tuple[float, Fault]:
    """Return pixels per cm from the length of the mice, and the flag that says so. `xy` is what `body_length_px` takes.

    Raises ContractError if the bodies cannot be measured.
    """
    found = body_length_px(xy, bodyparts)
    if found is None:
        ends = f"{' or '.join(BODY_LENGTHS_CM)} and {TAIL} in {LEAST_FRAMES} frames"
        message = f"Expected a scale, or {ends} to measure the body length, but got neither."
        raise ContractError(Fault("scale", where, message, "Give pix_per_cm_approx."))
    length, front = found
    message = f"Expected a scale, but got none: the body length of {length:.1f} pixels counts as {BODY_LENGTHS_CM[front]:g} cm."
    return length / BODY_LENGTHS_CM[front], Fault(
        "scale-body", where, message, "Do not compare its lengths and speeds with other recordings."
    )
