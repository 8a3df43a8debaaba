"""Annotations: bouts that experts wrote, enriched with the metadata of their recording, and how often each behavior occurs in each lab.

A behavior that a lab annotated but never saw occurs 0 times; one that it did not annotate is unknown and has no row.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from behavior.contract import ContractError, Fault
from behavior.policy import STANDARD, Policy
from behavior.recording import Recording
from behavior.tables import ANNOTATIONS_ENRICHED, CLASS_DISTRIBUTION_STATS, RAW_ANNOTATION

SELF, PAIR = "self", "pair"
Behavior = tuple[str, str]
"""An action and its kind, self or pair."""


@dataclass(frozen=True)
class Occurrences:
    """What one recording adds to the statistics of its lab."""

    recording: Recording
    frames: int
    """Frames of the recording, counted from tracking."""
    bouts: dict[Behavior, np.ndarray]
    """Lengths of the bouts of annotated triples, frames."""


@dataclass
class _Sum:
    annotated: set[int] = field(default_factory=set)
    occurs: set[int] = field(default_factory=set)
    annotated_s: float = 0.0
    frames: int = 0
    bouts_s: list[np.ndarray] = field(default_factory=list)


def sound_bouts(rows: pa.Table, film_frames: range, where: str = "annotation", policy: Policy = STANDARD) -> tuple[pa.Table, list[Fault]]:
    """Return the raw bouts, repaired, and the repairs: each bout once, clipped to the tracked frames, and no bout without frames.

    `film_frames` are the tracked frames in the film's numbers. Raises ContractError as `enrich` does, unless `policy` says otherwise
    (then a bout that ends before it begins is left out, and one that begins before frame 0 is clipped), and if `film_frames` belong
    to a clip and no bout lies within them: then the experts counted from another frame.
    """
    bouts = _checked(rows, where, policy).to_pandas()
    first, end = film_frames.start, film_frames.stop
    has_frames = bouts["stop_frame"] > bouts["start_frame"]
    reversed_ = bouts["stop_frame"] < bouts["start_frame"]
    negative = has_frames & (bouts["start_frame"] < 0)
    beyond = has_frames & (((bouts["start_frame"] < first) & ~negative) | (bouts["stop_frame"] > end))
    inside = has_frames & (bouts["start_frame"] < end) & (bouts["stop_frame"] > first)
    if first and has_frames.any() and not inside.any():
        message = f"Expected bouts within the tracked frames {first} to {end - 1}, but got none there."
        raise ContractError(
            Fault("bout-clock", where, message, "Number the frames of tracking and annotation alike.", int(has_frames.sum()))
        )
    clipped = bouts.assign(start_frame=bouts["start_frame"].clip(first), stop_frame=bouts["stop_frame"].clip(upper=end))[inside]
    once = clipped.drop_duplicates(list(RAW_ANNOTATION.keys))
    repairs = [
        ("bout-beyond", int(beyond.sum()), f"within the tracked frames {first} to {end - 1}", "that go beyond", "They are clipped there."),
        ("bout-negative", int(negative.sum()), "from frame 0 on", "that begin before it", "They are clipped there."),
        ("bout-reversed", int(reversed_.sum()), "to end after they begin", "that do not", "They are left out."),
        ("bout-empty", int((~has_frames & ~reversed_).sum()), "of one frame or more", "without a frame", "They are left out."),
        ("bout-repeated", len(clipped) - len(once), "each once", "that are repeated", "They count once."),
    ]
    notes = [Fault(code, where, f"Expected bouts {expected}, but got {n} {got}.", mend, n) for code, n, expected, got, mend in repairs if n]
    return pa.Table.from_pandas(once, RAW_ANNOTATION.schema, preserve_index=False), notes


def enrich(rows: pa.Table, recording: Recording, where: str = "annotation") -> pa.Table:
    """Return raw bouts in the schema of `ANNOTATIONS_ENRICHED`, in their order.

    Raises ContractError for missing columns, impossible mouse numbers, and bouts that begin before frame 0 or end before they begin.
    """
    rows = _checked(rows, where)
    agent, target, action, start, stop = (rows.column(name) for name in RAW_ANNOTATION.keys)
    triples = zip(agent.to_pylist(), target.to_pylist(), action.to_pylist(), strict=True)
    annotated = set(recording.annotated)
    columns = {
        "video_id": np.full(len(rows), recording.video_id, np.int64),
        **{name: rows.column(name).cast(ANNOTATIONS_ENRICHED.schema.field(name).type) for name in RAW_ANNOTATION.schema.names},
        "duration_s": (stop.to_numpy() - start.to_numpy()) / recording.fps,
        "kind": pc.if_else(pc.equal(agent, target), SELF, PAIR),
        "annotated": pa.array([triple in annotated for triple in triples], pa.bool_()),
        "frames_per_second": np.full(len(rows), recording.fps, np.float64),
    }
    return pa.table(columns, schema=ANNOTATIONS_ENRICHED.schema)


def bout_lengths(enriched: pa.Table) -> dict[Behavior, np.ndarray]:
    """Return the lengths in frames of all annotated bouts, by behavior."""
    rows = enriched.filter(enriched.column("annotated"))
    lengths = pc.subtract(rows.column("stop_frame"), rows.column("start_frame")).to_numpy()
    behaviors = list(zip(rows.column("action").to_pylist(), rows.column("kind").to_pylist(), strict=True))
    return {one: lengths[[one == each for each in behaviors]] for one in set(behaviors)}


def class_distribution(recordings: Iterable[Occurrences]) -> pa.Table:
    """Return `CLASS_DISTRIBUTION_STATS` of these recordings, sorted by lab, action, kind."""
    sums: dict[tuple[str, str, str], _Sum] = defaultdict(_Sum)
    for one in recordings:
        lab, video, fps = one.recording.lab_id, one.recording.video_id, one.recording.fps
        for agent, target, action in one.recording.annotated:
            entry = sums[lab, action, SELF if agent == target else PAIR]
            entry.annotated.add(video)
            entry.annotated_s += one.frames / fps
        for (action, kind), lengths in one.bouts.items():
            entry = sums[lab, action, kind]
            entry.occurs.add(video)
            entry.frames += int(lengths.sum())
            entry.bouts_s.append(lengths / fps)
    rows = [_row(key, sums[key]) for key in sorted(sums)]
    return pa.Table.from_pylist(rows, schema=CLASS_DISTRIBUTION_STATS.schema)


def _row(key: tuple[str, str, str], entry: _Sum) -> dict[str, object]:
    durations = np.concatenate(entry.bouts_s) if entry.bouts_s else np.empty(0)
    seconds = float(durations.sum())
    return {
        **dict(zip(CLASS_DISTRIBUTION_STATS.keys, key, strict=True)),
        "videos_annotated": len(entry.annotated),
        "videos": len(entry.occurs),
        "bouts": len(durations),
        "frames": entry.frames,
        "seconds": seconds,
        "annotated_seconds": entry.annotated_s,
        "share": seconds / entry.annotated_s if entry.annotated_s else None,
        "median_bout_s": float(np.median(durations)) if len(durations) else None,
    }


def _checked(rows: pa.Table, where: str, policy: Policy = STANDARD) -> pa.Table:
    """Return rows of `RAW_ANNOTATION`. Raises ContractError with all faults."""
    rows = RAW_ANNOTATION.check(rows, where)
    agent, target, start, stop = (rows.column(name).to_numpy() for name in ("agent_id", "target_id", "start_frame", "stop_frame"))
    wrong = [
        ("mouse-number", (agent < 1) | (target < 1), "of mice numbered from 1 on", "of another", "Correct the mouse ids."),
        ("bout-negative", start < 0, "from frame 0 on", "that begin before it", "Correct start_frame."),
        ("bout-reversed", stop < start, "to end after they begin", "that do not", "Swap start_frame and stop_frame."),
    ]
    policy.refuse(
        Fault(code, where, f"Expected bouts {expected}, but got {np.count_nonzero(bad)} {got}.", mend, int(np.count_nonzero(bad)))
        for code, bad, expected, got, mend in wrong
        if bad.any()
    )
    return rows
