"""Simulated recordings with known bouts, in the format of the published MABe files, for tests, the demo and benchmarks.

First a random script of bouts is made, then the motion that fits it (`behavior.simulated.motion`), then the output of a camera and a
tracker.
Axes: T frames, I mice, K bodyparts.
"""

import json
import zlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from behavior.ethogram import SELF_BEHAVIORS
from behavior.simulated.arena import Arena
from behavior.simulated.lab_profiles import PROFILES, LabProfile, profiles_of
from behavior.simulated.motion import perform, stroll
from behavior.simulated.mouse import Path, body, join

__all__ = ["PROFILES", "SIMULATION_VERSION", "LabProfile", "SimulatedBout", "SimulatedRecording", "draw_script", "profiles_of", "simulate"]

SIMULATION_VERSION = 1
"""Increased with every change that makes the same seed give other bytes."""

MUTUAL = ("reciprocalsniff", "tussle")
"""Mutual behaviors of two mice: annotated in both directions."""
TRAITS = ("strain", "color", "sex", "id", "age", "condition")


class SimulatedBout(NamedTuple):
    """One bout, in frames, stop excluded. A self behavior has target == agent."""

    agent: int
    target: int
    behavior: str
    start_frame: int
    stop_frame: int


@dataclass(frozen=True)
class SimulatedRecording:
    """One recording in the format of the published files."""

    metadata: dict[str, object]
    """The 38 columns of train.csv, in their order; None where empty."""
    tracking: pa.Table
    """video_frame, mouse_id, bodypart, x, y; sorted by frame, mouse, bodypart; a lost point has no row, or NaN."""
    annotation: pa.Table
    """agent_id, target_id, action, start_frame, stop_frame of the annotated bouts; sorted by start."""


def simulate(profile: LabProfile, seed: int, video_id: int | None = None, seconds: float | None = None) -> SimulatedRecording:
    """Make one recording; the same arguments give the same bytes. The annotation has only a part of the bouts."""
    rng = np.random.default_rng([seed, zlib.crc32(profile.name.encode())])
    if video_id is None:
        video_id = int(rng.integers(600_000, 2_143_302_778))
    frames = max(2, round((seconds or profile.seconds) * profile.fps))
    annotated = _annotated_pairs(profile, rng)
    script = draw_script(profile, frames, rng, annotated)
    poses = _act(profile, script, frames, rng)
    points_cm = np.stack([body(pose, profile.bodyparts) for pose in poses], axis=1)
    annotated_bouts = [bout for bout in script if bout.agent == bout.target or (bout.agent, bout.target) in annotated]
    written = _written(profile, annotated_bouts, frames)
    return SimulatedRecording(
        metadata=_metadata(profile, video_id, frames, annotated, rng),
        tracking=_track(profile, points_cm, rng),
        annotation=_annotation(profile, written, seed),
    )


def draw_script(
    profile: LabProfile, frames: int, rng: np.random.Generator, annotated: frozenset[tuple[int, int]] = frozenset()
) -> list[SimulatedBout]:
    """Return a random script of bouts: each mouse takes part in one bout at a time, with a stroll before it.

    Behaviors occur as often as their weights say. Most pair behaviors are between `annotated` pairs. The script has the true behaviors,
    which a lab may call by another name or not annotate.
    """
    deck = [behavior for behavior in (*profile.behaviors, *profile.unlisted) for _ in range(profile.weights.get(behavior, 1))]
    travel_s = np.hypot(*profile.arena_cm) / 2 / 25
    free = np.zeros(profile.mice, dtype=np.int64)
    script: list[SimulatedBout] = []
    queue: list[str] = []
    while deck and free.min() < frames:
        queue = queue or [str(behavior) for behavior in rng.permutation(deck)]
        behavior = queue.pop()
        if behavior in profile.meanings:
            behavior = str(rng.choice(profile.meanings[behavior]))
        cast = _cast(behavior, free, annotated, rng)
        gap_s = max(profile.gap_median_s * rng.lognormal(0, 0.5), 0.5, travel_s if len(cast) == 2 else 0.0)
        start = int(free[cast].max()) + max(2, round(gap_s * profile.fps))
        median_s = min(profile.bout_median_s(behavior), frames / profile.fps / 6)
        length = max(2, round(median_s * float(np.clip(rng.lognormal(0, 0.4), 0.4, 2.5)) * profile.fps))
        if start + length + 2 > frames:
            free[cast] = frames
            continue
        free[cast] = start + length
        agent, target = int(cast[0]) + 1, int(cast[-1]) + 1
        script.append(SimulatedBout(agent, target, behavior, start, start + length))
        if behavior in MUTUAL:
            script.append(SimulatedBout(target, agent, behavior, start, start + length))
    return sorted(script, key=lambda bout: (bout.start_frame, bout.agent, bout.target))


def _written(profile: LabProfile, seen: list[SimulatedBout], frames: int) -> list[SimulatedBout]:
    """Return the bouts as the experts annotate them: with the lab's names, and earlier or later borders by its habit."""
    name_of = dict(profile.names)
    early, late = (round(margin * profile.fps) for margin in profile.margins_s)
    written = []
    for bout in seen:
        if bout.behavior not in name_of:
            continue
        start = max(bout.start_frame - early, 0)
        stop = min(max(bout.stop_frame + late, start + 2), frames)
        written.append(bout._replace(behavior=name_of[bout.behavior], start_frame=start, stop_frame=stop))
    return sorted(written, key=lambda bout: (bout.start_frame, bout.agent, bout.target))


def _cast(behavior: str, free: np.ndarray, annotated: frozenset[tuple[int, int]], rng: np.random.Generator) -> np.ndarray:
    """Choose the mouse without a bout for the longest time, and for a pair behavior another one; return agent and target, from 0."""
    first = int(np.argmin(free + rng.random(len(free))))
    if behavior in SELF_BEHAVIORS:
        return np.array([first])
    other = (first + int(rng.integers(1, len(free)))) % len(free)
    pair = np.array([first, other])
    backward = (other + 1, first + 1) in annotated and (first + 1, other + 1) not in annotated
    forward = (first + 1, other + 1) in annotated and (other + 1, first + 1) not in annotated
    turn = rng.random() < (0.85 if backward else 0.15 if forward else 0.5)
    return pair[::-1] if turn else pair


def _annotated_pairs(profile: LabProfile, rng: np.random.Generator) -> frozenset[tuple[int, int]]:
    """Choose the ordered pairs of mice that are annotated: of two mice the first as the agent, of more any."""
    mice = range(1, profile.mice + 1)
    pairs = [(agent, target) for agent in mice for target in mice if agent != target]
    if profile.mice > 2:
        pairs = [pairs[place] for place in rng.permutation(len(pairs))]
    return frozenset(pairs[: max(1, round(profile.annotated_share * len(pairs)))])


def _act(profile: LabProfile, script: list[SimulatedBout], frames: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return each mouse's pose [T, 6] through the whole script."""
    arena = Arena((profile.arena_cm[0] / 2, profile.arena_cm[1] / 2), profile.circular)
    paths: list[list[Path]] = [[] for _ in range(profile.mice)]
    clock = [0] * profile.mice
    where = [np.array([*arena.clip(rng.normal(0, 0.5, 2) * profile.arena_cm, 3.0), rng.uniform(-np.pi, np.pi)]) for _ in paths]
    played: set[tuple[int, int]] = set()
    for bout in script:
        if (bout.agent, bout.start_frame) in played:  # the other direction of a mutual behavior
            continue
        cast = [bout.agent - 1] if bout.agent == bout.target else [bout.agent - 1, bout.target - 1]
        played.update((mouse + 1, bout.start_frame) for mouse in cast)
        near = np.mean([where[mouse][:2] for mouse in cast], axis=0) + rng.normal(0, 4, 2)
        parts = perform(bout.behavior, bout.stop_frame - bout.start_frame, profile.fps, arena, arena.clip(near, 3.0), rng)
        for mouse, part in zip(cast, parts, strict=True):
            paths[mouse] += [stroll(where[mouse], part.slow[0, :3], bout.start_frame - clock[mouse], profile.fps, arena, rng), part]
            clock[mouse], where[mouse] = bout.stop_frame, part.slow[-1, :3]
    for mouse, path in enumerate(paths):
        path.append(stroll(where[mouse], None, frames - clock[mouse], profile.fps, arena, rng))
    return [join(path, profile.fps) for path in paths]


def _track(profile: LabProfile, points_cm: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """Return tracking rows of points [T, I, K, 2]: pixels with noise; points lost for about three frames, frames lost for all mice."""
    frames, mice, parts, _ = points_cm.shape
    middle = np.array(profile.video_px) / 2
    xy = ((points_cm + rng.normal(0, profile.noise_cm, points_cm.shape)) * profile.pix_per_cm + middle).astype(np.float32)
    lost = _lost((frames, mice, parts), profile.missing_rate, 3, rng)
    shown = lost & (rng.random(lost.shape) < profile.nan_share)
    xy[shown] = np.nan
    present = (~lost | shown) & ~_lost((frames, 1, 1), profile.gap_rate, max(2, round(0.15 * profile.fps)), rng)
    frame, mouse, part = np.nonzero(present)
    x, y = xy[present].T
    return pa.table(
        {
            "video_frame": frame.astype(np.int16 if frames <= 2**15 else np.int32),
            "mouse_id": (mouse + 1).astype(np.int8),
            "bodypart": pa.array(profile.bodyparts).take(pa.array(part)),
            "x": np.ascontiguousarray(x),
            "y": np.ascontiguousarray(y),
        }
    )


def _lost(shape: tuple[int, ...], rate: float, run: int, rng: np.random.Generator) -> np.ndarray:
    """Return random losses [T, ...] that last `run` frames or more and are a share `rate` of all frames."""
    starts = rng.random((shape[0] + run - 1, *shape[1:])) < 1 - (1 - rate) ** (1 / run)
    lost = starts[: shape[0]].copy()
    for shift in range(1, run):
        lost |= starts[shift : shift + shape[0]]
    return lost


def _annotation(profile: LabProfile, bouts: list[SimulatedBout], seed: int) -> pa.Table:
    last = max((bout.stop_frame for bout in bouts), default=0)
    wide = last >= 2**15 or (profile.mixed_frame_types and seed % 2 == 1)
    frame_type, mouse_type = pa.int32() if wide else pa.int16(), pa.int8()
    names = ("agent_id", "target_id", "action", "start_frame", "stop_frame")
    types = (mouse_type, mouse_type, pa.string(), frame_type, frame_type)
    columns = zip(*bouts, strict=True) if bouts else [()] * len(names)
    return pa.table({name: pa.array(list(column), kind) for name, column, kind in zip(names, columns, types, strict=True)})


def _metadata(
    profile: LabProfile, video_id: int, frames: int, annotated: frozenset[tuple[int, int]], rng: np.random.Generator
) -> dict[str, object]:
    mice: dict[str, object] = {}
    for number in range(1, 5):
        values: tuple[object, ...] = (None,) * len(TRAITS)
        if number <= profile.mice:
            sex = "female" if number == 2 and "mount" in profile.behaviors else "male"
            values = ("C57Bl/6J", "black", sex, float(rng.integers(1, 100)), "8-12 weeks", None)
        mice |= {f"mouse{number}_{trait}": value for trait, value in zip(TRAITS, values, strict=True)}
    width_px, height_px = profile.video_px
    shape = "circular" if profile.circular else "square" if profile.arena_cm[0] == profile.arena_cm[1] else "rectangular"
    return {
        "lab_id": profile.name,
        "video_id": video_id,
        **mice,
        "frames_per_second": float(profile.fps),
        "video_duration_sec": round(frames / profile.fps, 3),
        "pix_per_cm_approx": float(profile.pix_per_cm),
        "video_width_pix": width_px,
        "video_height_pix": height_px,
        "arena_width_cm": float(profile.arena_cm[0]),
        "arena_height_cm": float(profile.arena_cm[1]),
        "arena_shape": shape,
        "arena_type": profile.arena_type,
        "body_parts_tracked": json.dumps(list(profile.bodyparts)),
        "behaviors_labeled": json.dumps(_behaviors_labeled(profile, annotated)),
        "tracking_method": profile.tracker,
    }


def _behaviors_labeled(profile: LabProfile, annotated: frozenset[tuple[int, int]]) -> list[str]:
    """List what the experts annotated, as train.csv writes it; self behaviors of every mouse."""
    listed = (*profile.behaviors, *profile.listed_only)
    alone = [f"mouse{mouse},self,{behavior}" for mouse in range(1, profile.mice + 1) for behavior in listed if behavior in SELF_BEHAVIORS]
    pairs = [f"mouse{agent},mouse{target},{name}" for agent, target in annotated for name in listed if name not in SELF_BEHAVIORS]
    entries = sorted(alone + pairs)
    if profile.broken_quotes:
        entries += [",".join(f"'{word}'" for word in entry.split(",")) for entry in entries]
    return entries
