"""Read a reviewed queue: verdicts in its table, or a BORIS project that a person corrected."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from behavior.contract import ContractError, Fault, UsageError, refuse
from behavior.corrections import Correction
from behavior.recording import Triple, mouse_number

if TYPE_CHECKING:
    pass

RIGHT, WRONG = "right", "wrong"
"""Verdicts; any other text is the name of the true behavior."""
_NEEDED = {
    *("item", "recording", "video_id", "split", "agent", "target", "behavior", "start_frame", "stop_frame"),
    *("window_start_frame", "window_stop_frame", "frames_per_second", "verdict", "corrected_start_frame", "corrected_stop_frame"),
}
_SELF = "self"
Event = tuple[float, str, str, str]
"""Time in seconds, subject, behavior and modifier of a BORIS event."""
Verdict = tuple[str, Correction]
"""The split of a recording, and the correction."""


def read_queue(path: Path) -> "list[dict[str, Any]]":
    """Return the rows of queue.csv. Raises UsageError for a missing file, ContractError for another table."""
    import pandas as pd

    if not path.is_file():
        raise UsageError(f"Expected --queue to be a file, but got {path}. Write it with inference/review.py.")
    try:
        rows = pd.read_csv(path, dtype={"recording": str, "verdict": str}, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ContractError([f"Expected {path} to be the table of review.py, but got: {error}. Write it again."]) from None
    if missing := sorted(_NEEDED - set(rows)):
        raise ContractError([f"Expected {path} to be the table of review.py, but got one without {', '.join(missing)}. Write it again."])
    return [dict(zip(map(str, rows), row, strict=True)) for row in rows.itertuples(index=False, name=None)]


def verdicts_of_table(queue: "list[dict[str, Any]]") -> list[Verdict]:
    """Return a correction for each row with a verdict. Raises ContractError with all rows that cannot be read."""
    found, faults = [], list[Fault | str]()
    for row in queue:
        verdict = str(row["verdict"]).strip()
        if not verdict:
            continue
        try:
            start, stop = (int(float(row[f"corrected_{name}"] or row[name])) for name in ("start_frame", "stop_frame"))
            triple = _triple(row)
        except ValueError as error:
            faults.append(f"item {row['item']}: Expected mice and whole frames, but got: {error}. Correct the row.")
            continue
        if start >= stop:
            expected = f"item {row['item']}: Expected the bout to end after it begins"
            faults.append(f"{expected}, but got frames {start} to {stop}. Correct them.")
            continue
        named = triple if verdict == RIGHT else triple._replace(behavior=verdict)
        bouts = () if verdict == WRONG else ((named, start, stop),)
        found.append((str(row["split"]), _correction(row, triple, bouts)))
    refuse(faults)
    return found


def verdicts_of_boris(queue: "list[dict[str, Any]]", path: Path) -> list[Verdict]:
    """Return a correction for each row, from the bouts of a BORIS project within the row's window.

    Bouts of another behavior of the same agent and target count too, unless another row is about that behavior there.
    """
    events = _read_events(path)
    rates = {row["recording"]: float(row["frames_per_second"]) for row in queue}
    bouts = {
        name: _frames(own, rates[name], f"{path}, observation {name}")
        for name, own in events.items()
        if name in rates  # the person may have added others
    }
    asked: dict[tuple[str, Triple], list[tuple[int, int]]] = {}
    for row in queue:
        asked.setdefault((row["recording"], _triple(row)), []).append(_window(row))
    found = []
    for row in queue:
        name, triple, window = row["recording"], _triple(row), _window(row)
        if name not in bouts:
            continue  # the person deleted the observation
        inside = [
            (other, max(start, window[0]), min(stop, window[1]))
            for other, start, stop in bouts[name]
            if other[:2] == triple[:2] and start < window[1] and stop > window[0]
        ]
        own = tuple(
            (other, start, stop)
            for other, start, stop in inside
            if other == triple or not any(start < end and stop > first for first, end in asked.get((name, other), ()))
        )
        found.append((str(row["split"]), _correction(row, triple, own)))
    return found


def _correction(row: "dict[str, Any]", triple: Triple, bouts: tuple[tuple[Triple, int, int], ...]) -> Correction:
    """Return the correction of a row; where another behavior is named, nothing is known of that behavior beyond its frames."""
    first, end = _window(row)
    others = [(start, stop) for other, start, stop in bouts if other != triple]
    if others:
        first, end = min(start for start, _ in others), max(stop for _, stop in others)
    else:
        first, end = min([first, *(start for _, start, _ in bouts)]), max([end, *(stop for _, _, stop in bouts)])
    inside = tuple((other, start, stop) for other, start, stop in bouts if start < end and stop > first)
    return Correction(int(row["video_id"]), triple, (first, end), inside)


def _window(row: "dict[str, Any]") -> tuple[int, int]:
    return int(row["window_start_frame"]), int(row["window_stop_frame"])


def _triple(row: "dict[str, Any]") -> Triple:
    agent = mouse_number(str(row["agent"]))
    return Triple(agent, agent if row["target"] == _SELF else mouse_number(str(row["target"])), str(row["behavior"]))


def _read_events(path: Path) -> dict[str, list[Event]]:
    """Return the events of each observation of a BORIS project."""
    if not path.is_file():
        raise UsageError(f"Expected --boris to be a file, but got {path}. Name the corrected project.")
    try:
        observations = json.loads(path.read_text(encoding="utf-8"))["observations"]
        return {
            name: [(float(time), str(subject), str(behavior), str(modifier)) for time, subject, behavior, modifier, *_ in one["events"]]
            for name, one in observations.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ContractError([f"Expected {path} to be a BORIS project, but got another file. Save the project again."]) from None


def _frames(events: list[Event], fps: float, where: str) -> list[tuple[Triple, int, int]]:
    """Return the bouts of an observation, in frames, each of one frame at least."""
    spans = ((triple, round(start * fps), round(stop * fps)) for triple, start, stop in _states(events, where))
    return [(triple, start, max(stop, start + 1)) for triple, start, stop in spans]


def _states(events: list[Event], where: str) -> list[tuple[Triple, float, float]]:
    """Return the bouts of an observation, seconds: each event of a state behavior starts it or stops it, in turn."""
    opened: dict[Triple, float] = {}
    found = []
    for time, subject, behavior, modifier in sorted(events, key=lambda event: event[0]):
        try:
            agent = mouse_number(subject)
            triple = Triple(agent, agent if modifier == _SELF else mouse_number(modifier), behavior)
        except ValueError:
            got = f"{subject or 'nobody'} and {modifier or 'no target'} of {behavior} at {time} s"
            mend = "Choose the subject, and the target as modifier"
            raise ContractError([f"{where}: Expected a subject and a target like mouse1, but got {got}. {mend}."]) from None
        if triple in opened:
            found.append((triple, opened.pop(triple), time))
        else:
            opened[triple] = time
    refuse(
        f"{where}: Expected each bout to start and to stop, but got no stop of {triple.behavior} that starts at {time} s. Add it."
        for triple, time in opened.items()
    )
    return found
