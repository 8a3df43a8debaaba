"""Read the bouts of one file, of recognize.py (CSV or Parquet), a submission or an annotation: what was seen, not what was looked for.

`inference/bout_sources.py` reads both, from Parquet of recognize.py or from a data directory.
"""

from pathlib import Path

import pandas as pd

from behavior.bouts import BOUT_COLUMNS
from behavior.contract import ContractError, Fault, UsageError
from behavior.recording import mouse_number

_SELF = "self"
_EXTRA = ("confidence", "threshold")


def read_bouts(path: Path, video_id: int | None = None) -> pd.DataFrame:
    """Return the bouts of a file in the columns `behavior.bouts.BOUT_COLUMNS`, and confidence and threshold where it has them.

    With `video_id`, only those of one recording. Mice may be numbers or named as in submissions (mouse1, self); agent and target are
    <NA> where a bout names none. Raises UsageError if there is no such file, ContractError for a file without bouts.
    """
    if not path.is_file():
        raise UsageError(f"Expected a file with bouts, but got {path}. Write one with inference/recognize.py.")
    try:
        rows = pd.read_parquet(path, partitioning=None) if path.suffix == ".parquet" else pd.read_csv(path)
    except (ValueError, OSError, UnicodeDecodeError) as error:  # also errors of pandas and Arrow
        raise _fault(path, f"a file that cannot be read: {' '.join(str(error).split())[:120]}", "file-unreadable") from None
    if missing := [name for name in BOUT_COLUMNS if name not in rows]:
        raise _fault(path, f"a table without {', '.join(missing)}", "column-missing")
    try:
        agent = [_mouse(value) for value in rows["agent_id"]]
        target = [_mouse(value, own) for value, own in zip(rows["target_id"], agent, strict=True)]
        frames = {name: rows[name].astype("int64") for name in ("video_id", "start_frame", "stop_frame")}
    except (ValueError, TypeError) as error:
        raise _fault(path, f"other values: {error}", "column-type") from None
    known = rows.assign(agent_id=pd.array(agent, "Int64"), target_id=pd.array(target, "Int64"), action=rows["action"].astype(str), **frames)
    known = known if video_id is None else known[known["video_id"] == video_id]
    return known[[*BOUT_COLUMNS, *(name for name in _EXTRA if name in known)]]


def in_order(bouts: pd.DataFrame) -> pd.DataFrame:
    """Return the bouts of one recording in the order in which users number them, from 1."""
    return bouts.sort_values(["start_frame", "stop_frame", "action"], kind="stable", ignore_index=True)


def numbered(bouts: pd.DataFrame | None, number: int) -> pd.Series:
    """Return a bout by its number. Raises UsageError for a number that no bout has."""
    count = 0 if bouts is None else len(bouts)
    if bouts is None or not 1 <= number <= count:
        raise UsageError(f"Expected --bout from 1 to {count}, but got {number}. See the numbers with show.py --list.")
    return in_order(bouts).iloc[number - 1]


def _mouse(value: object, agent: int | None = None) -> int | None:
    """Return the number of a mouse that is written as 1, mouse1 or self; None for an empty value."""
    if value is None or value is pd.NA or value != value or value == "":
        return None
    if isinstance(value, str):
        return agent if value == _SELF else mouse_number(value) if value.startswith("mouse") else int(value)
    return int(value)  # type: ignore[call-overload]


def _fault(path: Path, got: str, code: str) -> ContractError:
    return ContractError(Fault(code, str(path), f"Expected a table of bouts, but got {got}.", "Write it with inference/recognize.py."))
