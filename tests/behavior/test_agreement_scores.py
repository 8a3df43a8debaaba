"""Agreement, worked out by hand and by scikit-learn.

Video 7, 100 frames at 10 a second. Ada: mouse 1 sniffs mouse 2 in frames 0 to 19 and 50 to 59. Zoë: in frames 10 to 29 and 80 to 84.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from behavior.agreement_scores import agreement, behaviors_of, kappa
from behavior.bouts import bout_table
from behavior.contract import ContractError
from behavior.observed import Observed, annotated_by_experts
from behavior.recording import Recording, Triple

SNIFF = Triple(1, 2, "sniff")


def observer(*bouts: tuple[int, int], video: int = 7, first: int = 0, triples: tuple[Triple, ...] = (SNIFF,)) -> Observed:
    recording = Recording("A", video, 10.0, 10.0, 400, 200, annotated=triples)
    rows = bout_table([(video, *triples[0][:2], triples[0].behavior, first + start, first + stop) for start, stop in bouts])
    return annotated_by_experts([recording], {video: (first, 100)}, rows)


ADA = observer((0, 20), (50, 60))
ZOE = observer((10, 30), (80, 85))


def row(one: Observed, other: Observed, **options: object) -> pd.Series:
    table = agreement(one, other, **options).table
    return table[table["action"] == "sniff"].iloc[0]


def test_kappa_is_what_is_left_of_agreement_after_chance() -> None:
    """30 and 25 frames, 10 of both: they agree on 65 of 100; by chance on 0.3 x 0.25 + 0.7 x 0.75 = 0.6."""
    found = row(ADA, ZOE)
    assert found["kappa"] == pytest.approx((0.65 - 0.6) / 0.4)
    assert found["frame_f1"] == pytest.approx(2 * 10 / 55)
    assert (found["first_s"], found["second_s"], found["minutes"]) == (3.0, 2.5, pytest.approx(10 / 60))


def test_kappa_is_that_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        one, other = generator.random(200) < 0.3, generator.random(200) < 0.4
        counts = np.array([200, one.sum(), other.sum(), (one & other).sum()])
        assert kappa(counts) == pytest.approx(cohen_kappa_score(one, other))


def test_bouts_match_by_overlap() -> None:
    """0 to 19 and 10 to 29 share 10 of 30 frames: enough for 10 and 30 %, not for 50 %."""
    found = row(ADA, ZOE)
    assert [found[f"bout_f1_{overlap}"] for overlap in (0.1, 0.3, 0.5)] == [0.5, 0.5, 0.0]


def test_it_does_not_matter_who_is_first() -> None:
    one, other = row(ADA, ZOE), row(ZOE, ADA)
    for name in ("kappa", "frame_f1", "bout_f1_0.1", "bout_f1_0.3", "bout_f1_0.5"):
        assert one[name] == other[name]


def test_perfect_agreement_is_one_and_silence_of_both_is_nothing() -> None:
    assert row(ADA, ADA)[["kappa", "frame_f1", "bout_f1_0.5"]].tolist() == [1.0, 1.0, 1.0]
    assert row(observer(), observer())[["kappa", "frame_f1", "bout_f1_0.5"]].isna().all()


def test_only_what_both_looked_for_is_compared() -> None:
    more = observer((0, 20), triples=(SNIFF, Triple(1, 1, "rear")))
    found = agreement(more, ADA)
    assert found.triples == 1
    assert found.table["action"].tolist() == ["sniff", "mean of behaviors"]
    assert behaviors_of(more, ADA) == ["rear"]
    with pytest.raises(ContractError, match="no triple that both looked for"):
        agreement(observer(triples=(Triple(1, 1, "rear"),)), ADA)


def test_recordings_with_other_numbers_and_clocks_may_be_the_same() -> None:
    elsewhere = observer((10, 30), (80, 85), video=9, first=4000)
    assert row(ADA, elsewhere, same={7: 9})["kappa"] == row(ADA, ZOE)["kappa"]
    with pytest.raises(ContractError):
        agreement(ADA, elsewhere)


def test_few_recordings_have_no_interval_and_more_have_one() -> None:
    assert np.isnan(row(ADA, ZOE)["kappa_low"])

    def many(shift: int) -> Observed:
        recordings = [Recording("A", video, 10.0, 10.0, 400, 200, annotated=(SNIFF,)) for video in range(8)]
        rows = [(video, 1, 2, "sniff", 10 + shift * (video % 3), 40 + shift * video) for video in range(8)]
        return annotated_by_experts(recordings, dict.fromkeys(range(8), (0, 100)), bout_table(rows))

    found = row(many(0), many(3))
    assert found["kappa_low"] < found["kappa"] < found["kappa_high"]
