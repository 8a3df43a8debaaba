"""Animals: which animal an agent of a recording is, and its traits, from the metadata."""

from collections.abc import Iterable, Mapping

import pandas as pd

from behavior.observed import Observed
from behavior.recording import MAX_MICE, mouse_name, parse_names
from behavior.time_budgets import Agents

TRAITS = ("strain", "color", "sex", "age", "condition")
"""Traits of a mouse in the metadata: columns such as mouse1_condition."""


def names_of_recordings(metadata: Iterable[Mapping[str, object]]) -> dict[int, str]:
    """Return the name of each recording by video: recording_name where the metadata have one, else the number as text."""
    return {int(str(row["video_id"])): str(row.get("recording_name") or row["video_id"]) for row in metadata}


def agents_of(metadata: Iterable[Mapping[str, object]], observed: Observed) -> Agents:
    """Return the agents of all triples. `metadata` are rows of train.csv or test.csv.

    Two agents are one animal if they have the same mouse id in the same lab. In a lab whose ids only repeat the number of the mouse
    (1 to 4), ids say nothing, and each agent of each recording is an animal; so is an agent without an id. The arena of a recognizer that
    names no mouse counts as one animal, with the traits of all its mice, each once.
    """
    by_video = {int(str(row["video_id"])): row for row in metadata}
    names, meaningful = names_of_recordings(by_video.values()), _labs_with_ids(by_video.values())
    rows = []
    for video, agent in observed.triples[["video_id", "agent_id"]].drop_duplicates().itertuples(index=False):
        row = by_video.get(int(video), {})
        mice = range(1, MAX_MICE + 1) if pd.isna(agent) else (int(agent),)
        name = names.get(int(video), str(video))
        animal = name if pd.isna(agent) else f"{name} {_mouse(row, int(agent))}"
        if not pd.isna(agent) and row.get("lab_id") in meaningful and not _empty(own := row.get(f"mouse{int(agent)}_id")):
            animal = f"mouse {_text(own)}"
        traits = ["+".join(dict.fromkeys(filter(None, (_text(row.get(f"mouse{one}_{trait}")) for one in mice)))) for trait in TRAITS]
        rows.append((video, agent, animal, *(trait or None for trait in traits)))
    frame = pd.DataFrame(rows, columns=["video_id", "agent_id", "animal", *TRAITS])
    return Agents(frame.astype({"video_id": "int64", "agent_id": "Int64", **dict.fromkeys(("animal", *TRAITS), object)}))


def _mouse(row: Mapping[str, object], number: int) -> str:
    """Return the name that the lab gave a mouse, else its number as a name."""
    names = parse_names(row.get("mouse_names"))
    return names[number - 1] if number <= len(names) and names[number - 1] else mouse_name(number)


def _labs_with_ids(metadata: Iterable[Mapping[str, object]]) -> set[object]:
    """Return the labs in which some mouse id is more than the number of the mouse."""
    own = ((row["lab_id"], mouse, row.get(f"mouse{mouse}_id")) for row in metadata for mouse in range(1, MAX_MICE + 1))
    return {lab for lab, mouse, identity in own if not _empty(identity) and _text(identity) != str(mouse)}


def _empty(value: object) -> bool:
    return value is None or value == "" or bool(pd.isna(value))  # type: ignore[call-overload]


def _text(value: object) -> str:
    if _empty(value):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
