"""Decodings: thresholds of labs, kept as JSON, cut to the behaviors of a recognizer."""

import json
from dataclasses import replace

import numpy as np
import pytest

from behavior.bouts import DecodeSettings
from behavior.contract import ContractError
from behavior.groups import GroupLabelling
from behavior.labelling import PairLabelling, Subject
from behavior.recording import Recording
from recognizers.recognizer import Decoding

BEHAVIORS = ("attack", "mount", "sniff")
DECODING = Decoding(
    thresholds=(0.2, 0.4, 0.6),
    occurring={"Known": frozenset({"attack", "sniff"})},
    settings=DecodeSettings(smooth_s=(0.0, 0.1, 0.2), max_gap_s=(0.0, 0.1, 0.0), min_length_s=0.0),
    lab_thresholds={"Known": {"attack": 0.7, "mount": 0.1}},
    weights=(1.0, 0.5, 0.25),
    calibration=((1.0, 0.0), (2.0, -1.0), (1.0, 0.5)),
)


def test_a_known_lab_has_its_own_thresholds_and_a_stranger_those_of_the_behaviors() -> None:
    assert DECODING.criteria(BEHAVIORS, "Known").thresholds.tolist() == [0.7, 0.1, 0.6]
    assert DECODING.criteria(BEHAVIORS, "Stranger").thresholds.tolist() == [0.2, 0.4, 0.6]


def test_bouts_follow_the_thresholds_of_the_lab(recording: Recording) -> None:
    scores = np.array([[0.0, 0, 0], [0.5, 0, 0], [0.8, 0, 0], [0, 0, 0]])
    known, pair = replace(recording, lab_id="Known", video_id=7), Subject(1, 2, frozenset({"attack"}))
    assert DECODING.bouts(PairLabelling(BEHAVIORS), known, pair, scores) == [(7, 1, 2, "attack", 2, 3)]
    stranger = replace(known, lab_id="Stranger")
    assert DECODING.bouts(PairLabelling(BEHAVIORS), stranger, pair, scores) == [(7, 1, 2, "attack", 1, 3)]


def test_a_class_must_exceed_the_background_and_the_arena_is_nobody_in_particular(recording: Recording) -> None:
    """Frames 0 and 1: background leads. 2 and 3: social by 0.2. 4 and 5: mating leads, which nobody annotated. At 1 frame a second."""
    scores = np.repeat([[0.6, 0.4, 0, 0], [0.4, 0.6, 0, 0], [0.2, 0.1, 0.7, 0]], 2, axis=0).astype(np.float32)
    decoding = Decoding((0.0,) * 4, {}, DecodeSettings(smooth_s=0, max_gap_s=0, min_length_s=0))
    arena, slow = Subject(annotated=frozenset({"background", "social"})), replace(recording, fps=1.0)
    assert decoding.bouts(GroupLabelling(), slow, arena, scores) == [(7, None, None, "social", 2, 4)]


def test_what_was_written_is_read() -> None:
    assert Decoding.from_json_dict(json.loads(json.dumps(DECODING.to_json_dict()))) == DECODING


def test_what_was_not_fitted_is_not_told() -> None:
    bare = Decoding((0.5,), {})
    told = {name: bare.to_json_dict()[name] for name in ("thresholds", "occurring", "settings")}
    assert Decoding.from_json_dict(told) == bare
    assert bare.criteria(("attack",), "Known").weights is None
    assert bare.criteria(("attack",), "Known").calibration is None


def test_a_decoding_is_cut_to_some_behaviors_in_another_order() -> None:
    assert DECODING.over(BEHAVIORS, ("sniff", "attack")) == Decoding(
        thresholds=(0.6, 0.2),
        occurring={"Known": frozenset({"attack", "sniff"})},
        settings=DecodeSettings(smooth_s=(0.2, 0.0), max_gap_s=(0.0, 0.0), min_length_s=0.0),
        lab_thresholds={"Known": {"attack": 0.7}},
        weights=(0.25, 1.0),
        calibration=((1.0, 0.5), (1.0, 0.0)),
    )


def test_a_behavior_on_which_it_was_not_fitted_is_refused() -> None:
    with pytest.raises(ContractError, match=r"Expected a decoding of attack, rear, but got one without rear\. Fit"):
        DECODING.over(BEHAVIORS, ("attack", "rear"))
