"""The measures of one recording in which drift would show: its tracks or its film, and what a recognizer makes of them.

Axes: T frames, H and W pixels.
"""

import numpy as np

from behavior.bouts import scored_bout_table
from behavior.drift_rule import Measured
from behavior.film import PictureSettings
from behavior.material import Material
from behavior.quality import quality_of
from inference.viewed_recording import ViewedRecording
from recognizers.recognizer import Recognizer, labelling_of

_FRAMES_AT_ONCE = 2048
_DARK = 16
"""A pixel below this, of 255, is black on most screens."""


def measures_of(viewed: ViewedRecording, recognizer: Recognizer | None) -> Measured:
    """Return the measures of a recording; without a recognizer those of its tracks alone. Raises ContractError for broken files."""
    recording = viewed.recording
    row = quality_of(recording, viewed.split, viewed.curated)
    minutes = row["duration_s"] / 60
    tracks = {
        "frames per second": row["frames_per_second"],
        "missing keypoints, %": 100 * row["missing_share"],
        "body length, cm": row["body_length_cm"],
        "median speed, cm/s": row["median_speed_cm_per_s"],
        "points outside the picture, %": None if row["outside_share"] is None else 100 * row["outside_share"],
        "teleports, 1/min": row["teleports"] / minutes,
        "swap suspects, 1/min": row["swap_suspects"] / minutes,
    }
    material = Material.with_tracking(recording, viewed.curated)
    values = {**tracks, **(_predictions(material, recognizer) if recognizer else {})}
    return Measured(recording.lab_id, recording.shown, {name: float(value) for name, value in values.items() if value is not None})


def film_measures(material: Material, name: str, recognizer: Recognizer | None) -> Measured:
    """Return the measures of a film; without a recognizer those of its pictures alone. Raises ContractError for a broken film."""
    recording, pictures = material.recording, material.film.small(PictureSettings())
    seen = {
        "frames per second": recording.fps,
        "width of the picture, pixels": recording.width_px,
        "height of the picture, pixels": recording.height_px,
        **_light(pictures),
    }
    values = {**seen, **(_predictions(material, recognizer) if recognizer else {})}
    return Measured(recording.lab_id, name, {measure: float(value) for measure, value in values.items()})


def _light(pictures: np.ndarray) -> dict[str, float]:
    """Return how bright small frames [T, H, W] are, how much they contrast, and how much changes from frame to frame."""
    sums, frames, changes = np.zeros(3), 0, 0.0
    for start in range(0, len(pictures), _FRAMES_AT_ONCE):
        block = np.asarray(pictures[start : start + _FRAMES_AT_ONCE + 1], np.float32)
        changes += float(np.abs(np.diff(block, axis=0)).mean(axis=(1, 2)).sum())
        own = block[:_FRAMES_AT_ONCE]
        sums += own.mean(axis=(1, 2)).sum(), own.std(axis=(1, 2)).sum(), 100 * (own < _DARK).mean(axis=(1, 2)).sum()
        frames += len(own)
    bright, contrast, dark = sums / max(frames, 1)
    return {
        "brightness, 0 to 255": bright,
        "contrast within a picture, 0 to 128": contrast,
        "black pixels, %": dark,
        "change from frame to frame, 0 to 255": changes / max(frames - 1, 1),
    }


def _predictions(material: Material, recognizer: Recognizer) -> dict[str, float]:
    """Return for each behavior its mean score and its share of the time, and the mean confidence of all bouts."""
    labelling, decoding, recording = labelling_of(recognizer), recognizer.decoding, material.recording
    scores: dict[str, list[float]] = {}
    shares: dict[str, list[float]] = {}
    confidence: list[float] = []
    for subject, flowing in recognizer.scores(material):
        own = flowing.whole()
        bouts = scored_bout_table(decoding.scored_bouts(labelling, recording, subject, own))
        confidence += bouts["confidence"].tolist()
        predictable = decoding.predictable(labelling, recording, subject)
        for column in np.flatnonzero(predictable).tolist():
            behavior = labelling.behaviors[column]
            lengths = (bouts["stop_frame"] - bouts["start_frame"])[bouts["action"] == behavior]
            scores.setdefault(behavior, []).append(float(own[:, column].mean()))
            shares.setdefault(behavior, []).append(100 * float(lengths.sum()) / material.frames)
    measured = {f"share of the time with {behavior}, %": float(np.mean(values)) for behavior, values in shares.items()}
    measured |= {f"mean score of {behavior}": float(np.mean(values)) for behavior, values in scores.items()}
    return {**({"mean confidence of the bouts": float(np.mean(confidence))} if confidence else {}), **measured}
