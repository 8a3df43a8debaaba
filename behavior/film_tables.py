"""Tables of the curated zone that the ETL makes of films."""

import pyarrow as pa

from behavior.raw_tables import LAB
from behavior.table import TEXT, Table, column

VIDEO_MANIFEST = Table(
    name="video_manifest",
    zone="curated",
    grain="one film",
    schema=pa.schema(
        [
            LAB,
            column("video_id", pa.int64(), "film: a number made from its lab and its name"),
            column("name", TEXT, "file name of the film, without its ending"),
            column("file", TEXT, "key of the film in this zone"),
            column("centers", TEXT, "key of the places of the mouse in each frame, from tracks of the same film; null without tracks"),
            column("embeddings", TEXT, "key of the numbers that another program computed from each frame; null if there are none"),
            column("frames", pa.int64(), "frames, counted by decoding"),
            column("rate_numerator", pa.int64(), "frames per second as a fraction: its numerator"),
            column("rate_denominator", pa.int64(), "and its denominator"),
            column("width_px", pa.int32(), "width of the upright picture, pixels"),
            column("height_px", pa.int32(), "height of the upright picture, pixels"),
            column("codec", TEXT, "codec"),
            column("rotation_degrees", pa.int32(), "degrees by which the stored picture was turned, counterclockwise"),
            column("variable_rate", pa.bool_(), "whether frames are not equally far apart; the rate is then the mean"),
            column("sha256", TEXT, "SHA-256 of the film"),
            column("pictures", TEXT, "digest of the decoded pictures, equal for the same film in another container"),
            column("labels_sha256", TEXT, "SHA-256 of the label file; null for a film without labels"),
            column("behaviors", TEXT, "JSON list of the behaviors that experts looked for; null for a film without labels"),
            column("labelled_frames", pa.int64(), "frames with a label; all others are unknown"),
            column("individual", TEXT, "the mouse, if it is known"),
            column("content_group", pa.int64(), "smallest video_id among the films of the same pictures or the same individual"),
        ]
    ),
    keys=("lab_id", "video_id", "name", "file", "frames", "rate_numerator", "rate_denominator", "sha256", "content_group"),
)
FILM_LABELS = Table(
    name="film_labels",
    zone="curated",
    grain="one bout that an expert wrote in a film; a frame without a bout is unknown",
    schema=pa.schema(
        [
            column("video_id", pa.int64(), "film"),
            column("action", TEXT, "behavior, after merging"),
            column("written", TEXT, "behavior as the expert wrote it"),
            column("start_frame", pa.int32(), "first frame"),
            column("stop_frame", pa.int32(), "frame after the last"),
        ]
    ),
    partition="lab_id",
    keys=("video_id", "action", "written", "start_frame", "stop_frame"),
)
FILM_TABLES = (VIDEO_MANIFEST, FILM_LABELS)
"""Tables about films."""
