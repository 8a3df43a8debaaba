"""The bouts most worth a look: doubtful ones, disputed ones, and each lab and behavior in its turn."""

import numpy as np
import pandas as pd
import pytest

from behavior.observed import Observed
from behavior.review_queue import review_queue

Row = tuple[int, int, int, str, int, int, float]


def observer(*bouts: Row, labs: dict[int, str] | None = None, actions: tuple[str, ...] = ("sniff", "attack")) -> Observed:
    """Videos of lab A unless `labs` says otherwise, 1,000 frames at 10 a second; thresholds are 0.5."""
    labs = labs or {1: "A", 2: "A"}
    triples = pd.DataFrame(
        [(lab, video, 1, 2, action, "pair", 0, 1000, 10.0) for video, lab in labs.items() for action in actions],
        columns=["lab_id", "video_id", "agent_id", "target_id", "action", "kind", "first_frame", "frame_count", "frames_per_second"],
    )
    names = ["video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame", "confidence"]
    return Observed.of(triples, pd.DataFrame(bouts, columns=names).assign(threshold=0.5))


def starts(queue: pd.DataFrame) -> list[int]:
    return queue["start_frame"].tolist()


def test_a_score_at_the_threshold_is_most_doubtful() -> None:
    queue = review_queue(
        [observer((1, 1, 2, "sniff", 100, 110, 0.95), (1, 1, 2, "sniff", 200, 210, 0.5), (1, 1, 2, "sniff", 300, 310, 0.7))], 3
    )
    assert starts(queue) == [200, 300, 100]
    assert queue["doubt"].tolist() == pytest.approx([1.0, 0.6, 0.1])
    assert queue["dispute"].isna().all()


def test_each_lab_and_behavior_gives_its_best_in_turn() -> None:
    rows = [(1, 1, 2, "sniff", 100 * n, 100 * n + 10, 0.51) for n in range(1, 6)]
    first = observer(*rows, (1, 1, 2, "attack", 700, 710, 0.9), (2, 1, 2, "sniff", 800, 810, 0.95), labs={1: "A", 2: "B"})
    queue = review_queue([first], 3)
    assert set(zip(queue["lab_id"], queue["action"], strict=True)) == {("A", "sniff"), ("A", "attack"), ("B", "sniff")}


def test_others_that_do_not_agree_make_a_bout_worth_a_look() -> None:
    first = observer((1, 1, 2, "sniff", 100, 110, 0.99), (1, 1, 2, "sniff", 200, 210, 0.99))
    second = observer((1, 1, 2, "sniff", 100, 110, 0.9))
    third = observer((1, 1, 2, "sniff", 100, 105, 0.9))
    queue = review_queue([first, second, third], 10)
    assert starts(queue) == [200, 100]
    assert queue["dispute"].tolist() == pytest.approx([1.0, 0.25])
    blind = observer((1, 1, 2, "attack", 5, 9, 0.9), actions=("attack",))
    queue = review_queue([first, blind], 10)
    assert queue.loc[queue["action"] == "sniff", "dispute"].isna().all(), "who did not look does not disagree"


def test_a_bout_that_only_others_have_is_a_candidate() -> None:
    queue = review_queue([observer((1, 1, 2, "sniff", 100, 110, 0.9)), observer((1, 1, 2, "sniff", 500, 520, 0.8))], 10)
    found = queue[queue["start_frame"] == 500].iloc[0]
    assert (found["observer"], found["dispute"]) == (1, 1.0)


def test_a_bout_of_two_others_is_one_candidate_and_windows_of_candidates_stay_apart() -> None:
    first, second = observer((1, 1, 2, "sniff", 100, 110, 0.9)), observer((1, 1, 2, "sniff", 118, 130, 0.8))
    third = observer((1, 1, 2, "sniff", 120, 140, 0.8))
    queue = review_queue([first, second, third], 10).set_index("start_frame")
    assert sorted(queue.index) == [100, 118]
    assert queue.loc[100, "window_stop_frame"] == queue.loc[118, "window_start_frame"] == 114


def test_a_window_holds_one_bout_of_its_triple_only() -> None:
    queue = review_queue(
        [observer((1, 1, 2, "sniff", 5, 10, 0.6), (1, 1, 2, "sniff", 20, 30, 0.6), (1, 1, 2, "attack", 12, 15, 0.6))], 10, margin_s=2
    ).set_index("start_frame")
    assert queue.loc[5, ["window_start_frame", "window_stop_frame"]].tolist() == [0, 15]
    assert queue.loc[20, ["window_start_frame", "window_stop_frame"]].tolist() == [15, 50]
    assert queue.loc[12, ["window_start_frame", "window_stop_frame"]].tolist() == [0, 35], "an attack is no neighbor of a sniff"


def test_no_more_than_asked_for_and_in_a_fixed_order() -> None:
    rows = [(1, 1, 2, "sniff", 10 * n, 10 * n + 5, 0.6) for n in range(1, 60)]
    one, other = (review_queue([observer(*order)], 7) for order in (rows, rows[::-1]))
    assert len(one) == 7
    pd.testing.assert_frame_equal(one, other)
    assert np.isfinite(one["worth"]).all()
