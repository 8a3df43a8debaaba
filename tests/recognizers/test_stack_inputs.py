"""What a stack sees of scores, by hand; positions in time are frames of a recording at 10 frames a second."""

import numpy as np
import pytest

from recognizers.stack_inputs import ScoresAround, StackInputs, log_odds

SETTINGS = StackInputs(around_s=(0.3,), beside_s=(0.2,), peak_s=(0.3,), others_s=0.1)
BEHAVIORS = ("attack", "sniff")


def scores(odds: list[float]) -> np.ndarray:
    return 1 / (1 + np.exp(-np.array(odds)))


def inputs(members: list[list[float]], column: int = 0) -> dict[str, np.ndarray]:
    """Return the inputs by name for log odds of attack [M][T]; sniff is at odds of 1 always."""
    attack = np.stack([scores(odds) for odds in members])
    both = np.stack([attack, np.full_like(attack, 0.5)], axis=2).astype(np.float32)
    seen = ScoresAround(both, 10.0, SETTINGS).of(column, np.arange(attack.shape[1]))
    names = SETTINGS.names(len(members), BEHAVIORS, column)
    assert seen.shape == (attack.shape[1], len(names))
    return dict(zip(names, seen.T, strict=True))


def test_the_scores_of_one_member_around_a_frame() -> None:
    seen = inputs([[0, 3, 0, -3, 0]])
    told = {
        "here": [0, 3, 0, -3, 0],
        "around 0.3 s": [1.5, 1, 0, -1, -1.5],  # three frames, two at the ends
        "before 0.2 s": [0, 0, 1.5, 1.5, -1.5],  # the two frames before; at the first frame there is only itself
        "after 0.2 s": [1.5, 1.5, -1.5, -1.5, 0],  # the frame and the next
        "peak 0.3 s": [3, 3, 3, 0, 0],
    }
    for kind, expected in told.items():
        np.testing.assert_allclose(seen[f"attack, member 1: {kind}"], expected, atol=0.01, err_msg=kind)
    np.testing.assert_allclose(seen["sniff, all"], 0, atol=0.01)


def test_the_members_are_seen_alone_and_together() -> None:
    seen = inputs([[2, 2, 2], [0, 0, -4]])
    np.testing.assert_allclose(seen["attack, member 2: here"], [0, 0, -4], atol=0.01)
    np.testing.assert_allclose(seen["attack, all: here"], [1, 1, -1], atol=0.01)
    other = inputs([[2, 2, 2], [0, 0, -4]], column=1)
    np.testing.assert_allclose(other["attack, all"], [1, 1, -1], atol=0.01)


def test_a_silent_member_is_unknown_and_no_part_of_all() -> None:
    seen = inputs([[2, 2, 2], [np.nan] * 3])
    assert np.isnan([values for name, values in seen.items() if "attack, member 2" in name]).all()
    np.testing.assert_allclose(seen["attack, all: here"], 2, atol=0.01)


def test_frames_may_be_chosen() -> None:
    rng = np.random.default_rng(0)
    around = ScoresAround(rng.random((2, 50, 3), np.float32), 30.0, StackInputs())
    np.testing.assert_array_equal(around.of(1, np.array([4, 40])), around.of(1, np.arange(50))[[4, 40]])


def test_kept_scores_and_served_scores_look_alike() -> None:
    """Out-of-fold scores are kept in 16 bits; those of serving have 32."""
    served = np.random.default_rng(1).random((1, 30, 2), np.float32)
    one, other = (ScoresAround(each, 30.0, StackInputs()).of(0, np.arange(30)) for each in (served, served.astype(np.float16)))
    np.testing.assert_array_equal(one, other)


def test_scores_of_0_and_1_are_finite() -> None:
    assert log_odds(np.array([0.0, 0.5, 1.0])) == pytest.approx([np.log(1e-5), 0, -np.log(1e-5)], rel=0.01)


def test_only_the_scores_of_the_behavior_itself_must_not_lower_the_answer() -> None:
    rising = dict(zip(SETTINGS.names(1, BEHAVIORS, 0), SETTINGS.rising(1, BEHAVIORS, 0), strict=True))
    assert rising.pop("sniff, all") == 0
    assert set(rising.values()) == {1}
    assert len(rising) == 2 * 5  # of the member and of all: here, around, before, after, peak
