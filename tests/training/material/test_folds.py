"""Folds: by lab, by the video id alone, groups together."""

import pytest

from behavior.contract import ContractError
from training.material.folds import HELD_OUT, N_FOLDS, VALIDATION, assign_folds, cross_validation, split_videos


def test_a_lab_with_one_video_teaches_with_it() -> None:
    split = split_videos({5: "Alone"})
    assert (split.train, split.validation, split.held_out) == ((5,), (), ())


def test_of_two_videos_one_teaches_and_one_is_held_out() -> None:
    split = split_videos({5: "Pair", 9: "Pair"})
    assert (len(split.train), len(split.validation), len(split.held_out)) == (1, 0, 1)


def test_of_three_videos_one_teaches_one_validates_one_is_held_out() -> None:
    split = split_videos({5: "Three", 9: "Three", 11: "Three"})
    assert (len(split.train), len(split.validation), len(split.held_out)) == (1, 1, 1)


def test_of_many_videos_a_fifth_of_every_lab_is_held_out_and_a_fifth_validates() -> None:
    labs = {video: "Big" if video < 100 else "Small" for video in range(130)}
    folds = assign_folds(labs)
    for lab, expected in (("Big", 20), ("Small", 6)):
        own = [folds[video] for video in labs if labs[video] == lab]
        assert own.count(HELD_OUT) == own.count(VALIDATION) == expected
    assert set(folds.values()) == set(range(N_FOLDS))


def test_folds_depend_on_ids_and_not_on_the_order_of_the_rows() -> None:
    labs = dict.fromkeys(range(1000, 1040), "Lab")
    assert assign_folds(labs) == assign_folds(dict(reversed(labs.items())))


def test_folds_of_one_lab_do_not_move_when_another_lab_comes() -> None:
    labs = dict.fromkeys(range(1000, 1010), "Lab")
    more = labs | dict.fromkeys(range(2000, 2007), "Other")
    assert assign_folds(labs).items() <= assign_folds(more).items()


def test_a_group_stays_together() -> None:
    labs = dict.fromkeys(range(20), "Lab")
    groups = {video: video // 2 for video in range(20)}
    folds = assign_folds(labs, groups)
    assert all(folds[video] == folds[video + 1] for video in range(0, 20, 2))
    assert len(set(folds.values())) == N_FOLDS


def test_a_group_number_is_not_mistaken_for_the_id_of_a_video_without_group() -> None:
    folds = assign_folds({1: "Lab", 2: "Lab", 3: "Lab"}, groups={2: 1})
    assert len(set(folds.values())) == 3


def test_cross_validation_holds_every_video_out_once_and_never_reads_what_it_holds_out() -> None:
    labs = {video: "Big" if video < 100 else "Small" for video in range(130)}
    splits = cross_validation(labs, 4)
    assert sorted(video for split in splits for video in split.held_out) == sorted(labs)
    for split in splits:
        parts = [*split.train, *split.validation, *split.held_out]
        assert sorted(parts) == sorted(labs)


def test_folds_of_cross_validation_are_alike_in_their_labs() -> None:
    labs = {video: "Big" if video < 100 else "Small" for video in range(130)}
    for split in cross_validation(labs, 4):
        assert sum(labs[video] == "Big" for video in split.held_out) == 25
        assert sum(labs[video] == "Small" for video in split.held_out) in (7, 8)
        assert sum(labs[video] == "Big" for video in split.validation) == 15
        assert sum(labs[video] == "Small" for video in split.validation) in (4, 5)


def test_recordings_of_one_content_are_never_on_both_sides() -> None:
    labs = dict.fromkeys(range(20), "Lab")
    groups = {video: video - video % 3 for video in range(20)}
    for split in cross_validation(labs, 3, groups):
        parts = [{groups[video] for video in part} for part in (split.train, split.validation, split.held_out)]
        assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]
        assert all(parts)


def test_a_content_under_two_labs_is_held_out_as_one() -> None:
    labs = {1: "A", 2: "A", 3: "A", 11: "B", 12: "B", 13: "B"}
    splits = cross_validation(labs, 3, groups={1: 1, 13: 1})
    assert [split.held_out for split in splits if 1 in split.held_out] == [split.held_out for split in splits if 13 in split.held_out]


def test_labs_of_one_recording_do_not_all_fall_into_the_first_fold() -> None:
    splits = cross_validation({video: f"Lab {video}" for video in range(8)}, 4)
    assert [len(split.held_out) for split in splits] == [2, 2, 2, 2]
    assert all(len(split.validation) == 1 for split in splits)  # no lab has enough for one of its own


def test_cross_validation_does_not_depend_on_the_order_of_the_rows() -> None:
    labs = {1000 + number: f"Lab {number % 3}" for number in range(40)}
    assert cross_validation(labs, 4) == cross_validation(dict(reversed(labs.items())), 4)


@pytest.mark.parametrize("n_folds", [0, 1, 4])
def test_more_folds_than_contents_are_refused(n_folds: int) -> None:
    with pytest.raises(ContractError, match=f"a recording for each, but got 3 recordings of different content and {n_folds} folds"):
        cross_validation(dict.fromkeys(range(4), "Lab"), n_folds, groups={0: 0, 1: 0})
