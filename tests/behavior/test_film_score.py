"""The score of bouts in films, worked out by hand."""

import pandas as pd
import pytest

from behavior.film_score import film_score

COLUMNS = ["video_id", "action", "start_frame", "stop_frame"]


def bouts(*rows: tuple[int, str, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


def test_behaviors_count_alike_in_a_lab_and_labs_count_alike():
    """Lab a: 10 frames of rest, of which 8 are found, and 5 of walk, of which 5 are found beside 2 of rest. Lab b: nothing is found."""
    true = bouts((1, "rest", 0, 10), (1, "walk", 10, 15), (2, "rest", 0, 4))
    predicted = bouts((1, "rest", 0, 8), (1, "walk", 8, 15))
    score = film_score(true, predicted, {1: "a", 2: "b"})
    rest, walk = 2 * 8 / (8 + 10), 2 * 5 / (7 + 5)
    assert score.labs["a"].actions == pytest.approx({"rest": rest, "walk": walk})
    assert score.labs["a"].score == pytest.approx((rest + walk) / 2)
    assert (score.labs["b"].score, score.labs["b"].actions) == (0.0, {"rest": 0.0})
    assert score.score == pytest.approx((rest + walk) / 4)


def test_frames_without_a_label_count_for_nothing():
    true = bouts((1, "rest", 10, 20))
    assert film_score(true, bouts((1, "rest", 0, 40), (1, "walk", 40, 50)), {1: "a"}).score == 1.0
    assert film_score(true, bouts((1, "walk", 10, 20)), {1: "a"}).score == 0.0


def test_a_behavior_that_never_occurs_in_a_lab_has_no_score_there_but_costs_others_their_frames():
    true = bouts((1, "rest", 0, 10), (2, "walk", 0, 10))
    score = film_score(true, bouts((1, "rest", 0, 5), (1, "walk", 5, 10), (2, "walk", 0, 10)), {1: "a", 2: "b"})
    assert score.labs["a"].actions == pytest.approx({"rest": 2 * 5 / (5 + 10)})
    assert score.labs["b"].score == 1.0


def test_films_that_nobody_labelled_do_not_count():
    assert film_score(bouts((1, "rest", 0, 5)), bouts((1, "rest", 0, 5), (9, "walk", 0, 5)), {1: "a"}).score == 1.0
