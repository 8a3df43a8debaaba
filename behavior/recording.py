"""One recording (video): its clock, its scale, its arena, and the triples (agent, target, behavior) that experts annotated.

A triple that is not among them was not annotated: it is unknown, not absent.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from behavior.contract import ContractError, Fault, refuse
from behavior.ids import lab_fault, video_fault, video_number

MAX_MICE = 4
BOUNDS = {
    "frames_per_second": (1, 2_000, "frame-rate", "Give the true frame rate of the recording."),
    "pix_per_cm_approx": (0.1, 10_000, "scale", "Measure the scale of the picture."),
    "video_width_pix": (1, 100_000, "picture-size", "Give the picture's width."),
    "video_height_pix": (1, 100_000, "picture-size", "Give the picture's height."),
}
"""By column: the lowest and the highest value that a camera over mice can have, and the code and the mend of the fault."""
FARTHEST_PICTURES = 10
"""A point is beyond any arena if it is more than this many picture widths (or heights, the larger) from the center. In sound recordings
trackers guess points up to 2 pictures away."""


class Triple(NamedTuple):
    """An annotated behavior of an agent toward a target. A self behavior has target == agent."""

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
    """Frames per second of this recording."""
    pix_per_cm: float | None
    """Scale of the picture, pixels per cm; None if the lab gives none: then the body length is the unit."""
    width_px: float
    """Picture width, pixels."""
    height_px: float
    """Picture height, pixels."""
    arena_center_px: tuple[float, float] | None = None
    """The arena's middle in the picture, pixels, if the lab measured it."""
    annotated: tuple[Triple, ...] = ()
    """Annotated triples, sorted; empty for an unlabelled recording."""
    name: str = ""
    """The name that its lab gave it; empty if it has only its number."""
    stated_s: float | None = None
    """Duration that the lab states, s, if it does; frames are counted from tracking, never from this."""
    mouse_names: tuple[str, ...] = ()
    """Names that the lab gave mouse 1, mouse 2 and so on; empty if it gave none."""

    def named_mouse(self, mouse: int) -> str:
        """Return the name that the lab gave a mouse, else a name such as mouse1."""
        names = self.mouse_names
        return names[mouse - 1] if 0 < mouse <= len(names) and names[mouse - 1] else mouse_name(mouse)

    @property
    def shown(self) -> str:
        """Its name in messages, reports and exports: the name that its lab gave it, else its number."""
        return self.name or str(self.video_id)

    @property
    def farthest_px(self) -> float:
        """Farthest that a point may be from the center, along x or y; a point beyond it is in no arena."""
        return FARTHEST_PICTURES * max(self.width_px, self.height_px)

    @property
    def center_px(self) -> tuple[float, float]:
        """The point that becomes (0, 0): the arena's middle where known, else the picture's."""
        return self.arena_center_px or (self.width_px / 2, self.height_px / 2)

    @cached_property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The annotated (agent, target) pairs, sorted; target == agent for a mouse by itself."""
        return tuple(sorted({(triple.agent, triple.target) for triple in self.annotated}))

    def behaviors_of(self, agent: int, target: int) -> tuple[str, ...]:
        """Return the behaviors annotated in this pair, sorted."""
        return tuple(sorted(triple.behavior for triple in self.annotated if triple[:2] == (agent, target)))


def recordings_from_rows(rows: Iterable[Mapping[str, object]], where: str = "metadata") -> list[Recording]:
    """Build recordings from rows of train.csv or test.csv.

    `rows` map column names to values; missing values may be None, NaN or "".
    Raises ContractError with every fault of every row.
    """
    recordings, faults = sound_recordings(rows, where)
    refuse(faults)
    return recordings


def sound_recordings(rows: Iterable[Mapping[str, object]], where: str = "metadata") -> tuple[list[Recording], list[Fault]]:
    """Return the recordings of sound rows, and the faults of all other rows. Of several rows for one video the first one counts."""
    recordings: dict[int, Recording] = {}
    faults: list[Fault] = []
    for number, row in enumerate(rows, start=1):
        place = place_of_row(row, where, number)
        recording, row_faults = judged_row(row, place)
        faults += row_faults
        if recording is None:
            continue
        if recording.video_id in recordings:
            faults.append(Fault("video-repeated", place, "Expected each video_id once, but got it again.", "Remove one of the rows."))
        recordings.setdefault(recording.video_id, recording)
    return list(recordings.values()), faults


def judged_row(row: Mapping[str, object], place: str) -> tuple[Recording | None, list[Fault]]:
    """Return the recording of one row, and its faults; `place` is the name of the row in messages."""
    faults = _row_faults(row, place)
    return (None if faults else _recording(row)), faults


def place_of_row(row: Mapping[str, object], where: str, number: int) -> str:
    """Return the name of a row of a metadata file in messages; the first row after the header is row 1."""
    named = "" if _missing(row.get("recording_name")) else f", recording {row['recording_name']!r}"
    return f"{where}, row {number} (lab {row.get('lab_id')!r}, video {row.get('video_id')!r}{named})"


def parse_annotated(text: object) -> tuple[Triple, ...]:
    """Read `behaviors_labeled`: a JSON list of "mouse1,mouse2,sniff" and "mouse1,self,rear"; nothing for missing text.

    Some published lists repeat entries with stray quotes inside; they count once, together with their clean form.
    Raises ContractError for text that is not such a list.
    """
    if _missing(text):
        return ()
    try:
        entries = json.loads(str(text))
        triples = {_triple(entry) for entry in entries}
    except (ValueError, TypeError, AttributeError, RecursionError):  # the last one for a thousand brackets
        message = f'Expected behaviors_labeled to be a JSON list like ["mouse1,mouse2,sniff"], but got {str(text)[:60]!r}.'
        raise ContractError(Fault("annotated-list", "", message, "Correct the metadata.")) from None
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


def parse_names(text: object) -> tuple[str, ...]:
    """Return the names in a JSON list; none of any other text, because nothing but what people read depends on them.

    Names that are numbers (some trackers count from 0) would be read as the numbers of mice: then there are none.
    """
    try:
        names = json.loads(str(text))
    except (ValueError, RecursionError):
        return ()
    named = isinstance(names, list) and not all(str(name).isdigit() for name in names)
    return tuple(map(str, names)) if named else ()


def _recording(row: Mapping[str, object]) -> Recording:
    center = (row.get("arena_center_x_pix"), row.get("arena_center_y_pix"))
    return Recording(
        lab_id=str(row["lab_id"]),
        video_id=video_number(row["video_id"]),
        fps=_number(row["frames_per_second"]),
        pix_per_cm=None if _missing(row["pix_per_cm_approx"]) else _number(row["pix_per_cm_approx"]),
        width_px=_number(row["video_width_pix"]),
        height_px=_number(row["video_height_pix"]),
        arena_center_px=None if any(map(_missing, center)) else (_number(center[0]), _number(center[1])),
        annotated=parse_annotated(row.get("behaviors_labeled")),
        name="" if _missing(row.get("recording_name")) else str(row["recording_name"]),
        stated_s=_duration(row.get("video_duration_sec")),
        mouse_names=parse_names(row.get("mouse_names")),
    )


def _row_faults(row: Mapping[str, object], where: str) -> list[Fault]:
    faults = [lab_fault(row.get("lab_id"), where), video_fault(row.get("video_id"), where), _center_fault(row, where)]
    for column, (least, most, code, mend) in BOUNDS.items():
        if column == "pix_per_cm_approx" and _missing(row.get(column)):
            continue  # curation measures the mice
        if not least <= _number(row.get(column)) <= most:
            message = f"Expected {column} to be a number from {least:,} to {most:,}, but got {row.get(column)!r}."
            faults.append(Fault(code, where, message, mend))
    try:
        parse_annotated(row.get("behaviors_labeled"))
    except ContractError as error:
        faults += [replace(fault, where=where) for fault in error.faults]
    return [fault for fault in faults if fault]


def _center_fault(row: Mapping[str, object], where: str) -> Fault | None:
    """Return the fault of an arena center that is far from the picture, or None."""
    for axis, size in (("x", "video_width_pix"), ("y", "video_height_pix")):
        column = f"arena_center_{axis}_pix"
        width = _number(row.get(size))
        if not _missing(row.get(column)) and not -width <= _number(row.get(column)) <= 2 * width:
            message = f"Expected {column} to lie in the picture or beside it, but got {row.get(column)!r}."
            return Fault("arena-center", where, message, "Measure it again or leave it empty.")
    return None


def _triple(entry: str) -> Triple:
    agent, target, behavior = (part.strip(" '\"") for part in entry.split(","))
    number = mouse_number(agent)
    if not behavior:
        raise ValueError
    return Triple(number, number if target == "self" else mouse_number(target), behavior)


def _duration(value: object) -> float | None:
    """Return a stated duration, s; None for anything that is none, because nothing depends on it."""
    seconds = _number(value)
    return seconds if math.isfinite(seconds) and seconds > 0 else None


def _missing(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _number(value: object) -> float:
    """Return a float, or NaN for anything that is no number."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan
