"""Simulated films of a pain test: one mouse on a glass floor, seen from below, with the behavior of every frame.

Axes: T frames, H and W pixels.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from behavior.simulated.filmer import Look, film
from behavior.simulated.mouse import join
from behavior.simulated.pain_motion import LEFT, RIGHT, Bout, move

VIEW_CM = 14.0
"""Height of the picture."""
_DAILY = {"rest": (0.8, 2.5), "walk": (0.7, 1.6), "active": (0.8, 2.0)}
"""What it does between responses, and for how many seconds."""
_DAILY_SHARES = (0.4, 0.3, 0.3)
_RESPONSES = {
    "paw_withdraw": (0.2, 0.35),
    "paw_guard": (0.4, 0.9),
    "flinch": (0.2, 0.3),
    "paw_lick": (0.7, 1.8),
    "paw_shake": (0.3, 0.7),
}
_RESPONSE_SHARES = (0.25, 0.12, 0.13, 0.25, 0.25)


@dataclass(frozen=True)
class SimulatedFilm:
    """A film and what happens in it."""

    frames: np.ndarray
    """[T, H, W] uint8."""
    fps: float
    """Frames per second."""
    bouts: pd.DataFrame
    """action (as experts write it: `behavior.pain.CODES`), start_frame, stop_frame; every frame is in one bout."""
    individual: int
    """The mouse."""


def simulate_film(individual: int, seed: int, seconds: float = 12.0, fps: float = 30.0, height: int = 96, width: int = 96) -> SimulatedFilm:
    """Return a film of an individual. The same arguments give the same film; another seed gives another film of the same individual."""
    rng = np.random.default_rng((individual, seed, 31))
    habits = np.random.default_rng((individual, 17))
    vigor, paw = habits.uniform(0.8, 1.2), int(habits.choice([LEFT, RIGHT]))
    half_cm = (VIEW_CM / 2 * width / height, VIEW_CM / 2)
    frames = round(seconds * fps)
    place = (rng.uniform(-2, 2), rng.uniform(-2, 2), rng.uniform(-np.pi, np.pi))
    paths, paws, rows, start = [], [], list[tuple[str, int, int]](), 0
    for behavior, duration_s in _plan(seconds, rng):
        length = min(max(round(duration_s * fps), 2), frames - start)
        if length <= 0:
            break
        path, own = move(behavior, Bout(length, fps, place, paw, half_cm, vigor), rng)
        paths.append(path)
        paws.append(own)
        rows.append((behavior, start, start + length))
        place, start = tuple(path.slow[-1, :3].tolist()), start + length
    pose = join(paths, fps)
    pictures = film(pose, np.concatenate(paws), Look.of_individual(individual), height, width, height / VIEW_CM, rng)
    return SimulatedFilm(pictures, fps, pd.DataFrame(rows, columns=["action", "start_frame", "stop_frame"]), individual)


def _plan(seconds: float, rng: np.random.Generator) -> list[tuple[str, float]]:
    """Return behaviors with their durations: a response after each stretch of daily life, more seconds than are needed."""
    plan: list[tuple[str, float]] = []
    while sum(duration_s for _, duration_s in plan) < seconds + 1:
        for table, shares in ((_DAILY, _DAILY_SHARES), (_RESPONSES, _RESPONSE_SHARES)):
            behavior = str(rng.choice(list(table), p=shares))
            plan.append((behavior, rng.uniform(*table[behavior])))
    return plan
