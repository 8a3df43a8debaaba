"""What a person should check in a recording, from its row of `DATA_QUALITY`. A flagged recording is used as it is."""

import json
from collections.abc import Mapping
from typing import Any

from behavior.contract import Fault
from behavior.quality import SHORT_BOUT_S

OUTSIDE_SHARE = DOUBLED_SHARE = 0.01
TELEPORTS_PER_MINUTE, SWAPS_PER_MINUTE = 2.0, 1.0
SHORT_SHARE = 0.05
"""Every tracker makes a few errors, and some labs write down very short bouts: a flag means more than so many. The row counts all."""
BODY_LENGTHS_CM = (3.0, 30.0)
"""From the nose (or head) to the base of the tail: a pup, a large rat."""
STATED_SHARE, STATED_S = 0.01, 1.0
"""The stated duration may differ from the tracked one by so much."""


def quality_flags(row: Mapping[str, Any], where: str) -> list[Fault]:
    """Return the flags of a recording; all have the severity FLAG. A policy may make them reject."""
    flags: list[Fault] = []

    def flag(code: str, expected: str, got: str, mend: str, count: int = 1) -> None:
        flags.append(Fault(code, where, f"Expected {expected}, but got {got}.", mend, count))

    seconds, never = row["duration_s"], json.loads(row["bodyparts_never_seen"])
    if never:
        some = ", ".join(never[:4]) + (f" and {len(never) - 4} more" if len(never) > 4 else "")
        flag("bodypart-unseen", "to see every bodypart at least once", f"none of {some}", "Its features are unknown.", len(never))
    if (row["outside_share"] or 0) > OUTSIDE_SHARE:
        got = f"{100 * row['outside_share']:.1f} % of them outside"
        flag("point-outside", "points in the picture", got, "Check the picture's size and the tracker.", row["points_outside"])
    if row["doubled_frames"] > DOUBLED_SHARE * seconds * row["frames_per_second"]:
        got = f"the same for two mice in {row['doubled_frames']} frames"
        flag("pose-doubled", "a pose for each mouse", got, "Check whether the tracker lost a mouse.", row["doubled_frames"])
    if _often(row["teleports"], TELEPORTS_PER_MINUTE, seconds):
        got = f"{row['teleports']} jumps, the first at frame {json.loads(row['teleport_frames'])[0]}"
        flag("teleport", "mice that run", got, "Look at these frames.", row["teleports"])
    if _often(row["swap_suspects"], SWAPS_PER_MINUTE, seconds):
        got = f"{row['swap_suspects']} exchanges, the first at frame {json.loads(row['swap_suspect_frames'])[0]}"
        flag("swap-suspect", "mice that keep their ids", got, "Look at these frames.", row["swap_suspects"])
    if (row["short_bouts"] or 0) > max(1, SHORT_SHARE * (row["bouts"] or 0)):
        got = f"{row['short_bouts']} of {row['bouts']} that are not"
        flag("bout-short", f"bouts longer than {SHORT_BOUT_S} s", got, "Check their frame numbers.", row["short_bouts"])
    return flags + _metadata_flags(row, where)


def _metadata_flags(row: Mapping[str, Any], where: str) -> list[Fault]:
    """Return the flags that put the frame rate or the scale in doubt."""
    flags = []
    seconds, ratio, length = row["duration_s"], row["stated_frames_ratio"], row["body_length_cm"]
    if ratio is not None and abs(ratio - 1) * seconds > max(STATED_S, STATED_SHARE * seconds):
        message = f"Expected {ratio * seconds:.1f} s, as stated, but got tracked frames of {seconds:.1f} s."
        flags.append(Fault("frames-stated", where, message, "Check the frame rate; frames are counted from tracking."))
    if length is not None and not BODY_LENGTHS_CM[0] <= length <= BODY_LENGTHS_CM[1]:
        shortest, longest = BODY_LENGTHS_CM
        message = f"Expected bodies of {shortest:.0f} to {longest:.0f} cm, but got {length:.1f} cm."
        flags.append(Fault("body-length", where, message, "Check the scale, pix_per_cm_approx."))
    return flags


def _often(count: int, per_minute: float, seconds: float) -> bool:
    """Return whether something happens more often than that; once is never often."""
    return count > max(1, per_minute * seconds / 60)
