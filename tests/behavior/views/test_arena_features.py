"""The arena view: 144 and 288 columns, x beside y, motion in cm and seconds whatever the clock."""

import math
from dataclasses import replace

import numpy as np
import pytest

from behavior.curation import CuratedTracking, curate
from behavior.labelling import Subject
from behavior.recording import Recording
from behavior.skeleton import ARENA_BODYPARTS, IGNORED, canonical
from behavior.views.arena_features import ArenaFeatures

SMALL, ARENA = ArenaFeatures(bodyparts=("nose", "tail_base"), mice=2), Subject()


def column(features: np.ndarray, settings: ArenaFeatures, name: str) -> np.ndarray:
    return features[:, settings.names.index(name)]


def filmed(recording: Recording, tracking_rows, fps: float, seconds: float, place) -> tuple[CuratedTracking, float]:
    """Film the nose of mouse 1, which is at place(t) = (x, y) cm from the middle."""
    clocked = replace(recording, fps=fps)
    rows = []
    for frame in range(round(seconds * fps)):
        x, y = place(frame / fps)
        rows.append((frame, 1, "nose", 200 + 10 * x, 100 + 10 * y))
    return curate(tracking_rows(rows), clocked), fps


def test_there_are_eighteen_bodyparts_each_place_once() -> None:
    assert len(ARENA_BODYPARTS) == len(set(ARENA_BODYPARTS)) == 18
    assert not IGNORED & set(ARENA_BODYPARTS)
    assert all(canonical(part) == part for part in ARENA_BODYPARTS)


def test_four_mice_have_144_columns_and_288_with_motion() -> None:
    assert len(ArenaFeatures(motion=False).names) == 4 * 18 * 2 == 144
    assert len(ArenaFeatures(motion=True).names) == 4 * 18 * 4 == 288
    assert len(set(ArenaFeatures().names)) == 288


def test_the_columns_are_as_wide_as_mice_and_bodyparts_make_them(recording, tracking_rows) -> None:
    curated, fps = filmed(recording, tracking_rows, 30, 1, lambda t: (0, 0))
    for settings in (ArenaFeatures(), ArenaFeatures(motion=False), SMALL):
        assert settings.of(curated, fps, ARENA).shape == (30, len(settings.names))


def test_x_and_y_of_a_keypoint_stand_side_by_side(recording, tracking_rows) -> None:
    """Mouse 2 has its nose at (3, 4) and its tail base at (-5, 1)."""
    rows = [(0, 2, "nose", 230, 140), (0, 2, "tail_base", 150, 110)]
    (frame,) = SMALL.of(curate(tracking_rows(rows), recording), 30.0, ARENA)
    assert SMALL.names[:8] == (
        *("x_mouse1_nose", "y_mouse1_nose", "x_mouse1_tail_base", "y_mouse1_tail_base"),
        *("x_mouse2_nose", "y_mouse2_nose", "x_mouse2_tail_base", "y_mouse2_tail_base"),
    )
    np.testing.assert_allclose(frame[:8], [np.nan] * 4 + [3, 4, -5, 1], rtol=1e-5)


def test_the_same_walk_has_the_same_speed_at_120_and_at_30_frames_a_second(recording, tracking_rows) -> None:
    """Mouse 1 walks right and down at 6 and 8 cm/s: 10 cm/s, without any acceleration."""
    for rate in (10, 24.36, 30, 50, 120):
        features = SMALL.of(*filmed(recording, tracking_rows, rate, 1, lambda t: (6 * t - 3, 8 * t - 4)), ARENA)
        np.testing.assert_allclose(column(features, SMALL, "speed_mouse1_nose"), 10, rtol=2e-3)
        np.testing.assert_allclose(column(features, SMALL, "acceleration_mouse1_nose"), 0, atol=0.3)


def test_a_mouse_that_speeds_up_has_the_same_acceleration_at_any_clock(recording, tracking_rows) -> None:
    """Mouse 1 speeds up by 12 cm/s every second."""
    for rate in (20, 30, 60, 120):
        features = SMALL.of(*filmed(recording, tracking_rows, rate, 2, lambda t: (6 * t * t - 12, 0)), ARENA)
        inner = slice(6, -6)
        np.testing.assert_allclose(column(features, SMALL, "acceleration_mouse1_nose")[inner], 12, rtol=0.03)
        middle = column(features, SMALL, "speed_mouse1_nose")[30]
        assert middle == pytest.approx(12, abs=0.7)  # after 1 s


def test_a_turn_at_constant_speed_is_an_acceleration(recording, tracking_rows) -> None:
    """Mouse 1 runs round a circle of 5 cm once in 2 s: v = 5 pi, a = v^2 / r = 5 pi^2."""
    round_and_round = filmed(recording, tracking_rows, 60, 2, lambda t: (5 * math.cos(math.pi * t), 5 * math.sin(math.pi * t)))
    features = SMALL.of(*round_and_round, ARENA)
    np.testing.assert_allclose(column(features, SMALL, "speed_mouse1_nose")[6:-6], 5 * math.pi, rtol=0.02)
    np.testing.assert_allclose(column(features, SMALL, "acceleration_mouse1_nose")[6:-6], 5 * math.pi**2, rtol=0.02)


def test_the_trackers_noise_weighs_no_more_at_120_frames_a_second(recording, tracking_rows) -> None:
    generator = np.random.default_rng(0)
    noise = {}
    for rate in (30, 120):
        still = filmed(recording, tracking_rows, rate, 4, lambda t: generator.normal(0, 0.06, 2))
        noise[rate] = column(SMALL.of(*still, ARENA), SMALL, "acceleration_mouse1_nose").mean()
    assert noise[120] == pytest.approx(noise[30], rel=0.25)


def test_a_lost_point_stands_and_never_spikes(recording, tracking_rows) -> None:
    """Mouse 1 walks right at 6 cm/s and is lost for ten frames."""
    rows = [(frame, 1, "nose", 100 + 2 * frame, 100) for frame in range(60) if not 20 <= frame < 30]
    features = SMALL.of(curate(tracking_rows(rows), recording), 30.0, ARENA)
    assert column(features, SMALL, "speed_mouse1_nose").max() == pytest.approx(6, rel=1e-3)
    assert not column(features, SMALL, "speed_mouse1_nose")[22:28].any()


def test_absent_mice_and_bodyparts_are_zero_after_scaling(recording, tracking_rows) -> None:
    features = SMALL.of(*filmed(recording, tracking_rows, 30, 1, lambda t: (t, 2)), ARENA)
    absent = [number for number, name in enumerate(SMALL.names) if "mouse1_nose" not in name]
    assert np.isnan(features[:, absent]).all()
    scaled = SMALL.fit_scaler(features).transform(features)
    assert not scaled[:, absent].any()
    assert np.isfinite(scaled).all()


def test_a_mouse_beyond_those_of_the_view_has_no_column(recording, tracking_rows) -> None:
    rows = [(frame, mouse, "nose", 10.0 * mouse, 0) for frame in range(3) for mouse in (1, 3)]
    features = SMALL.of(curate(tracking_rows(rows), recording), 30.0, ARENA)
    assert features.shape == (3, 16)
    assert np.isnan(column(features, SMALL, "x_mouse2_nose")).all()


def test_hips_stand_for_lateral_points_and_the_own_name_wins(recording, tracking_rows) -> None:
    settings = ArenaFeatures(bodyparts=("lateral_left",), mice=1, motion=False)
    hips = settings.of(curate(tracking_rows([(0, 1, "hip_left", 210, 100)]), recording), 30.0, ARENA)
    both_rows = tracking_rows([(0, 1, "hip_left", 210, 100), (0, 1, "lateral_left", 250, 100)])
    both = settings.of(curate(both_rows, recording), 30.0, ARENA)
    assert hips.tolist() == [[1, 0]]
    assert both.tolist() == [[5, 0]]


def test_all_places_are_scaled_alike_so_that_distances_keep_their_proportions() -> None:
    settings = ArenaFeatures(bodyparts=("nose",), mice=2)
    features = np.zeros((5, 8), np.float32)
    features[:, :4] = np.arange(20).reshape(5, 4)  # places: quartiles 4.75 and 14.25, median 9.5
    features[:, 4:6] = np.array([[1, np.nan], [2, np.nan], [3, np.nan], [4, np.nan], [5, np.nan]])  # speeds of mouse 1 alone
    scaler = settings.fit_scaler(features)
    assert scaler.median.tolist() == [9.5] * 4 + [3] * 2 + [0] * 2
    assert scaler.iqr.tolist() == [9.5] * 4 + [2] * 2 + [1] * 2


def test_a_recording_of_one_frame_has_features(recording, tracking_rows) -> None:
    curated, fps = filmed(recording, tracking_rows, 30, 1 / 30, lambda t: (1, 2))
    features = SMALL.of(curated, fps, ARENA)
    assert features[0, [0, 1, 8, 12]].tolist() == [1, 2, 0, 0]


@pytest.mark.parametrize("wrong", [{"bodyparts": ()}, {"bodyparts": ("nose", "nose")}, {"fps": 0.0}, {"mice": 0}, {"motion_s": -1.0}])
def test_settings_that_contradict_themselves_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match="Expected"):
        ArenaFeatures(**wrong)
