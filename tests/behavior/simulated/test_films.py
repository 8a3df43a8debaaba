"""Simulated films: the same arguments give the same film, behaviors move as their names say, individuals look different."""

import numpy as np
import pandas as pd
import pytest

from behavior.pain import CODES
from behavior.simulated.filmer import Look
from behavior.simulated.films import SimulatedFilm, simulate_film
from behavior.simulated.pain_motion import LEFT, PAWS, RIGHT, Bout, move


@pytest.fixture(scope="module")
def films() -> list[SimulatedFilm]:
    return [simulate_film(individual, 0, 10, height=48, width=64) for individual in range(6)]


def bout(frames: int = 30, paw: int = LEFT) -> Bout:
    return Bout(frames, 30.0, (0.0, 0.0, 0.0), paw, (7.0, 7.0), 1.0)


def test_a_film_is_gray_and_has_a_behavior_in_every_frame(films: list[SimulatedFilm]):
    for one in films:
        assert (one.frames.shape, one.frames.dtype) == ((300, 48, 64), np.uint8)
        covered = np.concatenate([np.arange(start, stop) for _, start, stop in one.bouts.itertuples(index=False)])
        assert covered.tolist() == list(range(300))
        assert set(one.bouts["action"]) <= set(CODES)


def test_the_same_arguments_give_the_same_film():
    one, other = simulate_film(3, 5, 2, height=32, width=32), simulate_film(3, 5, 2, height=32, width=32)
    np.testing.assert_array_equal(one.frames, other.frames)
    pd.testing.assert_frame_equal(one.bouts, other.bouts)
    assert not np.array_equal(one.frames, simulate_film(3, 6, 2, height=32, width=32).frames)


def test_individuals_look_different_and_stay_the_same_from_film_to_film():
    looks = [Look.of_individual(individual) for individual in range(8)]
    assert len({round(look.fur) for look in looks}) > 4
    assert Look.of_individual(2) == looks[2]


def test_pictures_change_more_while_the_mouse_walks_than_while_it_rests(films: list[SimulatedFilm]):
    change: dict[str, list[float]] = {"walk": [], "rest": []}
    for one in films:
        steps = np.abs(np.diff(one.frames.astype(float), axis=0)).mean(axis=(1, 2)) - Look.of_individual(one.individual).noise
        for action, start, stop in one.bouts.itertuples(index=False):
            if action in change and stop - start > 10:
                change[action].append(float(steps[start + 4 : stop - 4].mean()))
    assert np.mean(change["walk"]) > np.mean(change["rest"]) + 0.5


@pytest.mark.parametrize("paw", [LEFT, RIGHT])
def test_a_shaken_paw_swings_from_side_to_side_and_the_others_stand(paw: int):
    _, paws = move("paw_shake", bout(paw=paw), np.random.default_rng(0))
    turns = np.count_nonzero(np.diff(np.sign(np.diff(paws[:, paw, 1]))))
    assert turns >= 12  # 7 swings a second or more, and two turns each
    others = [other for other in range(len(PAWS)) if other != paw]
    assert not paws[:, others].any()


def test_a_withdrawn_paw_is_up_within_a_tenth_of_a_second_and_down_at_the_end():
    _, paws = move("paw_withdraw", bout(10), np.random.default_rng(0))
    assert paws[2, LEFT, 2] == 1
    assert paws[-1, LEFT, 2] < 0.5


def test_a_licked_paw_is_where_the_bent_head_is():
    path, paws = move("paw_lick", bout(), np.random.default_rng(0))
    assert paws[15, LEFT, 0] > 3
    assert path.slow[15, 3] < -1  # the head is bent to the left


def test_a_walking_mouse_goes_somewhere_and_stays_in_the_chamber():
    path, _ = move("walk", bout(300), np.random.default_rng(0))
    way = np.hypot(*np.diff(path.slow[:, :2], axis=0).T).sum()
    assert way > 25
    assert np.abs(path.slow[:, :2]).max() < 7
