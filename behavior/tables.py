"""All tables of the lake: zone, grain, columns with types and units, partition. Spark, Glue, Athena, tests and messages use them.

Units end a column's name (`_cm`, `_cm_per_s`, `_s`); columns of the published files keep their published names.
"""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from behavior.body_length import BODY_LENGTH, MEASURED
from behavior.contract import ContractError, Fault, refuse
from behavior.recording import MAX_MICE
from behavior.table import NAME, TEXT, Table, in_words


def parse_metadata(data: bytes, where: str) -> pa.Table:
    """Read the bytes of a train.csv or test.csv into the columns of `RAW_METADATA`; optional columns that are missing are null.

    Raises ContractError with all faults of columns and types; `recordings_from_rows` checks the values.
    """
    text = _read_text(data, where)
    columns, faults = [], []
    for name, column in zip(text.column_names, text.columns, strict=True):
        kind = RAW_METADATA.schema.field(name).type if name in RAW_METADATA.schema.names else TEXT
        try:
            columns.append(pc.cast(pc.utf8_trim_whitespace(column), kind))
        except pa.ArrowInvalid as error:
            message = f"Expected column {name} to hold {in_words(kind)}, but got: {error}."
            faults.append(Fault("column-type", where, message, "Correct the metadata."))
            columns.append(column)
    refuse(faults)
    return _with_scale_source(RAW_METADATA.check(pa.table(columns, names=text.column_names), where))


def parse_metadata_cells(data: bytes, where: str) -> tuple[pa.Table, dict[int, dict[str, tuple[str, Fault]]]]:
    """Read the same, with null for values of a wrong type; also return their texts and faults, by row (from 1 on) and column.

    Raises ContractError for faults of the file as a whole.
    """
    text = _read_text(data, where)
    columns: list[pa.ChunkedArray] = []
    faults: dict[int, dict[str, tuple[str, Fault]]] = {}
    for name, column in zip(text.column_names, text.columns, strict=True):
        kind = RAW_METADATA.schema.field(name).type if name in RAW_METADATA.schema.names else TEXT
        trimmed = pc.utf8_trim_whitespace(column)
        try:
            columns.append(pc.cast(trimmed, kind))
        except pa.ArrowInvalid:
            values = trimmed.to_pylist()
            fits = [_holds(kind, value) for value in values]
            sound = [value if fit else None for value, fit in zip(values, fits, strict=True)]
            columns.append(pc.cast(pa.chunked_array([pa.array(sound, TEXT)]), kind))
            for number, (value, fit) in enumerate(zip(values, fits, strict=True), start=1):
                if not fit:
                    message = f"Expected column {name} to hold {in_words(kind)}, but got {value!r}."
                    fault = Fault("column-type", f"{where}, row {number}", message, "Correct the metadata.")
                    faults.setdefault(number, {})[name] = str(value), fault
    return _with_scale_source(RAW_METADATA.check(pa.table(columns, names=text.column_names), where)), faults


def _with_scale_source(rows: pa.Table) -> pa.Table:
    """Return rows of `RAW_METADATA` that say of each recording where its scale is from, also if the file does not."""
    said, column = rows.column("scale_source"), rows.schema.get_field_index("scale_source")
    known = pc.coalesce(said, pa.scalar(MEASURED))
    source = pc.if_else(pc.is_null(rows.column("pix_per_cm_approx")), BODY_LENGTH, known)
    return rows.set_column(column, RAW_METADATA.schema.field(column), source)


def _holds(kind: pa.DataType, text: str | None) -> bool:
    try:
        pa.scalar(text, TEXT).cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def _read_text(data: bytes, where: str) -> pa.Table:
    """Read a CSV table with every column as text, so that no type is guessed."""
    try:
        header = pa_csv.open_csv(pa.py_buffer(data), parse_options=_CSV).schema.names
        as_text = pa_csv.ConvertOptions(column_types=dict.fromkeys(header, TEXT), strings_can_be_null=True, null_values=["", "nan", "NaN"])
        return pa_csv.read_csv(pa.py_buffer(data), parse_options=_CSV, convert_options=as_text)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        message = f"Expected a CSV table, but got: {' '.join(str(error).split())}."
        raise ContractError(Fault("file-unreadable", where, message, "Export the metadata again.")) from None


_CSV = pa_csv.ParseOptions(newlines_in_values=True)


def _field(name: str, kind: pa.DataType, meaning: str) -> pa.Field:
    return pa.field(name, kind, metadata={"doc": meaning})


def _mouse_fields() -> list[pa.Field]:
    traits = ("strain", "color", "sex", "id", "age", "condition")
    return [
        _field(f"mouse{number}_{trait}", pa.float64() if trait == "id" else TEXT, f"{trait} of mouse {number}")
        for number in range(1, MAX_MICE + 1)
        for trait in traits
    ]


_METADATA_FIELDS = [
    _field("video_id", pa.int64(), "recording, unique within a split"),
    *_mouse_fields(),
    _field("frames_per_second", pa.float64(), "frame rate of this recording, 1/s"),
    _field("video_duration_sec", pa.float64(), "duration the lab states, s; frames are counted from tracking, never from this"),
    _field("pix_per_cm_approx", pa.float64(), "scale of the picture, pixels per cm; null if the body length is the unit"),
    _field("video_width_pix", pa.int32(), "picture width, pixels"),
    _field("video_height_pix", pa.int32(), "picture height, pixels"),
    _field("arena_width_cm", pa.float64(), "arena width, cm"),
    _field("arena_height_cm", pa.float64(), "arena height, cm"),
    _field("arena_shape", TEXT, "arena shape as the lab names it"),
    _field("arena_type", TEXT, "arena type as the lab names it"),
    _field("body_parts_tracked", TEXT, "JSON list of bodyparts"),
    _field("behaviors_labeled", TEXT, 'JSON list of annotated triples such as "mouse1,mouse2,sniff"; null if unlabelled'),
    _field("tracking_method", TEXT, "tracker"),
    _field("arena_center_x_pix", pa.float64(), "arena's middle in the picture, pixels, where measured"),
    _field("arena_center_y_pix", pa.float64(), "arena's middle in the picture, pixels, where measured"),
]
_IMPORTED_FIELDS = [
    _field("recording_name", TEXT, "name that the lab gave the recording; null if it has only its number"),
    _field("mouse_names", TEXT, 'JSON list of the names of mouse 1, mouse 2 and so on, such as ["resident", "intruder"]'),
    _field("scale_source", TEXT, "measured: lengths are in cm; body_length: the body length is the unit, counted as that of a usual mouse"),
    _field("likelihood_threshold", pa.float64(), "keypoints that the tracker held less likely count as lost; null if none was left out"),
    _field("annotator", TEXT, "who annotated the recording"),
    _field("annotation_correction", TEXT, "how the clock of the annotation was corrected when it was imported; null if it was not"),
]
"""Columns that the published files lack, and that imports write."""
_METADATA_FIELDS += _IMPORTED_FIELDS
_METADATA_KEYS = ("lab_id", "video_id", "frames_per_second", "video_width_pix", "video_height_pix")
_LAB = _field("lab_id", TEXT, "laboratory")

RAW_METADATA = Table(
    name="metadata",
    zone="raw",
    grain="one recording",
    schema=pa.schema([_LAB, *_METADATA_FIELDS]),
    optional=frozenset(field.name for field in _METADATA_FIELDS) - {*_METADATA_KEYS, "pix_per_cm_approx", "behaviors_labeled"},
    by_split=True,
)
RAW_TRACKING = Table(
    name="tracking",
    zone="raw",
    grain="one keypoint of one mouse at one frame; a lost keypoint has no row, or NaN",
    schema=pa.schema(
        [
            _field("video_frame", pa.int32(), "frame of the film, from 0"),
            _field("mouse_id", pa.int8(), "mouse, from 1"),
            _field("bodypart", NAME, "bodypart"),
            _field("x", pa.float32(), "pixels from the picture's left"),
            _field("y", pa.float32(), "pixels from the picture's top"),
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
            _field("agent_id", pa.int8(), "mouse that acts"),
            _field("target_id", pa.int8(), "mouse acted upon; the agent itself for a self behavior"),
            _field("action", TEXT, "behavior"),
            _field("start_frame", pa.int32(), "first frame"),
            _field("stop_frame", pa.int32(), "frame after the last"),
            _field("annotator", TEXT, "who wrote it, where the file says so"),
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
            _field("key", TEXT, "its key in the raw zone"),
            _field("bytes", pa.int64(), "its size"),
            _field("sha256", TEXT, "SHA-256 of its bytes: 64 hexadecimal digits"),
            _field("version", TEXT, "ETag that S3 gave it; an object with another ETag was written by somebody else"),
            _field("landed", TEXT, "when it was uploaded, UTC, ISO 8601"),
            _field("source", TEXT, "its file, relative to the data directory"),
            _field("recording", TEXT, "its recording, such as train-7; null for metadata"),
            _field("source_modified_ns", pa.int64(), "time of the file's last change of content, ns since 1970"),
            _field("source_changed_ns", pa.int64(), "time of the file's last change of anything, which no program can set, ns since 1970"),
            _field("contract", pa.int32(), "version of the contract that the file was checked with"),
        ]
    ),
    partition="lab_id",
    keys=("key", "bytes", "sha256", "version", "landed", "source"),
)
"""The only table of the raw zone in the catalog. The lab of metadata is null."""

_FROM_TRACKING = [
    _field("first_frame", pa.int32(), "frame that tracking begins at: 0, or the film's own number in a clip cut out of a film"),
    _field("frame_count", pa.int32(), "frames from the first to the last, counted from tracking"),
    _field("mice_tracked", pa.int32(), "mice that tracking holds"),
    _field("bodyparts", TEXT, "JSON list of the bodyparts that tracking holds, sorted"),
    _field("seen_share", pa.float64(), "share of keypoints that the tracker saw, 0 to 1"),
    _field("content_group", pa.int64(), "smallest video_id among the recordings of this split that show the same video, under any id"),
]


def _curated_metadata(split: str) -> Table:
    return Table(
        name=f"metadata_{split}",
        zone="curated",
        grain="one recording",
        schema=pa.schema([_LAB, *_METADATA_FIELDS, *_FROM_TRACKING]),
        # zones of older versions lack them
        optional=frozenset(("first_frame", "bodyparts", "content_group", *(field.name for field in _IMPORTED_FIELDS))),
        keys=_METADATA_KEYS,
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
            _field("split", NAME, "train or test"),
            _field("video_id", pa.int64(), "recording"),
            _field("mouse_id", pa.int32(), "mouse, from 1"),
            _field("bodypart", NAME, "bodypart as the lab names it"),
            _field("video_frame", pa.int32(), "frame of the film, from the recording's first_frame on, without gaps"),
            _field("x_cm", pa.float32(), "cm right of the arena's middle; filled where lost, null if never seen"),
            _field("y_cm", pa.float32(), "cm below the arena's middle; filled where lost, null if never seen"),
            _field("vx_cm_per_s", pa.float32(), "velocity, cm/s; 0 where filled"),
            _field("vy_cm_per_s", pa.float32(), "velocity, cm/s; 0 where filled"),
            _field("seen", pa.bool_(), "true: the tracker saw it; false: filled"),
        ]
    ),
    partition="lab_id",
    keys=("split", "video_id", "mouse_id", "bodypart", "video_frame", "seen"),
)
ANNOTATIONS_ENRICHED = Table(
    name="annotations_enriched",
    zone="curated",
    grain="one bout an expert wrote",
    schema=pa.schema(
        [
            _field("video_id", pa.int64(), "recording"),
            *_without_tinyint(RAW_ANNOTATION.schema),
            _field("duration_s", pa.float64(), "duration, s"),
            _field("kind", TEXT, "self or pair"),
            _field("annotated", pa.bool_(), "whether behaviors_labeled lists this triple"),
            _field("frames_per_second", pa.float64(), "frame rate of the recording, 1/s"),
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
            _LAB,
            _field("action", TEXT, "behavior"),
            _field("kind", TEXT, "self or pair"),
            _field("videos_annotated", pa.int64(), "recordings annotated for it"),
            _field("videos", pa.int64(), "recordings in which it occurs"),
            _field("bouts", pa.int64(), "bouts"),
            _field("frames", pa.int64(), "frames in bouts"),
            _field("seconds", pa.float64(), "duration of all bouts, s"),
            _field("annotated_seconds", pa.float64(), "duration annotated, summed over pairs of mice, s"),
            _field("share", pa.float64(), "seconds / annotated_seconds"),
            _field("median_bout_s", pa.float64(), "median duration of a bout, s; null if it never occurs"),
        ]
    ),
    keys=("lab_id", "action", "kind"),
)
LINEAGE = Table(
    name="lineage",
    zone="curated",
    grain="one accepted recording: the raw objects it comes from, the curated objects it became, and what the ETL remembers of it",
    schema=pa.schema(
        [
            _field("split", TEXT, "train or test"),
            _field("video_id", pa.int64(), "recording"),
            _field("run", TEXT, "run of the ETL that curated it; see table runs"),
            _field("fingerprint", TEXT, "digest of all that its curated rows depend on; part of the keys of its objects"),
            _field("inputs", TEXT, "JSON: versions of raw objects, metadata row, rules and code, by which a later run sees a change"),
            _field("tracking_key", TEXT, "key of its tracking in the raw zone"),
            _field("tracking_sha256", TEXT, "SHA-256 of that object"),
            _field("annotation_key", TEXT, "key of its annotation in the raw zone; null if it has none"),
            _field("annotation_sha256", TEXT, "SHA-256 of that object"),
            _field("curated_key", TEXT, "key of its object of tracking_curated"),
            _field("curated_sha256", TEXT, "SHA-256 of that object"),
            _field("curated_rows", pa.int64(), "rows of that object"),
            _field("curated_bytes", pa.int64(), "bytes of that object"),
            _field("bouts_key", TEXT, "key of its object of annotations_enriched; null if it has none"),
            _field("bouts_sha256", TEXT, "SHA-256 of that object"),
            _field("bouts_rows", pa.int64(), "rows of that object"),
            _field("bouts_bytes", pa.int64(), "bytes of that object"),
            _field("facts", TEXT, "JSON: counts, notes and digests of content, from which tables that span recordings are made"),
            _field("marks", pa.binary(), "digests of stretches of motion, 8 bytes each, little endian"),
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
            _field("run", TEXT, "its id; the tag run-<id> names its snapshot in every table"),
            _field("started", TEXT, "UTC, ISO 8601"),
            _field("ended", TEXT, "UTC, ISO 8601, just before its last commit"),
            _field("code", TEXT, "digest of the code it ran"),
            _field("contract", pa.int32(), "version of the contract"),
            _field("curation", pa.int32(), "version of the curation"),
            _field("recordings", pa.int64(), "accepted recordings"),
            _field("curated_anew", pa.int64(), "recordings that this run curated; the others were unchanged"),
            _field("put_aside", pa.int64(), "recordings and objects in quarantine"),
            _field("summary", TEXT, "JSON: the whole summary"),
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
            _LAB,
            _field("split", TEXT, "train or test"),
            _field("video_id", pa.int64(), "recording"),
            _field("frames_per_second", pa.float64(), "frame rate of the recording, 1/s"),
            _field("pix_per_cm_approx", pa.float64(), "scale of the picture, pixels per cm; null if the body length is the unit"),
            _field("duration_s", pa.float64(), "tracked frames / frame rate, s"),
            _field("stated_frames_ratio", pa.float64(), "frames by the stated duration / tracked frames; null if none is stated"),
            _field("mice_tracked", pa.int32(), "mice that tracking holds"),
            _field("missing_share", pa.float64(), "share of keypoints that the tracker lost, 0 to 1"),
            _field("missing_by_bodypart", TEXT, "JSON object: the same for each bodypart, over all mice"),
            _field("bodyparts_never_seen", TEXT, 'JSON list, such as "mouse2 nose"'),
            _field("absent_share", pa.float64(), "share of frames in which a mouse has no keypoint at all, mean over mice, 0 to 1"),
            _field("gaps_per_minute", pa.float64(), "times that a keypoint is lost and seen again, mean over keypoints, 1/min"),
            _field("longest_gap_s", pa.float64(), "longest time that a keypoint is lost and seen again, s"),
            _field("points_outside", pa.int64(), "seen keypoints outside the picture; null without a scale"),
            _field("outside_share", pa.float64(), "the same, as a share of all seen keypoints, 0 to 1"),
            _field("teleports", pa.int64(), "times that most of a mouse jumps faster than it can run"),
            _field("teleport_frames", TEXT, "JSON list of the first of these frames of the film"),
            _field("swap_suspects", pa.int64(), "times that two mice seem to exchange their ids"),
            _field("swap_suspect_frames", TEXT, "JSON list of the first of these frames of the film"),
            _field("doubled_frames", pa.int64(), "frames in which two mice have the same pose"),
            _field(
                "body_length_cm",
                pa.float64(),
                "median length from nose (or head) to tail base, cm; null without these or a scale",
            ),
            _field("median_speed_cm_per_s", pa.float64(), "median speed of all seen keypoints, cm/s"),
            _field("triples_annotated", pa.int64(), "triples in behaviors_labeled"),
            _field("bouts", pa.int64(), "annotated bouts; null without an annotation, as all columns below"),
            _field("labeled_share", pa.float64(), "share of frames within a bout of any kind, 0 to 1"),
            _field("last_label_share", pa.float64(), "end of the last bout as a share of the recording, 0 to 1"),
            _field("short_bouts", pa.int64(), "bouts of at most 0.1 s"),
        ]
    ),
    keys=("lab_id", "split", "video_id"),
)

CURATED_TABLES = (
    METADATA_TRAIN,
    METADATA_TEST,
    TRACKING_CURATED,
    ANNOTATIONS_ENRICHED,
    CLASS_DISTRIBUTION_STATS,
    DATA_QUALITY,
    LINEAGE,
    RUNS,
)
"""Tables of the curated zone that the ETL writes."""

_PREDICTED_IN = [
    _field("split", NAME, "train or test"),
    _field("video_id", pa.int64(), "recording"),
    _field("agent_id", pa.int32(), "mouse that acts; null if the recognizer names no mouse"),
    _field("target_id", pa.int32(), "mouse acted upon; the agent itself for a self behavior; null if the recognizer names no mouse"),
    _field("action", TEXT, "behavior"),
    _field("kind", TEXT, "self or pair; arena if the recognizer names no mouse"),
]
_PREDICTED_BY = [
    _field("frames_per_second", pa.float64(), "frame rate of the recording, 1/s"),
    _field("recognizer", NAME, "SHA-256 of the checkpoint; of several joined with +; and +tta for test-time augmentation"),
    _field("recipe", NAME, "recipe of the checkpoint; of several joined with +"),
]
PREDICTED_BOUTS = Table(
    name="predicted_bouts",
    zone="curated",
    grain="one bout that a recognizer predicted",
    schema=pa.schema(
        [
            *_PREDICTED_IN,
            _field("start_frame", pa.int32(), "first frame"),
            _field("stop_frame", pa.int32(), "frame after the last"),
            _field("duration_s", pa.float64(), "duration, s"),
            _field("confidence", pa.float32(), "mean smoothed and calibrated score of its frames, 0 to 1"),
            _field("threshold", pa.float32(), "least score, 0 to 1, at which this recognizer predicts this behavior in this lab"),
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
            _field("first_frame", pa.int32(), "frame that tracking begins at"),
            _field("frame_count", pa.int32(), "frames from the first to the last"),
            *_PREDICTED_BY,
        ]
    ),
    partition="lab_id",
    keys=("split", "video_id", "action", "kind", "first_frame", "frame_count", "frames_per_second", "recognizer"),
)
PREDICTION_TABLES = (PREDICTED_BOUTS, PREDICTABLE_TRIPLES)
"""Predicted, and predictable: a triple without a bout in the first table is absent, one that the second lacks is unknown."""

VIDEO_MANIFEST = Table(
    name="video_manifest",
    zone="curated",
    grain="one film",
    schema=pa.schema(
        [
            _LAB,
            _field("video_id", pa.int64(), "film: its name if that is a number, else a number made from lab and name"),
            _field("name", TEXT, "file name of the film, without its ending"),
            _field("file", TEXT, "key of the film in this zone"),
            _field("frames", pa.int64(), "frames, counted by decoding"),
            _field("rate_numerator", pa.int64(), "frames per second as a fraction: its numerator"),
            _field("rate_denominator", pa.int64(), "and its denominator"),
            _field("width_px", pa.int32(), "width of the upright picture, pixels"),
            _field("height_px", pa.int32(), "height of the upright picture, pixels"),
            _field("codec", TEXT, "codec"),
            _field("rotation_degrees", pa.int16(), "degrees by which the stored picture was turned, counterclockwise"),
            _field("variable_rate", pa.bool_(), "whether frames are not equally far apart; the rate is then the mean"),
            _field("sha256", TEXT, "SHA-256 of the film"),
            _field("pictures", TEXT, "digest of the decoded pictures, equal for the same film in another container"),
            _field("labels_sha256", TEXT, "SHA-256 of the label file; null for a film without labels"),
            _field("behaviors", TEXT, "JSON list of the behaviors that experts looked for; null for a film without labels"),
            _field("labelled_frames", pa.int64(), "frames with a label; all others are unknown"),
            _field("individual", TEXT, "the mouse, if it is known"),
            _field("content_group", pa.int64(), "smallest video_id among the films of the same pictures or the same individual"),
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
            _field("video_id", pa.int64(), "film"),
            _field("action", TEXT, "behavior, after merging"),
            _field("written", TEXT, "behavior as the expert wrote it"),
            _field("start_frame", pa.int32(), "first frame"),
            _field("stop_frame", pa.int32(), "frame after the last"),
        ]
    ),
    partition="lab_id",
    keys=("video_id", "action", "written", "start_frame", "stop_frame"),
)
