"""Paths and speeds of mice whose motion is written down."""

import numpy as np
import pytest

from behavior.curation import curate
from behavior.paths import means, path_of, speed_of


def test_a_path_is_that_of_the_body_center(tracking_rows, recording):
    rows = [(frame, 1, part, x + 2 * frame, 100) for frame in range(4) for part, x in (("body_center", 200), ("nose", 260))]
    curated = curate(tracking_rows(rows), recording)
    assert path_of(curated, 1)[0].tolist() == pytest.approx([0, 0.2, 0.4, 0.6])
    assert speed_of(curated, 1)[1:].tolist() == pytest.approx([6, 6, 6])


def test_without_a_center_it_is_the_mean_of_what_is_seen(tracking_rows, recording):
    rows = [
        (frame, 1, part, x, 100) for frame in range(3) for part, x in (("ear_left", 200), ("nose", 240)) if (frame, part) != (1, "nose")
    ]
    assert path_of(curate(tracking_rows(rows), recording), 1)[0].tolist() == pytest.approx([2, 0, 2])


def test_a_lost_mouse_has_no_place(tracking_rows, recording):
    curated = curate(tracking_rows([(0, 1, "body_center", 200, 100), (2, 1, "body_center", 200, 100), (2, 2, "nose", 1, 1)]), recording)
    assert np.isnan(path_of(curated, 1)[0]).tolist() == [False, True, False]
    assert np.isnan(speed_of(curated, 2)).tolist() == [True, True, False]


def test_means_skip_what_is_unknown_and_know_their_middle():
    values = np.array([1.0, 3.0, np.nan, 5.0, np.nan, np.nan, 7.0])
    mean, middle = means(values, 4)
    assert mean.tolist()[:2] == [2.0, 5.0]
    assert np.isnan(mean[2])
    assert mean[3] == 7.0
    assert middle.tolist() == [0.5, 2.5, 4.5, 6.0]
