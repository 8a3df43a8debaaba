"""Drift by the written rule: four robust deviations, the lab's own recordings first."""

import pytest

from behavior.drift_rule import ALL_LABS, Compared, Measured, compare, from_json_list, to_json_list, usual_range

NAME = "body length, cm"


def measured(*values, lab="A", name=NAME):
    return [Measured(lab, f"{lab}{number}", {name: value}) for number, value in enumerate(values)]


REFERENCE = measured(8.0, 8.5, 9.0, 9.5, 10.0, 30.0)
"""Median 9.25; distances .25 .25 .75 .75 1.25 20.75: median .75, so a deviation of 1.112 and a range of 4.80 to 13.70."""


def test_a_range_is_four_robust_deviations_and_a_strange_recording_does_not_widen_it():
    (one,) = compare(REFERENCE, measured(9.0))
    assert one.usual == pytest.approx((9.25 - 4 * 1.4826 * 0.75, 9.25 + 4 * 1.4826 * 0.75))
    assert (one.against, one.drifted, one.unusual) == ("A", False, ())


def test_a_lab_drifts_if_the_median_of_its_new_recordings_is_unusual():
    (one,) = compare(REFERENCE, measured(9.0, 14.0, 15.0))
    assert one.drifted
    assert one.unusual == ("A1", "A2")
    (single,) = compare(REFERENCE, measured(9.0, 9.1, 15.0))
    assert (single.drifted, single.unusual) == (False, ("A2",))


def test_a_lab_with_few_recordings_keeps_its_own_median_and_takes_the_deviation_within_labs():
    few = measured(20.0, 20.4, lab="B")
    (one,) = compare([*REFERENCE, *few], measured(20.2, lab="B"))
    assert one.against == "B"
    assert not one.drifted
    assert one.usual[0] < 20.2 < one.usual[1]
    (far,) = compare([*REFERENCE, *few], measured(9.0, lab="B"))
    assert far.drifted


def test_a_new_lab_is_compared_with_all_labs():
    (one,) = compare([*REFERENCE, *measured(8.0, 9.0, lab="B")], measured(9.0, lab="C"))
    assert one.against == ALL_LABS
    assert len(one.reference) == 8


def test_what_never_varied_may_differ_by_a_fifth_and_small_shares_by_two_percent():
    assert usual_range([10.0] * 6, [10.0] * 6) == pytest.approx((8, 12))
    (share,) = compare(measured(*[0.0] * 6, name="missing keypoints, %"), measured(1.9, name="missing keypoints, %"))
    assert share.usual == (-2, 2)
    assert not share.drifted


def test_too_few_reference_recordings_say_nothing():
    (one,) = compare(measured(8.0, 8.1, 8.2), measured(99.0))
    assert (one.usual, one.drifted, one.unusual) == (None, False, ())


def test_measures_that_only_one_side_has_are_not_compared():
    new = [Measured("A", "new", {NAME: 9.0, "mean score of sniff": 0.1})]
    assert [one.measure for one in compare(REFERENCE, new)] == [NAME]
    assert compare(REFERENCE, [Measured("A", "new", {})]) == []


def test_a_reference_can_be_kept_as_json():
    assert from_json_list(to_json_list(REFERENCE)) == REFERENCE
    assert isinstance(compare(REFERENCE, measured(9.0))[0], Compared)
