"""The score equals one that counts sets of frames, keeps every surprise of the competition, and refuses what it refuses."""

import json
from collections import defaultdict
from itertools import combinations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from behavior.contract import ContractError
from behavior.metric import SOLUTION_COLUMNS, SUBMISSION_COLUMNS, Score, mabe_score

ATTACK, SNIFF, REAR = ("mouse1", "mouse2", "attack"), ("mouse1", "mouse2", "sniff"), ("mouse1", "self", "rear")


def listed(*triples: tuple[str, str, str]) -> str:
    return json.dumps([",".join(triple) for triple in triples])


def solution(*rows: tuple) -> pd.DataFrame:
    """Return a solution from (lab, video, triple, start, stop, list)."""
    return pd.DataFrame([(lab, video, *triple, *rest) for lab, video, triple, *rest in rows], columns=SOLUTION_COLUMNS)


def submission(*rows: tuple) -> pd.DataFrame:
    """Return a submission from (video, triple, start, stop)."""
    return pd.DataFrame([(video, *triple, *rest) for video, triple, *rest in rows], columns=SUBMISSION_COLUMNS)


ONE_ATTACK = solution(("Lab", 1, ATTACK, 0, 10, listed(ATTACK, SNIFF)))


def actions(score: Score, lab: str = "Lab") -> dict[str, float]:
    return score.labs[lab].actions


# The slow version.


class Refused(Exception):
    """The competition would not score this."""


def score_by_sets(truth: pd.DataFrame, found: pd.DataFrame, beta: float) -> float:
    """Score with one set of frames for each video and triple."""
    if found.empty or (found["start_frame"] > found["stop_frame"]).any():
        raise Refused
    labs = [_lab_by_sets(truth[truth["lab_id"] == lab], found, beta) for lab in truth["lab_id"].unique()]
    return sum(labs) / len(labs)


def _lab_by_sets(truth: pd.DataFrame, found: pd.DataFrame, beta: float) -> float:
    true_frames, found_frames = defaultdict(set), defaultdict(set)
    lists: dict[int, set[str]] = {}
    for _, video, agent, target, action, start, stop, text in truth.itertuples(index=False):
        true_frames[video, agent, target, action].update(range(start, stop))
        lists.setdefault(video, set(json.loads(text)))
    for video, agent, target, action, start, stop in found.itertuples(index=False):
        if f"{agent},{target},{action}" in lists.get(video, ()):
            found_frames[video, agent, target, action].update(range(start, stop))
    for one, other in combinations(found_frames, 2):
        if one[:3] == other[:3] and found_frames[one] & found_frames[other]:
            raise Refused

    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for key in {*true_frames, *found_frames}:
        count, true, predicted = counts[key[3].split("_")[-1]], true_frames[key], found_frames[key]
        for number, frames in enumerate((true & predicted, true - predicted, predicted - true)):
            count[number] += len(frames)
    f_beta = [(1 + beta**2) * tp / ((1 + beta**2) * tp + beta**2 * fn + fp) if tp else 0 for tp, fn, fp in counts.values()]
    return sum(f_beta) / len(f_beta)


# Few names and short timelines, so that rows meet often.
VIDEOS = st.sampled_from([1, 2, 30])
TRIPLES = st.tuples(
    st.sampled_from(["mouse1", "mouse2"]), st.sampled_from(["mouse2", "self"]), st.sampled_from(["sniff", "rear", "a_rear", "b_rear"])
)
BROKEN = ("'mouse1'", "'mouse2'", "'sniff'")
LISTS = st.lists(TRIPLES | st.just(BROKEN), max_size=16).map(lambda triples: listed(*triples))


def bouts(first: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(first, 20), st.integers(0, 6)).map(lambda bout: (bout[0], bout[0] + bout[1]))


TRUTH = st.lists(
    st.tuples(st.sampled_from(["Lab", "OtherLab"]), VIDEOS, TRIPLES, bouts(0), LISTS).map(lambda row: (*row[:3], *row[3], row[4])),
    min_size=1,
    max_size=10,
).map(lambda rows: solution(*rows))
PREDICTED = st.lists(
    st.tuples(VIDEOS | st.just(99), TRIPLES | st.just(BROKEN), bouts(-4)).map(lambda row: (*row[:2], *row[2])), min_size=1, max_size=8
).map(lambda rows: submission(*rows))


@settings(deadline=None, max_examples=100)
@given(TRUTH, PREDICTED, st.sampled_from([1.0, 0.5, 2.0]))
def test_the_score_equals_the_one_counted_by_sets_of_frames(truth: pd.DataFrame, predicted: pd.DataFrame, beta: float) -> None:
    try:
        expected = score_by_sets(truth, predicted, beta)
    except Refused:
        assert faults(predicted, truth)
    else:
        assert mabe_score(truth, predicted, beta).score == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, max_examples=20)
@given(TRUTH, PREDICTED)
def test_the_order_of_predicted_rows_changes_nothing(truth: pd.DataFrame, predicted: pd.DataFrame) -> None:
    turned = predicted[::-1]
    try:
        expected = mabe_score(truth, predicted)
    except ContractError:
        assert faults(turned, truth)
    else:
        assert mabe_score(truth, turned) == expected


# By hand.


def test_frames_are_pooled_over_videos_and_pairs_then_averaged_over_actions_and_labs() -> None:
    truth = solution(
        ("Lab", 1, ATTACK, 0, 10, listed(ATTACK, REAR)),
        ("Lab", 2, ATTACK, 0, 30, listed(ATTACK, REAR)),
        ("Lab", 2, REAR, 50, 60, listed(ATTACK, REAR)),
        ("Other", 3, SNIFF, 0, 10, listed(SNIFF)),
    )
    predicted = submission((1, ATTACK, 0, 10), (2, ATTACK, 20, 40), (2, REAR, 50, 55))
    score = mabe_score(truth, predicted)
    # attack: 20 hits, 20 missed, 10 false; rear: 5 hits, 5 missed.
    assert actions(score) == {"attack": pytest.approx(40 / 70), "rear": pytest.approx(10 / 15)}
    assert score.labs["Lab"].score == pytest.approx((40 / 70 + 10 / 15) / 2)
    assert actions(score, "Other") == {"sniff": 0.0}
    assert score.score == pytest.approx((40 / 70 + 10 / 15) / 4)


def test_beta_weighs_missed_frames_against_false_ones() -> None:
    predicted = submission((1, ATTACK, 5, 25))  # 5 hits, 5 missed, 15 false
    assert mabe_score(ONE_ATTACK, predicted, beta=2).score == pytest.approx(5 * 5 / (5 * 5 + 4 * 5 + 15))


def test_stop_is_excluded() -> None:
    assert mabe_score(ONE_ATTACK, submission((1, ATTACK, 0, 10))).score == 1
    assert mabe_score(ONE_ATTACK, submission((1, ATTACK, 0, 9))).score == pytest.approx(18 / 19)


def test_a_listed_action_that_never_occurs_adds_a_class_of_zero_even_with_no_frames() -> None:
    for stop in (50, 90):
        score = mabe_score(ONE_ATTACK, submission((1, ATTACK, 0, 10), (1, SNIFF, 50, stop)))
        assert actions(score) == {"attack": 1.0, "sniff": 0.0}
        assert score.score == 0.5


def test_a_listed_action_that_nobody_predicts_is_no_class() -> None:
    assert actions(mabe_score(ONE_ATTACK, submission((1, ATTACK, 0, 10)))) == {"attack": 1.0}


def test_rows_that_are_not_listed_are_free() -> None:
    free = [
        (1, REAR, 0, 90),
        (1, ("mouse2", "mouse1", "attack"), 0, 90),
        (1, ("mouse1", "mouse1", "attack"), 0, 90),
        (1, (1, 2, "attack"), 0, 9),
    ]
    assert actions(mabe_score(ONE_ATTACK, submission((1, ATTACK, 0, 10), *free))) == {"attack": 1.0}


def test_a_true_action_that_the_list_lacks_is_missed_and_cannot_be_matched() -> None:
    truth = solution(("Lab", 1, ATTACK, 0, 10, listed(SNIFF)), ("Lab", 1, SNIFF, 20, 30, listed(SNIFF)))
    score = mabe_score(truth, submission((1, ATTACK, 0, 10), (1, SNIFF, 20, 30)))
    assert actions(score) == {"attack": 0.0, "sniff": 1.0}


def test_videos_that_the_solution_lacks_cost_nothing() -> None:
    assert mabe_score(ONE_ATTACK, submission((1, ATTACK, 0, 10), (2, ATTACK, 0, 500), (2, SNIFF, 0, 500))).score == 1


def test_the_same_action_predicted_twice_counts_once() -> None:
    assert mabe_score(ONE_ATTACK, submission((1, ATTACK, 0, 10), (1, ATTACK, 0, 10), (1, ATTACK, 3, 8))).score == 1


def test_the_list_comes_from_the_first_solution_row_of_the_video() -> None:
    truth = solution(("Lab", 1, ATTACK, 0, 10, listed(ATTACK)), ("Lab", 1, ATTACK, 10, 20, listed(SNIFF)), ("Lab", 1, ATTACK, 20, 30, None))
    predicted = submission((1, ATTACK, 0, 30), (1, SNIFF, 40, 50))
    assert actions(mabe_score(truth, predicted)) == {"attack": 1.0}


def test_copies_with_broken_quotes_match_only_themselves() -> None:
    truth = solution(("Lab", 1, SNIFF, 0, 10, json.dumps(["mouse1,mouse2,sniff", "'mouse1','mouse2','sniff'"])))
    assert mabe_score(truth, submission((1, SNIFF, 0, 10))).score == 1
    only_broken = truth.assign(behaviors_labeled=json.dumps(["'mouse1','mouse2','sniff'"]))
    assert mabe_score(only_broken, submission((1, SNIFF, 0, 10))).score == 0


def test_frames_outside_the_video_are_false() -> None:
    predicted = submission((1, ATTACK, -10, 10))  # 10 hits, 10 false
    assert mabe_score(ONE_ATTACK, predicted).score == pytest.approx(20 / 30)


def test_actions_that_end_alike_after_an_underscore_are_pooled() -> None:
    paw, ear = ("mouse1", "self", "paw_lick"), ("mouse1", "self", "ear_lick")
    truth = solution(("Lab", 1, paw, 0, 10, listed(paw, ear)), ("Lab", 1, ear, 20, 30, listed(paw, ear)))
    assert actions(mabe_score(truth, submission((1, paw, 0, 10)))) == {"ear_lick+paw_lick": pytest.approx(20 / 30)}
    assert actions(mabe_score(truth[:1], submission((1, paw, 0, 10)))) == {"paw_lick": 1.0}


def test_a_video_of_two_labs_is_scored_in_both() -> None:
    truth = solution(("Lab", 1, ATTACK, 0, 10, listed(ATTACK)), ("Other", 1, SNIFF, 0, 10, listed(SNIFF)))
    score = mabe_score(truth, submission((1, ATTACK, 0, 10), (1, SNIFF, 0, 10)))
    assert (actions(score), actions(score, "Other")) == ({"attack": 1.0}, {"sniff": 1.0})


def test_nothing_but_free_rows_scores_zero() -> None:
    assert mabe_score(ONE_ATTACK, submission((2, ATTACK, 0, 10))).score == 0


def test_numbers_name_mice_where_the_list_does_so() -> None:
    truth = pd.DataFrame([("Lab", 1, 1, 2, "attack", 0, 10, '["1,2,attack"]')], columns=SOLUTION_COLUMNS)
    assert mabe_score(truth, pd.DataFrame([(1, 1, 2, "attack", 0, 10)], columns=SUBMISSION_COLUMNS)).score == 1


@pytest.mark.parametrize("kind", [object, "category"])
def test_text_may_be_stored_in_any_way(kind: object) -> None:
    predicted = submission((1, ATTACK, 0, 5)).astype(dict.fromkeys(["agent_id", "target_id", "action"], kind))
    assert mabe_score(ONE_ATTACK, predicted).score == pytest.approx(10 / 15)


@pytest.mark.parametrize("kind", ["int32", "Int64", object])
def test_frames_may_be_whole_numbers_of_any_kind(kind: object) -> None:
    predicted = submission((1, ATTACK, 0, 5)).astype(dict.fromkeys(["start_frame", "stop_frame"], kind))
    assert mabe_score(ONE_ATTACK, predicted).score == pytest.approx(10 / 15)


def test_a_billion_frames_cost_no_more_than_ten() -> None:
    truth = solution(*[("Lab", video, ATTACK, 0, 10**9, listed(ATTACK)) for video in range(1, 101)])
    predicted = submission(*[(video, ATTACK, 0, 5 * 10**8) for video in range(1, 101)])
    assert mabe_score(truth, predicted).score == pytest.approx(2 / 3)


def test_neither_table_is_changed() -> None:
    predicted = submission((1, ATTACK, 0, 10), (1, SNIFF, 20, 30))
    truth_before, before = ONE_ATTACK.copy(), predicted.copy()
    mabe_score(ONE_ATTACK, predicted)
    pd.testing.assert_frame_equal(ONE_ATTACK, truth_before)
    pd.testing.assert_frame_equal(predicted, before)


def test_the_score_becomes_plain_json() -> None:
    score = mabe_score(ONE_ATTACK, submission((1, ATTACK, 0, 10)))
    assert json.loads(json.dumps(score.to_json_dict())) == {"score": 1.0, "labs": {"Lab": {"score": 1.0, "actions": {"attack": 1.0}}}}


# What the competition refuses.


def faults(predicted: pd.DataFrame, truth: pd.DataFrame = ONE_ATTACK) -> list[str]:
    """Return as text why scoring is refused."""
    with pytest.raises(ContractError) as refusal:
        mabe_score(truth, predicted)
    return list(map(str, refusal.value.faults))


GOOD = submission((1, ATTACK, 0, 10))


def test_two_listed_actions_of_one_pair_on_one_frame_are_refused() -> None:
    (fault,) = faults(submission((1, ATTACK, 0, 10), (1, SNIFF, 9, 20)))
    assert fault == (
        "Expected at most one listed action per frame of each agent and target, but got two or more in video 1 mouse1 to mouse2. "
        "Keep the most probable."
    )


@pytest.mark.parametrize(
    "other", [(1, SNIFF, 10, 20), (1, REAR, 0, 10), (1, ("mouse1", "mouse2", "mount"), 0, 10), (2, SNIFF, 0, 10), (1, SNIFF, 5, 5)]
)
def test_touching_free_and_empty_bouts_of_other_actions_are_not(other: tuple) -> None:
    assert mabe_score(ONE_ATTACK, submission((1, ATTACK, 0, 10), other)).labs["Lab"].actions["attack"] == 1


def test_an_empty_submission_is_refused() -> None:
    assert faults(GOOD[:0]) == ["Expected at least one row in the submission, but got none. Add at least one bout."]


def test_a_bout_that_stops_before_it_starts_is_refused_even_where_it_would_not_count() -> None:
    (fault,) = faults(submission((1, ATTACK, 0, 10), (2, ATTACK, 7, 6)))
    assert fault == "Expected start_frame <= stop_frame in the submission, but got the opposite in row 2. Correct them."


def test_frames_that_are_no_whole_numbers_are_refused() -> None:
    found = faults(GOOD.astype({"start_frame": float}))
    assert len(found) == 1
    assert found[0].startswith(
        "Expected start_frame of the submission to hold whole numbers of at most 32 bits, but got something else in row 1."
    )
    assert faults(GOOD.astype({"start_frame": str, "stop_frame": str}))
    assert faults(submission((1, ATTACK, 0, 10), (1, ATTACK, 10, None)).astype({"stop_frame": "Int64"}))
    assert faults(submission((1, ATTACK, 0, 2**40)))


def test_frames_that_are_no_whole_numbers_are_free_where_nothing_counts() -> None:
    assert mabe_score(ONE_ATTACK, submission((1, REAR, 0.5, 1.5))).score == 0


@pytest.mark.parametrize(("kind", "name"), [(str, "string"), (float, "floating")])
def test_video_ids_of_another_kind_are_refused(kind: type, name: str) -> None:
    (fault,) = faults(GOOD.astype({"video_id": kind}))
    assert fault.startswith(f"Expected video_id of the submission to be integer as in the solution, but got {name}.")
    assert faults(GOOD, ONE_ATTACK.astype({"video_id": kind}))


def test_a_row_without_an_action_is_refused_only_in_scored_videos() -> None:
    assert faults(submission((1, ATTACK, 0, 10), (1, ("mouse1", "mouse2", None), 0, 1))) == [
        "Expected text as action of the submission, but got none in row 2. Fill or remove those rows."
    ]
    assert mabe_score(ONE_ATTACK, submission((1, ATTACK, 0, 10), (2, ("mouse1", "mouse2", None), 0, 1))).score == 1


def test_missing_columns_are_all_named() -> None:
    (fault,) = faults(GOOD.drop(columns=["agent_id", "stop_frame"]))
    assert fault.startswith("Expected the submission to have the columns agent_id, stop_frame, but got only video_id,")
    (fault,) = faults(GOOD, ONE_ATTACK.drop(columns="lab_id"))
    assert fault.startswith("Expected the solution to have the columns lab_id, but got only video_id,")


@pytest.mark.parametrize("text", [None, "", "[", '{"mouse1,mouse2,attack": 1}', float("nan")])
def test_a_missing_or_broken_list_is_refused(text: object) -> None:
    (fault,) = faults(GOOD, ONE_ATTACK.assign(behaviors_labeled=[text]))
    assert fault.startswith(
        "Expected behaviors_labeled of each video's first solution row to be a JSON list, but got something else in video 1."
    )


def test_a_solution_row_without_a_lab_is_refused() -> None:
    (fault,) = faults(GOOD, ONE_ATTACK.assign(lab_id=[None]))
    assert fault.startswith("Expected every row of the solution to have a lab_id, but got 1 without.")


def test_a_solution_of_broken_bouts_or_none_is_refused() -> None:
    assert faults(GOOD, ONE_ATTACK[:0])
    assert faults(GOOD, ONE_ATTACK.assign(stop_frame=-1))
    assert faults(GOOD, ONE_ATTACK.assign(stop_frame=10.0))


def test_all_faults_are_told_at_once() -> None:
    predicted = submission((1, ATTACK, 0.0, 10), (1, SNIFF, 9.0, 3), (1, ("mouse1", "mouse2", None), 0.0, 1))
    assert [fault.split(",")[0] for fault in faults(predicted)] == [
        "Expected start_frame <= stop_frame in the submission",
        "Expected start_frame of the submission to hold whole numbers of at most 32 bits",
        "Expected text as action of the submission",
    ]


def test_many_offending_rows_are_named_by_example() -> None:
    (fault,) = faults(submission(*[(1, ATTACK, 5, 4)] * 10))
    assert "in row 1, 2, 3 and 7 more." in fault
