"""Rows of metadata are judged one by one: a wrong value costs its own recording, never those of the other rows."""

import pytest

from behavior.contract import ContractError
from behavior.metadata_rows import judge_metadata
from behavior.policy import Policy

HEADER = "lab_id,video_id,frames_per_second,pix_per_cm_approx,video_width_pix,video_height_pix,behaviors_labeled,mouse1_id"


def judged(*rows, policy=None):
    data = "\n".join([HEADER, *rows, ""]).encode()
    return judge_metadata(data, "train", "train.csv", *([lambda name: policy] if policy else []))


def faults(row):
    return [(fault.code, fault.where) for fault in row.faults]


def test_a_wrong_value_of_any_column_costs_its_own_row_only():
    metadata = judged(
        "A,7,30,10,400,200,,1", "B,8,fast,10,400,200,,2", "C,9,30,10,400,200,,x", "D,10,30,10,400.5,200,,", "E,../../evil,0,10,400,200,,"
    )
    first, fast, named, half, evil = metadata.rows
    assert (first.recording.video_id, first.faults) == (7, ())
    assert faults(fast) == [("frame-rate", "train.csv, row 2 (lab 'B', video 8)")]
    assert "but got 'fast'" in fast.faults[0].text
    assert faults(named) == [("column-type", "train.csv, row 3 (lab 'C', video 9)")]
    assert faults(half) == [("column-type", "train.csv, row 4 (lab 'D', video 10)")]
    assert [fault.code for fault in evil.faults] == ["video-id", "frame-rate"]
    assert [row.name for row in metadata.rows] == ["train-7", "train-8", "train-9", "train-10", "train-row-5"]
    assert [row.recording is None for row in metadata.rows] == [False, True, True, True, True]
    assert metadata.table.column("video_id").to_pylist() == [7, 8, 9, 10, None]


def test_the_same_row_again_counts_once_and_is_a_duplicate():
    metadata = judged("A,7,30,10,400,200,,", "A,8,30,10,400,200,,", "A,7,30,10,400,200,,", "A,7,30,10,400,200,,")
    assert [(row.name, row.rows) for row in metadata.rows] == [("train-7", 3), ("train-8", 1)]
    assert metadata.duplicates == 2
    assert metadata.rows[0].recording
    assert faults(metadata.rows[0]) == [
        ("row-repeated", "train.csv, row 3 (lab 'A', video 7)"),
        ("row-repeated", "train.csv, row 4 (lab 'A', video 7)"),
    ]
    strict = judged("A,7,30,10,400,200,,", "A,7,30,10,400,200,,", policy=Policy(frozenset({"row-repeated"})))
    assert strict.rows[0].recording is None


def test_rows_that_tell_different_things_of_one_video_are_all_faulty():
    metadata = judged("A,7,30,10,400,200,,", "A,7,25,10,400,200,,", "A,8,30,10,400,200,,")
    assert metadata.rows[0].recording is None
    assert metadata.rows[0].rows == 2
    assert faults(metadata.rows[0]) == [
        ("video-repeated", "train.csv, row 1 (lab 'A', video 7)"),
        ("video-repeated", "train.csv, row 2 (lab 'A', video 7)"),
    ]
    assert metadata.rows[1].recording
    assert metadata.duplicates == 1


def test_what_is_wrong_with_the_whole_file_refuses_it():
    with pytest.raises(ContractError, match="Expected a CSV table"):
        judge_metadata(b"lab_id,video_id\nA\n", "train", "train.csv")
    with pytest.raises(ContractError, match="Expected a column frames_per_second"):
        judge_metadata(b"lab_id,video_id\nA,1\n", "train", "train.csv")
