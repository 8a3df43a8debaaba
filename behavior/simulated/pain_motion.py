"""How a simulated mouse in a pain test moves, seen from below: the path of its body, and what its paws do, for each behavior.

Axes: n frames of one bout, P paws in the order of `PAWS`. Paths are as in `behavior.simulated.mouse`. Paws are [n, P, 3]: cm forward and
cm to the right of where the paw stands on a straight mouse, and its lift, from 0 (on the floor) to 1 (drawn to the body).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from behavior.simulated.mouse import FloatPair, Path

PAWS = ("forepaw_left", "forepaw_right", "hindpaw_left", "hindpaw_right")
LEFT, RIGHT = 2, 3
"""Numbers of the hind paws."""


@dataclass(frozen=True)
class Bout:
    """What one bout starts from, and the habits of its mouse."""

    frames: int
    """Length, n."""
    fps: float
    """Frames per second."""
    place: tuple[float, float, float]
    """Where the mouse is at its start: x, y in cm, and heading."""
    paw: int
    """The paw that hurts, LEFT or RIGHT."""
    half_cm: FloatPair
    """Half the width and half the height of the chamber, cm."""
    vigor: float
    """How far this mouse moves; 1 is usual."""


def move(behavior: str, bout: Bout, rng: np.random.Generator) -> tuple[Path, np.ndarray]:
    """Return path and paws [n, P, 3] of one bout. Raises KeyError for a behavior that nobody can act."""
    path, paws = _MOVES[behavior](bout, rng)
    return path, paws


def _rest(bout: Bout, rng: np.random.Generator) -> tuple[Path, np.ndarray]:
    time_s = _time(bout)
    breathing = 0.02 * np.sin(2 * np.pi * rng.uniform(1.5, 2.5) * time_s)
    return _still(bout, stretch=rng.uniform(0.8, 0.95) + breathing), _standing(bout)


def _withdraw(bout: Bout, rng: np.random.Generator) -> tuple[Path, np.ndarray]:
    """Draw the paw up at once and set it down again; the body starts a little."""
    lift = _up_and_down(bout, rise_s=0.08, fall_s=rng.uniform(0.1, 0.2))
    paws = _with_paw(bout, forward=1.2 * lift, right=-0.5 * lift, lift=lift)
    start = 0.35 * bout.vigor * np.exp(-_time(bout) / 0.12)
    return _still(bout, stretch=0.88, ahead=start), paws


def _guard(bout: Bout, rng: np.random.Generator) -> tuple[Path, np.ndarray]:
    """Hold the paw up, close to the body; it trembles a little."""
    lift = _up_and_down(bout, rise_s=0.15, fall_s=0.15)
    trembling = 0.06 * np.sin(2 * np.pi * 4 * _time(bout))
    return _still(bout, stretch=0.86), _with_paw(bout, forward=1.1 * lift + trembling, right=-0.5 * lift, lift=lift)


def _flinch(bout: Bout, rng: np.random.Generator) -> tuple[Path, np.ndarray]:
    """Jerk the whole body, and the paw with it."""
    lift = _up_and_down(bout, rise_s=0.06, fall_s=0.1)
    jerk = 0.7 * bout.vigor * np.exp(-_time(bout) / 0.1) * np.sin(2 * np.pi * 3 * _time(bout))
    return _still(bout, stretch=0.88, ahead=jerk), _with_paw(bout, forward=0.9 * lift, right=-0.4 * lift, lift=lift)


def _lick(bout: Bout, rng: np.random.Generator) -> tuple[Path, np.ndarray]:
    """Bend the head to the paw, which is held to the mouth; both go to and fro."""
    held = _up_and_down(bout, rise_s=0.2, fall_s=0.2)
    rhythm = np.sin(2 * np.pi * rng.uniform(4, 6) * _time(bout))
    side = -1.0 if bout.paw == LEFT else 1.0
    bend = side * (1.25 + 0.12 * bout.vigor * rhythm) * held
    paws = _with_paw(bout, forward=(3.6 + 0.3 * rhythm) * held, right=0.5 * held, lift=0.4 * held)
    return _still(bout, stretch=0.88 - 0.12 * held, bend=bend), paws


def _shake(bout: Bout, rng: np.random.Generator) -> tuple[Path, np.ndarray]:
    """Swing the lifted paw fast from side to side."""
    lift = _up_and_down(bout, rise_s=0.06, fall_s=0.06)
    swing = np.sin(2 * np.pi * rng.uniform(7, 10) * _time(bout) + rng.uniform(0, 2 * np.pi))
    wide = 0.9 * bout.vigor
    return _still(bout, stretch=0.9), _with_paw(bout, forward=0.5 * lift, right=(0.3 + wide * swing) * lift, lift=0.5 * lift)


def _walk(bout: Bout, rng: np.random.Generator) -> tuple[Path, np.ndarray]:
    """Walk to somewhere else; paws that lie across from each other step together."""
    time_s, (x, y, heading) = _time(bout), bout.place
    speed = bout.vigor * rng.uniform(6, 10)
    where = np.empty((bout.frames, 3))
    for frame in range(bout.frames):
        where[frame] = x, y, heading
        outside = max(abs(x) / bout.half_cm[0], abs(y) / bout.half_cm[1]) > 0.35
        toward = np.arctan2(-y, -x) - heading
        heading += (np.sin(toward) * 5 if outside else rng.normal(0, 1.5)) / bout.fps
        ahead = speed * (0.4 + 0.6 * max(np.cos(toward), 0) if outside else 1) / bout.fps
        x, y = x + ahead * np.cos(heading), y + ahead * np.sin(heading)
    phase = 2 * np.pi * rng.uniform(2.5, 3.5) * time_s
    step = np.stack([np.sin(phase), np.sin(phase + np.pi), np.sin(phase + np.pi), np.sin(phase)], axis=1)
    paws = np.stack([0.8 * step, np.zeros_like(step), 0.5 * (np.cos(np.angle(np.exp(1j * phase)))[:, None] * np.sign(step) > 0)], axis=2)
    sway = 0.12 * np.sin(phase)
    slow = np.column_stack([where, sway, np.full(bout.frames, 1.0)])
    return Path(slow, _fast(bout.frames)), paws


def _active(bout: Bout, rng: np.random.Generator) -> tuple[Path, np.ndarray]:
    """Look around, stretch and turn in one place; the forepaws move."""
    time_s = _time(bout)
    slow_hz, phase = rng.uniform(0.5, 1.0), rng.uniform(0, 2 * np.pi)
    bend = 0.55 * bout.vigor * np.sin(2 * np.pi * slow_hz * time_s + phase)
    stretch = 0.97 + 0.12 * np.sin(2 * np.pi * 0.7 * slow_hz * time_s + phase)
    turn = 0.35 * bout.vigor * np.sin(2 * np.pi * 0.6 * slow_hz * time_s)
    paws = _standing(bout)
    fore_hz = rng.uniform(1.5, 3)
    for paw in (0, 1):
        paws[:, paw, 0] = 0.5 * np.sin(2 * np.pi * fore_hz * time_s + paw * np.pi)
        paws[:, paw, 2] = np.clip(np.sin(2 * np.pi * fore_hz * time_s + paw * np.pi), 0, 1) * 0.6
    return _still(bout, stretch=stretch, bend=bend, turn=turn), paws


_MOVES: dict[str, Callable[[Bout, np.random.Generator], tuple[Path, np.ndarray]]] = {
    "rest": _rest,
    "paw_withdraw": _withdraw,
    "paw_guard": _guard,
    "flinch": _flinch,
    "paw_lick": _lick,
    "paw_shake": _shake,
    "walk": _walk,
    "active": _active,
}


def _time(bout: Bout) -> np.ndarray:
    return np.arange(bout.frames) / bout.fps


def _fast(frames: int) -> np.ndarray:
    return np.zeros((frames, 4))


def _still(
    bout: Bout,
    stretch: float | np.ndarray,
    bend: float | np.ndarray = 0.0,
    turn: float | np.ndarray = 0.0,
    ahead: float | np.ndarray = 0.0,
) -> Path:
    """Return the path of a mouse that stays where it is; `ahead` (cm) are jerks, which are not smoothed."""
    x, y, heading = bout.place
    columns = (np.broadcast_to(value, bout.frames) for value in (x, y, heading + turn, bend, stretch))
    fast = _fast(bout.frames)
    fast[:, 0], fast[:, 1] = ahead * np.cos(heading), ahead * np.sin(heading)
    return Path(np.column_stack(list(columns)), fast)


def _standing(bout: Bout) -> np.ndarray:
    return np.zeros((bout.frames, len(PAWS), 3))


def _with_paw(bout: Bout, forward: np.ndarray, right: np.ndarray, lift: np.ndarray) -> np.ndarray:
    """Return standing paws, but for the one that hurts; `right` is outward on the right side, so the left paw moves to the left."""
    paws = _standing(bout)
    paws[:, bout.paw] = np.stack([forward, right if bout.paw == RIGHT else -right, lift], axis=1)
    return paws


def _up_and_down(bout: Bout, rise_s: float, fall_s: float) -> np.ndarray:
    """Return [n] from 0 to 1 and back to 0 at the end."""
    time_s = _time(bout)
    left_s = bout.frames / bout.fps - time_s
    return np.minimum(np.minimum((time_s + 1 / bout.fps) / rise_s, left_s / fall_s), 1.0)
