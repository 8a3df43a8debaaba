"""Tables of the raw zone: metadata, tracking and annotations as labs have them, and what was uploaded."""

import pyarrow as pa

from behavior.recording import MAX_MICE
from behavior.table import NAME, TEXT, Table, column


def _mouse_fields() -> list[pa.Field]:
    traits = ("strain", "color", "sex", "id", "age", "condition")
    return [
        column(f"mouse{number}_{trait}", pa.float64() if trait == "id" else TEXT, f"{trait} of mouse {number}")
        for number in range(1, MAX_MICE + 1)
        for trait in traits
    ]


METADATA_COLUMNS = [
    column("video_id", pa.int64(), "recording, unique within a split"),
    *_mouse_fields(),
    column("frames_per_second", pa.float64(), "frame rate of this recording, 1/s"),
    column("video_duration_sec", pa.float64(), "duration the lab states, s; frames are counted from tracking, never from this"),
    column("pix_per_cm_approx", pa.float64(), "scale of the picture, pixels per cm; null if the body length is the unit"),
    column("video_width_pix", pa.int32(), "picture width, pixels"),
    column("video_height_pix", pa.int32(), "picture height, pixels"),
    column("arena_width_cm", pa.float64(), "arena width, cm"),
    column("arena_height_cm", pa.float64(), "arena height, cm"),
    column("arena_shape", TEXT, "arena shape as the lab names it"),
    column("arena_type", TEXT, "arena type as the lab names it"),
    column("body_parts_tracked", TEXT, "JSON list of bodyparts"),
    column("behaviors_labeled", TEXT, 'JSON list of annotated triples such as "mouse1,mouse2,sniff"; null if unlabelled'),
    column("tracking_method", TEXT, "tracker"),
    column("arena_center_x_pix", pa.float64(), "arena's middle in the picture, pixels, where measured"),
    column("arena_center_y_pix", pa.float64(), "arena's middle in the picture, pixels, where measured"),
]
IMPORTED_COLUMNS = [
    column("recording_name", TEXT, "name that the lab gave the recording; null if it has only its number"),
    column("mouse_names", TEXT, 'JSON list of the names of mouse 1, mouse 2 and so on, such as ["resident", "intruder"]'),
    column("scale_source", TEXT, "measured: lengths are in cm; body_length: the body length is the unit, counted as that of a usual mouse"),
    column("likelihood_threshold", pa.float64(), "keypoints that the tracker held less likely count as lost; null if none was left out"),
    column("annotator", TEXT, "who annotated the recording"),
    column("annotation_correction", TEXT, "how the clock of the annotation was corrected when it was imported; null if it was not"),
]
"""Columns that the published files lack, and that imports write."""
METADATA_COLUMNS += IMPORTED_COLUMNS
METADATA_KEYS = ("lab_id", "video_id", "frames_per_second", "video_width_pix", "video_height_pix")
LAB = column("lab_id", TEXT, "laboratory")

RAW_METADATA = Table(
    name="metadata",
    zone="raw",
    grain="one recording",
    schema=pa.schema([LAB, *METADATA_COLUMNS]),
    optional=frozenset(field.name for field in METADATA_COLUMNS) - {*METADATA_KEYS, "pix_per_cm_approx", "behaviors_labeled"},
    by_split=True,
)
RAW_TRACKING = Table(
    name="tracking",
    zone="raw",
    grain="one keypoint of one mouse at one frame; a lost keypoint has no row, or NaN",
    schema=pa.schema(
        [
            column("video_frame", pa.int32(), "frame of the film, from 0"),
            column("mouse_id", pa.int8(), "mouse, from 1"),
            column("bodypart", NAME, "bodypart"),
            column("x", pa.float32(), "pixels from the picture's left"),
            column("y", pa.float32(), "pixels from the picture's top"),
        ]
    ),
    partition="lab_id",
    keys=("video_frame", "mouse_id", "bodypart"),
    by_split=True,
)
RAW_ANNOTATION = Table(
    name="annotation",
    zone="raw",
    grain="one bout an expert wrote",
    schema=pa.schema(
        [
            column("agent_id", pa.int8(), "mouse that acts"),
            column("target_id", pa.int8(), "mouse acted upon; the agent itself for a self behavior"),
            column("action", TEXT, "behavior"),
            column("start_frame", pa.int32(), "first frame"),
            column("stop_frame", pa.int32(), "frame after the last"),
            column("annotator", TEXT, "who wrote it, where the file says so"),
        ]
    ),
    partition="lab_id",
    optional=frozenset(("annotator",)),  # the published files lack it
    keys=("agent_id", "target_id", "action", "start_frame", "stop_frame"),
    by_split=True,
)
LANDING = Table(
    name="landing",
    zone="raw",
    grain="one object of the raw zone, as it was uploaded",
    schema=pa.schema(
        [
            column("key", TEXT, "its key in the raw zone"),
            column("bytes", pa.int64(), "its size"),
            column("sha256", TEXT, "SHA-256 of its bytes: 64 hexadecimal digits"),
            column("version", TEXT, "ETag that S3 gave it; an object with another ETag was written by somebody else"),
            column("landed", TEXT, "when it was uploaded, UTC, ISO 8601"),
            column("source", TEXT, "its file, relative to the data directory"),
            column("recording", TEXT, "its recording, such as train-7; null for metadata"),
            column("source_modified_ns", pa.int64(), "time of the file's last change of content, ns since 1970"),
            column("source_changed_ns", pa.int64(), "time of the file's last change of anything, which no program can set, ns since 1970"),
            column("contract", pa.int32(), "version of the contract that the file was checked with"),
        ]
    ),
    partition="lab_id",
    keys=("key", "bytes", "sha256", "version", "landed", "source"),
)
