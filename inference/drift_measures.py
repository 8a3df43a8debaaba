"""The measures of one recording in which drift would show: its tracks, and what a recognizer makes of them."""

import numpy as np

from behavior.bouts import scored_bout_table
from behavior.drift_rule import Measured
from behavior.material import Material
from behavior.quality import quality_of
from inference.viewed_recording import ViewedRecording
from recognizers.recognizer import Recognizer, labelling_of


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
    values = {**tracks, **(_predictions(viewed, recognizer) if recognizer else {})}
    return Measured(recording.lab_id, recording.shown, {name: float(value) for name, value in values.items() if value is not None})


def _predictions(viewed: ViewedRecording, recognizer: Recognizer) -> dict[str, float]:
    """Return for each behavior its mean score and its share of the time, and the mean confidence of all bouts."""
    labelling, decoding, recording = labelling_of(recognizer), recognizer.decoding, viewed.recording
    scores: dict[str, list[float]] = {}
    shares: dict[str, list[float]] = {}
    confidence: list[float] = []
    for subject, flowing in recognizer.scores(Material.with_tracking(recording, viewed.curated)):
        own = flowing.whole()
        bouts = scored_bout_table(decoding.scored_bouts(labelling, recording, subject, own))
        confidence += bouts["confidence"].tolist()
        predictable = decoding.predictable(labelling, recording, subject)
        for column in np.flatnonzero(predictable).tolist():
            behavior = labelling.behaviors[column]
            lengths = (bouts["stop_frame"] - bouts["start_frame"])[bouts["action"] == behavior]
            scores.setdefault(behavior, []).append(float(own[:, column].mean()))
            shares.setdefault(behavior, []).append(100 * float(lengths.sum()) / viewed.curated.frames)
    measured = {f"share of the time with {behavior}, %": float(np.mean(values)) for behavior, values in shares.items()}
    measured |= {f"mean score of {behavior}": float(np.mean(values)) for behavior, values in scores.items()}
    return {**({"mean confidence of the bouts": float(np.mean(confidence))} if confidence else {}), **measured}
