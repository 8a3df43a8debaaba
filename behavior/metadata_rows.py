"""Judge every row of a metadata file by itself: which recordings are sound, which rows are there again, and what is wrong with others."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace

import pyarrow as pa

from behavior.contract import Fault
from behavior.ids import video_fault, video_number
from behavior.keys import recording_name, row_name
from behavior.policy import STANDARD, Policy
from behavior.recording import Recording, judged_row, place_of_row
from behavior.tables import parse_metadata_cells


@dataclass(frozen=True)
class JudgedRow:
    """One recording as the metadata has it, or a row that no recording can be told from."""

    name: str
    """As behavior/keys.py names it, such as train-7."""
    row: int
    """Which row of the table it is, from 0 on; the first one, if it is there several times."""
    recording: Recording | None
    """None if it is faulty."""
    faults: tuple[Fault, ...] = ()
    """What is wrong with it; a repair does not make it faulty."""
    lab: str = ""
    video: int | None = None
    """Its id, if it is one."""
    rows: int = 1
    """How many rows speak of it."""


@dataclass(frozen=True)
class JudgedMetadata:
    """A metadata file, judged."""

    table: pa.Table
    """All rows, in the columns of `RAW_METADATA`."""
    rows: tuple[JudgedRow, ...]
    """Each recording once, and the rows that none can be told from, in the order of the file."""

    @property
    def duplicates(self) -> int:
        """Rows that speak of a recording again."""
        return sum(row.rows - 1 for row in self.rows)


def judge_metadata(data: bytes, split: str, where: str, policy_of: Callable[[str], Policy] = lambda _: STANDARD) -> JudgedMetadata:
    """Judge the bytes of a train.csv or test.csv. Raises ContractError for what is wrong with the file as a whole.

    `policy_of` returns the policy for a recording by its name.

    Of rows that are equal word for word the first one counts; rows that tell different things of one video are all faulty.
    """
    table, of_cells = parse_metadata_cells(data, where)
    values = table.to_pylist()
    same_video: dict[str, list[JudgedRow]] = defaultdict(list)
    for number, row in enumerate(values, start=1):
        cells = of_cells.get(number, {})
        row = {**row, **{column: text for column, (text, _) in cells.items()}}
        place = place_of_row(row, where, number)
        recording, faults = judged_row(row, place)
        spoken_of = tuple(fault.text for fault in faults)
        for column, (_, fault) in cells.items():
            if not any(text.startswith(f"Expected {column} ") for text in spoken_of):
                faults.append(replace(fault, where=place))
        video = None if video_fault(row["video_id"]) else video_number(row["video_id"])
        name = row_name(split, number) if video is None else recording_name(split, video)
        judged = JudgedRow(name, number - 1, None if faults else recording, tuple(faults), str(row["lab_id"] or ""), video)
        same_video[name].append(judged)
    return JudgedMetadata(table, tuple(_one(rows, values, where, policy_of) for rows in same_video.values()))


def _one(rows: list[JudgedRow], values: list[dict[str, object]], where: str, policy_of: Callable[[str], Policy]) -> JudgedRow:
    """Return what all rows of one video say together."""
    first = rows[0]
    if len(rows) == 1:
        return first
    places = [place_of_row(values[each.row], where, each.row + 1) for each in rows]
    if any(repr(values[each.row]) != repr(values[first.row]) for each in rows):  # repr, because NaN is not equal to itself
        message = f"Expected one row for each video_id, but got {len(rows)} that differ."
        faults = [Fault("video-repeated", place, message, "Remove all but one of them.") for place in places]
        return replace(first, recording=None, faults=(*faults, *(fault for each in rows for fault in each.faults)), rows=len(rows))
    message = "Expected each video_id once, but got the same row again, word for word."
    again = tuple(Fault("row-repeated", place, message, "It counts once.") for place in places[1:])
    sound = first.recording if not policy_of(first.name).rejecting(again) else None
    return replace(first, recording=sound, faults=(*first.faults, *again), rows=len(rows))
