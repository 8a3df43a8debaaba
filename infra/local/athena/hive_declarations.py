"""CREATE EXTERNAL TABLE, a statement of Hive's: the record of the catalog that it declares."""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp

from infra.local.athena.writing import serde
from infra.local.errors import ServiceError

_DELIMITERS = {"fields": "field.delim", "escaped": "escape.delim", "null": "serialization.null.format"}
"""Parts of ROW FORMAT DELIMITED -> the SerDe's options."""


def declared_table(sql: str, name: str) -> dict[str, Any]:
    """Return what the catalog shall hold of the table that a CREATE EXTERNAL TABLE declares. Raises ServiceError."""
    tree = _hive_tree(sql)
    declared = tree.find(exp.Schema)
    given = (tree.args.get("properties") or exp.Properties(expressions=[])).expressions
    properties = {type(item): item for item in given}
    location = properties.get(exp.LocationProperty)
    if declared is None or location is None:
        raise ServiceError("InvalidRequestException", "FAILED: SemanticException Expected columns and a LOCATION. Add them.")
    split = properties.get(exp.PartitionedByProperty)
    storage = {
        "Columns": [_column(each) for each in declared.expressions if isinstance(each, exp.ColumnDef)],
        "Location": location.this.name,
        **_storage_format(properties),
    }
    parameters = {item.name: item.args["value"].name for item in given if type(item) is exp.Property}
    keys = [_column(each) for each in split.this.expressions] if split else []
    table = {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage, "PartitionKeys": keys}
    return {**table, "Parameters": {"EXTERNAL": "TRUE", **parameters}}


def _hive_tree(sql: str) -> exp.Expr:
    """Parse a statement of Hive's. Raises ServiceError."""
    try:
        return sqlglot.parse_one(sql, read="athena")
    except sqlglot.errors.SqlglotError as error:
        first = error.errors[0] if isinstance(error, sqlglot.errors.ParseError) and error.errors else {}
        what = f"line {first.get('line', 1)}:{first.get('col', 1)}: {first.get('description') or error}"
        raise ServiceError("InvalidRequestException", f"FAILED: ParseException {what}") from None


def _column(definition: exp.ColumnDef) -> dict[str, str]:
    comment = definition.find(exp.CommentColumnConstraint)
    kind = definition.args["kind"].sql(dialect="hive").lower().replace(": ", ":").replace(", ", ",")
    return {"Name": definition.name.lower(), "Type": kind, **({"Comment": comment.this.name} if comment else {})}


def _storage_format(properties: dict[type, exp.Expr]) -> dict[str, Any]:
    """Return the SerDe that ROW FORMAT or STORED AS names; without either it is text. Raises ServiceError for other files."""
    named = properties.get(exp.RowFormatSerdeProperty)
    if named is not None:
        given = named.args.get("serde_properties")
        options = {item.name: item.args["value"].name for item in (given.expressions if given is not None else [])}
        return {"SerdeInfo": {"SerializationLibrary": named.name, "Parameters": options}}
    stored = properties.get(exp.FileFormatProperty)
    form = stored.name.upper() if stored is not None else "TEXTFILE"
    if form == "PARQUET":
        described = serde("PARQUET")
        return {**described, "SerdeInfo": {**described["SerdeInfo"], "Parameters": {"serialization.format": "1"}}}
    if form != "TEXTFILE":
        raise ServiceError("InvalidRequestException", f"NOT_SUPPORTED: STORED AS {form} is not on this disk. Use PARQUET or TEXTFILE.")
    delimited = properties.get(exp.RowFormatDelimitedProperty)
    parts = delimited.args if delimited is not None else {}
    options = {option: parts[part].name for part, option in _DELIMITERS.items() if parts.get(part) is not None}
    return {"SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", "Parameters": options}}
