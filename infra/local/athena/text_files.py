"""The text files of a table as Hive reads them: LazySimpleSerDe (fields between delimiters) and OpenCSVSerde (fields in quotes)."""

from __future__ import annotations

import bz2
import gzip
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from infra.local.athena.trino.casts import cast
from infra.local.athena.trino.kinds import BOOLEAN, DATE, VARCHAR, WHOLE, Kind, is_number
from infra.local.athena.trino.values import Value, failure, text
from infra.local.errors import ServiceError

HIVE_DELIMITER = "\x01"
NULL_TEXT = "\\N"
"""What LazySimpleSerDe writes and reads for a missing value."""
_LINE_ENDS = re.compile(rb"\r\n|\n|\r")
_ESCAPED_LETTERS = {"n": "\n", "r": "\r"}


@dataclass(frozen=True)
class TextFormat:
    """How the lines of a table's files become fields."""

    in_quotes: bool
    """Fields may stand in quotes: OpenCSVSerde."""
    delimiter: str
    quote: str = ""
    escape: str = ""
    null: str = NULL_TEXT
    skipped_lines: int = 0

    def rows(self, path: Path) -> Iterator[list[str | None]]:
        """Yield the fields of each line of a file, without its first lines if the table skips them. A missing value is None."""
        unpacked = {".gz": gzip.decompress, ".bz2": bz2.decompress}.get(path.suffix, bytes)
        lines = _LINE_ENDS.split(unpacked(path.read_bytes()))
        if lines and not lines[-1]:
            lines.pop()
        for line in lines[self.skipped_lines :]:
            decoded = line.decode("utf-8", errors="replace")
            yield _quoted_fields(decoded, self, path) if self.in_quotes else _plain_fields(decoded, self)


def read_format(serde: str, options: Mapping[str, str], parameters: Mapping[str, str]) -> TextFormat:
    """Return how a table's text is read, by the class and the options of its SerDe and the table's own parameters."""
    count = parameters.get("skip.header.line.count") or options.get("skip.header.line.count") or "0"
    if not count.isdigit():
        raise ServiceError(
            "InvalidRequestException", f"HIVE_INVALID_METADATA: Expected skip.header.line.count to be a number, but got {count}"
        )
    if "opencsv" in serde.lower():
        quote, escape = options.get("quoteChar", '"')[:1], options.get("escapeChar", "\\")[:1]
        return TextFormat(True, options.get("separatorChar", ",")[:1], quote, escape, skipped_lines=int(count))
    if options.get("serialization.last.column.takes.rest", "").lower() == "true":
        raise ServiceError("InvalidRequestException", "NOT_SUPPORTED: serialization.last.column.takes.rest is not on this disk.")
    delimiter = _character(options.get("field.delim") or options.get("serialization.format") or HIVE_DELIMITER)
    escape = _character(options["escape.delim"]) if options.get("escape.delim") else ""
    return TextFormat(False, delimiter, escape=escape, null=options.get("serialization.null.format", NULL_TEXT), skipped_lines=int(count))


def read_lines(files: Iterable[Path], form: TextFormat, names: list[str]) -> pa.Table:
    """Return the files' rows: a column of texts for each name, and `$path`. Fields beyond the names are ignored, missing ones are None."""
    columns: dict[str, list[str | None]] = {name: [] for name in (*names, "$path")}
    for file in files:
        for fields in form.rows(file):
            for place, name in enumerate(names):
                columns[name].append(fields[place] if place < len(fields) else None)
            columns["$path"].append(str(file))
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def typed_field(name: str, sql: str, kind: Kind, form: TextFormat) -> str:
    """Return DuckDB's SQL for a field as a type: LazySimpleSerDe reads what does not fit as NULL, OpenCSVSerde refuses it."""
    value, shown = Value(sql, VARCHAR, 0), name.replace("'", "''")
    if kind.name == "char":
        return sql
    if kind.name == "varchar":
        return cast(value, kind, 0).sql
    if kind == BOOLEAN:
        read = f"CASE lower({sql}) WHEN 'true' THEN true WHEN 'false' THEN false END"
    elif form.in_quotes and kind == DATE:
        read = f"DATE '1970-01-01' + TRY(CAST({_if_whole(sql)} AS INTEGER))"
    elif form.in_quotes and kind.name == "timestamp":
        read = f"make_timestamp(1000 * TRY(CAST({_if_whole(sql)} AS BIGINT)))"
    elif is_number(kind) or kind == DATE or kind.name == "timestamp":
        read = f"TRY({cast(value, kind, 0).sql})"
    else:
        return failure(text(f"NOT_SUPPORTED: the column {name} of type {kind} in a text file is not on this disk"), kind)
    fault = f"'HIVE_BAD_DATA: Error parsing field value ''' || {sql} || ''' for field {shown}'"
    if form.in_quotes:
        return f"CASE WHEN {sql} IS NOT NULL AND ({read}) IS NULL THEN {failure(fault, kind)} ELSE {read} END"
    if kind in WHOLE:  # Hive would cut a fraction off, or not, by its version
        fault = fault.replace("HIVE_BAD_DATA: Error parsing", "NOT_SUPPORTED: a fraction in a column of whole numbers is not on this disk:")
        return f"CASE WHEN regexp_full_match({sql}, '[+-]?\\d+\\.\\d*') THEN {failure(fault, kind)} ELSE {read} END"
    return read


def _if_whole(sql: str) -> str:
    return f"CASE WHEN regexp_full_match({sql}, '[+-]?\\d+') THEN {sql} END"


def _character(option: str) -> str:
    """Return the character that Hive takes an option for: a number is a character's code."""
    return chr(int(option)) if re.fullmatch(r"-?\d+", option) and 0 <= int(option) < 128 else option[:1]


def _plain_fields(line: str, form: TextFormat) -> list[str | None]:
    if not form.escape or form.escape not in line:
        return [None if field == form.null else field for field in line.split(form.delimiter)]
    fields, start, position = [], 0, 0
    while position < len(line):
        if line[position] == form.escape:
            position += 1
        elif line[position] == form.delimiter:
            fields.append(line[start:position])
            start = position + 1
        position += 1
    return [None if field == form.null else _unescape(field, form.escape) for field in [*fields, line[start:]]]


def _unescape(field: str, escape: str) -> str:
    plain, letters = "", iter(field)
    for letter in letters:
        if letter == escape:
            following = next(letters, "")
            letter = _ESCAPED_LETTERS.get(following, following)
        plain += letter
    return plain


def _quoted_fields(line: str, form: TextFormat, path: Path) -> list[str | None]:
    """Split a line as opencsv does: inside quotes a doubled quote is one, and the escape character guards a quote or itself."""
    fields: list[str | None] = []
    field, inside, position = "", False, 0
    while position < len(line):
        letter, following = line[position], line[position + 1 : position + 2]
        if letter == form.escape and letter != form.quote:
            if inside and following in (form.quote, form.escape) and following:
                field += following
                position += 1
        elif letter == form.quote:
            if inside and following == form.quote:
                field += letter
                position += 1
            else:
                inside = not inside
                if _within_a_word(line, position, form):
                    field += letter
        elif letter == form.delimiter and not inside:
            fields.append(field)
            field = ""
        else:
            field += letter
        position += 1
    if inside:
        name = path.name
        raise ServiceError(
            "InvalidRequestException", f"HIVE_BAD_DATA: Expected a closing quote in each line of {name}, but got: {line[:80]}"
        )
    return [*fields, field]


def _within_a_word(line: str, position: int, form: TextFormat) -> bool:
    """Say whether a quote stands in the midst of a field, as in `a,bc"d"ef`, where opencsv keeps it."""
    return position > 2 and line[position - 1] != form.delimiter and position + 1 < len(line) and line[position + 1] != form.delimiter
