"""Transitions: which behavior follows which, for one agent, whoever its targets are. The same as in aws_pipeline/sql/transitions.sql.

Bouts of an agent are in the order of their starts (then stops, then names); each pair of neighbors is a transition. Where a recognizer
names no mouse, the bouts of the whole arena are. A transition between two behaviors that were not both looked for in any recording of the
group is unknown: its count is null.
"""

from collections.abc import Mapping

import pandas as pd

from behavior.observed import Observed, seconds
from behavior.time_budgets import GROUPS, Agents

MEASURES = ["recordings", "count", "share"]


def transitions(observed: Observed, agents: Agents, level: str, origin_s: Mapping[int, float] | None = None) -> pd.DataFrame:
    """Return a row for each group and ordered pair of its behaviors: the columns of the group, action, next_action, `MEASURES`.

    `share` is the share among all transitions from `action`; null if there is none. `origin_s` is that of `time_budgets`; bouts that
    start before it do not count. Groups of pairs become groups of animals, because a transition may change the target.
    """
    groups = GROUPS["animal"] if level == "pair" else GROUPS.get(level, [level])
    sequence = _sequence(observed, origin_s).merge(agents.rows, on=["video_id", "agent_id"], how="left")
    counted = sequence.groupby([*groups, "action", "next_action"], dropna=False).size().rename("count")
    table = _looked_for(observed, agents, groups).merge(counted.reset_index(), on=[*groups, "action", "next_action"], how="left")
    table["count"] = table["count"].fillna(0).where(table["recordings"] > 0).astype("Int64")
    total = table.groupby([*groups, "action"], dropna=False)["count"].transform("sum")
    table["share"] = (table["count"].astype("Float64") / total.where(total > 0)).astype(float)
    return table.sort_values([*groups, "action", "next_action"], ignore_index=True)[[*groups, "action", "next_action", *MEASURES]]


def _sequence(observed: Observed, origin_s: Mapping[int, float] | None) -> pd.DataFrame:
    """Return the bouts of each agent with the next action of the same agent."""
    about = observed.triples[["lab_id", "video_id", "first_frame", "frames_per_second"]].drop_duplicates("video_id")
    bouts = observed.bouts.merge(about, on="video_id")
    if origin_s is not None:
        start_s = seconds(bouts["start_frame"] - bouts["first_frame"], bouts["frames_per_second"])
        bouts = bouts[start_s >= bouts["video_id"].map(dict(origin_s)).astype(float)]
    bouts = bouts.sort_values(["video_id", "agent_id", "start_frame", "stop_frame", "action"], ignore_index=True)
    following = bouts.groupby(["video_id", "agent_id"], dropna=False, sort=False)["action"].shift(-1)
    return bouts.assign(next_action=following)[following.notna()]


def _looked_for(observed: Observed, agents: Agents, groups: list[str]) -> pd.DataFrame:
    """Return all ordered pairs of behaviors of each group, with the number of recordings in which one agent was looked at for both."""
    own = observed.triples[["lab_id", "video_id", "agent_id", "action"]].drop_duplicates()
    own = own.merge(agents.rows, on=["video_id", "agent_id"], how="left")
    names = own[[*groups, "action"]].drop_duplicates()
    every = names.merge(names.rename(columns={"action": "next_action"}), on=groups)
    keys = list(dict.fromkeys([*groups, "video_id", "agent_id"]))
    both = own[[*keys, "action"]].merge(own[[*keys, "action"]].rename(columns={"action": "next_action"}), on=keys)
    recordings = both.groupby([*groups, "action", "next_action"], dropna=False)["video_id"].nunique().rename("recordings")
    table = every.merge(recordings.reset_index(), on=[*groups, "action", "next_action"], how="left")
    return table.assign(recordings=table["recordings"].fillna(0).astype("int64"))
