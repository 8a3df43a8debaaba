"""Bouts and truth in the words of the competition: mouse1, self, and lists such as "mouse1,mouse2,sniff"."""

import json
from collections.abc import Iterable

import numpy as np
import pandas as pd

from behavior.recording import Recording, Triple, mouse_name


def submission_rows(bouts: pd.DataFrame) -> pd.DataFrame:
    """Return bouts with mice named as the competition names them: mouse1, and self as target of a self behavior."""
    target = np.where(bouts["agent_id"] == bouts["target_id"], "self", bouts["target_id"].map(mouse_name))
    return bouts.assign(agent_id=bouts["agent_id"].map(mouse_name), target_id=target.astype(object))


def solution_rows(recordings: Iterable[Recording], bouts: pd.DataFrame) -> pd.DataFrame:
    """Return the true bouts of these recordings with lab_id and behaviors_labeled, as the metric wants them."""
    by_video = {recording.video_id: recording for recording in recordings}
    known = bouts[bouts["video_id"].isin(list(by_video))]
    lists = {video: json.dumps([triple_name(triple) for triple in recording.annotated]) for video, recording in by_video.items()}
    labs = {video: recording.lab_id for video, recording in by_video.items()}
    return submission_rows(known).assign(lab_id=known["video_id"].map(labs), behaviors_labeled=known["video_id"].map(lists))


def triple_name(triple: Triple) -> str:
    """Return a triple as behaviors_labeled writes it."""
    target = "self" if triple.target == triple.agent else mouse_name(triple.target)
    return f"{mouse_name(triple.agent)},{target},{triple.behavior}"
