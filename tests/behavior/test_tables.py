import pyarrow as pa
import pytest

from behavior.contract import ContractError
from behavior.table import doc
from behavior.tables import (
    ANNOTATIONS_ENRICHED,
    CURATED_TABLES,
    METADATA_TRAIN,
    PREDICTION_TABLES,
    RAW_ANNOTATION,
    RAW_TRACKING,
    TRACKING_CURATED,
    Table,
    parse_metadata,
)

CSV = b"""lab_id,video_id,mouse1_id,frames_per_second,pix_per_cm_approx,video_width_pix,video_height_pix,behaviors_labeled
QuietOtter,7,1.0,25.0,12.5,400,200,"[""mouse1,mouse2,sniff""]"
QuietOtter,8,,30.0,,400,200,
"""


def test_metadata_say_where_the_scale_is_from_whether_the_file_says_it_or_not():
    assert parse_metadata(CSV, "train.csv").column("scale_source").to_pylist() == ["measured", "body_length"]
    said = CSV.replace(b"behaviors_labeled", b"behaviors_labeled,scale_source").replace(b'sniff""]"', b'sniff""]",body_length')
    said = said.replace(b"400,200,\n", b"400,200,,measured\n")  # of a row without a scale it cannot be true
    assert parse_metadata(said, "train.csv").column("scale_source").to_pylist() == ["body_length", "body_length"]


def test_whole_numbers_of_any_width_are_brought_in_line():
    ids, frames = pa.array([1], pa.int64()), pa.array([70_000], pa.int32())
    rows = pa.table({"agent_id": ids, "target_id": ids, "action": ["sniff"], "start_frame": frames, "stop_frame": frames})
    assert RAW_ANNOTATION.check(rows, "a").schema == RAW_ANNOTATION.schema


def test_text_where_numbers_belong_and_missing_columns_are_all_told():
    rows = pa.table({"video_frame": ["NA"], "mouse_id": [1], "body_part": ["nose"], "x": [1.0]})
    with pytest.raises(ContractError) as caught:
        RAW_TRACKING.check(rows, "lab/7.parquet")
    told = str(caught.value)
    assert "Expected column video_frame to hold int32, but got string" in told
    assert "Rename column body_part" in told
    assert "Expected a column y" in told
    assert {fault.where for fault in caught.value.faults} == {"lab/7.parquet"}
    assert sorted(fault.code for fault in caught.value.faults) == ["column-missing", "column-missing", "column-type"]


def test_whole_numbers_stored_as_floats_pass_and_fractions_do_not():
    def rows(frame: float) -> pa.Table:
        return pa.table({"video_frame": [frame], "mouse_id": [1], "bodypart": ["nose"], "x": [1.0], "y": [1.0]})

    assert RAW_TRACKING.check(rows(3.0), "a").column("video_frame").to_pylist() == [3]
    with pytest.raises(ContractError, match="video_frame"):
        RAW_TRACKING.check(rows(3.5), "a")


def tracking(**columns) -> pa.Table:
    """One row of tracking, with some columns changed."""
    return pa.table({"video_frame": [0], "mouse_id": [1], "bodypart": ["nose"], "x": [1.0], "y": [1.0]} | columns)


@pytest.mark.parametrize(
    ("column", "values", "code", "told"),
    [
        ("video_frame", [3.5], "column-type", "to hold int32, but got double (Float value 3.500000"),
        ("video_frame", ["3"], "column-type", "to hold int32, but got string."),
        ("video_frame", [float("nan")], "column-type", "to hold int32, but got double (Float value nan"),
        ("video_frame", [3_000_000_000], "column-type", "to hold int32, but got int64 (Integer value 3000000000"),
        ("video_frame", [True], "column-type", "to hold int32, but got bool."),
        ("video_frame", [None], "value-missing", "to be filled, but got 1 empty values."),
        ("mouse_id", [200], "column-type", "to hold int8, but got int64 (Integer value 200"),
        ("mouse_id", [float("nan")], "column-type", "to hold int8, but got double (Float value nan"),
        ("mouse_id", ["mouse1"], "column-type", "to hold int8, but got string."),
        ("bodypart", [None], "value-missing", "to be filled, but got 1 empty values."),
        ("bodypart", [" "], "value-missing", "to be filled, but got 1 empty values."),
        ("bodypart", [3], "column-type", "to hold text, but got int64."),
        ("x", ["1.0"], "column-type", "to hold float, but got string."),
        ("x", [[1.0]], "column-type", "to hold float, but got list<item: double>."),
    ],
)
def test_a_column_that_does_not_fit_is_one_clear_fault(column, values, code, told):
    with pytest.raises(ContractError) as caught:
        RAW_TRACKING.check(tracking(**{column: values}), "lab/7.parquet")
    (fault,) = caught.value.faults
    assert (fault.code, fault.where) == (code, "lab/7.parquet")
    assert fault.text.startswith(f"Expected column {column} {told}")


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("bodypart", pa.array(["nose"], pa.large_string()).dictionary_encode()),
        ("bodypart", pa.array(["nose"], pa.string_view())),
        ("video_frame", pa.array([0]).dictionary_encode()),
        ("video_frame", pa.array([0], pa.uint64())),
        ("x", pa.array([2**30], pa.int64())),
        ("x", pa.array([1.5], pa.float16())),
        ("x", pa.array([None])),
    ],
)
def test_what_says_the_same_in_another_dress_passes(column, values):
    assert RAW_TRACKING.check(tracking(**{column: values}), "a").schema == RAW_TRACKING.schema


def test_a_reader_may_ask_for_some_columns_and_older_zones_lack_some():
    some = METADATA_TRAIN.only("video_id", "first_frame")
    rows = some.check(pa.table({"video_id": [7], "lab_id": ["QuietOtter"]}), "metadata")
    assert rows.to_pylist() == [{"video_id": 7, "first_frame": None}]
    with pytest.raises(ContractError, match="Expected column video_id to be filled"):
        some.check(pa.table({"video_id": pa.array([None], pa.int64())}), "metadata")
    with pytest.raises(ContractError, match="Expected a column video_id"):
        some.check(pa.table({"lab_id": ["QuietOtter"]}), "metadata")


def test_a_column_twice_is_named():
    twice = pa.table([*tracking().columns, pa.array([2.0])], names=[*tracking().column_names, "x"])
    with pytest.raises(ContractError) as caught:
        RAW_TRACKING.check(twice, "lab/7.parquet")
    (fault,) = caught.value.faults
    assert fault.code == "column-repeated"
    assert str(fault) == "lab/7.parquet: Expected a column x once, but got it 2 times. Remove all but one of them."


def test_metadata_with_a_column_twice_or_of_another_alphabet_is_refused():
    header, first, *_ = CSV.split(b"\n")
    with pytest.raises(ContractError, match="Expected a column video_id once, but got it 2 times"):
        parse_metadata(header + b",video_id\n" + first + b",8\n", "train.csv")
    with pytest.raises(ContractError, match=r"train\.csv: Expected a CSV table, but got"):
        parse_metadata(CSV.replace(b"QuietOtter", b"Qui\xffet"), "train.csv")


def test_metadata_keeps_its_types_and_fills_columns_a_lab_leaves_out():
    table = parse_metadata(CSV, "train.csv")
    first, second = table.to_pylist()
    assert first["video_id"] == 7
    assert first["behaviors_labeled"] == '["mouse1,mouse2,sniff"]'
    assert first["arena_shape"] is None
    assert second["pix_per_cm_approx"] is None
    assert second["mouse1_id"] is None


def test_metadata_that_is_no_table_is_refused_with_its_name():
    with pytest.raises(ContractError, match=r"train\.csv"):
        parse_metadata(b"lab_id,video_id\nA\n", "train.csv")
    with pytest.raises(ContractError, match="Expected a column frames_per_second"):
        parse_metadata(b"lab_id,video_id\nA,1\n", "train.csv")
    with pytest.raises(ContractError, match="Expected column video_id to hold int64"):
        parse_metadata(CSV.replace(b",7,", b",../../evil,"), "train.csv")


@pytest.mark.parametrize("table", [*CURATED_TABLES, *PREDICTION_TABLES], ids=lambda table: table.name)
def test_every_curated_column_has_a_meaning(table: Table):
    assert all(doc(field) for field in table.schema)
    assert table.partition not in table.schema.names
    assert table.grain.startswith("one ")


def test_names_of_columns_carry_their_units():
    assert {"x_cm", "vx_cm_per_s"} <= set(TRACKING_CURATED.schema.names)
    assert "duration_s" in ANNOTATIONS_ENRICHED.schema.names


def test_the_fingerprint_follows_the_schema():
    assert TRACKING_CURATED.fingerprint != ANNOTATIONS_ENRICHED.fingerprint


def test_a_curated_table_has_one_folder_and_a_raw_one_none_of_its_own():
    assert TRACKING_CURATED.location == "tracking_curated/"
    with pytest.raises(ValueError, match="Expected a table with one folder, but got tracking of the raw zone"):
        _ = RAW_TRACKING.location
