"""Estimates as text: a number, its interval, and whether a gain may be claimed."""

import pytest

from reports.estimates import Estimate, gain_text, number_text


def test_an_estimate_says_its_number_and_its_interval() -> None:
    one = Estimate(0.61249, 0.5, 0.7)
    assert (str(one), one.number, one.interval) == ("0.612 [0.500, 0.700]", "0.612", "[0.500, 0.700]")


def test_without_an_interval_or_a_value_nothing_is_made_up() -> None:
    assert (str(Estimate(0.5)), Estimate(0.5).interval) == ("0.500", "")
    assert (str(Estimate(None)), number_text(None)) == ("-", "-")


@pytest.mark.parametrize(
    ("gain", "text"),
    [
        (Estimate(0.1, 0.05, 0.2), "+0.100 [+0.050, +0.200]"),
        (Estimate(-0.1, -0.2, -0.05), "-0.100 [-0.200, -0.050]"),
        (Estimate(0.1, -0.05, 0.2), "+0.100 [-0.050, +0.200], within the noise"),
        (Estimate(0.0, 0.0, 0.0), "+0.000 [+0.000, +0.000], within the noise"),
        (Estimate(0.1), "-"),
        (Estimate(None), "-"),
    ],
)
def test_a_gain_whose_interval_holds_zero_is_within_the_noise(gain: Estimate, text: str) -> None:
    assert gain_text(gain) == text
