"""Every table of the lake: zone, grain, columns with types and units, partition. Spark, Glue, Athena, tests and error messages read this.

Units end a column's name (`_cm`, `_cm_per_s`, `_s`); columns of the published files keep their published names.
"""

import difflib
import hashlib
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from behavior.contract import ContractError, refuse
from behavior.recording import MAX_MICE

TEXT = pa.string()
NAME = pa.dictionary(pa.int32(), pa.string())
"""A text column with few values: dictionary in memory, plain string in SQL."""

_HIVE_TYPES = {
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    TEXT: "string",
    NAME: "string",
}


@dataclass(frozen=True)
class Table:
    """One table of the lake."""

    name: str
    """Name in the catalog, or of the folder in the raw zone."""
    zone: str
    """raw or curated."""
    grain: str
    """What one row is."""
    schema: pa.Schema
    """Columns without the partition column; each field's metadata holds its meaning under `doc`."""
    partition: str | None = None
    """The column that folders are named by, always text."""
    optional: frozenset[str] = frozenset()
    """Columns a file may lack; they are filled with nulls."""
    keys: tuple[str, ...] = ()
    """Columns that may not hold nulls."""

    @property
    def location(self) -> str:
        """Prefix of the table's objects inside its zone's bucket."""
        return f"{self.name}/"

    @property
    def fingerprint(self) -> str:
        """A short digest of names and types: two versions of a table that differ in either have different ones."""
        columns = "\n".join(f"{field.name} {field.type}" for field in self.schema)
        return hashlib.sha256(f"{self.name}\n{columns}".encode()).hexdigest()[:16]

    def key(self, file_name: str, partition_value: str | None = None) -> str:
        """Return the object key of one file of this table."""
        folder = f"{self.partition}={partition_value}/" if self.partition else ""
        return f"{self.location}{folder}{file_name}"

    def check(self, rows: pa.Table, where: str) -> pa.Table:
        """Return `rows` with this table's columns in order and type.

        Widths of whole numbers and of floats may differ between files and are brought in line; anything else that does not fit
        is a fault. `where` names the source in messages. Raises ContractError with all faults.
        """
        columns, faults = [], []
        for field in self.schema:
            if field.name not in rows.column_names:
                if field.name in self.optional:
                    columns.append(pa.nulls(len(rows), field.type))
                else:
                    faults.append(f"{where}: {_missing_column(field.name, rows.column_names)}")
                continue
            try:
                column = _conform(rows.column(field.name), field.type)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, TypeError):
                got = rows.schema.field(field.name).type
                faults.append(f"{where}: Expected column {field.name} to hold {field.type}, but got {got}. Convert the column.")
                continue
            if field.name in self.keys and column.null_count:
                empty = f"{column.null_count} empty values. Remove or fill those rows"
                faults.append(f"{where}: Expected column {field.name} to be filled, but got {empty}.")
            columns.append(column)
        refuse(faults)
        return pa.table(columns, schema=self.schema)

    def glue_columns(self) -> list[dict[str, str]]:
        """Return the columns as the Glue catalog writes them: Name, Type (Hive), Comment."""
        return [{"Name": field.name, "Type": _HIVE_TYPES[field.type], "Comment": doc(field)} for field in self.schema]


def doc(field: pa.Field) -> str:
    """Return what a column means."""
    return (field.metadata or {}).get(b"doc", b"").decode()


def parse_metadata(data: bytes, where: str) -> pa.Table:
    """Read the bytes of a train.csv or test.csv into the columns of `RAW_METADATA`; columns a lab leaves out are null.

    Raises ContractError with all faults of form; `recordings_from_rows` finds the faults of content.
    """
    try:
        header = pa_csv.open_csv(pa.py_buffer(data), parse_options=_CSV).schema.names
        as_text = pa_csv.ConvertOptions(column_types=dict.fromkeys(header, TEXT), strings_can_be_null=True, null_values=["", "nan", "NaN"])
        text = pa_csv.read_csv(pa.py_buffer(data), parse_options=_CSV, convert_options=as_text)
    except pa.ArrowInvalid as error:
        raise ContractError([f"{where}: Expected a CSV table, but got: {error}. Export the metadata again."]) from None
    faults = []
    for position, name in enumerate(text.column_names):
        wanted = RAW_METADATA.schema.field(name).type if name in RAW_METADATA.schema.names else TEXT
        try:
            text = text.set_column(position, name, pc.cast(pc.utf8_trim_whitespace(text.column(name)), wanted))
        except pa.ArrowInvalid as error:
            faults.append(f"{where}: Expected column {name} to hold {wanted}, but got: {error}. Correct the metadata.")
    refuse(faults)
    return RAW_METADATA.check(text, where)


_CSV = pa_csv.ParseOptions(newlines_in_values=True)


def _conform(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    got = column.type
    if got == wanted:
        return column
    if pa.types.is_dictionary(wanted) or wanted == TEXT:
        if pa.types.is_dictionary(got) and got.value_type == TEXT:
            return column.cast(wanted)
        if pa.types.is_large_string(got) or pa.types.is_string_view(got) or got == TEXT:
            text = column.cast(TEXT)
            return text.dictionary_encode() if pa.types.is_dictionary(wanted) else text
        if pa.types.is_null(got):
            return pa.chunked_array([pa.nulls(len(column), wanted)])
        raise TypeError
    if pa.types.is_null(got) or (pa.types.is_integer(got) and (pa.types.is_integer(wanted) or pa.types.is_floating(wanted))):
        return column.cast(wanted)
    if pa.types.is_floating(got) and pa.types.is_floating(wanted):
        return column.cast(wanted, safe=False)
    if pa.types.is_floating(got) and pa.types.is_integer(wanted):
        return column.cast(wanted)  # whole numbers that were stored as floats; anything else raises
    raise TypeError


def _missing_column(name: str, present: list[str]) -> str:
    near = difflib.get_close_matches(name, present, n=1)
    hint = f"Rename column {near[0]}" if near else "Add the column"
    return f"Expected a column {name}, but got only {', '.join(sorted(present)) or 'none'}. {hint}."


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
    _field("pix_per_cm_approx", pa.float64(), "scale of the picture, pixels per cm"),
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
_METADATA_KEYS = ("lab_id", "video_id", "frames_per_second", "pix_per_cm_approx", "video_width_pix", "video_height_pix")
_LAB = _field("lab_id", TEXT, "laboratory")

RAW_METADATA = Table(
    name="metadata",
    zone="raw",
    grain="one recording",
    schema=pa.schema([_LAB, *_METADATA_FIELDS]),
    optional=frozenset(field.name for field in _METADATA_FIELDS) - {*_METADATA_KEYS, "behaviors_labeled"},
)
RAW_TRACKING = Table(
    name="tracking",
    zone="raw",
    grain="one keypoint of one mouse at one frame; a lost keypoint has no row, or NaN",
    schema=pa.schema(
        [
            _field("video_frame", pa.int32(), "frame, from 0"),
            _field("mouse_id", pa.int8(), "mouse, from 1"),
            _field("bodypart", NAME, "bodypart"),
            _field("x", pa.float32(), "pixels from the picture's left"),
            _field("y", pa.float32(), "pixels from the picture's top"),
        ]
    ),
    partition="lab_id",
    keys=("video_frame", "mouse_id", "bodypart"),
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
        ]
    ),
    partition="lab_id",
    keys=("agent_id", "target_id", "action", "start_frame", "stop_frame"),
)

_FROM_TRACKING = [
    _field("frame_count", pa.int32(), "frames, counted from tracking"),
    _field("mice_tracked", pa.int8(), "mice that tracking holds"),
    _field("seen_share", pa.float64(), "share of keypoints that the tracker saw, 0 to 1"),
    _field("content_group", pa.int64(), "smallest video_id among the recordings of this split that show the same video, under any id"),
]


def _curated_metadata(split: str) -> Table:
    return Table(
        name=f"metadata_{split}",
        zone="curated",
        grain="one recording",
        schema=pa.schema([_LAB, *_METADATA_FIELDS, *_FROM_TRACKING]),
        keys=_METADATA_KEYS,
    )


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
            _field("mouse_id", pa.int8(), "mouse, from 1"),
            _field("bodypart", NAME, "bodypart as the lab names it"),
            _field("video_frame", pa.int32(), "frame, from 0, without gaps"),
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
            *RAW_ANNOTATION.schema,
            _field("duration_s", pa.float64(), "duration, s"),
            _field("kind", TEXT, "self or pair"),
            _field("annotated", pa.bool_(), "whether behaviors_labeled lists this triple"),
            _field("frames_per_second", pa.float64(), "frame rate of the recording, 1/s"),
        ]
    ),
    partition="lab_id",
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
CURATED_TABLES = (METADATA_TRAIN, METADATA_TEST, TRACKING_CURATED, ANNOTATIONS_ENRICHED, CLASS_DISTRIBUTION_STATS)
