"""The score of predicted bouts in films: macro F1 of the labelled frames in each lab, and the mean over labs.

Axes: T frames, C behaviors.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from behavior.bouts import labels_of_bouts
from behavior.frame_scores import f1_score
from behavior.metric import LabScore, Score


def film_score(true: pd.DataFrame, predicted: pd.DataFrame, labs: Mapping[int, str]) -> Score:
    """Return the score of predicted bouts (video_id, action, start_frame, stop_frame) against those that experts wrote in the same films.

    A frame that nobody labelled counts for nothing. In a labelled frame, another behavior than the expert's, or none, is an error. In each
    lab the F1 of every behavior that occurs there counts alike. `labs` has the lab of each film of `true`.
    """
    counts: dict[str, dict[str, np.ndarray]] = {}
    actions = sorted(set(true["action"]))
    for video, own in true.groupby("video_id"):
        frames = int(own["stop_frame"].max())
        truth = labels_of_bouts(own, actions, frames)
        labelled = truth.any(axis=1, keepdims=True)
        found = labels_of_bouts(predicted[predicted["video_id"] == video], actions, frames) & labelled
        sums = np.stack([(found & truth).sum(axis=0), found.sum(axis=0), truth.sum(axis=0)], axis=1)
        of_lab = counts.setdefault(labs[int(str(video))], {})
        for action, each in zip(actions, sums, strict=True):
            of_lab[action] = of_lab.get(action, np.zeros(3, np.int64)) + each
    scores = {lab: _lab_score(of_lab) for lab, of_lab in sorted(counts.items())}
    return Score(float(np.mean([one.score for one in scores.values()])), scores)


def _lab_score(counts: Mapping[str, np.ndarray]) -> LabScore:
    """Return the score of one lab from the frames hit, predicted and true of each behavior."""
    values = {action: float(f1_score(*(np.array(part) for part in each))) for action, each in counts.items() if each[2]}
    return LabScore(float(np.mean(list(values.values()))), values)
