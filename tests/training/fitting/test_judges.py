"""Judges: thresholds fitted on what is scored, no score without bouts, and what an exclusive head needs before anything is fitted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from behavior.bouts import BOUT_COLUMNS, DecodeSettings
from behavior.labelling import PairLabelling, Subject
from behavior.recording import Recording, Triple
from recognizers.recognizer import Decoding, Head
from training.fitting.judges import ScoredSamples, default_decoding, verdict_of
from training.material.datasets import Stream

PLAIN = DecodeSettings(smooth_s=0, max_gap_s=0, min_length_s=0)
ATTACK = PairLabelling(("attack",))


def bouts(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(BOUT_COLUMNS)).astype({"start_frame": int, "stop_frame": int})


def scored(recording: Recording, scores: list[float], labels: list[int]) -> ScoredSamples:
    """One pair at one sample a frame."""
    one = replace(recording, annotated=(Triple(1, 2, "attack"),))
    stream = Stream(one, Subject(1, 2, frozenset({"attack"})), len(scores), 0, len(scores))
    return ScoredSamples(stream, np.array(scores)[:, None], np.array(labels, bool)[:, None], np.array([True]))


def test_a_verdict_is_the_competitions_score_with_the_thresholds_that_fit_the_scores_best(recording: Recording) -> None:
    """0.2 separates what 0.5 would not; 300 frames of bouts are believed."""
    labels = [0, 0, 1, 1, 1] * 100
    one = scored(recording, [0.3 if label else 0.1 for label in labels], labels)
    true = bouts(*((7, 1, 2, "attack", start + 2, start + 5) for start in range(0, 500, 5)))
    verdict = verdict_of([one], true, ATTACK, Decoding((0.5,), {}, PLAIN), 30.0, loss=1.5)
    assert (verdict.score, verdict.loss) == (1.0, 1.5)
    assert 0.1 < verdict.thresholds[0] <= 0.3
    assert verdict.labs["QuietOtter"]["actions"] == {"attack": 1.0}


@pytest.mark.parametrize("true", [bouts((7, 1, 2, "attack", 0, 5)), bouts()], ids=["nothing found", "nothing true"])
def test_without_a_bout_on_either_side_the_score_is_0(recording: Recording, true: pd.DataFrame) -> None:
    one = scored(recording, [0.0] * 50 if len(true) else [0.9] * 50, [frame < 5 and len(true) for frame in range(50)])
    verdict = verdict_of([one], true, ATTACK, Decoding((0.5,), {"QuietOtter": frozenset()} if len(true) else {}, PLAIN), 30.0, loss=0.0)
    assert (verdict.score, verdict.labs) == (0.0, {})


def test_classes_that_exclude_each_other_need_neither_threshold_nor_the_lists_of_labs() -> None:
    occurring = {"QuietOtter": frozenset({"attack"})}
    assert default_decoding(Head.EXCLUSIVE, ("background", "social"), occurring, PLAIN) == Decoding((0.0, 0.0), {}, PLAIN)
    assert default_decoding(Head.MULTILABEL, ("attack", "sniff"), occurring, PLAIN) == Decoding((0.5, 0.5), occurring, PLAIN)
