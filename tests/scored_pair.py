"""One pair of mice with scores and labels, for tests of decoding."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from behavior.bouts import BOUT_COLUMNS, runs
from behavior.labelling import Subject, Truth
from behavior.recording import Recording, Triple
from training.decoding.scored_subject import ScoredSubject

FPS = 30


def scored(
    recording: Recording, video: int, scores: np.ndarray, labels: np.ndarray, behaviors: Sequence[str] = ("attack",), lab: str = "Otter"
) -> ScoredSubject:
    """One pair of one recording: scores and labels [T, C], or [T] of a single behavior."""
    scores, labels = (np.asarray(values).reshape(len(values), -1) for values in (scores, labels))
    one = replace(recording, lab_id=lab, video_id=video, fps=FPS, annotated=tuple(Triple(1, 2, name) for name in behaviors))
    rows = [
        (video, 1, 2, name, start, stop)
        for column, name in enumerate(behaviors)
        for start, stop in zip(*runs(labels[:, column].astype(bool)), strict=True)
    ]
    bouts = pd.DataFrame(rows, columns=list(BOUT_COLUMNS)).astype({"start_frame": int, "stop_frame": int})
    truth = Truth(labels.astype(bool), np.ones(len(labels), bool), bouts)
    subject, answered = Subject(1, 2, frozenset(behaviors)), np.ones(len(behaviors), bool)
    return ScoredSubject(one, subject, video, tuple(behaviors), scores.astype(np.float16), truth, answered)
