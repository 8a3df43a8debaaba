"""One table of the lake: its columns with types and meanings, and the check that converts rows to them."""

import difflib
import hashlib
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from behavior.contract import Fault, refuse

TEXT = pa.string()
NAME = pa.dictionary(pa.int32(), pa.string())
"""A text column with few values: dictionary in memory, plain string in SQL."""


@dataclass(frozen=True)
class Table:
    """One table of the lake."""

    name: str
    """Name in the catalog, or of the folder in the raw zone."""
    zone: str
    """raw or curated."""
    grain: str
    """What one row stands for."""
    schema: pa.Schema
    """Columns without the partition column; each field's metadata holds its meaning under `doc`."""
    partition: str | None = None
    """The column with the names of the folders, always text."""
    optional: frozenset[str] = frozenset()
    """Columns that a file may lack; they are filled with nulls."""
    keys: tuple[str, ...] = ()
    """Columns that may not hold nulls."""
    by_split: bool = False
    """Whether its objects lie in folders or files of their own for each split, as those of recordings in the raw zone do."""
    by_frame: bool = False
    """Whether it has rows for each frame: so many that a query of SQL must say which partitions it reads, or that it reads all."""

    @property
    def location(self) -> str:
        """Prefix of the objects of a table with one folder. Other tables have a folder for each split, which behavior/keys.py knows."""
        if self.by_split:
            raise ValueError(
                f"Expected a table with one folder, but got {self.name} of the {self.zone} zone. Use behavior/keys.py for its objects."
            )
        return f"{self.name}/"

    @property
    def fingerprint(self) -> str:
        """A short digest of the names and types of the columns."""
        columns = "\n".join(f"{field.name} {field.type}" for field in self.schema)
        return hashlib.sha256(f"{self.name}\n{columns}".encode()).hexdigest()[:16]

    def only(self, *names: str) -> "Table":
        """Return the table with these columns and no others, in this order, for readers that need no more."""
        return replace(self, schema=pa.schema([self.schema.field(name) for name in names]), keys=tuple(set(self.keys) & set(names)))

    def with_partition(self) -> "Table":
        """Return the table with its partition as the first column, for files that hold several partitions."""
        if self.partition is None:
            raise ValueError(f"Expected a table with partitions, but got {self.name}. Use the table as it is.")
        column = pa.field(self.partition, TEXT, metadata={"doc": "partition"})
        return replace(self, schema=pa.schema([column, *self.schema]), keys=(self.partition, *self.keys), partition=None)

    def check(self, rows: pa.Table, where: str) -> pa.Table:
        """Return `rows` with the columns and types of this table, in its order; other columns are left out.

        Whole numbers and floats of another width are converted; any other type is a fault. `where` is the name of the source in
        messages. Raises ContractError with all faults.
        """
        columns, faults = [], []
        for field in self.schema:
            times = rows.column_names.count(field.name)
            if times == 1:
                column, wrong = self._column(rows.column(field.name), field, where)
                columns.append(column)
                faults += wrong
            elif times:
                message = f"Expected a column {field.name} once, but got it {times} times."
                faults.append(Fault("column-repeated", where, message, "Remove all but one of them."))
            elif field.name in self.optional:
                columns.append(pa.nulls(len(rows), field.type))
            else:
                faults.append(_missing_column(field.name, rows.column_names, where))
        refuse(faults)
        return pa.table(columns, schema=self.schema)

    def _column(self, column: pa.ChunkedArray, field: pa.Field, where: str) -> tuple[pa.ChunkedArray, list[Fault]]:
        """Return a column in the type of `field`, and its faults."""
        try:
            conformed = _conform(column, field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, TypeError) as error:
            got = f"{in_words(column.type)}{_reason(error)}"
            message = f"Expected column {field.name} to hold {in_words(field.type)}, but got {got}."
            return column, [Fault("column-type", where, message, "Convert the column.")]
        empty = _empty_values(conformed) if field.name in self.keys else 0
        if not empty:
            return conformed, []
        message = f"Expected column {field.name} to be filled, but got {empty} empty values."
        return conformed, [Fault("value-missing", where, message, "Remove or fill those rows.", count=empty)]


def column(name: str, kind: pa.DataType, meaning: str) -> pa.Field:
    """Return a column of a table with its meaning."""
    return pa.field(name, kind, metadata={"doc": meaning})


def doc(field: pa.Field) -> str:
    """Return the meaning of a column."""
    return (field.metadata or {}).get(b"doc", b"").decode()


def no_rows(schema: pa.Schema) -> pa.Table:
    """Return a table without rows. Arrow's own `empty_table` loads pandas, which takes longer than a short command has to do."""
    return pa.Table.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)


def in_words(kind: pa.DataType) -> str:
    """Return the name of a type in messages."""
    return "text" if kind == NAME else str(kind)


def _conform(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    got = column.type
    if got == kind or pa.types.is_null(got):
        return column if got == kind else pa.chunked_array([pa.nulls(len(column), kind)])
    if pa.types.is_dictionary(got) and not (got.value_type == TEXT and kind in (TEXT, NAME)):
        return _conform(column.cast(got.value_type), kind)
    if kind in (TEXT, NAME):
        if pa.types.is_dictionary(got):
            return column.cast(kind)
        if pa.types.is_large_string(got) or pa.types.is_string_view(got) or got == TEXT:
            text = column.cast(TEXT)
            return text.dictionary_encode() if kind == NAME else text
    elif pa.types.is_integer(got) or pa.types.is_floating(got):
        if pa.types.is_floating(kind):
            return column.cast(kind, safe=False)  # the digits that are lost are far below a pixel
        if pa.types.is_integer(kind):
            return column.cast(kind)  # whole numbers in floats or in wider types; any other value raises
    raise TypeError


def _missing_column(name: str, present: list[str], where: str) -> Fault:
    near = difflib.get_close_matches(name, present, n=1)
    message = f"Expected a column {name}, but got only {', '.join(sorted(present)) or 'none'}."
    return Fault("column-missing", where, message, f"Rename column {near[0]}." if near else "Add the column.")


def _empty_values(column: pa.ChunkedArray) -> int:
    """Count nulls, and texts without a letter."""
    empty = column.null_count
    if pa.types.is_dictionary(column.type):
        for chunk in column.chunks:
            blank = [number for number, text in enumerate(chunk.dictionary.to_pylist()) if not (text or "").strip()]
            empty += pc.sum(pc.is_in(chunk.indices, pa.array(blank, chunk.indices.type))).as_py() or 0 if blank else 0
    elif pa.types.is_string(column.type):
        filled = pc.cast(pc.binary_length(pc.utf8_trim_whitespace(column)), pa.bool_())  # to compare with "" would load pandas
        empty += len(column) - column.null_count - (pc.sum(filled).as_py() or 0)
    return int(empty)


def _reason(error: Exception) -> str:
    """Return the reason that Arrow gives, if any: ' (Float value 3.5 was truncated ...)'."""
    reason = " ".join(str(error).split())
    return f" ({reason})" if reason else ""
