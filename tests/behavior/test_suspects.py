"""Doubtful frames, from mice whose motion is written down: who jumps, who is swapped, who has another's pose."""

import numpy as np
import pytest

from behavior.curation import CuratedTracking, curate
from behavior.recording import Recording
from behavior.suspects import find_suspects
from behavior.tracking import Pose

PARTS = ("nose", "neck", "tail_base")
STAYS, LEFT, RIGHT = (200, 100), (60, 50), (300, 150)


def mouse(number, places, lost=()):
    """One mouse at these places (pixels), a frame each, its three bodyparts 10 pixels (1 cm) apart; lost in some frames."""
    return [
        (frame, number, part, x + 10 * place, y)
        for frame, (x, y) in enumerate(places)
        for place, part in enumerate(PARTS)
        if frame not in lost
    ]


@pytest.fixture
def suspects_of(tracking_rows, recording):
    return lambda *rows: find_suspects(curate(tracking_rows([row for of_mouse in rows for row in of_mouse]), recording), recording)


def test_a_mouse_that_walks_is_not_suspected(suspects_of):
    found = suspects_of(mouse(1, [(50 + 2 * frame, 100) for frame in range(60)]), mouse(2, [STAYS] * 60))
    assert (len(found.teleports), len(found.swaps), len(found.doubled), found.outside, found.gaps) == (0, 0, 0, 0, 0)


def test_a_mouse_that_is_elsewhere_in_the_next_frame_jumped_there_and_back(suspects_of):
    found = suspects_of(mouse(1, [STAYS, STAYS, LEFT, STAYS, STAYS]))  # 15 cm in a frame: 450 cm/s
    assert found.teleports.tolist() == [2, 3]
    assert found.swaps.tolist() == []


def test_one_bodypart_that_jumps_is_an_error_of_the_tracker_not_a_jump_of_the_mouse(suspects_of):
    rows = mouse(1, [STAYS] * 5)
    rows[7] = (2, 1, "neck", 20, 20)
    assert suspects_of(rows).teleports.tolist() == []


def test_a_mouse_that_was_lost_for_a_second_may_come_back_anywhere(suspects_of):
    assert suspects_of(mouse(1, [STAYS] * 35 + [LEFT] * 5, lost=range(2, 35))).teleports.tolist() == []


def test_two_mice_that_exchange_their_places_in_one_frame_are_swapped_and_did_not_jump(suspects_of):
    found = suspects_of(mouse(1, [LEFT] * 3 + [RIGHT] * 3), mouse(2, [RIGHT] * 3 + [LEFT] * 3))
    assert found.swaps.tolist() == [3]
    assert found.teleports.tolist() == []


def test_two_mice_that_come_back_in_each_others_place_are_swapped(suspects_of):
    lost = range(3, 30)
    found = suspects_of(mouse(1, [LEFT] * 30 + [RIGHT] * 3, lost), mouse(2, [RIGHT] * 30 + [LEFT] * 3, lost))
    assert found.swaps.tolist() == [30]


def test_a_mouse_that_follows_another_closely_is_not_swapped_with_it(suspects_of):
    ahead = [(50 + 30 * frame, 100) for frame in range(9)]  # 3 cm in each frame
    assert suspects_of(mouse(1, ahead[1:]), mouse(2, ahead[:-1])).swaps.tolist() == []


def test_one_pose_for_two_mice_is_found_where_all_that_both_show_is_equal(suspects_of):
    one, other = mouse(1, [LEFT, STAYS, STAYS, STAYS]), mouse(2, [RIGHT, STAYS, STAYS, RIGHT])
    one.remove((2, 1, "nose", *STAYS))
    other = [(frame, number, part, x + (frame == 1 and part == "neck"), y) for frame, number, part, x, y in other]
    assert suspects_of(one, other).doubled.tolist() == [2]


def test_filled_places_count_neither_as_equal_nor_as_outside(suspects_of):
    found = suspects_of(mouse(1, [STAYS, STAYS, LEFT]), mouse(2, [STAYS, STAYS, RIGHT], lost=[1]))
    assert found.doubled.tolist() == [0]
    outside = suspects_of(mouse(1, [(-50, 100)] * 3, lost=[1]))
    assert outside.outside == 6


def test_gaps_are_counted_where_a_point_was_seen_before_and_is_seen_again(suspects_of):
    rows = mouse(1, [STAYS] * 20, lost=[0, 1, 5, 6, 7, 10, 18, 19])
    found = suspects_of(rows)
    assert found.gaps == 2 * len(PARTS)
    assert found.longest_gap == 3


def test_a_keypoint_that_is_never_seen_harms_nothing(recording):
    seen = np.zeros((1, 2, 4), bool)
    seen[0, 0] = True
    xy = np.where(seen, 1.0, np.nan).astype(np.float32)[None].repeat(2, axis=0)
    velocity = np.where(seen, 0.0, np.nan).astype(np.float32)[None].repeat(2, axis=0)
    found = find_suspects(CuratedTracking(Pose((1,), ("neck", "nose"), xy, seen), velocity), recording)
    assert (len(found.teleports), found.outside, found.gaps) == (0, 0, 0)


def test_the_picture_is_that_of_the_recording_also_around_a_measured_arena(tracking_rows):
    shifted = Recording("QuietOtter", 7, fps=30.0, pix_per_cm=10.0, width_px=400, height_px=200, arena_center_px=(390, 190))
    rows = [(0, 1, "nose", 0, 0), (1, 1, "nose", 400, 200), (2, 1, "nose", 401, 100), (3, 1, "nose", 100, -1)]
    assert find_suspects(curate(tracking_rows(rows), shifted), shifted).outside == 2
