"""One recording as another program tracked it, before anything is decided about it.

Axes: I animals, K bodyparts, T frames; 2 coordinates (x, y).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from behavior.contract import ContractError, Fault, UsageError, refuse

EXPORT_AGAIN = "Export the file again."
MOST_ANIMALS = 127
"""The raw layout numbers mice with 8 bits."""
_NO_NAME = re.compile(r"\s*|unnamed:.*|nan|[\d.]+", re.IGNORECASE)
"""What a broken header leaves in place of a bodypart's name."""


@dataclass(frozen=True)
class ForeignPose:
    """The tracks of one recording in the words of the program that wrote them."""

    name: str
    """Name of the recording, from the name of the file or of its film."""
    tracker: str
    """The program, with its model if the file says it."""
    animals: tuple[str, ...]
    """Axis I, as the file calls them."""
    bodyparts: tuple[str, ...]
    """Axis K, as the file calls them."""
    frames: np.ndarray
    """Frame numbers in the film: [T] int64."""
    xy: np.ndarray
    """Pixels from the upper left corner: [2, I, K, T] float32, NaN where lost."""
    likelihood: np.ndarray | None = None
    """How sure the tracker is: [I, K, T] float32; None if the file does not say it."""
    fps: float | None = None
    """Frames per second, if the file says it."""
    size_px: tuple[int, int] | None = None
    """Width and height of the picture, if the file says it."""
    pix_per_cm: float | None = None
    """Scale of the picture, if the file says it."""
    notes: tuple[str, ...] = ()
    """What was left out or decided while reading, one sentence each."""


def check_pose(pose: ForeignPose, where: str) -> ForeignPose:
    """Return the pose if it can be used. Raises ContractError with all its faults."""
    faults = [
        Fault("column-repeated", where, f"Expected each {what} once, but got {', '.join(twice)} again.", "Rename them.")
        for what, names in (("animal", pose.animals), ("bodypart", pose.bodyparts))
        if (twice := sorted({name for name in names if names.count(name) > 1}))
    ]
    if nameless := [repr(name) for name in pose.bodyparts if _NO_NAME.fullmatch(name)]:
        message = f"Expected names of bodyparts, but got {', '.join(nameless)}."
        faults.append(Fault("value-missing", where, message, "Name these columns and export the file again."))
    if not len(pose.frames) or not pose.animals or not pose.bodyparts:
        got = f"{len(pose.frames)} frames of {len(pose.animals)} animals with {len(pose.bodyparts)} bodyparts"
        faults.append(Fault("table-empty", where, f"Expected tracked frames, but got {got}.", "Track the film again."))
    elif not np.isfinite(pose.xy).any():
        message = f"Expected tracked points, but got none in {len(pose.frames)} frames."
        faults.append(Fault("table-empty", where, message, "Track the film again."))
    faults += _frame_faults(pose.frames, where)
    if len(pose.animals) > MOST_ANIMALS:
        message = f"Expected at most {MOST_ANIMALS} animals, but got {len(pose.animals)} tracks."
        faults.append(Fault("unfit", where, message, "Join the tracks of each animal in the tracker, or choose some with --individuals."))
    known = pose.xy[np.isfinite(pose.xy)]
    if known.size and float(known.max()) <= 1 and float(known.min()) >= 0 and float(np.ptp(known)) > 0:
        message = "Expected positions in pixels, but got shares of the picture from 0 to 1."
        faults.append(Fault("unfit", where, message, "Multiply them with the size of the picture."))
    refuse(faults)
    return pose


def _frame_faults(frames: np.ndarray, where: str) -> list[Fault]:
    steps = np.diff(frames)
    if len(frames) and frames[0] < 0:
        return [Fault("frame-negative", where, f"Expected frames from 0, but got {frames[0]}.", EXPORT_AGAIN)]
    if (steps <= 0).any():
        at = int(np.flatnonzero(steps <= 0)[0])
        message = f"Expected ascending frame numbers, but got {frames[at + 1]} after {frames[at]}."
        return [Fault("unfit", where, message, "Sort the rows, and keep one row for each frame.")]
    return []


@contextmanager
def damage_is_a_fault(where: str, expected: str) -> Iterator[None]:
    """Turn what libraries raise for damaged content, of whatever kind, into a fault of the file.

    Raises UsageError if the library itself is not installed.
    """
    try:
        yield
    except (ContractError, UsageError):
        raise
    except ImportError as error:
        raise UsageError(
            f"Expected the package {error.name} to read {where}, but got none. Install it: pip install '.[formats]'."
        ) from error
    except (OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError, ArithmeticError) as error:
        reason = f"damaged or unusual content ({type(error).__name__}: {str(error).strip() or 'no reason'})"
        raise unreadable(where, expected, reason, "Copy it again, or export it again.") from error


def unreadable(where: str, expected: str, got: str, mend: str = EXPORT_AGAIN) -> ContractError:
    """Return the error of a file that is not what its beginning promises."""
    reason = " ".join(str(got).split())[:200].rstrip(".")
    return ContractError(Fault("file-unreadable", where, f"Expected {expected}, but got {reason}.", mend))
