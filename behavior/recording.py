"""One recording (video): its clock, its scale, its arena, and the triples (agent, target, behavior) that experts annotated.

Whatever is not among the triples was not annotated: unknown, never absent.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from behavior.contract import refuse

MAX_MICE = 4
_LAB_NAME = re.compile(r"[^\W_][\w .+-]{0,127}")
_RESERVED_LABS = {"null", "none", "nan", "__hive_default_partition__"}


class Triple(NamedTuple):
    """What an expert annotated: who did what to whom. A self behavior has target == agent."""

    agent: int
    target: int
    behavior: str


@dataclass(frozen=True)
class Recording:
    """One video's metadata, checked."""

    lab_id: str
    """Name of the lab; safe as a folder name."""
    video_id: int
    """Unique within a split."""
    fps: float
    """Frames per second of this very recording."""
    pix_per_cm: float
    """Scale of the picture, pixels per cm."""
    width_px: float
    """Picture width, pixels."""
    height_px: float
    """Picture height, pixels."""
    arena_center_px: tuple[float, float] | None = None
    """The arena's middle in the picture, pixels, where a lab has measured it."""
    annotated: tuple[Triple, ...] = ()
    """Triples experts annotated, sorted; empty for an unlabelled recording."""

    @property
    def center_px(self) -> tuple[float, float]:
        """The point that becomes (0, 0): the arena's middle where known, else the picture's."""
        return self.arena_center_px or (self.width_px / 2, self.height_px / 2)

    @cached_property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The (agent, target) pairs somebody annotated, sorted; target == agent for a mouse annotated by itself."""
        return tuple(sorted({(triple.agent, triple.target) for triple in self.annotated}))

    def behaviors_of(self, agent: int, target: int) -> tuple[str, ...]:
        """Return the behaviors annotated in this pair, sorted."""
        return tuple(sorted(triple.behavior for triple in self.annotated if triple[:2] == (agent, target)))


def recordings_from_rows(rows: Iterable[Mapping[str, object]], where: str = "metadata") -> list[Recording]:
    """Build recordings from rows of train.csv or test.csv.

    `rows` map column names to values; missing values may be None, NaN or "".
    Raises ContractError with every fault of every row.
    """
    recordings, faults = [], []
    seen: set[int] = set()
    for number, row in enumerate(rows, start=1):
        row_faults = _row_faults(row)
        name = f"{where}, row {number} (lab {row.get('lab_id')!r}, video {row.get('video_id')!r})"
        if not row_faults:
            recording = _recording(row)
            if recording.video_id in seen:
                row_faults.append("Expected each video_id once, but got it again. Remove one of the rows.")
            seen.add(recording.video_id)
            recordings.append(recording)
        faults += [f"{name}: {fault}" for fault in row_faults]
    refuse(faults)
    return recordings


def parse_annotated(text: object) -> tuple[Triple, ...]:
    """Read `behaviors_labeled`: a JSON list of "mouse1,mouse2,sniff" and "mouse1,self,rear"; nothing for missing text.

    Some published lists repeat entries with stray quotes inside; those fall together with their clean form.
    Raises ValueError for text that is not such a list.
    """
    if _missing(text):
        return ()
    try:
        entries = json.loads(str(text))
        triples = {_triple(entry) for entry in entries}
    except (ValueError, TypeError, AttributeError):
        raise ValueError(
            f'Expected behaviors_labeled to be a JSON list like ["mouse1,mouse2,sniff"], but got {str(text)[:60]!r}. Correct the metadata.'
        ) from None
    return tuple(sorted(triples))


def mouse_name(mouse: int) -> str:
    """Return the name of a mouse in submissions and behavior lists, such as mouse1."""
    return f"mouse{mouse}"


def mouse_number(name: str) -> int:
    """Return the number in a name such as mouse1. Raises ValueError for any other text."""
    match = re.fullmatch(r"mouse([1-9])", name)
    if not match:
        raise ValueError(f"Expected a mouse name like mouse1, but got {name!r}. Use mouse1 to mouse{MAX_MICE}.")
    return int(match[1])


def lab_fault(lab: object) -> str | None:
    """Say why a lab name cannot be a folder of the lake, or None if it can."""
    if isinstance(lab, str) and _LAB_NAME.fullmatch(lab) and lab == lab.strip(" .") and lab.lower() not in _RESERVED_LABS:
        return None
    return (
        "Expected lab_id to start with a letter or digit and hold only letters, digits, space and . _ + - (at most 128), "
        f"but got {lab!r}. Rename the lab."
    )


def _recording(row: Mapping[str, object]) -> Recording:
    center = (row.get("arena_center_x_pix"), row.get("arena_center_y_pix"))
    return Recording(
        lab_id=str(row["lab_id"]),
        video_id=_integer(row["video_id"]),
        fps=_number(row["frames_per_second"]),
        pix_per_cm=_number(row["pix_per_cm_approx"]),
        width_px=_number(row["video_width_pix"]),
        height_px=_number(row["video_height_pix"]),
        arena_center_px=None if any(map(_missing, center)) else (_number(center[0]), _number(center[1])),
        annotated=parse_annotated(row.get("behaviors_labeled")),
    )


def _row_faults(row: Mapping[str, object]) -> list[str]:
    faults = []
    if fault := lab_fault(row.get("lab_id")):
        faults.append(fault)
    try:
        if _integer(row.get("video_id")) < 0:
            raise ValueError
    except (ValueError, TypeError):
        faults.append(f"Expected video_id to be a whole number, but got {row.get('video_id')!r}. Correct the metadata.")
    positive = {
        "frames_per_second": "Give the true frame rate of the recording",
        "pix_per_cm_approx": "Measure the scale of the picture",
        "video_width_pix": "Give the picture's width",
        "video_height_pix": "Give the picture's height",
    }
    for column, mend in positive.items():
        value = _number(row.get(column))
        if not (math.isfinite(value) and value > 0):
            faults.append(f"Expected {column} to be a number above zero, but got {row.get(column)!r}. {mend}.")
    try:
        parse_annotated(row.get("behaviors_labeled"))
    except ValueError as fault:
        faults.append(str(fault))
    return faults


def _triple(entry: str) -> Triple:
    agent, target, behavior = (part.strip(" '\"") for part in entry.split(","))
    number = mouse_number(agent)
    if not behavior:
        raise ValueError
    return Triple(number, number if target == "self" else mouse_number(target), behavior)


def _missing(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _number(value: object) -> float:
    """Return a float, or NaN where there is no number."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan


def _integer(value: object) -> int:
    number = float(value) if not isinstance(value, str) else int(value)  # type: ignore[arg-type]
    if number != int(number):
        raise ValueError
    return int(value)  # type: ignore[call-overload]
