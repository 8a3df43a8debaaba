from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_pipeline.imports.bout_clock import Clock, on_film
from aws_pipeline.imports.foreign_bouts import ForeignBout

SECONDS = Clock(30.0, in_frames=False)


def bout(start, stop, behavior="attack", subject="a"):
    return ForeignBout(subject, "", behavior, start, stop)


def frames(bouts, clock=SECONDS, film=range(0, 1000)):
    whole, told = on_film(bouts, clock, film)
    return [(one.behavior, one.start, one.stop) for one in whole], told


def test_exclusive_states_on_a_shared_boundary_leave_neither_a_hole_nor_an_overlap():
    assert frames([bout(1.0, 1.999), bout(2.0, 3.0, "rear")])[0] == [("attack", 30, 60), ("rear", 60, 90)]
    hole = [bout(1.0, 2.016), bout(2.017, 3.0, "rear")]  # 60.48 and 60.51 frames: rounded by itself, each would go another way
    assert frames(hole)[0] == [("attack", 30, 61), ("rear", 61, 90)]
    overlap = [bout(1.0, 2.017), bout(2.016, 3.0, "rear")]
    assert frames(overlap)[0] == [("attack", 30, 60), ("rear", 60, 90)]
    assert frames([bout(1.0, 1.95), bout(2.0, 3.0, "rear")])[0] == [("attack", 30, 59), ("rear", 60, 90)], "a true hole stays"
    other = [bout(1.0, 2.016), bout(2.017, 3.0, "rear", subject="b")]
    assert frames(other)[0] == [("attack", 30, 60), ("rear", 61, 90)], "of two mice the boundaries have nothing to do with each other"


@given(st.lists(st.integers(110, 3000), min_size=2, max_size=30), st.sampled_from([10.0, 25.0, 29.97, 30.0, 120.0]))
def test_a_day_cut_into_states_at_milliseconds_stays_whole(durations, fps):
    edges = list(accumulate(durations, initial=0))
    bouts = [bout(start / 1000, stop / 1000, f"state {n}") for n, (start, stop) in enumerate(pairwise(edges))]
    whole, _ = on_film(bouts, Clock(fps, in_frames=False), range(0, 10**6))
    assert all(one.stop == other.start for one, other in pairwise(whole))
    assert len(whole) == len(durations)


def test_short_bouts_and_points_have_a_frame_at_least():
    assert frames([bout(1.0, 1.001), bout(2.0, 2.0, "flinch")])[0] == [("attack", 30, 31), ("flinch", 60, 61)]
    assert frames([bout(2.0, 2.0, "flinch")], Clock(30.0, False, point_frames=5))[0] == [("flinch", 60, 65)]


def test_bouts_past_the_end_of_the_film_are_cut_or_left_out_and_counted():
    bouts = [bout(30.0, 40.0), bout(50.0, 51.0), bout(-1.0, 1.0), bout(5.0, 4.0), bout(6.0, 7.0), bout(6.0, 7.0)]
    found, told = frames(bouts)
    assert found == [("attack", 0, 30), ("attack", 180, 210), ("attack", 900, 1000)]
    assert told == [
        "1 bouts end before they begin; they are left out.",
        "1 bouts lie outside the tracked frames 0 to 999; they are left out.",
        "2 bouts go beyond the tracked frames; they are cut there.",
        "1 bouts are there again; they count once.",
    ]


@pytest.mark.parametrize(
    ("clock", "expected", "words"),
    [
        (Clock(30.0, True), (100, 200), ""),
        (Clock(30.0, True, 25.0), (120, 240), "its clock has 25 frames a second, the film 30"),
        (Clock(30.0, True, shift_frames=-8), (92, 192), "shifted by -8 frames"),
        (Clock(30.0, True, 25.0, -8), (112, 232), "its clock has 25 frames a second, the film 30; shifted by -8 frames"),
        (Clock(25.0, True, 30.0), (83, 167), "its clock has 30 frames a second, the film 25"),
        (Clock(29.97, False), (2997, 5994), ""),
        (Clock(30.0, False, 25.0), (2500, 5000), "its clock has 25 frames a second, the film 30"),
    ],
)
def test_a_clock_and_a_lag_are_corrected_only_by_choice(clock, expected, words):
    ((_, start, stop),), _ = frames([bout(100, 200)], clock, range(0, 10**6))
    assert ((start, stop), clock.correction) == (expected, words)
