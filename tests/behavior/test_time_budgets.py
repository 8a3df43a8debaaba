"""Time budgets worked out by hand.

QuietOtter, video 7, 10 frames a second, 100 s: mouse 1 attacks mouse 2 from 2 s to 5 s, from 8 s to 12 s and from 95 s to 100 s, and
rears from 9 s to 10 s. Mouse 2 was annotated for attacks on mouse 1 and shows none; nobody annotated it for rearing.
LoudHeron, video 8, 20 frames a second, 50 s, a clip that begins at frame 4000: mouse 1 rears from 30 s to 31 s.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from behavior.animals import agents_of
from behavior.bouts import bout_table
from behavior.observed import Observed, annotated_by_experts
from behavior.recording import Recording, Triple
from behavior.time_budgets import starts_of, time_budgets

OTTER = Recording("QuietOtter", 7, 10.0, 10.0, 400, 200, annotated=(Triple(1, 1, "rear"), Triple(1, 2, "attack"), Triple(2, 1, "attack")))
HERON = Recording("LoudHeron", 8, 20.0, 10.0, 400, 200, annotated=(Triple(1, 1, "rear"),))
BOUTS = bout_table(
    [
        (7, 1, 2, "attack", 20, 50),
        (7, 1, 2, "attack", 80, 120),
        (7, 1, 2, "attack", 950, 1010),  # beyond the last frame
        (7, 1, 1, "rear", 90, 100),
        (7, 2, 2, "rear", 0, 500),  # nobody annotated mouse 2 for it
        (8, 1, 1, "rear", 4600, 4620),
    ]
)
METADATA = [
    {"lab_id": "QuietOtter", "video_id": 7, "mouse1_id": 31.0, "mouse2_id": 32.0, "mouse1_condition": "saline", "mouse2_condition": "drug"},
    {"lab_id": "LoudHeron", "video_id": 8, "mouse1_id": 1.0, "mouse1_condition": "drug"},
]


@pytest.fixture
def observed() -> Observed:
    return annotated_by_experts([OTTER, HERON], {7: (0, 1000), 8: (4000, 1000)}, BOUTS)


def row(table: pd.DataFrame, **where: object) -> pd.Series:
    chosen = np.ones(len(table), bool)
    for name, value in where.items():
        chosen &= (table[name] == value).fillna(False).to_numpy(bool)
    (found,) = table[chosen].to_dict("records")
    return found


def budgets(observed: Observed, level: str, **options: object) -> pd.DataFrame:
    return time_budgets(observed, agents_of(METADATA, observed), level, **options)


def test_a_pair_over_the_whole_recording(observed: Observed) -> None:
    attack = row(budgets(observed, "pair"), video_id=7, agent_id=1, action="attack")
    assert (attack["count"], attack["total_s"], attack["observed_s"]) == (3, 12.0, 100.0)
    assert (attack["rate_per_min"], attack["share"]) == pytest.approx((1.8, 0.12))
    assert (attack["mean_s"], attack["median_s"], attack["latency_s"]) == (4.0, 4.0, 2.0)
    assert attack["interval_s"] == pytest.approx((3 + 83) / 2)


def test_absent_is_zero_and_unknown_is_null(observed: Observed) -> None:
    table = budgets(observed, "pair")
    absent = row(table, video_id=7, agent_id=2, action="attack")
    assert (absent["count"], absent["total_s"], absent["share"], absent["pairs"]) == (0, 0.0, 0.0, 1)
    assert np.isnan(absent["mean_s"])
    assert np.isnan(absent["latency_s"])
    assert len(table[(table["agent_id"] == 2) & (table["action"] == "rear")]) == 0, "mouse 2 by itself was not looked at at all"
    labs = budgets(observed, "lab")
    unknown = row(labs, lab_id="LoudHeron", action="attack")
    assert unknown["pairs"] == 0
    assert pd.isna(unknown["count"])
    assert np.isnan(unknown["share"])


def test_bins_split_time_and_a_bout_counts_where_it_starts(observed: Observed) -> None:
    table = budgets(observed, "pair", bin_s=10.0)
    attacks = table[(table["agent_id"] == 1) & (table["action"] == "attack")].set_index("bin")
    assert attacks.index.tolist() == list(range(10))
    assert attacks.loc[0, ["count", "total_s", "mean_s", "latency_s", "interval_s"]].tolist() == [2, 5.0, 3.5, 2.0, 3.0]
    assert attacks.loc[1, "total_s"] == 2.0, "the second attack ends at 12 s"
    assert attacks.loc[1, "count"] == 0
    assert np.isnan(attacks.loc[1, "mean_s"])
    assert attacks.loc[9, ["count", "total_s", "latency_s", "interval_s"]].tolist() == [1, 5.0, 5.0, 83.0]
    assert attacks["observed_s"].eq(10).all()


def test_the_last_bin_is_as_long_as_the_recording_goes(observed: Observed) -> None:
    table = budgets(observed, "recording", bin_s=30.0)
    rears = table[(table["video_id"] == 8) & (table["action"] == "rear")]
    assert rears["observed_s"].tolist() == [30.0, 20.0]
    assert rears["count"].tolist() == [0, 1]
    assert rears["share"].tolist() == [0.0, 1 / 20]
    assert rears["latency_s"].tolist()[1] == 0.0


def test_time_may_run_from_a_marker(observed: Observed) -> None:
    assert starts_of(observed, "rear") == {7: 9.0, 8: 30.0}
    attack = row(budgets(observed, "pair", origin_s={7: 10.0}), agent_id=1, action="attack")
    assert (attack["count"], attack["total_s"], attack["observed_s"], attack["latency_s"]) == (1, 7.0, 90.0, 85.0)
    assert set(budgets(observed, "recording", origin_s={7: 10.0})["video_id"]) == {7}


def test_time_is_summed_over_pairs_so_that_a_share_stays_a_share(observed: Observed) -> None:
    attack = row(budgets(observed, "recording"), video_id=7, action="attack")
    assert (attack["pairs"], attack["animals"], attack["observed_s"], attack["total_s"], attack["share"]) == (2, 2, 200.0, 12.0, 0.06)


def test_conditions_are_those_of_the_agent_and_latency_is_a_median_over_animals(observed: Observed) -> None:
    table = budgets(observed, "condition")
    drug = row(table, condition="drug", action="rear")
    assert (drug["animals"], drug["recordings"], drug["count"], drug["latency_s"]) == (1, 1, 1, 30.0)
    saline = row(table, condition="saline", action="attack")
    assert (saline["count"], saline["observed_s"]) == (3, 100.0)
    assert row(table, condition="drug", action="attack")["count"] == 0


def test_animals_are_told_by_ids_that_mean_something(observed: Observed) -> None:
    agents = agents_of([*METADATA], observed).rows
    assert dict(zip(zip(agents["video_id"], agents["agent_id"], strict=True), agents["animal"], strict=True)) == {
        (7, 1): "mouse 31",
        (7, 2): "mouse 32",
        (8, 1): "8 mouse1",  # its id only repeats its number
    }


def test_a_name_of_a_recording_stands_for_its_number(observed: Observed) -> None:
    named = [METADATA[0], {**METADATA[1], "recording_name": "cage1_day2"}]
    assert "cage1_day2 mouse1" in set(agents_of(named, observed).rows["animal"])


def test_bouts_that_overlap_have_no_negative_interval(observed: Observed) -> None:
    bouts = bout_table([(8, 1, 1, "rear", 4000, 4100), (8, 1, 1, "rear", 4020, 4040), (8, 1, 1, "rear", 4060, 4200)])
    again = annotated_by_experts([HERON], {8: (4000, 1000)}, bouts)
    assert row(budgets(again, "pair"), action="rear")["interval_s"] == 0.0


SPANS = st.lists(st.tuples(st.integers(0, 999), st.integers(1, 80)), max_size=12)


@settings(max_examples=20, deadline=None)
@given(spans=SPANS, bin_s=st.floats(0.7, 130), origin=st.floats(0, 49))
@example(spans=[(154, 1)], bin_s=1.1, origin=0.0)
def test_bins_add_up_to_the_whole(spans: list[tuple[int, int]], bin_s: float, origin: float) -> None:
    """Whatever the bins: their counts, times and observed times add up, and none of them holds more time than it has per bout."""
    bouts = bout_table([(8, 1, 1, "rear", 4000 + start, 4000 + start + length) for start, length in spans])
    observed = annotated_by_experts([HERON], {8: (4000, 1000)}, bouts)
    (whole,) = budgets(observed, "pair", origin_s={8: origin}).to_dict("records")
    bins = budgets(observed, "pair", origin_s={8: origin}, bin_s=bin_s)
    for name in ("count", "total_s", "observed_s"):
        assert float(bins[name].sum()) == pytest.approx(whole[name], abs=1e-6)
    assert (bins["observed_s"] <= bin_s + 1e-9).all()
    assert (bins["total_s"] <= bins["observed_s"] * max(len(spans), 1) + 1e-9).all()
    frames = np.zeros(1000, int)
    for start, length in spans:
        frames[start : start + length] += 1
    first = origin * 20
    inside = sum(min(1.0, max(0.0, place + 1 - first)) * count for place, count in enumerate(frames.tolist()))
    assert whole["total_s"] == pytest.approx(inside / 20, abs=1e-6)
