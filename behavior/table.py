"""One table of the lake: its columns with types and meanings, and how rows that come from anywhere are brought to them."""

import difflib
import hashlib
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from behavior.contract import Fault, refuse

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
        """Prefix of a curated table's objects. The raw zone has a folder for each split, which behavior/keys.py knows."""
        if self.zone != "curated":
            raise ValueError(
                f"Expected a curated table, but got {self.name} of the {self.zone} zone. Ask behavior/keys.py for its objects."
            )
        return f"{self.name}/"

    @property
    def fingerprint(self) -> str:
        """A short digest of names and types: two versions of a table that differ in either have different ones."""
        columns = "\n".join(f"{field.name} {field.type}" for field in self.schema)
        return hashlib.sha256(f"{self.name}\n{columns}".encode()).hexdigest()[:16]

    def only(self, *names: str) -> "Table":
        """Return the table with these columns and no others, in this order, for readers that need no more."""
        return replace(self, schema=pa.schema([self.schema.field(name) for name in names]), keys=tuple(set(self.keys) & set(names)))

    def check(self, rows: pa.Table, where: str) -> pa.Table:
        """Return `rows` with this table's columns in order and type; columns it does not know are left out.

        Widths of whole numbers and of floats may differ between files and are brought in line; anything else that does not fit
        is a fault. `where` names the source in messages. Raises ContractError with all faults.
        """
        columns, faults = [], []
        for field in self.schema:
            times = rows.column_names.count(field.name)
            if times == 1:
                column, wrong = self._column(rows.column(field.name), field, where)
                columns.append(column)
                faults += wrong
            elif times:
                told = f"Expected a column {field.name} once, but got it {times} times."
                faults.append(Fault("column-repeated", where, told, "Remove all but one of them."))
            elif field.name in self.optional:
                columns.append(pa.nulls(len(rows), field.type))
            else:
                faults.append(_missing_column(field.name, rows.column_names, where))
        refuse(faults)
        return pa.table(columns, schema=self.schema)

    def _column(self, column: pa.ChunkedArray, field: pa.Field, where: str) -> tuple[pa.ChunkedArray, list[Fault]]:
        """Return a column in the type of `field`, and what is wrong with it."""
        try:
            conformed = _conform(column, field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, TypeError) as error:
            got = f"{in_words(column.type)}{_reason(error)}"
            told = f"Expected column {field.name} to hold {in_words(field.type)}, but got {got}."
            return column, [Fault("column-type", where, told, "Convert the column.")]
        empty = _empty_values(conformed) if field.name in self.keys else 0
        if not empty:
            return conformed, []
        told = f"Expected column {field.name} to be filled, but got {empty} empty values."
        return conformed, [Fault("value-missing", where, told, "Remove or fill those rows.", count=empty)]

    def glue_columns(self) -> list[dict[str, str]]:
        """Return the columns as the Glue catalog writes them: Name, Type (Hive), Comment."""
        return [{"Name": field.name, "Type": _HIVE_TYPES[field.type], "Comment": doc(field)} for field in self.schema]


def doc(field: pa.Field) -> str:
    """Return what a column means."""
    return (field.metadata or {}).get(b"doc", b"").decode()


def in_words(kind: pa.DataType) -> str:
    """Return what a column of this type holds, as messages name it."""
    return "text" if kind == NAME else str(kind)


def _conform(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    got = column.type
    if got == wanted or pa.types.is_null(got):
        return column if got == wanted else pa.chunked_array([pa.nulls(len(column), wanted)])
    if pa.types.is_dictionary(got) and not (got.value_type == TEXT and wanted in (TEXT, NAME)):
        return _conform(column.cast(got.value_type), wanted)
    if wanted in (TEXT, NAME):
        if pa.types.is_dictionary(got):
            return column.cast(wanted)
        if pa.types.is_large_string(got) or pa.types.is_string_view(got) or got == TEXT:
            text = column.cast(TEXT)
            return text.dictionary_encode() if wanted == NAME else text
    elif pa.types.is_integer(got) or pa.types.is_floating(got):
        if pa.types.is_floating(wanted):
            return column.cast(wanted, safe=False)  # digits that a float of this width does not hold are far below a pixel
        if pa.types.is_integer(wanted):
            return column.cast(wanted)  # whole numbers that were stored as floats, or wider; anything else raises
    raise TypeError


def _missing_column(name: str, present: list[str], where: str) -> Fault:
    near = difflib.get_close_matches(name, present, n=1)
    told = f"Expected a column {name}, but got only {', '.join(sorted(present)) or 'none'}."
    return Fault("column-missing", where, told, f"Rename column {near[0]}." if near else "Add the column.")


def _empty_values(column: pa.ChunkedArray) -> int:
    """Count nulls, and texts without a letter."""
    empty = column.null_count
    if pa.types.is_dictionary(column.type):
        for chunk in column.chunks:
            blank = [number for number, text in enumerate(chunk.dictionary.to_pylist()) if not (text or "").strip()]
            empty += pc.sum(pc.is_in(chunk.indices, pa.array(blank, chunk.indices.type))).as_py() or 0 if blank else 0
    elif pa.types.is_string(column.type):
        empty += pc.sum(pc.equal(pc.utf8_trim_whitespace(column), "")).as_py() or 0
    return int(empty)


def _reason(error: Exception) -> str:
    """Return what Arrow says of the value that does not fit, if it says anything: ' (Float value 3.5 was truncated ...)'."""
    told = " ".join(str(error).split())
    return f" ({told})" if told else ""
