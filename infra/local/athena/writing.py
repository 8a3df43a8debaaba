"""Rows written as the data files of a table or of an UNLOAD: first elsewhere, then moved, so that readers see each file whole."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.athena.results import write_lines
from infra.local.athena.statements import Execution
from infra.local.athena.text_files import HIVE_DELIMITER, NULL_TEXT
from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from infra.local.s3.object_store import ObjectStore

_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"
_OPTIONS = frozenset({"format", "external_location", "is_external", "table_type", "partitioned_by"})
_COMPRESSION_OPTIONS = ("write_compression", "parquet_compression", "compression")
_COMPRESSIONS = {"GZIP": "gzip", "SNAPPY": "snappy", "ZSTD": "zstd", "NONE": "uncompressed", "UNCOMPRESSED": "uncompressed"}


class FileWriter:
    """Writes what queries yield into the store."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def write_new(self, execution: Execution, sql: str, location: str, keys: list[str]) -> list[str]:
        """Write rows to a location that holds nothing yet, as the statement's options say; return the addresses of the files."""
        folder = self.store.local_path(location)
        if folder.exists() and any(folder.iterdir()):
            raise ServiceError("InvalidRequestException", f"HIVE_PATH_ALREADY_EXISTS: Target directory already exists: {location}")
        options = execution.statement.options
        for name in options:
            if name not in (*_OPTIONS, *_COMPRESSION_OPTIONS) or (name == "table_type" and options[name] != "HIVE"):
                raise ServiceError("InvalidRequestException", f"NOT_SUPPORTED: the option {name} = {options[name]!r} is not on this disk.")
        compression = next((options[name] for name in _COMPRESSION_OPTIONS if options.get(name)), "GZIP")
        return self.write(
            execution.connection, sql, location, keys, str(options.get("format") or "PARQUET").lower(), str(compression).upper()
        )

    def write(self, connection: DuckDBPyConnection, sql: str, location: str, keys: list[str], form: str, compression: str) -> list[str]:
        """Write rows below a location, a folder for each value of the partition keys; return the addresses of the files."""
        draft = self.store.root / ".aws" / "drafts" / uuid.uuid4().hex
        draft.mkdir(parents=True)
        try:
            into = draft if keys else draft / f"part-{uuid.uuid4()}.{form}"
            connection.execute(f"COPY ({sql}) TO '{_escaped(into)}' ({_copy_options(form, compression, keys)})")
            return self._publish(draft, location)
        finally:
            shutil.rmtree(draft)

    def write_manifest(self, execution: Execution, files: list[str]) -> str:
        """List the files beside the result; return the list's address."""
        address = f"{execution.output}-manifest.csv"
        write_lines(self.store.local_path(address), files)
        return address

    def _publish(self, draft: Path, location: str) -> list[str]:
        target, written = self.store.local_path(location), []
        for file in sorted(path for path in draft.rglob("*") if path.is_file()):
            below = file.relative_to(draft)
            (target / below).parent.mkdir(parents=True, exist_ok=True)
            file.replace(target / below)
            written.append(f"{location.rstrip('/')}/{below.as_posix()}")
        return written


def serde(form: str) -> dict[str, Any]:
    """Return how the catalog describes files of a format."""
    if form.upper() == "PARQUET":
        formats = {"InputFormat": f"{_PARQUET}.MapredParquetInputFormat", "OutputFormat": f"{_PARQUET}.MapredParquetOutputFormat"}
        return {**formats, "SerdeInfo": {"SerializationLibrary": f"{_PARQUET}.serde.ParquetHiveSerDe"}}
    if form.upper() == "JSON":
        return {"SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"}}
    library = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
    return {"SerdeInfo": {"SerializationLibrary": library, "Parameters": {"field.delim": HIVE_DELIMITER}}}


def _copy_options(form: str, compression: str, keys: list[str]) -> str:
    forms = {
        "parquet": f"FORMAT parquet, COMPRESSION {_COMPRESSIONS.get(compression, 'gzip')}",
        "json": "FORMAT json",
        "textfile": f"FORMAT csv, HEADER false, DELIMITER '{HIVE_DELIMITER}', QUOTE '', ESCAPE '', NULLSTR '{NULL_TEXT}'",
    }
    if form not in forms:
        raise ServiceError(
            "InvalidRequestException", f"NOT_SUPPORTED: writing {form.upper()} is not on this disk. Use PARQUET, JSON or TEXTFILE."
        )
    if not keys:
        return forms[form]
    return f"{forms[form]}, PARTITION_BY ({', '.join(_quoted(key) for key in keys)}), FILENAME_PATTERN 'part-{{uuid}}'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
