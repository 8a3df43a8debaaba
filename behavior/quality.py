"""Data quality of one recording: one row of numbers. They are of the curated recording, and they correct nothing.

Axes: I mice, K bodyparts, T frames.
"""

import json
from typing import Any

import numpy as np
import pyarrow as pa

from behavior.body_length import body_length_px
from behavior.curation import CuratedTracking
from behavior.recording import Recording, mouse_name
from behavior.skeleton import canonical
from behavior.suspects import find_suspects

SHORT_BOUT_S = 0.1
"""Nobody can see and write down a bout that is not longer than this."""
_LISTED_FRAMES = 20
"""A row lists so many doubtful frames; it counts all."""
_SAMPLED_FRAMES = 1024
"""Body length and speed are medians over about so many frames, equally far apart."""


def quality_of(recording: Recording, split: str, curated: CuratedTracking, bouts: pa.Table | None = None) -> dict[str, Any]:
    """Return the row of `DATA_QUALITY` for one recording. `bouts` are those of `ANNOTATIONS_ENRICHED`; None without an annotation."""
    suspects = find_suspects(curated, recording)
    seen = np.count_nonzero(curated.seen, axis=2)
    points, frames = int(curated.seen.size), curated.frames
    per_minute = 60 * recording.fps / frames
    never = [f"{mouse_name(curated.mice[mouse])} {curated.bodyparts[part]}" for mouse, part in np.argwhere(seen == 0).tolist()]
    missing = 1 - seen.mean(axis=0) / frames
    stated = None if recording.stated_s is None else recording.stated_s * recording.fps / frames
    return {
        "lab_id": recording.lab_id,
        "split": split,
        "video_id": recording.video_id,
        "frames_per_second": recording.fps,
        "pix_per_cm_approx": recording.pix_per_cm,
        "duration_s": frames / recording.fps,
        "stated_frames_ratio": stated,
        "mice_tracked": len(curated.mice),
        "missing_share": 1 - int(seen.sum()) / points,
        "missing_by_bodypart": json.dumps({name: round(float(share), 5) for name, share in zip(curated.bodyparts, missing, strict=True)}),
        "bodyparts_never_seen": json.dumps(never),
        "absent_share": 1 - float(np.count_nonzero(curated.seen.any(axis=1))) / (len(curated.mice) * frames),
        "gaps_per_minute": suspects.gaps * per_minute / (points / frames),
        "longest_gap_s": suspects.longest_gap / recording.fps,
        "points_outside": suspects.outside,
        "outside_share": None if suspects.outside is None else suspects.outside / max(int(seen.sum()), 1),
        "teleports": len(suspects.teleports),
        "teleport_frames": _listed(suspects.teleports, curated),
        "swap_suspects": len(suspects.swaps),
        "swap_suspect_frames": _listed(suspects.swaps, curated),
        "doubled_frames": len(suspects.doubled),
        **_body(curated, recording),
        **_labels(recording, curated, bouts),
    }


def _listed(frames: np.ndarray, curated: CuratedTracking) -> str:
    """Return the first of these frames, in the film's numbers, as a JSON list."""
    return json.dumps((frames[:_LISTED_FRAMES] + curated.first_frame).tolist())


def _body(curated: CuratedTracking, recording: Recording) -> dict[str, float | None]:
    """Return the length of the mice, and the median speed of all seen keypoints, over frames that are equally far apart."""
    every = max(curated.frames // _SAMPLED_FRAMES, 1)
    seen = curated.seen[:, :, ::every]
    found = body_length_px(np.where(seen, curated.xy[:, :, :, ::every], np.nan), [*map(canonical, curated.bodyparts)])
    moving = np.hypot(*curated.velocity[:, :, :, ::every])[seen]
    return {
        "body_length_cm": found[0] if found and recording.pix_per_cm else None,  # without a scale it is the unit itself
        "median_speed_cm_per_s": float(np.median(moving)) if len(moving) else None,
    }


def _labels(recording: Recording, curated: CuratedTracking, bouts: pa.Table | None) -> dict[str, Any]:
    """Return what experts annotated, and which share of the recording it covers."""
    annotated = len(recording.annotated)
    if bouts is None:
        return {"triples_annotated": annotated, **dict.fromkeys(("bouts", "labeled_share", "last_label_share", "short_bouts"))}
    start, stop = (bouts.column(name).to_numpy() - curated.first_frame for name in ("start_frame", "stop_frame"))
    change = np.bincount(start, minlength=curated.frames + 1) - np.bincount(stop, minlength=curated.frames + 1)
    return {
        "triples_annotated": annotated,
        "bouts": len(bouts),
        "labeled_share": float(np.count_nonzero(np.cumsum(change)[: curated.frames])) / curated.frames,
        "last_label_share": int(stop.max(initial=0)) / curated.frames,
        "short_bouts": int(np.count_nonzero(stop - start <= SHORT_BOUT_S * recording.fps + 1e-9)),
    }
