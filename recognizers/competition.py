"""Bouts and truth in the format of the competition: mouse1, self, and lists such as "mouse1,mouse2,sniff"."""

import json
from collections.abc import Iterable

import pandas as pd

from behavior.contract import ContractError
from behavior.recording import Recording, Triple, mouse_name
from recognizers.recognizer import Recognizer, View

NOBODY = "nobody"
"""In place of a mouse, for behaviors of a whole arena."""


def refuse_nameless(recognizer: Recognizer, where: str) -> None:
    """Raise ContractError for a recognizer whose bouts name no mice: a submission cannot hold them."""
    if recognizer.view is not View.PAIR:
        got = f"{where} of the {recognizer.view} view"
        mend = "Use another here; inference/recognize.py writes the bouts of this one"
        raise ContractError([f"Expected a checkpoint whose bouts name agent and target, but got {got}. {mend}."])


def submission_rows(bouts: pd.DataFrame) -> pd.DataFrame:
    """Return bouts with mice named as the competition names them: mouse1, and self as target of a self behavior.

    Bouts that name no mouse get `NOBODY` twice: they can be scored like those of the competition, but not submitted.
    """
    agent, target = (_names(bouts[column]) for column in ("agent_id", "target_id"))
    return bouts.assign(agent_id=agent, target_id=target.where((agent != target) | (agent == NOBODY), "self"))


def solution_rows(recordings: Iterable[Recording], bouts: pd.DataFrame) -> pd.DataFrame:
    """Return the true bouts of these recordings with lab_id and behaviors_labeled, in the format of the metric."""
    by_video = {recording.video_id: recording for recording in recordings}
    known = bouts[bouts["video_id"].isin(list(by_video))]
    lists = {video: json.dumps([triple_name(triple) for triple in recording.annotated]) for video, recording in by_video.items()}
    labs = {video: recording.lab_id for video, recording in by_video.items()}
    return submission_rows(known).assign(lab_id=known["video_id"].map(labs), behaviors_labeled=known["video_id"].map(lists))


def triple_name(triple: Triple) -> str:
    """Return a triple in the format of behaviors_labeled."""
    target = "self" if triple.target == triple.agent else mouse_name(triple.target)
    return f"{mouse_name(triple.agent)},{target},{triple.behavior}"


def _names(mice: pd.Series) -> pd.Series:
    names = {mouse: mouse_name(int(mouse)) for mouse in mice.dropna().unique()}
    return pd.Series([names.get(mouse, NOBODY) for mouse in mice], mice.index, dtype=object)
