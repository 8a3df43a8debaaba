"""Folds: by lab, by the video id alone, groups together."""

from training.folds import HELD_OUT, N_FOLDS, VALIDATION, assign_folds, split_videos


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
