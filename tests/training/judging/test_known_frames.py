"""Predictions on frames without a label are neither right nor wrong."""

import numpy as np

from training.judging.scored_subjects import within_known


def test_bouts_are_cut_to_the_frames_with_a_label():
    known = np.array([True] * 4 + [False] * 2 + [True] * 4)
    bouts = [(5, None, None, "rest", 0, 3), (5, None, None, "walk", 3, 9), (5, None, None, "active", 4, 6)]
    assert within_known(bouts, known) == [
        (5, None, None, "rest", 0, 3),
        (5, None, None, "walk", 3, 4),
        (5, None, None, "walk", 6, 9),
    ]


def test_where_every_frame_has_a_label_bouts_stay_as_they_are():
    bouts = [(5, 1, 2, "sniff", 0, 3)]
    assert within_known(bouts, np.ones(10, bool)) == bouts
