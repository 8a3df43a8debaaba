import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from behavior.contract import ContractError
from behavior.parquet_file import footer_faults, read_batches, read_rows
from behavior.tables import RAW_TRACKING

FRAMES = 60
ROWS = pa.table(
    {
        "video_frame": pa.array(range(FRAMES), pa.int16()),
        "mouse_id": pa.array([1] * FRAMES, pa.int8()),
        "bodypart": ["nose", "tail"] * (FRAMES // 2),
        "x": [float(frame) for frame in range(FRAMES)],
        "y": [0.5] * FRAMES,
        "likelihood": [1.0] * FRAMES,
    }
)


def as_bytes(rows: pa.Table = ROWS, **options: object) -> bytes:
    target = io.BytesIO()
    pq.write_table(rows, target, **options)
    return target.getvalue()


def refused(action, *arguments) -> list[str]:
    with pytest.raises(ContractError) as caught:
        action(*arguments)
    return [fault.code for fault in caught.value.faults]


def in_batches(source: Path | pa.Buffer, rows_at_once: int = 25) -> pa.Table:
    return pa.concat_tables(read_batches(RAW_TRACKING, source, "7.parquet", rows_at_once))


READERS = pytest.mark.parametrize(
    "read", [lambda source: read_rows(RAW_TRACKING, source, "7.parquet"), in_batches], ids=["whole", "batches"]
)


@READERS
def test_rows_come_in_the_columns_and_types_of_their_table(read, tmp_path):
    (tmp_path / "7.parquet").write_bytes(as_bytes())
    for source in (tmp_path / "7.parquet", pa.py_buffer(as_bytes())):
        rows = read(source)
        assert rows.schema == RAW_TRACKING.schema
        assert rows.to_pylist() == ROWS.drop_columns(["likelihood"]).to_pylist()


def test_no_batch_holds_more_rows_than_asked_for():
    batches = list(read_batches(RAW_TRACKING, pa.py_buffer(as_bytes()), "7.parquet", 25))
    assert [len(batch) for batch in batches] == [0, 25, 25, 10]
    assert {batch.schema for batch in batches} == {RAW_TRACKING.schema}


@READERS
@pytest.mark.parametrize("content", [b"", b"PAR1 but not really PAR1", as_bytes()[:-20], as_bytes()[:400], b"x,y\n1,2\n"])
def test_a_broken_file_is_one_fault_that_names_it(read, content, tmp_path):
    path = tmp_path / "7.parquet"
    path.write_bytes(content)
    for source in (path, pa.py_buffer(content)):
        with pytest.raises(ContractError) as caught:
            read(source)
        (fault,) = caught.value.faults
        assert (fault.code, fault.where) == ("file-unreadable", "7.parquet")
        assert str(fault).startswith("7.parquet: Expected a Parquet file, but got: ")
        assert "\n" not in str(fault)
        assert [one.code for one in footer_faults(RAW_TRACKING, source, "7.parquet")] == ["file-unreadable"]


@READERS
def test_a_file_that_is_not_there_is_a_fault_of_its_own(read, tmp_path):
    assert refused(read, tmp_path / "7.parquet") == ["file-missing"]
    assert [fault.code for fault in footer_faults(RAW_TRACKING, tmp_path / "7.parquet", "7")] == ["file-missing"]


@READERS
@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_a_flipped_byte_inside_a_page_is_found(read, compression):
    content = bytearray(as_bytes(compression=compression, use_dictionary=False, write_page_checksum=True))
    x = pq.read_metadata(io.BytesIO(content)).row_group(0).column(3)
    content[x.data_page_offset + x.total_compressed_size - 9] ^= 1
    assert refused(read, pa.py_buffer(bytes(content))) == ["file-unreadable"]
    assert footer_faults(RAW_TRACKING, pa.py_buffer(bytes(content)), "7.parquet") == (), "the footer does not know"


CHECKED = {how: as_bytes(compression=how, write_page_checksum=True) for how in ("none", "zstd")}


@READERS
@settings(max_examples=300, deadline=None)
@given(how=st.sampled_from(sorted(CHECKED)), place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_whichever_bit_flips_there_is_a_fault_or_the_very_same_rows(read, how, place, bit):
    content = bytearray(CHECKED[how])
    content[place % len(content)] ^= 1 << bit
    try:
        rows = read(pa.py_buffer(bytes(content)))
    except ContractError:
        return
    assert rows.to_pylist() == ROWS.drop_columns(["likelihood"]).to_pylist()


@READERS
def test_a_column_twice_is_named_if_the_table_has_it(read):
    twice = pa.table([*ROWS.columns, ROWS["x"], ROWS["likelihood"]], names=[*ROWS.column_names, "x", "likelihood"])
    content = pa.py_buffer(as_bytes(twice))
    with pytest.raises(ContractError, match=r"7.parquet: Expected a column x once, but got it 2 times\. Remove all but one of them\."):
        read(content)
    assert [fault.code for fault in footer_faults(RAW_TRACKING, content, "7.parquet")] == ["column-repeated"]
    harmless = pa.table([*ROWS.columns, ROWS["likelihood"]], names=[*ROWS.column_names, "likelihood"])
    assert len(read(pa.py_buffer(as_bytes(harmless)))) == FRAMES


def test_the_footer_tells_what_columns_there_are():
    assert footer_faults(RAW_TRACKING, pa.py_buffer(as_bytes()), "7.parquet") == ()
    (fault,) = footer_faults(RAW_TRACKING, pa.py_buffer(as_bytes(ROWS.drop_columns(["y"]))), "7.parquet")
    assert (fault.code, fault.where) == ("column-missing", "7.parquet")
