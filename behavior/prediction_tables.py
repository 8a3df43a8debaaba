"""Tables of the curated zone with what recognizers predicted."""

import pyarrow as pa

from behavior.table import NAME, TEXT, Table, column

_PREDICTED_IN = [
    column("split", NAME, "train or test"),
    column("video_id", pa.int64(), "recording"),
    column("agent_id", pa.int32(), "mouse that acts; null if the recognizer names no mouse"),
    column("target_id", pa.int32(), "mouse acted upon; the agent itself for a self behavior; null if the recognizer names no mouse"),
    column("action", TEXT, "behavior"),
    column("kind", TEXT, "self or pair; arena if the recognizer names no mouse"),
]
_PREDICTED_BY = [
    column("frames_per_second", pa.float64(), "frame rate of the recording, 1/s"),
    column("recognizer", NAME, "SHA-256 of the checkpoint; of several joined with +; and +tta for test-time augmentation"),
    column("recipe", NAME, "recipe of the checkpoint; of several joined with +"),
]
PREDICTED_BOUTS = Table(
    name="predicted_bouts",
    zone="curated",
    grain="one bout that a recognizer predicted",
    schema=pa.schema(
        [
            *_PREDICTED_IN,
            column("start_frame", pa.int32(), "first frame"),
            column("stop_frame", pa.int32(), "frame after the last"),
            column("duration_s", pa.float64(), "duration, s"),
            column("confidence", pa.float32(), "mean smoothed and calibrated score of its frames, 0 to 1"),
            column("threshold", pa.float32(), "least score, 0 to 1, at which this recognizer predicts this behavior in this lab"),
            *_PREDICTED_BY,
        ]
    ),
    partition="lab_id",
    keys=("split", "video_id", "action", "kind", "start_frame", "stop_frame", "confidence", "recognizer"),
)
PREDICTABLE_TRIPLES = Table(
    name="predictable_triples",
    zone="curated",
    grain="one behavior of one agent toward one target that a recognizer looked for in one recording; nothing is known of others",
    schema=pa.schema(
        [
            *_PREDICTED_IN,
            column("first_frame", pa.int32(), "frame that tracking begins at"),
            column("frame_count", pa.int32(), "frames from the first to the last"),
            *_PREDICTED_BY,
        ]
    ),
    partition="lab_id",
    keys=("split", "video_id", "action", "kind", "first_frame", "frame_count", "frames_per_second", "recognizer"),
)
PREDICTION_TABLES = (PREDICTED_BOUTS, PREDICTABLE_TRIPLES)
"""Predicted, and predictable: a triple without a bout in the first table is absent, one that the second lacks is unknown."""
