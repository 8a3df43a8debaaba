import pyarrow as pa
import pytest

from behavior.contract import ContractError
from behavior.tables import (
    ANNOTATIONS_ENRICHED,
    CURATED_TABLES,
    RAW_ANNOTATION,
    RAW_TRACKING,
    TRACKING_CURATED,
    Table,
    doc,
    parse_metadata,
)

CSV = b"""lab_id,video_id,mouse1_id,frames_per_second,pix_per_cm_approx,video_width_pix,video_height_pix,behaviors_labeled
QuietOtter,7,1.0,25.0,12.5,400,200,"[""mouse1,mouse2,sniff""]"
QuietOtter,8,,30.0,,400,200,
"""


def test_whole_numbers_of_any_width_are_brought_in_line():
    ids, frames = pa.array([1], pa.int64()), pa.array([70_000], pa.int32())
    rows = pa.table({"agent_id": ids, "target_id": ids, "action": ["sniff"], "start_frame": frames, "stop_frame": frames})
    assert RAW_ANNOTATION.check(rows, "a").schema == RAW_ANNOTATION.schema


def test_text_where_numbers_belong_and_missing_columns_are_all_told():
    rows = pa.table({"video_frame": ["NA"], "mouse_id": [1], "body_part": ["nose"], "x": [1.0]})
    with pytest.raises(ContractError) as caught:
        RAW_TRACKING.check(rows, "lab/7.parquet")
    told = "\n".join(caught.value.faults)
    assert "Expected column video_frame to hold int32, but got string" in told
    assert "Rename column body_part" in told
    assert "Expected a column y" in told
    assert all(fault.startswith("lab/7.parquet: ") for fault in caught.value.faults)


def test_whole_numbers_stored_as_floats_pass_and_fractions_do_not():
    def rows(frame: float) -> pa.Table:
        return pa.table({"video_frame": [frame], "mouse_id": [1], "bodypart": ["nose"], "x": [1.0], "y": [1.0]})

    assert RAW_TRACKING.check(rows(3.0), "a").column("video_frame").to_pylist() == [3]
    with pytest.raises(ContractError, match="video_frame"):
        RAW_TRACKING.check(rows(3.5), "a")


def test_an_empty_key_is_a_fault():
    rows = pa.table({"video_frame": [None], "mouse_id": [1], "bodypart": ["nose"], "x": [1.0], "y": [1.0]})
    with pytest.raises(ContractError, match="1 empty values"):
        RAW_TRACKING.check(rows, "a")


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


@pytest.mark.parametrize("table", CURATED_TABLES, ids=lambda table: table.name)
def test_every_curated_column_has_a_meaning_and_a_hive_type(table: Table):
    assert all(doc(field) for field in table.schema)
    assert [column["Name"] for column in table.glue_columns()] == table.schema.names
    assert table.partition not in table.schema.names
    assert table.grain.startswith("one ")


def test_names_of_columns_carry_their_units():
    assert {"x_cm", "vx_cm_per_s"} <= set(TRACKING_CURATED.schema.names)
    assert "duration_s" in ANNOTATIONS_ENRICHED.schema.names


def test_keys_are_partitioned_by_lab_and_the_fingerprint_follows_the_schema():
    assert TRACKING_CURATED.key("train-7.parquet", "QuietOtter") == "tracking_curated/lab_id=QuietOtter/train-7.parquet"
    assert TRACKING_CURATED.fingerprint != ANNOTATIONS_ENRICHED.fingerprint
