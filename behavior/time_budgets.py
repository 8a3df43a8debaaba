"""Time budgets: how often, how long and how soon each behavior occurs, by pair, animal, recording, lab or condition, in bins of time.

Definitions, the same as in aws_pipeline/sql/time_budgets.sql:

- A bout counts in the bin in which it starts. Its whole duration enters mean and median. `total_s` is the time within the bin.
- `observed_s` is the time that was looked at, summed over the pairs of mice that were looked at for this behavior (a mouse by itself is
  a pair with itself). Rate and share refer to it, so that a share is never above 1 unless bouts of one pair overlap.
- `latency_s` is the time from the start of the bin to the first start in it. For labs and conditions, it is the median over animals.
- `interval_s` is the mean time from the end of a bout to the next start of the same behavior of the same pair; the next bout tells the bin.
- A behavior that was not looked for has a row with 0 pairs and nulls. One that was looked for and never seen has count 0, share 0, and
  nulls for what a bout is needed for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from behavior.observed import TRIPLE, Observed, seconds

BEHAVIOR = ["action", "kind"]
BIN = ["bin", "bin_start_s", "bin_stop_s"]
MEASURES = [
    "recordings",
    "animals",
    "pairs",
    "observed_s",
    "count",
    "rate_per_min",
    "total_s",
    "share",
    "mean_s",
    "median_s",
    "latency_s",
    "interval_s",
]
GROUPS: dict[str, list[str]] = {
    "pair": ["lab_id", "video_id", "agent_id", "target_id"],
    "animal": ["lab_id", "animal"],
    "recording": ["lab_id", "video_id"],
    "lab": ["lab_id"],
}
"""By level: the columns that name one group. Any other level is a trait of the agent, such as condition."""


@dataclass(frozen=True)
class Agents:
    """Who the agents are: which animal, and its traits."""

    rows: pd.DataFrame
    """video_id, agent_id, animal, and a column for each trait."""


def time_budgets(
    observed: Observed, agents: Agents, level: str, bin_s: float | None = None, origin_s: Mapping[int, float] | None = None
) -> pd.DataFrame:
    """Return one row for each group, behavior and bin: the columns of the group, `BEHAVIOR`, `BIN` and `MEASURES`.

    Time runs from `origin_s` (by video, seconds after the first frame), or from the first frame without it; recordings that `origin_s`
    lacks are left out. Without `bin_s` there is one bin, up to the end of each recording; its bin_stop_s is that of the longest recording.
    """
    windows = _windows(observed, bin_s, origin_s)
    pieces = _pieces(observed, windows, bin_s)
    groups = GROUPS.get(level, [level])
    windows, pieces = (part.merge(agents.rows, on=["video_id", "agent_id"], how="left") for part in (windows, pieces))
    keys = [*groups, *BEHAVIOR, "bin"]
    table = _looked_at(windows, keys)
    table = table.join(_seen(pieces, keys))
    table = table.join(_latency(pieces, keys, over_animals=level not in ("pair", "animal", "recording")))
    table[["count", "total_s"]] = table[["count", "total_s"]].fillna(0)
    table["rate_per_min"] = table["count"] / table["observed_s"] * 60
    table["share"] = table["total_s"] / table["observed_s"]
    return _with_unknown(table.reset_index(), groups)


def starts_of(observed: Observed, behavior: str) -> dict[int, float]:
    """Return when the first bout of a behavior starts in each recording that has one: by video, seconds after its first frame."""
    bouts = observed.bouts[observed.bouts["action"] == behavior].merge(observed.triples, on=TRIPLE)
    start_s = seconds(bouts["start_frame"] - bouts["first_frame"], bouts["frames_per_second"])
    first = pd.Series(start_s, bouts["video_id"]).groupby(level=0).min()
    return dict(zip(first.index.tolist(), first.tolist(), strict=True))


def _windows(observed: Observed, bin_s: float | None, origin_s: Mapping[int, float] | None) -> pd.DataFrame:
    """Return a row for each triple and bin, with its observed time; a bin without a frame has none."""
    triples = observed.triples.assign(end_s=seconds(observed.triples["frame_count"], observed.triples["frames_per_second"]))
    triples["origin_s"] = 0.0 if origin_s is None else triples["video_id"].map(dict(origin_s)).astype(float)
    triples = triples[triples["origin_s"] < triples["end_s"]].reset_index(drop=True)
    length = (triples["end_s"] - triples["origin_s"]).to_numpy()
    count = np.ones(len(triples), int) if bin_s is None else np.ceil(length / bin_s).astype(int)
    rows = triples.loc[np.repeat(triples.index, count)].reset_index(drop=True)
    rows["bin"] = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    longest = float(length.max()) if len(length) else 0.0
    rows["bin_start_s"] = rows["bin"] * (bin_s or 0.0)
    rows["bin_stop_s"] = rows["bin_start_s"] + (longest if bin_s is None else bin_s)
    rows["observed_s"] = np.minimum(rows["end_s"] - rows["origin_s"], rows["bin_stop_s"]) - rows["bin_start_s"]
    return rows


def _pieces(observed: Observed, windows: pd.DataFrame, bin_s: float | None) -> pd.DataFrame:
    """Return a row for each bout and bin that it lies in: total_s within, and where it starts duration_s, latency_s and interval_s."""
    first = windows[windows["bin"] == 0].drop(columns=["bin", "bin_start_s", "bin_stop_s", "observed_s"])
    bouts = observed.bouts.merge(first, on=TRIPLE)
    fps = bouts["frames_per_second"]
    start, stop = (seconds(bouts[name] - bouts["first_frame"], fps) - bouts["origin_s"] for name in ("start_frame", "stop_frame"))
    of_triple = bouts.groupby(TRIPLE, dropna=False, sort=False)["stop_frame"]
    before = of_triple.cummax().groupby([bouts[name] for name in TRIPLE], dropna=False, sort=False).shift()
    gap = np.maximum(seconds(bouts["start_frame"] - before, fps), 0)
    width = bin_s or np.inf
    first_bin = np.floor(np.maximum(start, 0) / width).astype(int)
    last_bin = np.maximum(np.ceil(stop / width).astype(int) - 1, first_bin)
    inside = (stop > 0).to_numpy()
    count = np.where(inside, last_bin - first_bin + 1, 0)
    place = np.repeat(np.arange(len(bouts)), count)
    rows = bouts.iloc[place].reset_index(drop=True)
    rows["bin"] = first_bin.to_numpy()[place] + np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count)
    begin = rows["bin"].to_numpy() * (bin_s or 0.0)
    start, stop, gap = start.to_numpy()[place], stop.to_numpy()[place], np.asarray(gap, float)[place]
    rows["total_s"] = np.minimum(stop, begin + width) - np.maximum(start, begin)
    starts = (rows["bin"].to_numpy() == first_bin.to_numpy()[place]) & (start >= 0)  # not by its time: 7.7 s begins bin 7 of 1.1 s
    for name, values in (("duration_s", stop - start), ("latency_s", start - begin), ("interval_s", gap)):
        rows[name] = np.where(starts, values, np.nan)
    return rows


def _looked_at(windows: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    grouped = windows.groupby(list(keys), dropna=False)
    bins = grouped[["bin_start_s", "bin_stop_s"]].first()
    counts = grouped.agg(recordings=("video_id", "nunique"), animals=("animal", "nunique"), pairs=("observed_s", "size"))
    return bins.join(counts).join(grouped["observed_s"].sum())


def _seen(pieces: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    grouped = pieces.groupby(list(keys), dropna=False)
    return grouped.agg(
        count=("duration_s", "count"),
        total_s=("total_s", "sum"),
        mean_s=("duration_s", "mean"),
        median_s=("duration_s", "median"),
        interval_s=("interval_s", "mean"),
    )


def _latency(pieces: pd.DataFrame, keys: list[str], over_animals: bool) -> pd.Series:
    if not over_animals:
        return pieces.groupby(keys, dropna=False)["latency_s"].min()
    of_animals = pieces.groupby([*keys, "animal"], dropna=False)["latency_s"].min()
    return of_animals.groupby(level=list(range(len(keys))), dropna=False).median()


def _with_unknown(table: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """Return the table with a row for each group, bin and behavior; those that were not looked for have 0 pairs and nulls.

    Smaller groups than a lab have the behaviors of their lab only. A pair of two mice has no rows for self behaviors, and a mouse by
    itself none for pair behaviors.
    """
    shared = [name for name in ("lab_id",) if name in groups and len(groups) > 1]
    shared += ["kind"] if "target_id" in groups else []
    places = table[[*groups, *(["kind"] if "kind" in shared else []), *BIN]].drop_duplicates()
    behaviors = table[[*(["lab_id"] if "lab_id" in shared else []), *BEHAVIOR]].drop_duplicates()
    every = places.merge(behaviors, on=shared) if shared else places.merge(behaviors, how="cross")
    whole = every.merge(table, on=[*groups, *BEHAVIOR, *BIN], how="left")
    for name in ("recordings", "animals", "pairs"):
        whole[name] = whole[name].fillna(0).astype("int64")
    whole["count"] = whole["count"].astype("Int64")
    return whole.sort_values([*groups, *BEHAVIOR, "bin"], ignore_index=True)[[*groups, *BEHAVIOR, *BIN, *MEASURES]]
