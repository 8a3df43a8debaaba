"""Tracks of a pair: meters, lost points on a line, anchors that every lab has, mirrors."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from behavior.curation import curate
from behavior.labelling import Subject
from behavior.recording import Recording
from behavior.views.pair_tracks import PairTracks


def columns(tracks: np.ndarray, settings: PairTracks, *names: str) -> list[list[float]]:
    return [[round(value, 4) for value in tracks[:, settings.names.index(name)].tolist()] for name in names]


def test_places_are_meters_from_the_middle_of_the_picture(recording: Recording, tracking_rows: Callable[..., pa.Table]) -> None:
    """The picture's middle is (200, 100) px, 10 px are a cm. Mouse 2 stands 30 px right of it, mouse 1 in it."""
    rows = [(0, 1, "nose", 200.0, 100.0), (0, 2, "nose", 230.0, 90.0)]
    settings = PairTracks(("nose",))
    tracks = settings.of(curate(tracking_rows(rows), recording), 30.0, Subject(1, 2))
    assert tracks.shape == (1, 24)  # 2 mice x (3 anchors + nose) x (x, y, seen)
    assert columns(tracks, settings, "x_m_nose", "t_x_m_nose", "t_y_m_nose") == [[0.0], [0.03], [-0.01]]


def test_a_lost_point_lies_between_its_sights_and_says_so(recording: Recording, tracking_rows: Callable[..., pa.Table]) -> None:
    """The nose walks right by 10 px a frame and is lost in frames 1 and 2."""
    rows = [(frame, 1, "nose", 200.0 + 10 * frame, 100.0) for frame in (0, 3)]
    rows += [(frame, 1, "tail_base", 150.0, 100.0) for frame in range(4)]
    settings = PairTracks(("nose",))
    tracks = settings.of(curate(tracking_rows(rows), recording), 30.0, Subject(1, 1))
    x, seen = columns(tracks, settings, "x_m_nose", "seen_nose")
    assert x == [0.0, 0.01, 0.02, 0.03]
    assert seen == [1.0, 0.0, 0.0, 1.0]


def test_with_the_place_each_mouse_has_the_corners_of_the_arena(recording: Recording, tracking_rows: Callable[..., pa.Table]) -> None:
    """The mouse visits the corners (100, 60) and (300, 160) px of its arena; the picture's middle is (200, 100), 10 px are a cm."""
    rows = [(frame, 1, "body_center", *((100.0, 60.0) if frame < 50 else (300.0, 160.0))) for frame in range(100)]
    settings = PairTracks(("body_center",), place=True)
    tracks = settings.of(curate(tracking_rows(rows), recording), 30.0, Subject(1, 1))
    low = columns(tracks[:1], settings, "x_m_arena_low", "y_m_arena_low", "seen_arena_low")
    high = columns(tracks[-1:], settings, "t_x_m_arena_high", "t_y_m_arena_high", "t_seen_arena_high")
    assert (low, high) == ([[-0.1], [-0.04], [1.0]], [[0.1], [0.06], [1.0]])
    assert settings.points[:4] == PairTracks(("body_center",)).points


def test_anchors_take_what_a_lab_has(recording: Recording, tracking_rows: Callable[..., pa.Table]) -> None:
    """Without nose and head the front is between the ears; without body_center the center is between the hips, by either name."""
    places = {"ear_left": 210.0, "ear_right": 220.0, "hip_left": 180.0, "hip_right": 190.0, "tail_base": 170.0}
    rows = [(0, 1, part, x, 100.0) for part, x in places.items()]
    settings = PairTracks(("ear_left",))
    tracks = settings.of(curate(tracking_rows(rows), recording), 30.0, Subject(1, 1))
    assert columns(tracks, settings, "x_m_front", "x_m_center", "x_m_back") == [[0.015], [-0.015], [-0.03]]


def test_a_mouse_or_bodypart_that_is_not_tracked_is_unknown(recording: Recording, tracking_rows: Callable[..., pa.Table]) -> None:
    settings = PairTracks(("nose", "neck"))
    tracks = settings.of(curate(tracking_rows([(0, 1, "nose", 200.0, 100.0)]), recording), 30.0, Subject(1, 3))
    assert np.isnan(columns(tracks, settings, "x_m_neck", "t_x_m_nose", "t_y_m_center")).all()
    assert columns(tracks, settings, "seen_neck", "t_seen_nose", "t_seen_center") == [[0.0], [0.0], [0.0]]
    scaled = settings.fit_scaler(tracks).transform(tracks)
    assert np.isfinite(scaled).all()
    np.testing.assert_array_equal(scaled, np.nan_to_num(tracks))  # meters stay meters


def test_a_fast_recording_is_sampled_at_the_rate_of_the_network(recording: Recording, tracking_rows: Callable[..., pa.Table]) -> None:
    rows = [(frame, 1, "nose", 200.0 + frame, 100.0) for frame in range(120)]
    fast = replace(recording, fps=120.0)
    assert len(PairTracks(("nose",)).of(curate(tracking_rows(rows), fast), 120.0, Subject(1, 1))) == 30


def test_in_a_mirror_left_is_right_and_all_else_stays() -> None:
    settings = PairTracks(("ear_left", "ear_right", "nose", "lateral_left"))
    assert settings.points == ("front", "center", "back", "ear_left", "ear_right", "nose", "lateral_left")
    of_a_mouse = settings.mirror.columns[: 3 * len(settings.points)].reshape(-1, 3)
    assert (of_a_mouse[:, 0] // 3).tolist() == [0, 1, 2, 4, 3, 5, 6]  # no lateral_right to change places with
    assert (of_a_mouse % 3 == [0, 1, 2]).all()  # places and sight of a point go together


def test_contradictions_are_refused() -> None:
    with pytest.raises(ValueError, match="Expected each bodypart once"):
        PairTracks(("nose", "nose"))
    with pytest.raises(ValueError, match="Expected fps above zero"):
        PairTracks(("nose",), fps=0)
