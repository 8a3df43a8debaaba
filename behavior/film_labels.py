"""Labels of films as experts write them, in one of these layouts, as a CSV file:

- one row per frame: a column `frame` and a column `action` (or `label`, `behavior`, `class`), with a name or a number of
  `behavior.pain.CODES`; a frame without a row, or with an empty action, is unknown
- one row per bout: `start`, `stop` (or `start_frame`, `stop_frame`: frames, or `start_s`, `stop_s`: seconds) and the action;
  the stop is excluded; frames between bouts are unknown

Column names may have capitals. Axes: T frames.
"""

import io
from dataclasses import dataclass

import numpy as np
import pandas as pd

from behavior.contract import Fault
from behavior.film_rules import STANDARD_RULES, LabelRules
from behavior.pain import CODES
from behavior.policy import STANDARD, Policy

LABEL_COLUMNS = ("action", "written", "start_frame", "stop_frame")
"""Columns of labels: the behavior that counts, the one that the expert wrote, and where."""
_ACTIONS = ("action", "label", "behavior", "behaviour", "class")
_FRAMES = ("frame", "frame_number", "video_frame")
_BOUNDS = (("start_frame", "stop_frame"), ("start", "stop"), ("start_s", "stop_s"))
_USUAL_RATIOS = (0.5, 0.8, 5 / 6, 1.2, 1.25, 1.5, 5 / 3, 2, 2.5, 3, 4)
"""Lengths of labels over the length of the film that mean that the labels count at another frame rate."""
_LEAST_FRAMES = 120
"""In shorter films these ratios are common by chance."""
_MOST_FRAMES = 2.0**53
"""From here on a float is whole whatever was meant."""


@dataclass(frozen=True)
class ReadLabels:
    """The labels of one film."""

    bouts: pd.DataFrame
    """Columns `LABEL_COLUMNS`, sorted by start, without overlaps; empty if any fault rejects, under the policy."""
    faults: tuple[Fault, ...]
    """All faults; some may only flag."""


def read_labels(
    data: bytes,
    where: str,
    frames: int,
    fps: float,
    rules: LabelRules = STANDARD_RULES,
    labels_fps: float | None = None,
    policy: Policy = STANDARD,
) -> ReadLabels:
    """Read the bytes of a label file for a film of T frames. `labels_fps` is the frame rate that the labels count at, if another.

    A policy may repair bouts that begin before the film (they are cut) or end before they begin (they are left out).
    """
    nothing = pd.DataFrame(columns=list(LABEL_COLUMNS))
    bouts, fault = _table(data, where, labels_fps or fps)
    if fault:
        return ReadLabels(nothing, (fault,))
    length = int(bouts["stop_frame"].max()) if len(bouts) else 0
    faults = [*_class_faults(bouts, where, rules)]
    if labels_fps and labels_fps != fps:
        bouts = _at_rate(bouts, fps / labels_fps)
    else:
        faults += _clock_faults(length, frames, where, fps, sure=labels_fps is not None)
    faults += _place_faults(bouts, frames, where)
    if policy.rejecting(faults):
        return ReadLabels(nothing, tuple(faults))
    if faults:  # all of them may be repaired
        bouts = bouts.assign(start_frame=bouts["start_frame"].clip(lower=0))
        bouts = bouts[bouts["stop_frame"] > bouts["start_frame"]]
        if overlap := _place_faults(bouts, frames, where):
            return ReadLabels(nothing, (*faults, *overlap))
    merged = bouts.assign(written=bouts["action"], action=bouts["action"].map(lambda name: rules.merged.get(name, name)))
    joined = _joined(merged.sort_values("start_frame", ignore_index=True))
    unknown = frames - int((joined["stop_frame"] - joined["start_frame"]).sum())
    if unknown:
        message = f"Expected a label in every frame, but got none in {unknown:,} of {frames:,}."
        faults.append(Fault("label-partial", where, message, "These frames count as unknown, not as rest.", count=unknown))
    return ReadLabels(joined[list(LABEL_COLUMNS)], tuple(faults))


def layout_faults(data: bytes, where: str) -> tuple[Fault, ...]:
    """Return the faults of a label file that can be seen without its film."""
    _, fault = _table(data, where, fps=1.0)
    return (fault,) if fault else ()


def _table(data: bytes, where: str, fps: float) -> tuple[pd.DataFrame, Fault | None]:
    """Return the bouts (action, start_frame, stop_frame) in the bytes of a label file, or its fault."""
    try:
        table = pd.read_csv(io.BytesIO(data), skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, ValueError) as error:
        return pd.DataFrame(), _layout_fault(where, f"a file that is no table ({str(error).strip()})")
    table.columns = [str(name).strip().lower() for name in table.columns]
    return _rows(table, where, fps)


def _rows(table: pd.DataFrame, where: str, fps: float) -> tuple[pd.DataFrame, Fault | None]:
    """Return bouts (action, start_frame, stop_frame) of a table in any layout, or its fault."""
    action = next((name for name in _ACTIONS if name in table), None)
    frame = next((name for name in _FRAMES if name in table), None)
    bounds = next((pair for pair in _BOUNDS if set(pair) <= set(table.columns)), None)
    if action is None or (frame is None and bounds is None):
        return table, _layout_fault(where, f"the columns {', '.join(table.columns)}")
    named = table.assign(action=_names(table[action]))
    named = named[named["action"] != ""]
    numbers = named[list(bounds or (frame,))].apply(pd.to_numeric, errors="coerce").astype("float64")
    if bounds == ("start_s", "stop_s"):
        numbers = (numbers * fps).round()
    if not (numbers.abs() < _MOST_FRAMES).all(axis=None) or (numbers % 1 != 0).any(axis=None):
        got = f"{', '.join(numbers.columns)} that are not whole"
        return table, _layout_fault(where, got, "Give whole frames, or seconds in columns start_s and stop_s.")
    whole = numbers.astype("int64").to_numpy()
    start = whole[:, 0]
    stop = whole[:, 1] if bounds else start + 1
    return pd.DataFrame({"action": named["action"].to_numpy(), "start_frame": start, "stop_frame": stop}), None


def _names(column: pd.Series) -> pd.Series:
    """Return the behavior of each row as text; numbers are codes, "" is unknown."""

    def name(value: object) -> str:
        text = str(value).strip().removesuffix(".0")  # numbers beside empty cells are read with .0
        return CODES[int(text)] if text.isdigit() and int(text) < len(CODES) else text

    return column.astype(object).where(column.notna(), "").map(name)


def _class_faults(bouts: pd.DataFrame, where: str, rules: LabelRules) -> list[Fault]:
    known = {*rules.behaviors, *rules.merged}
    unknown = sorted(set(bouts["action"]) - known)
    if not unknown:
        return []
    message = f"Expected behaviors among {', '.join(sorted(known))}, but got {', '.join(unknown)}."
    mend = "Correct the labels, say what each counts as with --merge NAME=BEHAVIOR, or add it with --also NAME."
    return [Fault("label-class", where, message, mend, count=int(bouts["action"].isin(unknown).sum()))]


def _clock_faults(length: int, frames: int, where: str, fps: float, sure: bool) -> list[Fault]:
    """Return the fault of labels whose length is a usual multiple of the film's; `sure`: the user says that the rates are equal."""
    ratio = next((one for one in _USUAL_RATIOS if abs(length - one * frames) <= max(1, 0.002 * frames)), None)
    if ratio is None or sure or frames < _LEAST_FRAMES:
        return []
    other = f"{length:,}, as at {ratio * fps:.3f} per second"
    message = f"Expected labels of a film of {frames:,} frames at {fps:.3f} per second, but got {other}."
    mend = f"Say the rate of the labels with --labels-fps; {fps:.3f} if they are right."
    return [Fault("label-clock", where, message, mend)]


def _place_faults(bouts: pd.DataFrame, frames: int, where: str) -> list[Fault]:
    faults = []
    start, stop = bouts["start_frame"].to_numpy(), bouts["stop_frame"].to_numpy()
    if (start < 0).any():
        faults.append(
            Fault("bout-negative", where, f"Expected bouts from frame 0 on, but got one at {start.min()}.", "Correct the labels.")
        )
    if (stop <= start).any():
        faults.append(Fault("bout-reversed", where, "Expected bouts that end after they begin, but got others.", "Correct the labels."))
    if (stop > frames).any():
        message = f"Expected labels within the {frames:,} frames of the film, but got them up to frame {stop.max() - 1:,}."
        faults.append(
            Fault("label-beyond", where, message, "Copy the film again, or correct the labels.", count=int((stop > frames).sum()))
        )
    order = np.argsort(start, kind="stable")
    if not faults and (start[order][1:] < stop[order][:-1]).any():
        place = int(np.flatnonzero(start[order][1:] < stop[order][:-1])[0])
        message = f"Expected one behavior per frame, but got two in frame {start[order][place + 1]}."
        faults.append(Fault("label-overlap", where, message, "Shorten one of the bouts."))
    return faults


def _at_rate(bouts: pd.DataFrame, ratio: float) -> pd.DataFrame:
    """Return bouts of another clock in frames of the film; `ratio` is film frames per label frame."""
    start, stop = (np.floor(bouts[name].to_numpy() * ratio + 0.5).astype(np.int64) for name in ("start_frame", "stop_frame"))
    return bouts.assign(start_frame=start, stop_frame=stop)[stop > start]


def _joined(bouts: pd.DataFrame) -> pd.DataFrame:
    """Join rows of one behavior that touch; what was written stays apart."""
    if bouts.empty:
        return bouts
    new = (bouts["written"] != bouts["written"].shift()) | (bouts["start_frame"] != bouts["stop_frame"].shift())
    parts = bouts.groupby(new.cumsum(), sort=False)
    return parts.agg({"action": "first", "written": "first", "start_frame": "min", "stop_frame": "max"}).reset_index(drop=True)


def _layout_fault(where: str, got: str, mend: str = "") -> Fault:
    expected = "Expected a table with frame and action, or with start, stop and label"
    return Fault("label-layout", where, f"{expected}, but got {got}.", mend or "Name the columns so.")
