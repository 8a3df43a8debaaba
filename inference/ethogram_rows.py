"""The rows of an ethogram: the bouts of experts and of a recognizer for each behavior of each animal or pair, in seconds."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from behavior.ethogram import ethogram
from behavior.recording import Recording
from reports.ethogram_charts import EthogramRow

Who = tuple[int | None, int | None, str]
"""Agent, target and behavior; no mice for a behavior of a whole arena."""


def ethogram_rows(recording: Recording, true: pd.DataFrame | None, predicted: pd.DataFrame | None) -> list[EthogramRow]:
    """Return a row for each triple with a bout, by behavior in the order of the ethogram, then by mice.

    A behavior that experts did not annotate has no true bouts, instead of none. Columns are `behavior.bouts.BOUT_COLUMNS`.
    """
    annotated = {(one.agent, one.target, one.behavior) for one in recording.annotated}
    of_experts, of_recognizer = _by_triple(true, recording), _by_triple(predicted, recording)
    rows = []
    for who in _in_order({*of_experts, *of_recognizer}):
        known = true is not None and (who in annotated or who in of_experts)
        nothing = np.empty((0, 2))
        rows.append(
            EthogramRow(
                label_of(who),
                of_experts.get(who, nothing) if known else None,
                of_recognizer.get(who, nothing) if predicted is not None else None,
            )
        )
    return rows


def label_of(who: Who) -> str:
    """Return the name of a row, such as "sniff 1 → 2", "rear 1", or "social" for a whole arena."""
    agent, target, behavior = who
    if agent is None:
        return behavior
    return f"{behavior} {agent}" if agent == target else f"{behavior} {agent} → {target}"


def who_of(bout: pd.Series) -> Who:
    """Return agent, target and behavior of a row of a table of bouts."""
    agent, target = (None if pd.isna(bout[name]) else int(bout[name]) for name in ("agent_id", "target_id"))
    return agent, target, str(bout["action"])


def _by_triple(bouts: pd.DataFrame | None, recording: Recording) -> dict[Who, np.ndarray]:
    if bouts is None:
        return {}
    own = bouts[bouts["video_id"] == recording.video_id]
    grouped: dict[Who, list[tuple[float, float]]] = {}
    for _, row in own.iterrows():
        grouped.setdefault(who_of(row), []).append((row["start_frame"] / recording.fps, row["stop_frame"] / recording.fps))
    return {who: np.array(times) for who, times in grouped.items()}


def _in_order(triples: Iterable[Who]) -> list[Who]:
    every = list(triples)
    place = {behavior: number for number, behavior in enumerate(ethogram(behavior for _, _, behavior in every))}
    return sorted(every, key=lambda who: (place[who[2]], who[0] or 0, who[1] or 0))
