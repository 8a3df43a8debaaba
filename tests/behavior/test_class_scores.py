"""Classes that exclude each other: who won a frame, and the F1 of each."""

import numpy as np
import pytest

from behavior.class_scores import count_classes, macro_f1
from behavior.groups import GROUP_NAMES

BACKGROUND, SOCIAL, MATING, AGGRESSIVE = range(4)


def test_frames_are_counted_by_the_best_annotated_group_where_a_label_is_known() -> None:
    scores = np.array([[0.5, 0.4, 0.9, 0], [0.1, 0.4, 0, 0.5], [0.2, 0.8, 0, 0], [0.9, 0, 0, 0.1]])
    labels = np.zeros((4, 4), bool)
    labels[0, BACKGROUND] = labels[1, SOCIAL] = labels[2, SOCIAL] = True  # the last frame is unknown
    counts = count_classes(scores, labels, np.array([True, True, False, True]))
    assert counts.tolist() == [[1, 1, 1], [1, 1, 2], [0, 0, 0], [0, 1, 0]]


def test_the_macro_f1_is_over_groups_that_occur_or_were_found() -> None:
    score, by_group = macro_f1(np.array([[1, 1, 1], [1, 1, 2], [0, 0, 0], [0, 1, 0]]), GROUP_NAMES)
    assert by_group == {"background": 1.0, "social": pytest.approx(2 / 3), "aggressive": 0.0}
    assert score == pytest.approx(5 / 9)
    assert macro_f1(np.zeros((4, 3), np.int64), GROUP_NAMES) == (0.0, {})
