"""Valid names of labs and ids of videos: both become names of folders and files, and must not lead out of their folder.

A recording that its lab calls by a name, such as cage1_day2, gets a number that depends on lab and name only.
"""

import hashlib
import re
import unicodedata

from behavior.contract import Fault

MAX_VIDEO_ID = 10**18 - 1
"""Ids are 64-bit numbers, and a number of 18 digits always fits."""
_LAB_NAME = re.compile(r"[^\W_][\w .+-]{0,127}")
_MOST_LAB_BYTES = 240
"""Behind lab_id= it must be the name of a folder, and file systems take 255 bytes."""
_RESERVED_LABS = {"null", "none", "nan", "__hive_default_partition__"}
"""Names that readers of Hive folders read as null."""


def lab_fault(lab: object, where: str = "") -> Fault | None:
    """Return the fault of a lab name that cannot be a folder of the lake, or None."""
    if _is_lab(lab):
        return None
    most = f"at most 128, in at most {_MOST_LAB_BYTES} bytes"
    expected = f"start with a letter or digit and hold only letters, digits, space and . _ + - ({most})"
    mend = "Rename the lab."
    if isinstance(lab, str) and _is_lab(unicodedata.normalize("NFC", lab)):
        mend = "Its accents are characters of their own; write them as one with their letters (Unicode NFC)."
    return Fault("lab-name", where, f"Expected lab_id to {expected}, but got {lab!r}.", mend)


def _is_lab(lab: object) -> bool:
    if not isinstance(lab, str) or not _LAB_NAME.fullmatch(lab) or len(lab.encode()) > _MOST_LAB_BYTES:
        return False
    return lab == lab.strip(" .") and lab.lower() not in _RESERVED_LABS


def video_fault(video: object, where: str = "") -> Fault | None:
    """Return the fault of a video id that cannot name a file of the lake, or None. 7, 7.0 and "7" are the same id."""
    try:
        if 0 <= video_number(video) <= MAX_VIDEO_ID:
            return None
    except (ValueError, TypeError, OverflowError):
        pass
    expected = "a whole number from 0 on, of 18 digits at most"
    return Fault("video-id", where, f"Expected video_id to be {expected}, but got {video!r}.", "Correct the metadata.")


def video_of_name(lab: str, name: str) -> int:
    """Return the id of the recording that a lab calls by a name: 1 to 2**53, so that it is exact as a float in any tool.

    Two of a million recordings share a number with a probability of 1 to 18,000; whoever adds one compares the names.
    """
    digest = hashlib.blake2s(f"{lab}\0{name}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) + 1


def video_number(video: object) -> int:
    """Return a video id as a number. Raises ValueError, TypeError or OverflowError for any other value."""
    number = int(video)  # type: ignore[call-overload]
    if not isinstance(video, str) and number != video:
        raise ValueError
    return int(number)
