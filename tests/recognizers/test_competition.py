"""Bouts in the words of the competition."""

from behavior.bouts import bout_table
from recognizers.competition import submission_rows


def test_mice_are_named_and_a_self_behavior_is_of_the_mouse_itself() -> None:
    rows = submission_rows(bout_table([(1, 1, 2, "attack", 0, 3), (1, 2, 2, "rear", 5, 9)]))
    assert rows[["agent_id", "target_id"]].to_numpy().tolist() == [["mouse1", "mouse2"], ["mouse2", "self"]]


def test_bouts_of_no_mouse_in_particular_are_nobodys() -> None:
    rows = submission_rows(bout_table([(1, None, None, "social", 0, 3)]))
    assert rows[["agent_id", "target_id"]].to_numpy().tolist() == [["nobody", "nobody"]]


def test_no_bouts_are_an_empty_table() -> None:
    assert submission_rows(bout_table([])).empty
