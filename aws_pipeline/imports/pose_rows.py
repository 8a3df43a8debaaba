"""From a pose in the words of another program to the raw layout: names, likelihood filter, scale, one row of metadata, tracking rows.

Axes: I animals, K bodyparts, T frames; 2 coordinates (x, y).
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from aws_pipeline.imports.foreign_pose import ForeignPose
from aws_pipeline.imports.picture_scale import Arena, PictureScale, scale_of_body
from behavior.body_length import LEAST_FRAMES, MEASURED, TAIL, body_length_px
from behavior.bodypart_spellings import known_bodypart
from behavior.contract import UNFIT, ContractError, Fault, UsageError, refuse
from behavior.ids import lab_fault, video_of_name
from behavior.recording import judged_row
from behavior.tables import RAW_TRACKING

SHOWN_LIKELIHOOD = 0.6
"""The share of points below it is shown if no other threshold is chosen."""


@dataclass(frozen=True)
class Choices:
    """What a person says about the files of one import."""

    lab: str | None = None
    """Lab of the recordings."""
    fps: float | None = None
    """Frames per second; it counts more than what the file says."""
    pix_per_cm: float | None = None
    """Scale of the picture; it counts more than what the file says."""
    arena: Arena | None = None
    """An arena that gives the scale."""
    body_length_cm: float | None = None
    """Length of the mice from nose to the base of the tail, which gives the scale."""
    no_scale: bool = False
    """Whether a recording without a scale is wanted: then the body length is the unit."""
    likelihood: float | None = None
    """Points below it count as lost."""
    size_px: tuple[int, int] | None = None
    """Width and height of the picture."""
    individuals: tuple[str, ...] = ()
    """Animals that become mouse 1, mouse 2 and so on; others are left out. Without it, all animals by name."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Bodyparts as the file calls them to names of our own; others are mapped by behavior/bodypart_spellings.py."""
    metadata: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Columns of the metadata, by name of the recording."""


@dataclass(frozen=True)
class Understood:
    """One recording in the raw layout, and what a person should know about it."""

    row: dict[str, object]
    """Its row of metadata."""
    rows: pa.Table
    """Its tracking rows, in the schema of `RAW_TRACKING`."""
    mapped: dict[str, str]
    """Bodyparts as the file calls them, to the names that are used."""
    animals: tuple[str, ...]
    """Names of mouse 1, mouse 2 and so on."""
    frames: int
    lost_share: float
    """Share of points that are lost, after the filter."""
    unlikely_share: float | None
    """Share of the points in the file below the threshold, or below `SHOWN_LIKELIHOOD`; None if it does not say it."""
    scale: PictureScale | None
    notes: tuple[str, ...]
    missing: tuple[Fault, ...]
    """What neither the file nor a person says, but must be known; with any of it the row is not complete."""


def understand(pose: ForeignPose, choices: Choices, where: str) -> Understood:
    """Return a pose in the raw layout. Raises ContractError for choices that do not fit the file, and for bad values."""
    own = choices.metadata.get(pose.name, {})
    notes = list(pose.notes)
    animals = _animals(pose, choices.individuals, where)
    if left_out := sorted(set(pose.animals).difference(animals)):
        notes.append(f"Left out by --individuals: {', '.join(left_out)}.")
    mapped = _bodyparts(pose.bodyparts, choices.names)
    bodyparts = tuple(mapped.values())
    xy, unlikely = _likely(pose, [pose.animals.index(name) for name in animals], choices.likelihood, notes)
    if not np.isfinite(xy).any():
        message = f"Expected tracked points of {', '.join(animals)}, but got none with a likelihood of {choices.likelihood} or more."
        raise ContractError(Fault("table-empty", where, message, "Choose a lower --likelihood, or other --individuals."))
    size = choices.size_px or _own_size(own) or pose.size_px
    if size is None:
        size = _guessed_size(xy, choices.arena)
        notes.append(f"The file does not say the size of the picture; {size[0]} x {size[1]} holds the points. Or give --picture-px.")
    fps, scale, missing = _clock_and_scale(pose, choices, own, xy, bodyparts, where, notes)
    lab = own.get("lab_id") or choices.lab
    if not lab:
        missing.append(Fault("lab-name", where, "Expected a lab, which the file does not say, but got none.", "Give --lab."))
    else:
        refuse(fault for fault in (lab_fault(lab, where),) if fault)
    threshold = choices.likelihood if pose.likelihood is not None else None
    row = _row(pose, lab, animals, bodyparts, fps, scale, size, choices.arena, threshold)
    row |= {name: value for name, value in own.items() if name not in ("lab_id", "frames_per_second", "pix_per_cm_approx")}
    if not missing:
        refuse(judged_row(row, where)[1])
    rows = _tracking_rows(xy, bodyparts, pose.frames)
    lost = float(np.isnan(xy[0]).mean())
    return Understood(row, rows, mapped, animals, len(pose.frames), lost, unlikely, scale, tuple(notes), tuple(missing))


def _likely(pose: ForeignPose, order: list[int], threshold: float | None, notes: list[str]) -> tuple[np.ndarray, float | None]:
    """Return the positions of these animals without those below the threshold, and the share of points below it."""
    xy = pose.xy[:, order].copy()
    if pose.likelihood is None:
        if threshold is not None:
            notes.append("--likelihood has no effect: the file does not say how sure the tracker is.")
        return xy, None
    sure = pose.likelihood[order]
    below = sure < (SHOWN_LIKELIHOOD if threshold is None else threshold)  # of an unknown likelihood neither is true
    if threshold is not None:
        xy[:, below] = np.nan
    known = np.isfinite(sure)
    return xy, float(below[known].mean()) if known.any() else None


def _row(
    pose: ForeignPose,
    lab: str | None,
    animals: tuple[str, ...],
    bodyparts: tuple[str, ...],
    fps: float | None,
    scale: PictureScale | None,
    size: tuple[int, int],
    arena: Arena | None,
    threshold: float | None,
) -> dict[str, object]:
    """Return the row of metadata of a recording; None where nobody knows a value."""
    center = scale.center_px if scale and scale.center_px else (None, None)
    return {
        "lab_id": lab,
        "video_id": video_of_name(lab, pose.name) if lab else None,
        "recording_name": pose.name,
        "mouse_names": json.dumps(animals, ensure_ascii=False),
        "frames_per_second": fps,
        "video_duration_sec": round((int(pose.frames[-1]) + 1) / fps, 3) if fps else None,
        "pix_per_cm_approx": scale.pix_per_cm if scale else None,
        "scale_source": scale.source if scale else None,
        "video_width_pix": size[0],
        "video_height_pix": size[1],
        "arena_width_cm": arena.size_cm[0] if arena else None,
        "arena_height_cm": arena.size_cm[1] if arena else None,
        "arena_center_x_pix": center[0],
        "arena_center_y_pix": center[1],
        "body_parts_tracked": json.dumps(sorted(bodyparts), ensure_ascii=False),
        "tracking_method": pose.tracker,
        "likelihood_threshold": threshold,
    }


def _animals(pose: ForeignPose, chosen: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Return the animals in the order of their mouse numbers: by name, so that files with another order of columns agree."""
    if unknown := [name for name in chosen if name not in pose.animals]:
        got = f"{', '.join(unknown)}; the file has {', '.join(pose.animals)}"
        message = f"Expected --individuals among the animals of the file, but got {got}."
        raise ContractError(Fault(UNFIT, where, message, "Correct it."))
    return chosen or tuple(sorted(pose.animals, key=_by_number))


def _by_number(name: str) -> list[tuple[int, str]]:
    """Return a key that puts track_2 before track_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|\D+", name)]


def _bodyparts(names: tuple[str, ...], chosen: Mapping[str, str]) -> dict[str, str]:
    """Return the name for each bodypart. If two of them would get one name, those keep their own."""
    found = {name: chosen.get(name) or known_bodypart(name) or name.strip() for name in names}
    times = list(found.values())
    return {name: place if times.count(place) == 1 or name == place or name in chosen else name.strip() for name, place in found.items()}


def _clock_and_scale(
    pose: ForeignPose, choices: Choices, own: Mapping[str, str], xy: np.ndarray, bodyparts: tuple[str, ...], where: str, notes: list[str]
) -> tuple[float | None, PictureScale | None, list[Fault]]:
    """Return frame rate, scale and what is missing. A row of the table counts more than a flag, a flag more than the file."""
    missing = []
    fps = _number(own, "frames_per_second", where) or choices.fps or pose.fps
    if fps and pose.fps and not math.isclose(fps, pose.fps, rel_tol=1e-3):
        notes.append(f"The file says {pose.fps:g} frames a second, but {fps:g} are used, as you said.")
    if not fps:
        message = "Expected frames per second, which the file does not say, but got none."
        missing.append(Fault("frame-rate", where, message, "Give --fps."))
    said = _number(own, "pix_per_cm_approx", where) or choices.pix_per_cm
    scale = None
    if said:
        scale = PictureScale(said, MEASURED, "as you said")
    elif choices.arena:
        scale = choices.arena.scale()
    elif choices.body_length_cm:
        scale = scale_of_body(xy, bodyparts, choices.body_length_cm, where)
    elif pose.pix_per_cm:
        scale = PictureScale(round(pose.pix_per_cm, 4), MEASURED, "as the file says")
    elif not choices.no_scale:
        message = "Expected a scale, which the file does not say, but got none."
        mend = "Give --pix-per-cm, or --arena-cm with --arena-px, or --body-length-cm, or --no-scale to use the body length as the unit."
        missing.append(Fault("scale", where, message, mend))
    elif body_length_px(xy, bodyparts) is None:  # curation would refuse it, on another day
        message = f"Expected nose (or head) and {TAIL} to take the body length as the unit, but got neither in {LEAST_FRAMES} frames."
        missing.append(Fault("scale", where, message, f"Give --pix-per-cm, or say which bodyparts they are: --bodypart TTI={TAIL}."))
    return fps, scale, missing


def _number(own: Mapping[str, str], column: str, where: str) -> float | None:
    try:
        return float(own[column]) if own.get(column) else None
    except ValueError:
        raise UsageError(f"{where}: Expected {column} to be a number, but got {own[column]!r}. Correct --metadata.") from None


def _own_size(own: Mapping[str, str]) -> tuple[int, int] | None:
    width, height = own.get("video_width_pix"), own.get("video_height_pix")
    return (int(float(width)), int(float(height))) if width and height else None


def _guessed_size(xy: np.ndarray, arena: Arena | None) -> tuple[int, int]:
    """Return the smallest picture that holds the arena and nearly all points: a few that a tracker throws far away do not count."""
    width, height = (math.ceil(float(np.nanpercentile(axis, 99.9))) for axis in xy)
    right, bottom = arena.box_px[-2:] if arena else (1, 1)
    return max(width, math.ceil(right), 1), max(height, math.ceil(bottom), 1)


def _tracking_rows(xy: np.ndarray, bodyparts: tuple[str, ...], frames: np.ndarray) -> pa.Table:
    """Return tracking rows by mouse, bodypart, frame; a lost point has no row."""
    order = np.argsort(np.array(bodyparts), kind="stable")
    xy = xy[:, :, order]
    mouse, part, frame = np.nonzero(np.isfinite(xy).all(axis=0))
    names = pa.DictionaryArray.from_arrays(part.astype(np.int32), [bodyparts[number] for number in order])
    columns = {
        "video_frame": frames[frame].astype(np.int32),
        "mouse_id": (mouse + 1).astype(np.int8),
        "bodypart": names,
        "x": xy[0, mouse, part, frame],
        "y": xy[1, mouse, part, frame],
    }
    return pa.table(columns, schema=RAW_TRACKING.schema)
