"""Learning rates: up in a line, then along a cosine, or down at every plateau."""

import pytest

from training.recipes.schedules import Cosine, Plateau, rate_share

RISING = [0.1, 0.2, 0.3]


def test_the_cosine_follows_its_share_of_the_peak() -> None:
    for step in (0, 3, 50, 99):
        assert Cosine(0.1).rate(2e-3, step, 10, 10, []) == 2e-3 * rate_share(step, 100, 0.1)


def test_the_rate_rises_over_two_epochs_and_stays() -> None:
    rates = [Plateau(warmup_epochs=2).rate(1.0, step, 5, 100, []) for step in range(12)]
    assert rates[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert rates[10:] == [1.0, 1.0]
    assert Plateau(warmup_epochs=0).rate(1.0, 0, 5, 100, []) == 1.0


def test_it_halves_after_more_epochs_than_patience_bears_and_waits_anew() -> None:
    schedule = Plateau(warmup_epochs=0, patience=2)
    flat = [*RISING, 0.3, 0.2, 0.3, 0.1, 0.1, 0.3]
    rates = [schedule.rate(1.0, 10 * done, 10, 100, flat[:done]) for done in range(len(flat) + 1)]
    assert rates == [1.0] * 6 + [0.5] * 3 + [0.25]


def test_a_better_score_ends_the_wait() -> None:
    assert Plateau(warmup_epochs=0, patience=2).rate(1.0, 90, 10, 100, [0.5, 0.4, 0.4, 0.6, 0.5, 0.5]) == 1.0


def test_it_never_falls_below_the_lowest_rate() -> None:
    schedule = Plateau(warmup_epochs=0, patience=0, min_rate=1e-5)
    assert schedule.rate(4e-4, 990, 10, 100, [0.5] * 99) == 1e-5


def test_if_nobody_judges_the_rate_stays() -> None:
    assert Plateau(warmup_epochs=0, patience=0).rate(1.0, 90, 10, 100, [None] * 9) == 1.0


@pytest.mark.parametrize("wrong", [lambda: Cosine(1.0), lambda: Plateau(factor=1.0), lambda: Plateau(patience=-1)])
def test_a_schedule_that_cannot_be_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match="Expected"):
        wrong()
