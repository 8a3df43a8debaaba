"""Bouts against bouts: overlaps worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from behavior.bout_matching import bout_counts, matched_bouts


def bouts(*intervals: tuple[int, int]) -> np.ndarray:
    return np.array(intervals, np.int64).reshape(-1, 2).T


def test_half_of_the_union_is_an_overlap_of_a_half() -> None:
    true, predicted = bouts((0, 10)), bouts((5, 15))  # 5 frames shared of 15
    assert matched_bouts(true, predicted, 0.3) == 1
    assert matched_bouts(true, predicted, 0.5) == 0
    assert matched_bouts(bouts((0, 10)), bouts((0, 5)), 0.5) == 1  # 5 of 10: just enough


def test_one_long_found_bout_finds_one_true_bout_only() -> None:
    true, predicted = bouts((0, 10), (10, 20), (20, 30)), bouts((0, 30))
    assert matched_bouts(true, predicted, 0.3) == 1
    assert matched_bouts(true, predicted, 0.5) == 0


def test_a_true_bout_found_in_pieces_is_found_once() -> None:
    assert bout_counts(bouts((0, 12)), bouts((0, 4), (4, 8), (8, 12)), (0.3,)).tolist() == [[1, 3, 1]]


def test_bouts_that_only_touch_do_not_overlap() -> None:
    assert matched_bouts(bouts((0, 10)), bouts((10, 20)), 0.1) == 0


def test_the_order_of_the_rows_does_not_matter() -> None:
    true, predicted = bouts((50, 60), (0, 10), (20, 30)), bouts((21, 30), (1, 10), (49, 61))
    assert matched_bouts(true, predicted, 0.5) == 3


def test_a_bout_that_could_serve_two_leaves_the_other_its_only_partner() -> None:
    """The first found bout overlaps both true ones, the second found bout the second true one only."""
    true, predicted = bouts((0, 10), (10, 20)), bouts((0, 14), (14, 20))
    assert matched_bouts(true, predicted, 0.1) == 2


def test_no_bouts_match_nothing() -> None:
    assert bout_counts(bouts(), bouts((0, 5)), (0.1, 0.5)).tolist() == [[0, 1, 0], [0, 1, 0]]
    assert bout_counts(bouts((0, 5)), bouts(), (0.1,)).tolist() == [[0, 0, 1]]


def test_a_bout_of_no_length_is_none() -> None:
    assert bout_counts(bouts((5, 5), (7, 9)), bouts((7, 9), (3, 3)), (0.5,)).tolist() == [[1, 1, 1]]


@pytest.mark.parametrize("overlap", [0.0, 1.1, -1.0])
def test_an_overlap_that_means_nothing_is_refused(overlap: float) -> None:
    with pytest.raises(ValueError, match="Expected a least overlap above 0 and at most 1"):
        matched_bouts(bouts((0, 1)), bouts((0, 1)), overlap)


def spans(lengths: list[int]) -> list[tuple[int, int]]:
    """Lengths of gap, bout, gap, bout ... as bouts."""
    edges = np.cumsum(lengths)
    return list(zip(edges[0::2].tolist(), edges[1::2].tolist(), strict=False))


@given(st.lists(st.integers(1, 4), max_size=10), st.lists(st.integers(1, 4), max_size=10), st.sampled_from([0.1, 0.3, 0.5]))
def test_no_other_pairing_finds_more(mine: list[int], theirs: list[int], overlap: float) -> None:
    true, predicted = spans(mine), spans(theirs)

    def fits(one: tuple[int, int], other: tuple[int, int]) -> bool:
        first, second = set(range(*one)), set(range(*other))
        return len(first & second) >= overlap * len(first | second) and bool(first & second)

    def most(left: tuple, right: tuple) -> int:
        """Try everything: the first true bout with each found one, or with none."""
        if not left:
            return 0
        partners = [other for other in right if fits(left[0], other)]
        return max([most(left[1:], right), *(1 + most(left[1:], tuple(o for o in right if o != partner)) for partner in partners)])

    assert matched_bouts(bouts(*true), bouts(*predicted), overlap) == most(tuple(true), tuple(predicted))
