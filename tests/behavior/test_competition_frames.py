"""The count behind the competition's score: frames of each recording and action, by hand, and summed up to the score."""

import json

import numpy as np
import pandas as pd
import pytest

from behavior.competition_frames import competition_frames, covered_frames, known_as
from behavior.metric import SOLUTION_COLUMNS, SUBMISSION_COLUMNS, mabe_score

ATTACK, SNIFF = ("mouse1", "mouse2", "attack"), ("mouse1", "mouse2", "sniff")
BACK = ("mouse2", "mouse1", "attack")


def solution(*rows: tuple) -> pd.DataFrame:
    """Return a solution from (lab, video, triple, start, stop); everything that somebody did was annotated in every video."""
    listed = json.dumps(sorted({",".join(triple) for _, _, triple, *_ in rows}))
    return pd.DataFrame([(lab, video, *triple, *rest, listed) for lab, video, triple, *rest in rows], columns=SOLUTION_COLUMNS)


def submission(*rows: tuple) -> pd.DataFrame:
    """Return a submission from (video, triple, start, stop)."""
    return pd.DataFrame([(video, *triple, *rest) for video, triple, *rest in rows], columns=SUBMISSION_COLUMNS)


def counted(truth: pd.DataFrame, predicted: pd.DataFrame) -> dict[tuple, tuple[int, int, int]]:
    rows = competition_frames(truth, predicted)
    return {(row.lab_id, row.video_id, row.action): (row.hits, row.predicted, row.true) for row in rows.itertuples()}


def test_covered_frames_counts_each_frame_of_a_track_once() -> None:
    track = np.array([0, 0, 0, 2, 2, 2])
    covering = np.array([[0, 5, 30, -4, 4, 9], [10, 12, 30, 0, 4, 10]])
    assert covered_frames(track, covering, tracks=4).tolist() == [12, 0, 5, 0]


def test_frames_of_all_pairs_of_a_recording_are_counted_together() -> None:
    truth = solution(("Lab", 1, ATTACK, 0, 10), ("Lab", 1, BACK, 5, 15), ("Lab", 2, ATTACK, 0, 4))
    # attack in video 1: 4 frames of mouse1 and 3 of mouse2 are hit; sniff occurs nowhere
    predicted = submission((1, ATTACK, 6, 12), (1, BACK, 12, 17), (2, SNIFF, 3, 5))
    assert counted(truth, predicted) == {
        ("Lab", 1, "attack"): (4 + 3, 6 + 5, 10 + 10),
        ("Lab", 2, "attack"): (0, 0, 4),
        ("Lab", 2, "sniff"): (0, 2, 0),
    }


def test_a_frame_that_is_covered_twice_counts_once() -> None:
    truth = solution(("Lab", 1, ATTACK, 0, 10), ("Lab", 1, ATTACK, 5, 15))
    assert counted(truth, submission((1, ATTACK, 0, 8), (1, ATTACK, 2, 8))) == {("Lab", 1, "attack"): (8, 8, 15)}


def test_predictions_in_a_recording_without_any_true_bout_are_left_out() -> None:
    truth = solution(("Lab", 1, ATTACK, 0, 10))
    assert counted(truth, submission((2, ATTACK, 0, 10))) == {("Lab", 1, "attack"): (0, 0, 10)}
    assert counted(truth, submission()) == {("Lab", 1, "attack"): (0, 0, 10)}


def test_what_no_list_holds_counts_all_the_same() -> None:
    truth = solution(("Lab", 1, ATTACK, 0, 10))
    assert counted(truth, submission((1, BACK, 0, 3)))["Lab", 1, "attack"] == (0, 3, 10)
    assert mabe_score(truth, submission((1, BACK, 0, 3), (1, ATTACK, 0, 10))).score == 1  # where the score leaves it out


def test_an_action_is_known_by_what_follows_its_last_underscore() -> None:
    assert known_as(pd.Series(["paw_lick", "lick", "a_b_c"])).tolist() == ["lick", "lick", "c"]


@pytest.mark.parametrize("seed", range(10))
def test_summed_over_recordings_the_counts_make_the_score(seed: int) -> None:
    generator = np.random.default_rng(seed)
    triples = [
        (agent, target, name) for agent, target in (("mouse1", "mouse2"), ("mouse2", "mouse1")) for name in ("run", "a_lick", "b_lick")
    ]

    def bouts() -> list[tuple]:
        rows = []
        for video in range(1, 7):
            for agent in ("mouse1", "mouse2"):
                own = [triple for triple in triples if triple[0] == agent]
                edges = np.sort(generator.choice(100, 6, replace=False)).tolist()
                rows += [(video, own[generator.integers(3)], *bout) for bout in zip(edges[::2], edges[1::2], strict=True)]
        return rows

    truth = solution(*((f"Lab{row[0] % 2}", *row) for row in bouts()), *(("Lab0", 9, triple, 0, 0) for triple in triples))
    predicted = submission(*bouts())
    exact = mabe_score(truth, predicted)
    counts = competition_frames(truth, predicted)
    pooled = counts.assign(action=known_as(counts["action"])).groupby(["lab_id", "action"])[["hits", "predicted", "true"]].sum()
    f1 = (2 * pooled["hits"] / (pooled["predicted"] + pooled["true"])).fillna(0.0)
    assert f1.groupby(level="lab_id").mean().to_dict() == pytest.approx({lab: one.score for lab, one in exact.labs.items()})
    assert f1.groupby(level="lab_id").mean().mean() == pytest.approx(exact.score)
