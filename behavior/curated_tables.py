"""Tables of the curated zone that the ETL makes of recordings."""

import pyarrow as pa

from behavior.raw_tables import IMPORTED_COLUMNS, LAB, METADATA_COLUMNS, METADATA_KEYS, RAW_ANNOTATION
from behavior.table import NAME, TEXT, Table, column

_FROM_TRACKING = [
    column("first_frame", pa.int32(), "frame that tracking begins at: 0, or the film's own number in a clip cut out of a film"),
    column("frame_count", pa.int32(), "frames from the first to the last, counted from tracking"),
    column("mice_tracked", pa.int32(), "mice that tracking holds"),
    column("bodyparts", TEXT, "JSON list of the bodyparts that tracking holds, sorted"),
    column("seen_share", pa.float64(), "share of keypoints that the tracker saw, 0 to 1"),
    column("content_group", pa.int64(), "smallest video_id among the recordings of this split that show the same video, under any id"),
]


def _curated_metadata(split: str) -> Table:
    return Table(
        name=f"metadata_{split}",
        zone="curated",
        grain="one recording",
        schema=pa.schema([LAB, *METADATA_COLUMNS, *_FROM_TRACKING]),
        # zones of older versions lack them
        optional=frozenset(("first_frame", "bodyparts", "content_group", *(field.name for field in IMPORTED_COLUMNS))),
        keys=METADATA_KEYS,
    )


def _without_tinyint(schema: pa.Schema) -> list[pa.Field]:
    """Return the fields with int32 in place of int8, which Iceberg does not have."""
    return [field.with_type(pa.int32()) if field.type == pa.int8() else field for field in schema]


METADATA_TRAIN = _curated_metadata("train")
METADATA_TEST = _curated_metadata("test")
TRACKING_CURATED = Table(
    name="tracking_curated",
    zone="curated",
    grain="one keypoint of one mouse at one frame; every frame is there; sorted by mouse, bodypart, frame",
    schema=pa.schema(
        [
            column("split", NAME, "train or test"),
            column("video_id", pa.int64(), "recording"),
            column("mouse_id", pa.int32(), "mouse, from 1"),
            column("bodypart", NAME, "bodypart as the lab names it"),
            column("video_frame", pa.int32(), "frame of the film, from the recording's first_frame on, without gaps"),
            column("x_cm", pa.float32(), "cm right of the arena's middle; filled where lost, null if never seen"),
            column("y_cm", pa.float32(), "cm below the arena's middle; filled where lost, null if never seen"),
            column("vx_cm_per_s", pa.float32(), "velocity, cm/s; 0 where filled"),
            column("vy_cm_per_s", pa.float32(), "velocity, cm/s; 0 where filled"),
            column("seen", pa.bool_(), "true: the tracker saw it; false: filled"),
        ]
    ),
    partition="lab_id",
    keys=("split", "video_id", "mouse_id", "bodypart", "video_frame", "seen"),
    by_frame=True,
)
ANNOTATIONS_ENRICHED = Table(
    name="annotations_enriched",
    zone="curated",
    grain="one bout an expert wrote",
    schema=pa.schema(
        [
            column("video_id", pa.int64(), "recording"),
            *_without_tinyint(RAW_ANNOTATION.schema),
            column("duration_s", pa.float64(), "duration, s"),
            column("kind", TEXT, "self or pair"),
            column("annotated", pa.bool_(), "whether behaviors_labeled lists this triple"),
            column("frames_per_second", pa.float64(), "frame rate of the recording, 1/s"),
        ]
    ),
    partition="lab_id",
    optional=RAW_ANNOTATION.optional,
    keys=("video_id", *RAW_ANNOTATION.keys),
)
CLASS_DISTRIBUTION_STATS = Table(
    name="class_distribution_stats",
    zone="curated",
    grain="one behavior that one lab annotated; a behavior nobody annotated has no row",
    schema=pa.schema(
        [
            LAB,
            column("action", TEXT, "behavior"),
            column("kind", TEXT, "self or pair"),
            column("videos_annotated", pa.int64(), "recordings annotated for it"),
            column("videos", pa.int64(), "recordings in which it occurs"),
            column("bouts", pa.int64(), "bouts"),
            column("frames", pa.int64(), "frames in bouts"),
            column("seconds", pa.float64(), "duration of all bouts, s"),
            column("annotated_seconds", pa.float64(), "duration annotated, summed over pairs of mice, s"),
            column("share", pa.float64(), "seconds / annotated_seconds"),
            column("median_bout_s", pa.float64(), "median duration of a bout, s; null if it never occurs"),
        ]
    ),
    keys=("lab_id", "action", "kind"),
)
LINEAGE = Table(
    name="lineage",
    zone="curated",
    grain="one accepted recording or film: the raw objects it comes from, the curated objects it became, and what the ETL remembers of it",
    schema=pa.schema(
        [
            column("split", TEXT, "train, test or film"),
            column("video_id", pa.int64(), "recording, or film"),
            column("run", TEXT, "run of the ETL that curated it; see table runs"),
            column("fingerprint", TEXT, "digest of all that its curated rows depend on; part of the keys of its objects"),
            column("inputs", TEXT, "JSON: versions of raw objects, metadata row, rules and code, by which a later run sees a change"),
            column("tracking_key", TEXT, "key of its tracking, or of its film, in the raw zone"),
            column("tracking_sha256", TEXT, "SHA-256 of that object"),
            column("annotation_key", TEXT, "key of its annotation, or of the labels of a film, in the raw zone; null if it has none"),
            column("annotation_sha256", TEXT, "SHA-256 of that object"),
            column("curated_key", TEXT, "key of its object of tracking_curated, or of its film, in this zone"),
            column("curated_sha256", TEXT, "SHA-256 of that object"),
            column("curated_rows", pa.int64(), "rows of that object"),
            column("curated_bytes", pa.int64(), "bytes of that object"),
            column("bouts_key", TEXT, "key of its object of annotations_enriched, or of film_labels; null if it has none"),
            column("bouts_sha256", TEXT, "SHA-256 of that object"),
            column("bouts_rows", pa.int64(), "rows of that object"),
            column("bouts_bytes", pa.int64(), "bytes of that object"),
            column("facts", TEXT, "JSON: counts, notes and digests of content, from which tables that span recordings are made"),
            column("marks", pa.binary(), "digests of stretches of motion, 8 bytes each, little endian"),
        ]
    ),
    partition="lab_id",
    keys=("split", "video_id", "run", "fingerprint", "inputs", "tracking_key", "tracking_sha256", "curated_key", "facts"),
)
RUNS = Table(
    name="runs",
    zone="curated",
    grain="one run of the ETL that changed the lake",
    schema=pa.schema(
        [
            column("run", TEXT, "its id; the tag run-<id> names its snapshot in every table"),
            column("started", TEXT, "UTC, ISO 8601"),
            column("ended", TEXT, "UTC, ISO 8601, just before its last commit"),
            column("code", TEXT, "digest of the code it ran"),
            column("contract", pa.int32(), "version of the contract"),
            column("curation", pa.int32(), "version of the curation"),
            column("recordings", pa.int64(), "accepted recordings"),
            column("curated_anew", pa.int64(), "recordings that this run curated; the others were unchanged"),
            column("put_aside", pa.int64(), "recordings and objects in quarantine"),
            column("summary", TEXT, "JSON: the whole summary; of an earlier run without names of recordings"),
        ]
    ),
    keys=("run", "started", "ended", "summary"),
)


DATA_QUALITY = Table(
    name="data_quality",
    zone="curated",
    grain="one recording",
    schema=pa.schema(
        [
            LAB,
            column("split", TEXT, "train or test"),
            column("video_id", pa.int64(), "recording"),
            column("frames_per_second", pa.float64(), "frame rate of the recording, 1/s"),
            column("pix_per_cm_approx", pa.float64(), "scale of the picture, pixels per cm; null if the body length is the unit"),
            column("duration_s", pa.float64(), "tracked frames / frame rate, s"),
            column("stated_frames_ratio", pa.float64(), "frames by the stated duration / tracked frames; null if none is stated"),
            column("mice_tracked", pa.int32(), "mice that tracking holds"),
            column("missing_share", pa.float64(), "share of keypoints that the tracker lost, 0 to 1"),
            column("missing_by_bodypart", TEXT, "JSON object: the same for each bodypart, over all mice"),
            column("bodyparts_never_seen", TEXT, 'JSON list, such as "mouse2 nose"'),
            column("absent_share", pa.float64(), "share of frames in which a mouse has no keypoint at all, mean over mice, 0 to 1"),
            column("gaps_per_minute", pa.float64(), "times that a keypoint is lost and seen again, mean over keypoints, 1/min"),
            column("longest_gap_s", pa.float64(), "longest time that a keypoint is lost and seen again, s"),
            column("points_outside", pa.int64(), "seen keypoints outside the picture; null without a scale"),
            column("outside_share", pa.float64(), "the same, as a share of all seen keypoints, 0 to 1"),
            column("teleports", pa.int64(), "times that most of a mouse jumps faster than it can run"),
            column("teleport_frames", TEXT, "JSON list of the first of these frames of the film"),
            column("swap_suspects", pa.int64(), "times that two mice seem to exchange their ids"),
            column("swap_suspect_frames", TEXT, "JSON list of the first of these frames of the film"),
            column("doubled_frames", pa.int64(), "frames in which two mice have the same pose"),
            column(
                "body_length_cm",
                pa.float64(),
                "median length from nose (or head) to tail base, cm; null without these or a scale",
            ),
            column("median_speed_cm_per_s", pa.float64(), "median speed of all seen keypoints, cm/s"),
            column("triples_annotated", pa.int64(), "triples in behaviors_labeled"),
            column("bouts", pa.int64(), "annotated bouts; null without an annotation, as all columns below"),
            column("labeled_share", pa.float64(), "share of frames within a bout of any kind, 0 to 1"),
            column("last_label_share", pa.float64(), "end of the last bout as a share of the recording, 0 to 1"),
            column("short_bouts", pa.int64(), "bouts of at most 0.1 s"),
        ]
    ),
    keys=("lab_id", "split", "video_id"),
)
