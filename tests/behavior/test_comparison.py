"""Two groups of animals, compared as exactly as their number allows."""

import numpy as np
import pytest
from scipy import stats

from behavior.comparison import compare, holm


def test_few_animals_are_permuted_in_all_ways() -> None:
    found = compare(np.array([1.0, 2.0, 3.0]), np.array([7.0, 8.0, 9.0]))
    assert found.difference == 6.0
    assert found.p == pytest.approx(2 / 20), "of 20 ways to split six animals two are as extreme"
    assert found.animals == (3, 3)
    assert found.interval is not None
    assert found.interval[0] > 4


def test_two_animals_have_no_interval() -> None:
    found = compare(np.array([1.0, 2.0]), np.array([7.0, 8.0]))
    assert found.interval is None
    assert found.p == pytest.approx(2 / 6)


def test_equal_groups_are_equal() -> None:
    assert compare(np.zeros(5), np.zeros(4)).p == 1.0


def test_p_is_that_of_scipy() -> None:
    generator = np.random.default_rng(3)
    first, second = generator.normal(0, 1, 14), generator.normal(0.9, 1, 15)

    def difference(one: np.ndarray, other: np.ndarray, axis: int) -> np.ndarray:
        return np.mean(other, axis=axis) - np.mean(one, axis=axis)

    expected = stats.permutation_test((first, second), difference, n_resamples=20_000, vectorized=True, rng=np.random.default_rng(0))
    found = compare(first, second)
    assert found.p == pytest.approx(expected.pvalue, abs=0.01)
    assert found.interval is not None
    assert found.interval[0] < found.difference < found.interval[1]


def test_a_group_without_animals_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected animals in both groups"):
        compare(np.array([]), np.array([1.0]))


def test_holm_corrects_step_by_step() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []
