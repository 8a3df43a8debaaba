from dataclasses import replace

import numpy as np
import pytest

from behavior.body_length import body_length_px, scale_of_bodies, unscaled_note
from behavior.contract import ContractError, Severity
from behavior.curation import curate
from behavior.policy import STANDARD, Policy
from behavior.recording import Recording

UNSCALED = Recording("QuietOtter", 7, fps=30.0, pix_per_cm=None, width_px=400, height_px=200)


def stretched(length: float, mouse: int = 1, front: str = "nose", frames: range = range(20)) -> list:
    """A mouse lies still, its nose at the picture's middle, its tail base `length` pixels to the left."""
    return [row for t in frames for row in ((t, mouse, front, 200.0, 100.0), (t, mouse, "tail_base", 200.0 - length, 100.0))]


def test_the_length_is_the_median_over_mice_of_their_medians():
    xy = np.zeros((2, 3, 2, 20))
    xy[0, :, 1] = np.array([60.0, 70.0, 500.0])[:, None]
    xy[0, 0, 1, :9] = 999  # a tracker errs in 9 of 20 frames
    assert body_length_px(xy, ("nose", "tail_base")) == (70.0, "nose")


def test_without_a_nose_the_head_is_measured_and_without_both_nothing():
    xy = np.zeros((2, 1, 2, 20))
    xy[0, 0, 1] = 60
    assert body_length_px(xy, ("head", "tail_base")) == (60.0, "head")
    assert body_length_px(xy, ("neck", "tail_base")) is None
    xy[:, :, 1, 9:] = np.nan
    assert body_length_px(xy, ("head", "tail_base")) is None, "9 frames are too few"


def test_without_a_scale_a_body_counts_as_7_cm_and_a_flag_says_so(tracking_rows):
    curated = curate(tracking_rows(stretched(140)), UNSCALED)
    assert curated.xy[0, 0, :, 0].tolist() == pytest.approx([0, -7])
    (flag,) = curated.pose.notes
    assert (flag.code, flag.severity, flag.count) == ("scale-body", Severity.FLAG, 1)
    assert str(flag).startswith(
        "lab QuietOtter, video 7, tracking: Expected a scale, but got none: the body length of 140.0 pixels counts as 7 cm."
    )
    with pytest.raises(ContractError, match="the body length of 140"):
        Policy(frozenset(["scale-body"])).refuse(curated.pose.notes)
    STANDARD.refuse(curated.pose.notes)


def test_twice_the_pixels_give_the_same_places(tracking_rows):
    small, large = (curate(tracking_rows(stretched(length)), UNSCALED).xy for length in (70, 140))
    np.testing.assert_allclose(small, large, rtol=1e-6)


def test_a_recording_with_a_scale_keeps_its_centimeters_and_has_no_flag(tracking_rows, recording):
    curated = curate(tracking_rows(stretched(140)), recording)
    assert curated.xy[0, 0, :, 0].tolist() == pytest.approx([0, -14])
    assert curated.pose.notes == ()


def test_a_recording_without_a_scale_and_without_bodies_is_refused(tracking_rows):
    with pytest.raises(ContractError, match="Expected a scale, or nose or head and tail_base in 10 frames") as caught:
        curate(tracking_rows([(0, 1, "nose", 1.0, 1.0)]), UNSCALED)
    assert [fault.code for fault in caught.value.faults] == ["scale"]
    assert scale_of_bodies(np.array([[[[0.0] * 10, [70.0] * 10]], [[[0.0] * 10] * 2]]), ("nose", "tail_base"), "")[0] == 10


def test_recordings_without_a_scale_are_named_in_one_line():
    scaled = Recording("QuietOtter", 8, 30.0, 10.0, 400, 200)
    assert unscaled_note([scaled, scaled]) == ""
    told = unscaled_note([scaled, *(replace(UNSCALED, video_id=n, name="cage1" if n == 1 else "") for n in range(1, 8))])
    assert told == "7 of 8 recordings have no scale; their unit is the body length, not cm: cage1, 2, 3, 4, 5 and 2 more."
