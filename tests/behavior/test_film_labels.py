"""Labels of films: every layout, merged behaviors, and what is unknown."""

import pytest

from behavior.film_labels import ReadLabels, read_labels
from behavior.film_rules import LabelRules
from behavior.policy import Policy


def read(text: str, frames: int = 10, fps: float = 30.0, **options) -> ReadLabels:
    return read_labels(text.encode(), "mouse_1.csv", frames, fps, **options)


def bouts(labels: ReadLabels) -> list[tuple]:
    return list(labels.bouts.itertuples(index=False, name=None))


def codes(labels: ReadLabels) -> list[str]:
    return [fault.code for fault in labels.faults]


def per_frame(actions: list[object]) -> str:
    return "Frame,Action\n" + "".join(f"{frame},{action}\n" for frame, action in enumerate(actions))


def test_numbers_of_each_frame_become_bouts_and_two_behaviors_count_as_a_third():
    labels = read(per_frame([0, 0, 3, 3, 5, 1, 1, 2, 4, 7]))
    assert bouts(labels) == [
        ("rest", "rest", 0, 2),
        ("paw_withdraw", "paw_guard", 2, 4),
        ("paw_withdraw", "flinch", 4, 5),
        ("paw_withdraw", "paw_withdraw", 5, 7),
        ("paw_lick", "paw_lick", 7, 8),
        ("paw_shake", "paw_shake", 8, 9),
        ("active", "active", 9, 10),
    ]
    assert codes(labels) == []


def test_names_of_each_frame_are_read_too_with_other_columns_beside_them():
    text = "frame,Action,rest_prob\n0,rest,0.9\n1,walk,0.1\n2,walk,0.2\n"
    assert bouts(read(text, frames=3)) == [("rest", "rest", 0, 1), ("walk", "walk", 1, 3)]


def test_a_frame_without_a_label_is_unknown_and_not_rest():
    labels = read(per_frame(["walk", "", "", "rest"]) + "7,active\n", frames=9)
    assert bouts(labels) == [("walk", "walk", 0, 1), ("rest", "rest", 3, 4), ("active", "active", 7, 8)]
    assert codes(labels) == ["label-partial"]
    assert labels.faults[0].count == 6


def test_numbers_beside_empty_cells_are_still_codes():
    assert bouts(read(per_frame([6, "", 2]), frames=3)) == [("walk", "walk", 0, 1), ("paw_lick", "paw_lick", 2, 3)]


@pytest.mark.parametrize("head", ["start,stop,label", "start_frame,stop_frame,action", "Start, Stop, Behavior"])
def test_bouts_have_a_stop_that_is_excluded(head: str):
    assert bouts(read(f"{head}\n0,4,rest\n4,10,flinch\n")) == [("rest", "rest", 0, 4), ("paw_withdraw", "flinch", 4, 10)]


def test_seconds_become_frames_of_the_film():
    assert bouts(read("start_s,stop_s,label\n0,0.2,rest\n0.2,0.4,walk\n", fps=25.0)) == [("rest", "rest", 0, 5), ("walk", "walk", 5, 10)]


def test_labels_after_the_last_frame_are_refused():
    labels = read(per_frame(["rest"] * 11), frames=10)
    assert codes(labels) == ["label-beyond"]
    assert "within the 10 frames of the film, but got them up to frame 10" in str(labels.faults[0])
    assert labels.bouts.empty


@pytest.mark.parametrize(("length", "frames"), [(600, 300), (300, 600), (375, 300), (240, 300)])
def test_labels_of_another_frame_rate_are_noticed(length: int, frames: int):
    assert "label-clock" in codes(read(f"start,stop,label\n0,{length},rest\n", frames=frames))


def test_the_rate_of_the_labels_can_be_said():
    labels = read("start,stop,label\n0,100,rest\n100,600,walk\n", frames=300, fps=30, labels_fps=60)
    assert bouts(labels) == [("rest", "rest", 0, 50), ("walk", "walk", 50, 300)]


def test_labels_that_end_in_the_middle_are_right_if_the_user_says_so():
    labels = read("start,stop,label\n0,150,rest\n", frames=300, fps=30, labels_fps=30)
    assert codes(labels) == ["label-partial"]
    assert bouts(labels) == [("rest", "rest", 0, 150)]


def test_an_unknown_class_is_named_and_can_be_merged_or_added():
    text = "start,stop,label\n0,5,groom\n5,10,rest\n"
    refused = read(text)
    assert codes(refused) == ["label-class"]
    assert "but got groom" in str(refused.faults[0])
    assert bouts(read(text, rules=LabelRules.with_more({"groom": "active"}, ())))[0] == ("active", "groom", 0, 5)
    assert bouts(read(text, rules=LabelRules.with_more({}, ("groom",))))[0] == ("groom", "groom", 0, 5)


def test_an_unknown_number_is_an_unknown_class():
    assert codes(read(per_frame([0] * 9 + [8]))) == ["label-class"]


def test_two_behaviors_in_one_frame_are_refused():
    labels = read("start,stop,label\n0,6,rest\n5,10,walk\n")
    assert codes(labels) == ["label-overlap"]
    assert "two in frame 5" in str(labels.faults[0])


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "frame\n1\n", "start,stop,label\n0.5,3,rest\n", "start,stop,label\nx,3,rest\n", "\x00\xff"]
)
def test_a_file_in_no_layout_is_refused(text: str):
    assert codes(read(text)) == ["label-layout"]


def test_reversed_and_negative_bouts_are_refused_together():
    assert codes(read("start,stop,label\n-2,3,rest\n6,5,walk\n8,9,active\n")) == ["bout-negative", "bout-reversed"]


def test_a_policy_repairs_bouts_before_the_film_and_reversed_ones():
    data = b"start,stop,label\n-5,4,rest\n9,6,walk\n10,20,walk\n"
    strict = read_labels(data, "x.csv", 20, 30.0)
    assert (sorted(fault.code for fault in strict.faults), len(strict.bouts)) == (["bout-negative", "bout-reversed"], 0)
    gentle = Policy(frozenset({"bout-negative", "bout-reversed"}))
    read = read_labels(data, "x.csv", 20, 30.0, policy=gentle)
    assert read.bouts[["action", "start_frame", "stop_frame"]].to_numpy().tolist() == [["rest", 0, 4], ["walk", 10, 20]]
    assert {fault.code for fault in read.faults} == {"bout-negative", "bout-reversed", "label-partial"}
    hidden = read_labels(b"start,stop,label\n-5,4,rest\n0,6,walk\n", "x.csv", 20, 30.0, policy=gentle)
    assert (hidden.faults[-1].code, len(hidden.bouts)) == ("label-overlap", 0)
