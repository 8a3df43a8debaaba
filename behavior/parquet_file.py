"""Read Parquet files and objects into the columns of a table; a broken one becomes a fault that names it, never a traceback.

The checksum of a page is checked if there is one: without that, a reader does not notice a flipped byte.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from behavior.contract import ContractError, Fault
from behavior.table import NAME, Table, no_rows

Source: TypeAlias = Path | pa.Buffer
"""A file, or the bytes of an object."""
_BUFFER_BYTES = 1 << 16
"""Without a buffer, a batch reads its whole row group into memory, which may be the whole file."""
COPY_AGAIN = "Copy the file again from where it came."


def read_rows(table: Table, source: Source, where: str, *, mend: str = COPY_AGAIN, threads: bool = True) -> pa.Table:
    """Return all rows, in the columns and types of `table`; other columns are not read.

    `where` is the name of the source in messages, `mend` says how to replace a broken one. Raises ContractError with all faults.
    """
    with _broken_is_a_fault(where, mend), _open(table, source) as file:
        rows = file.read(_columns(table, file.schema_arrow, where), use_threads=threads)
        rows.validate(full=True)  # a damaged footer can leave codes that are not in their dictionary
        return table.check(rows, where)


def read_batches(table: Table, source: Source, where: str, rows_at_once: int, *, mend: str = COPY_AGAIN) -> Iterator[pa.Table]:
    """Yield the same rows as tables of at most `rows_at_once` rows, so that no more are in memory; the first table is empty.

    Raises ContractError at the latest when the broken part of a file is read.
    """
    with _broken_is_a_fault(where, mend), _open(table, source, _BUFFER_BYTES) as file:
        columns = _columns(table, file.schema_arrow, where)
        yield table.schema.empty_table()
        missing = file.metadata.num_rows
        for batch in file.iter_batches(rows_at_once, columns=columns, use_threads=False):
            batch.validate(full=True)
            missing -= len(batch)
            yield table.check(pa.Table.from_batches([batch]), where)
        if missing:
            raise pa.ArrowInvalid(f"{missing} rows fewer than it says at its end")


def footer_faults(table: Table, source: Source, where: str, *, mend: str = COPY_AGAIN) -> tuple[Fault, ...]:
    """Return the faults that the footer of a file shows; its pages are not read."""
    try:
        with _broken_is_a_fault(where, mend), _open(table, source) as file:
            _columns(table, file.schema_arrow, where)
    except ContractError as error:
        return error.faults
    return ()


def _open(table: Table, source: Source, buffer_bytes: int = 0) -> pq.ParquetFile:
    place = pa.BufferReader(source) if isinstance(source, pa.Buffer) else source
    footer = pq.read_metadata(place)
    # one string for each row of a column of few names would cost more than all the rest
    names = [field.name for field in table.schema if field.type == NAME and footer.schema.names.count(field.name) == 1]
    place = pa.BufferReader(source) if isinstance(source, pa.Buffer) else source
    return pq.ParquetFile(
        place, metadata=footer, read_dictionary=names, buffer_size=buffer_bytes, pre_buffer=False, page_checksum_verification=True
    )


def _columns(table: Table, schema: pa.Schema, where: str) -> list[str]:
    """Return the table's columns that the file has. Raises ContractError for missing, repeated or mistyped columns."""
    table.check(no_rows(schema), where)
    return [name for name in table.schema.names if name in schema.names]


@contextmanager
def _broken_is_a_fault(where: str, mend: str) -> Iterator[None]:
    try:
        yield
    except ContractError:
        raise
    except FileNotFoundError:
        raise ContractError(Fault("file-missing", where, "Expected a Parquet file, but got no such file.", mend)) from None
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:  # Arrow raises any of these for damaged bytes
        reason = " ".join(str(error).split())[:160].rstrip(".")
        raise ContractError(Fault("file-unreadable", where, f"Expected a Parquet file, but got: {reason}.", mend)) from None
