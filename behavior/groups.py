"""One group of behaviors per frame of a whole recording, whoever does it to whom: background, social, mating or aggressive.

The rule of the labels. A group was annotated in a recording if any triple of it was, for mice that tracking holds; what the group
means there is what these triples say. A group nobody annotated is unknown: it is no answer at all in that recording, neither right nor
wrong. A frame has the group of any bout that covers it; of several groups the later one in `GROUP_NAMES`, which is rarer. A frame without
a bout is background, among the groups that were annotated. A frame is unknown where nothing of the above is told, but a bout of
a behavior outside the ethogram, or of mice that tracking lacks. A recording in which no group was annotated says nothing.

Axes: T frames, G groups.
"""

from typing import TYPE_CHECKING

import numpy as np

from behavior.bouts import Criteria, DecodeSettings, decode, frame_labels
from behavior.ethogram import BACKGROUND, BEHAVIORS, GROUPS
from behavior.frame_scores import f1_score
from behavior.recording import Recording

if TYPE_CHECKING:
    import pandas as pd

GROUP_NAMES = (BACKGROUND, *dict.fromkeys(GROUPS.values()))
"""Names along axis G, the background first."""

_NUMBER = {behavior: GROUP_NAMES.index(GROUPS.get(behavior, BACKGROUND)) for behavior in BEHAVIORS}


def annotated_groups(recording: Recording, mice: tuple[int, ...]) -> np.ndarray:
    """Return [G] bool: groups somebody annotated, the background if any. `mice` are those that tracking holds."""
    annotated = np.zeros(len(GROUP_NAMES), bool)
    for triple in recording.annotated:
        if _NUMBER.get(triple.behavior) and {triple.agent, triple.target} <= {*mice}:
            annotated[[0, _NUMBER[triple.behavior]]] = True
    return annotated


def group_labels(recording: Recording, mice: tuple[int, ...], frames: int, bouts: "pd.DataFrame") -> np.ndarray:
    """Return [T, G] bool on the recording's own frames: the group of each frame, none on unknown frames.

    `bouts` (video_id, agent_id, target_id, action, start_frame, stop_frame) are of annotated triples and may hold other recordings too.
    """
    own = bouts[bouts["video_id"] == recording.video_id]
    tracked = own["agent_id"].isin(mice) & own["target_id"].isin(mice)
    number = own["action"].map(_NUMBER).where(tracked)  # NaN: nobody can tell
    classes = number.fillna(len(GROUP_NAMES)).to_numpy(np.int64)
    told = frame_labels(own["start_frame"].to_numpy(), own["stop_frame"].to_numpy(), classes, frames, len(GROUP_NAMES) + 1)
    unknown, told = told[:, -1], told[:, :-1]
    told[:, 0] = True  # what no other group claims
    last = len(GROUP_NAMES) - 1 - told[:, ::-1].argmax(axis=1)
    labels = last[:, None] == np.arange(len(GROUP_NAMES))
    labels[unknown & (last == 0)] = False
    return labels & annotated_groups(recording, mice)


def group_bouts(scores: np.ndarray, fps: float, settings: DecodeSettings | None = None) -> list[tuple[int, int, int]]:
    """Turn scores [T, G] of one recording into bouts (group, start, stop) that never overlap, sorted by start; background is no bout.

    A group stands where it has the highest smoothed score: `decode` is given what each group has more than the background, and a
    threshold of 0. A group that always scores 0 was not annotated and is never named.
    """
    margins = scores[:, 1:] - scores[:, :1]
    possible = np.array(scores[:, 1:].any(axis=0))
    found = decode(margins, fps, possible, settings or DecodeSettings(), Criteria(np.zeros(margins.shape[1])))
    return [(group + 1, start, stop) for group, start, stop in found]


def count_groups(scores: np.ndarray, labels: np.ndarray, annotated: np.ndarray) -> np.ndarray:
    """Return [G, 3] int64: frames that were hit, found and true, by the best annotated group of each frame that has a label."""
    known = (labels & annotated).any(axis=1)
    best = np.where(annotated, scores[known], -np.inf).argmax(axis=1)
    found = best[:, None] == np.arange(scores.shape[1])
    true = labels[known]
    return np.stack([(found & true).sum(0), found.sum(0), true.sum(0)], axis=1)


def macro_f1(counts: np.ndarray) -> tuple[float, dict[str, float]]:
    """Return the mean F1 over the groups of `count_groups` counts [G, 3] that occur or were found, and the F1 of each; 0 without any."""
    f1 = f1_score(*counts.T)
    by_group = {name: float(value) for name, value in zip(GROUP_NAMES, f1, strict=True) if np.isfinite(value)}
    return float(np.mean([*by_group.values()])) if by_group else 0.0, by_group
