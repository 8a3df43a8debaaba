"""Agreement of two observers of the same recordings: two annotators, or an annotator and a recognizer. Neither counts as the truth.

Only triples that both looked for are compared. Per behavior, over all frames of these triples:

- kappa (Cohen 1960): (p - e) / (1 - e) with p the share of frames on which both say yes or both say no, and e the share expected by chance
  from how often each says yes. 1 is perfect, 0 is chance. NaN if neither ever says yes.
- frame F1: 2 both / (first + second), frames.
- bout F1: 2 matched / (first + second), bouts; two bouts match if they overlap by a share of their union. Bouts of one triple that touch or
  overlap count as one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from behavior.bootstrap import percentile_interval, resampling_weights
from behavior.bout_matching import OVERLAPS, bout_counts
from behavior.bouts import runs
from behavior.contract import ContractError
from behavior.observed import TRIPLE, Observed

SECONDS = ["seconds", "first_s", "second_s"]
"""Of one behavior in one recording: time compared, and time with a yes of the first and of the second."""
COUNTS = ["frames", "first", "second", "both"]
COUNTS += [f"{what}_{overlap}" for overlap in OVERLAPS for what in ("matched", "first_bouts", "second_bouts")]
"""Of one behavior in one recording: frames compared, with a yes of the first, of the second, of both; bouts at each overlap."""
MEASURES = ["kappa", "frame_f1", *(f"bout_f1_{overlap}" for overlap in OVERLAPS)]
LEAST_RECORDINGS = 3
"""With fewer recordings there is no interval."""
_OTHER = "other_video"


@dataclass(frozen=True)
class Agreement:
    """How two observers agree."""

    table: pd.DataFrame
    """A row per behavior and a last one with the means over behaviors: action, recordings, minutes, first_s, second_s, kappa with kappa_low
    and kappa_high (95 %, over recordings), frame_f1, bout_f1_0.1 and so on."""
    recordings: int
    """Recordings that both looked at."""
    triples: int
    """Triples that both looked for."""


def agreement(first: Observed, second: Observed, same: Mapping[int, int] | None = None) -> Agreement:
    """Compare two observers. `same` maps videos of the first to videos of the second that show the same; without it ids are equal.

    Raises ContractError if they share no triple.
    """
    shared = _shared_triples(first, second, same)
    if shared.empty:
        expected = "Expected two observers of the same recordings and behaviors"
        raise ContractError([f"{expected}, but got no triple that both looked for. Compare others."])
    counts = _counted(shared, first.bouts, second.bouts)
    table = pd.DataFrame([_row(action, rows) for action, rows in counts.groupby("action", sort=True)])
    mean = {"action": "mean of behaviors", "recordings": shared["video_id"].nunique(), **table[MEASURES].mean().to_dict()}
    return Agreement(pd.concat([table, pd.DataFrame([mean])], ignore_index=True), int(shared["video_id"].nunique()), len(shared))


def _shared_triples(first: Observed, second: Observed, same: Mapping[int, int] | None) -> pd.DataFrame:
    """Return the triples of the first that the second looked for too, with the second's video and first frame."""
    ours = first.triples
    ours = ours.assign(**{_OTHER: ours["video_id"] if same is None else ours["video_id"].map(dict(same))}).dropna(subset=[_OTHER])
    theirs = second.triples[[*TRIPLE, "first_frame", "frame_count"]].rename(
        columns={"video_id": _OTHER, "first_frame": "other_first", "frame_count": "other_count"}
    )
    return ours.astype({_OTHER: "int64"}).merge(theirs, on=[_OTHER, *TRIPLE[1:]])


def _counted(shared: pd.DataFrame, first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Return `SECONDS` and `COUNTS` for each action and recording. Frames are counted from the first frame of the recording."""
    ours, theirs = _by_triple(first), _by_triple(second)
    names = [*TRIPLE, _OTHER, "first_frame", "other_first", "frame_count", "other_count", "frames_per_second"]
    rows = []
    for video, agent, target, action, other, start, other_start, count, other_count, fps in zip(
        *(shared[name].tolist() for name in names), strict=True
    ):
        key, frames = _key(agent, target, action), min(count, other_count)
        one = _frames(ours.get((video, *key)), start, frames)
        two = _frames(theirs.get((other, *key)), other_start, frames)
        bouts = bout_counts(np.stack(runs(two)), np.stack(runs(one)))  # matched, bouts of the first, bouts of the second
        yes, other_yes, both = int(one.sum()), int(two.sum()), int((one & two).sum())
        seconds = [frames / fps, yes / fps, other_yes / fps]
        rows.append((action, video, *seconds, frames, yes, other_yes, both, *bouts.ravel().tolist()))
    table = pd.DataFrame(rows, columns=["action", "video_id", *SECONDS, *COUNTS])
    return table.groupby(["action", "video_id"], as_index=False).sum()


def _row(action: object, rows: pd.DataFrame) -> dict[str, object]:
    counts = rows[COUNTS].to_numpy(np.float64)  # [recordings, COUNTS]
    total = counts.sum(axis=0)
    row: dict[str, object] = {"action": action, "recordings": len(rows), "minutes": rows["seconds"].sum() / 60}
    row |= {name: float(rows[name].sum()) for name in SECONDS[1:]}
    row["kappa"] = float(kappa(total[None, :4])[0])
    row |= dict(zip(("kappa_low", "kappa_high"), _interval(counts[:, :4]), strict=True))
    row["frame_f1"] = _f1(total[3], total[1], total[2])
    for place, overlap in enumerate(OVERLAPS):
        row[f"bout_f1_{overlap}"] = _f1(*total[4 + 3 * place : 7 + 3 * place])
    return row


def kappa(counts: np.ndarray) -> np.ndarray:
    """Return Cohen's kappa of counts [..., 4]: frames, with a yes of the first, of the second, of both; NaN if chance is certain."""
    frames, first, second, both = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    agreed = (frames - first - second + 2 * both) / frames
    chance = (first * second + (frames - first) * (frames - second)) / frames**2
    return np.divide(agreed - chance, 1 - chance, out=np.full(np.shape(frames), np.nan), where=chance < 1)


def _interval(counts: np.ndarray) -> tuple[float, float]:
    if len(counts) < LEAST_RECORDINGS:
        return np.nan, np.nan
    resampled = resampling_weights([""] * len(counts)) @ counts
    return percentile_interval(kappa(resampled)) or (np.nan, np.nan)


def _f1(both: float, first: float, second: float) -> float:
    return 2 * both / (first + second) if first + second else float("nan")


def _by_triple(bouts: pd.DataFrame) -> dict[tuple[object, ...], np.ndarray]:
    """Return starts and stops [2, R] by video, agent, target and action."""
    found: dict[tuple[object, ...], np.ndarray] = {}
    for (video, agent, target, action), rows in bouts.groupby(TRIPLE, dropna=False, sort=False):
        found[video, *_key(agent, target, action)] = rows[["start_frame", "stop_frame"]].to_numpy(np.int64).T
    return found


def _key(agent: object, target: object, action: object) -> tuple[object, object, object]:
    """Return a key in which no mouse is equal to no mouse."""
    return None if pd.isna(agent) else agent, None if pd.isna(target) else target, action  # type: ignore[call-overload]


def _frames(bouts: np.ndarray | None, first: int, frames: int) -> np.ndarray:
    """Return [T] bool: the frames of bouts [2, R], counted from `first`."""
    covered = np.zeros(frames, bool)
    for start, stop in [] if bouts is None else (bouts.T - first).tolist():
        covered[max(start, 0) : max(stop, 0)] = True
    return covered


def behaviors_of(one: Observed, other: Observed) -> Sequence[str]:
    """Return the behaviors that only one of two observers looked for, sorted."""
    return sorted(set(one.triples["action"]) ^ set(other.triples["action"]))
