"""SHOW CREATE TABLE and SHOW CREATE VIEW: the statement that would make a table, in Athena's layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infra.local.athena.catalog import columns_of, is_iceberg

_OF_GLUE = frozenset({"EXTERNAL", "transient_lastDdlTime"})


def create_table(database: str, record: dict[str, Any], partition_fields: Sequence[tuple[str, str, str]] = ()) -> list[str]:
    """Return the lines of CREATE TABLE; `partition_fields` are those of an Iceberg table: name, transform, column."""
    iceberg = is_iceberg(record)
    keys = record.get("PartitionKeys") or []
    plain = [column for column in columns_of(record) if column not in keys]
    storage = record.get("StorageDescriptor") or {}
    name = f"{database}.{record['Name']}" if iceberg else f"`{database}.{record['Name']}`"
    lines = [f"CREATE {'' if iceberg else 'EXTERNAL '}TABLE {name}(", *_declared(plain)]
    if iceberg and partition_fields:
        parts = [f"`{column}`" if transform == "identity" else f"{transform}(`{column}`)" for _, transform, column in partition_fields]
        lines.append(f"PARTITIONED BY ({', '.join(parts)})")
    if keys:
        lines += ["PARTITIONED BY ( ", *_declared(keys)]
    if not iceberg:
        lines += _stored(storage)
    lines += ["LOCATION", f"  '{storage.get('Location', '')}'"]
    parameters = {name: value for name, value in (record.get("Parameters") or {}).items() if name not in _OF_GLUE}
    if iceberg:
        parameters = {"table_type": "iceberg"}
    if parameters:
        texts = [f"  '{name}'='{value}'" for name, value in sorted(parameters.items())]
        lines += ["TBLPROPERTIES (", *(f"{line}, " for line in texts[:-1]), f"{texts[-1]})"]
    return lines


def _declared(columns: Sequence[dict[str, Any]]) -> list[str]:
    lines = []
    for column in columns:
        comment = f" COMMENT '{column['Comment']}'" if column.get("Comment") else ""
        lines.append(f"  `{column['Name']}` {column.get('Type') or 'string'}{comment}")
    return [*(f"{line}, " for line in lines[:-1]), *(f"{line})" for line in lines[-1:])]


def _stored(storage: dict[str, Any]) -> list[str]:
    serde = storage.get("SerdeInfo") or {}
    lines = ["ROW FORMAT SERDE ", f"  '{serde.get('SerializationLibrary', '')}' "]
    options = [f"  '{name}'='{value}'" for name, value in sorted((serde.get("Parameters") or {}).items())]
    if options:
        lines += ["WITH SERDEPROPERTIES ( ", *(f"{line}, " for line in options[:-1]), f"{options[-1]}) "]
    formats = [("STORED AS INPUTFORMAT ", storage.get("InputFormat")), ("OUTPUTFORMAT ", storage.get("OutputFormat"))]
    return lines + [line for head, name in formats if name for line in (head, f"  '{name}'" + (" " if head[0] == "S" else ""))]
