"""How simulated mice move: the paths of one or two mice for each of the 37 behaviors, and the strolls between bouts.

Axes: n frames of one bout or stroll; paths as in `behavior.simulated.mouse`.
"""

from dataclasses import dataclass

import numpy as np

from behavior.simulated.arena import WALL_CM, Arena, unit
from behavior.simulated.mouse import NOSE_CM, FloatPair, Path, blur


@dataclass(frozen=True)
class Move:
    """Parameters of the motion of a behavior."""

    style: str
    """solo, run, orbit (one mouse); pursue, close, part, touch (agent and target)."""
    speed: FloatPair = (0.0, 0.0)
    """cm/s, of the agent; of both in pursue and touch."""
    reach: float = NOSE_CM
    """touch: the point on the agent's own axis that touches, cm before its middle."""
    place: FloatPair = (0.0, 0.0)
    """touch: the point on the target's axis that is touched, cm before its middle."""
    gap: FloatPair = (0.3, 0.8)
    """cm between the two points (touch), or between the middles (pursue, close, part: when near)."""
    angle: FloatPair = (0.0, 0.0)
    """touch: the agent's heading against the target's, rad, to either side."""
    spin: float = 0.0
    """touch: how fast the pair turns, rad/s."""
    stretch: FloatPair = (1.0, 1.0)
    """Body length of agent and target, 1 is normal."""
    bend: float = 0.0
    """The agent's head against its body, rad, to either side."""
    nod: FloatPair = (0.0, 0.0)
    """Oscillation of the agent's head, rad and Hz."""
    thrust: FloatPair = (0.0, 0.0)
    """Oscillation of the agent along its axis, cm and Hz."""
    wild: FloatPair = (0.0, 0.0)
    """Irregular trembling of agent and target, cm."""
    sway: FloatPair = (0.25, 0.25)
    """Slow swaying of agent and target, cm."""
    hop_cm: float = 0.0
    """part: hop back so far, still facing the target, and stay; 0 is to turn and go."""
    where: str = "open"
    """solo: open, wall or corner."""


_FACE, _BEHIND, _SIDE = (2.7, 3.5), (0.0, 0.5), (1.2, 1.9)
MOVES: dict[str, Move] = {
    "biteobject": Move("orbit", (0, 0), gap=(0.1, 0.3), thrust=(0.45, 3), nod=(0.25, 3), stretch=(0.92, 1)),
    "climb": Move("solo", stretch=(0.6, 1), nod=(0.3, 1.5), thrust=(0.3, 1.5), where="wall"),
    "dig": Move("solo", (1.5, 2.5), stretch=(0.9, 1), thrust=(0.5, 4), nod=(0.12, 4)),
    "exploreobject": Move("orbit", (4, 6), gap=(0.6, 1.2), nod=(0.15, 1.5), stretch=(1.05, 1)),
    "freeze": Move("solo", stretch=(1.15, 1), sway=(0, 0)),
    "genitalgroom": Move("solo", stretch=(0.66, 1), bend=1.9, nod=(0.12, 4), sway=(0.1, 0)),
    "huddle": Move("solo", stretch=(0.62, 1), bend=0.5, sway=(0, 0), where="corner"),
    "rear": Move("solo", stretch=(0.55, 1), nod=(0.25, 0.8)),
    "rest": Move("solo", stretch=(0.74, 1), bend=1.1, sway=(0, 0)),
    "run": Move("run", (40, 55), stretch=(1.12, 1)),
    "selfgroom": Move("solo", stretch=(0.78, 1), bend=0.9, nod=(0.35, 5), sway=(0.1, 0)),
    "allogroom": Move("touch", place=(1.6, 2.4), angle=(0.6, 1.1), nod=(0.28, 5), stretch=(0.9, 0.92), sway=(0.1, 0.05)),
    "approach": Move("close", (15, 22), gap=(7.5, 9)),
    "attack": Move("touch", (6, 12), reach=2.5, place=(-1, 1), gap=(0, 0.5), angle=_SIDE, spin=2.5, wild=(0.9, 0.7), stretch=(0.95, 0.95)),
    "attemptmount": Move("touch", (4, 8), reach=0.5, place=(-4.5, -3.5), angle=(0.2, 0.5), thrust=(0.5, 1.5), nod=(0.3, 2)),
    "avoid": Move("part", (10, 15), gap=(9, 12), bend=-0.25),
    "chase": Move("pursue", (35, 48), gap=(10, 12.5), stretch=(1.1, 1.1)),
    "chaseattack": Move("pursue", (30, 40), gap=(5.5, 7), wild=(0.6, 0.5), stretch=(1.1, 1.1)),
    "defend": Move("touch", gap=(2.5, 4), place=(NOSE_CM, NOSE_CM), angle=_FACE, stretch=(0.66, 1.05), wild=(0.2, 0), thrust=(0.4, 2)),
    "disengage": Move("part", (6, 9), gap=(6.5, 7.5)),
    "dominance": Move("touch", reach=2.5, place=(0.5, 1.5), gap=(0, 0.2), angle=(1.3, 1.8), stretch=(0.75, 1.12), sway=(0.15, 0)),
    "dominancegroom": Move(
        "touch", reach=3.5, place=(1.5, 2.3), gap=(0, 0.2), angle=(0.2, 0.5), nod=(0.3, 5), stretch=(1.05, 1.12), sway=(0.1, 0)
    ),
    "dominancemount": Move("touch", reach=0.0, place=(-0.5, 0.5), gap=(0, 0), angle=(0, 0.15), thrust=(0.35, 1.2), stretch=(0.85, 1.12)),
    "ejaculate": Move("touch", reach=0.0, place=(-3.2, -2.8), gap=(0, 0), angle=(0, 0.1), stretch=(1.02, 1), thrust=(0.1, 9), sway=(0, 0)),
    "escape": Move("part", (35, 48), gap=(6.5, 8), stretch=(1.12, 1)),
    "flinch": Move("part", (25, 35), gap=(6.5, 8), hop_cm=3, stretch=(0.8, 1)),
    "follow": Move("pursue", (9, 14), gap=(10, 13)),
    "intromit": Move("touch", reach=0.0, place=(-3.2, -2.8), gap=(0, 0), angle=(0, 0.1), thrust=(0.55, 4.5), stretch=(0.84, 1)),
    "mount": Move("touch", (0, 1), reach=0.0, place=(-2.3, -1.7), gap=(0, 0), angle=(0, 0.2), thrust=(0.35, 2.2), stretch=(0.84, 1)),
    "reciprocalsniff": Move("touch", place=(NOSE_CM, NOSE_CM), gap=(0.2, 0.6), angle=_FACE, nod=(0.2, 3.5), thrust=(0.2, 3)),
    "shepherd": Move("pursue", (7, 11), gap=(6, 7), bend=0.3),
    "sniff": Move("touch", place=(0.5, 3.0), angle=_SIDE, nod=(0.18, 3), thrust=(0.2, 3)),
    "sniffbody": Move("touch", place=(-2.0, 0.0), angle=_SIDE, nod=(0.18, 3), thrust=(0.2, 3)),
    "sniffface": Move("touch", place=(3.6, NOSE_CM), angle=(2.0, 3.0), gap=(0.2, 0.6), nod=(0.15, 3)),
    "sniffgenital": Move("touch", place=(-4.1, -3.6), angle=_BEHIND, nod=(0.15, 3), thrust=(0.15, 3)),
    "submit": Move("touch", reach=0.0, place=(1.0, 2.5), gap=(0.5, 1.5), angle=(1.3, 1.8), stretch=(1.2, 0.9), sway=(0, 0.25)),
    "tussle": Move(
        "touch", (2, 5), reach=2.0, place=(1.0, 2.0), gap=(0, 0.5), angle=_FACE, spin=7.0, wild=(0.8, 0.8), stretch=(0.85, 0.85)
    ),
}


def perform(behavior: str, frames: int, fps: float, arena: Arena, near: np.ndarray, rng: np.random.Generator) -> tuple[Path, ...]:
    """Return the path of the agent in one bout close to `near` [2], and for a pair behavior also that of the target."""
    move = MOVES[behavior]
    style = {"solo": _solo, "run": _run, "orbit": _orbit, "pursue": _pursue, "close": _line, "part": _line, "touch": _touch}[move.style]
    side = rng.choice([-1.0, 1.0])
    paths = []
    for role, (xy, heading) in enumerate(style(move, frames, fps, arena, near, rng)):
        bend = np.full(frames, side * move.bend if role == 0 else 0.0)
        stretch = np.full(frames, move.stretch[role] * rng.uniform(0.97, 1.03))
        slow = np.column_stack([arena.clip(xy, 1.5), heading, bend, stretch])
        paths.append(Path(slow, _tremble(move, role, heading, fps, rng)))
    return tuple(paths)


def stroll(start: np.ndarray, stop: np.ndarray | None, frames: int, fps: float, arena: Arena, rng: np.random.Generator) -> Path:
    """Walk from pose `start` [3] = x, y, heading to pose `stop` by random points, pausing now and then; without `stop` end anywhere."""
    legs = max(1, round(frames / fps / rng.uniform(1.2, 2.2)))
    if stop is None:
        stop = np.array([*arena.clip(start[:2] + rng.normal(0, 5 * legs**0.5, 2), WALL_CM), rng.uniform(-np.pi, np.pi)])
    share = np.linspace(0, 1, legs + 1)[:, None]
    points = (1 - share) * start[:2] + share * stop[:2]
    points[1:-1] = arena.clip(points[1:-1] + rng.normal(0, 6, (legs - 1, 2)), WALL_CM)
    way = np.diff(points, axis=0)
    heading = np.concatenate([[start[2]], np.arctan2(way[1:, 1] + way[:-1, 1], way[1:, 0] + way[:-1, 0]), [stop[2]]])
    pull = np.clip(np.linalg.norm(way, axis=1), 2.0, 14.0)[:, None]
    edges = np.concatenate([[0.0], np.cumsum(rng.uniform(0.6, 1.4, legs))])
    time = np.linspace(0, edges[-1], frames, endpoint=False)
    leg = np.minimum(np.searchsorted(edges, time, side="right") - 1, legs - 1)
    pause = np.where(rng.random(legs) < 0.5, rng.uniform(0.15, 0.5, legs), 0.0)
    done = np.clip((time - edges[leg]) / np.diff(edges)[leg] / (1 - pause[leg]), 0, 1)
    done = (done * done * (3 - 2 * done))[:, None]
    leave, arrive = (unit(heading[:-1]) * pull)[leg], (unit(heading[1:]) * pull)[leg]
    xy, ahead = _hermite(points[leg], points[leg + 1], leave, arrive, done)
    heading = blur(np.unwrap(np.arctan2(ahead[:, 1], ahead[:, 0]))[:, None], 0.15 * fps)[:, 0]
    slow = np.column_stack([arena.clip(xy, 1.5), heading, np.zeros(frames), np.ones(frames)])
    return Path(slow, np.zeros((frames, 4)))


_Where = list[tuple[np.ndarray, np.ndarray]]


def _solo(move: Move, frames: int, fps: float, arena: Arena, near: np.ndarray, rng: np.random.Generator) -> _Where:
    spot, heading = arena.clip(near, WALL_CM), rng.uniform(-np.pi, np.pi)
    if move.where != "open":
        heading = np.arctan2(spot[1], spot[0])
        if not arena.circular:
            out = np.sign(spot) + (spot == 0)
            to_wall = np.array(arena.half_cm) - np.abs(spot)
            out = out if move.where == "corner" else out * (to_wall == to_wall.min())
            spot, heading = spot + out * to_wall, np.arctan2(out[1], out[0])
        spot = arena.clip(spot + 99 * unit(heading) * arena.circular, NOSE_CM * move.stretch[0])
    creep = np.arange(frames)[:, None] / fps * rng.uniform(*move.speed) * unit(heading)
    xy = spot + creep + _waves(frames, fps, 2, move.sway[0], (0.2, 0.6), rng)
    return [(xy, heading + _sway(frames, fps, move.sway[0], rng))]


def _run(move: Move, frames: int, fps: float, arena: Arena, near: np.ndarray, rng: np.random.Generator) -> _Where:
    return [arena.lap(rng, near).pose(_driven(frames, fps, rng.uniform(*move.speed), rng))]


def _orbit(move: Move, frames: int, fps: float, arena: Arena, near: np.ndarray, rng: np.random.Generator) -> _Where:
    radius = NOSE_CM * move.stretch[0] + rng.uniform(*move.gap)
    turn = rng.uniform(-np.pi, np.pi) + rng.choice([-1, 1]) * _driven(frames, fps, rng.uniform(*move.speed), rng) / radius
    return [(arena.clip(near, radius + 2) - radius * unit(turn), turn)]


def _pursue(move: Move, frames: int, fps: float, arena: Arena, near: np.ndarray, rng: np.random.Generator) -> _Where:
    lap, gap = arena.lap(rng, near), rng.uniform(*move.gap)
    along = _driven(frames, fps, rng.uniform(*move.speed), rng)
    return [lap.pose(along - gap), lap.pose(along)]


def _line(move: Move, frames: int, fps: float, arena: Arena, near: np.ndarray, rng: np.random.Generator) -> _Where:
    """Move the agent along a line to a standing target, or away from it, as far as the walls allow."""
    gap, speed = rng.uniform(*move.gap), rng.uniform(*move.speed)
    distance_cm = move.hop_cm or speed * frames / fps
    spots = arena.clip(near + rng.normal(0, 5, (8, 2)), WALL_CM)
    angles = rng.permutation(np.linspace(-np.pi, np.pi, 16, endpoint=False))
    room = np.stack([arena.room_cm(spot, angles, 2.5) for spot in spots]) - gap
    spot, angle = np.unravel_index(np.argmax(np.minimum(room, distance_cm)), room.shape)
    way = max(1.0, min(distance_cm, float(room[spot, angle])))
    gone = np.minimum(speed * np.arange(frames) / fps, way) if move.hop_cm else way * np.linspace(0, 1, frames)
    away = move.style == "part"
    agent = spots[spot] + (gap + (gone if away else way - gone))[:, None] * unit(angles[angle])
    faces_target = not away or bool(move.hop_cm)
    heading = angles[angle] + np.pi * faces_target + _sway(frames, fps, 0.08, rng)
    return [(agent, heading), _standing(spots[spot], frames, fps, move.sway[1], rng)]


def _touch(move: Move, frames: int, fps: float, arena: Arena, near: np.ndarray, rng: np.random.Generator) -> _Where:
    """Keep a point of the agent close to a point of the target, which stands or walks slowly."""
    speed = rng.uniform(*move.speed)
    if speed > 1:
        xy, target_heading = arena.lap(rng, near).pose(_driven(frames, fps, speed, rng))
    else:
        xy, target_heading = _standing(arena.clip(near, WALL_CM + 2.5), frames, fps, move.sway[1], rng)
    target_heading = target_heading + rng.choice([-1, 1]) * move.spin * np.arange(frames) / fps
    first, last = rng.uniform(*move.place, 2)
    place = np.linspace(first, last, frames)[:, None] * move.stretch[1]
    reach = move.reach * move.stretch[0] + rng.uniform(*move.gap)
    turn, sway = rng.choice([-1, 1]) * rng.uniform(*move.angle), _sway(frames, fps, move.sway[0] / 3, rng)
    choices = []
    for heading in (target_heading + turn + sway, target_heading - turn + sway):
        agent = xy + place * unit(target_heading) - reach * unit(heading)
        inward = arena.clip(agent, 2.0) - agent
        choices.append((np.abs(inward).sum(), agent, heading, inward))
    _, agent, heading, inward = min(choices, key=lambda choice: choice[0])
    # a wall moves both mice: clipping only the agent would break their contact
    step = inward[np.abs(inward).argmax(axis=0), [0, 1]]
    agent, xy = agent + step, xy + step
    return [(agent, heading), (xy, target_heading)]


def _standing(spot: np.ndarray, frames: int, fps: float, sway: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Stand at a spot, looking anywhere, swaying a little."""
    return spot + _waves(frames, fps, 2, sway, (0.2, 0.6), rng), rng.uniform(-np.pi, np.pi) + _sway(frames, fps, sway, rng)


def _sway(frames: int, fps: float, size: float, rng: np.random.Generator) -> np.ndarray:
    return _waves(frames, fps, 1, size, (0.2, 0.7), rng)[:, 0]


def _driven(frames: int, fps: float, speed: float, rng: np.random.Generator) -> np.ndarray:
    """Return the distance covered [n], cm, at a speed that varies by a fifth."""
    swing = 1 + 0.2 * np.sin(2 * np.pi * (rng.uniform(0.5, 1.0) * np.arange(frames) / fps + rng.random()))
    return np.cumsum(np.full(frames, speed / fps) * swing)


def _tremble(move: Move, role: int, heading: np.ndarray, fps: float, rng: np.random.Generator) -> np.ndarray:
    """Return the trembling [n, 4], which starts and ends at zero."""
    frames = len(heading)
    wild = _waves(frames, fps, 3, move.wild[role], (3.5, 9.0), rng)
    fast = np.column_stack([wild[:, :2], wild[:, 2] * 0.35, np.zeros(frames)])
    if role == 0:
        time = np.arange(frames) / fps
        for (size, rate), column in ((move.thrust, slice(0, 2)), (move.nod, slice(3, 4))):
            wave = size * np.sin(2 * np.pi * (rate * rng.uniform(0.9, 1.1) * time + rng.random()))[:, None]
            fast[:, column] += wave * unit(heading) if column.stop == 2 else wave
    edge = np.minimum(np.arange(1, frames + 1), np.arange(frames, 0, -1)) / max(1.0, 0.1 * fps)
    return fast * np.minimum(edge, 1.0)[:, None]


def _waves(frames: int, fps: float, columns: int, size: float, rates_hz: FloatPair, rng: np.random.Generator) -> np.ndarray:
    """Return [n, columns] of irregular waves: three sines each, of random rates and phases, spread `size`."""
    rate, phase = rng.uniform(*rates_hz, (3, columns)), rng.random((3, columns))
    time = np.arange(frames)[:, None, None] / fps
    return size * np.sin(2 * np.pi * (rate * time + phase)).sum(axis=1) * (2 / 3) ** 0.5


def _hermite(start: np.ndarray, stop: np.ndarray, leave: np.ndarray, arrive: np.ndarray, done: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return points on curves from start to stop, each `done` [n, 1] of 0 to 1, and the direction there."""
    square, cube = done**2, done**3
    curve = (2 * cube - 3 * square) * (start - stop) + start + (cube - 2 * square + done) * leave + (cube - square) * arrive
    return curve, 6 * (square - done) * (start - stop) + (3 * square - 4 * done + 1) * leave + (3 * square - 2 * done) * arrive
