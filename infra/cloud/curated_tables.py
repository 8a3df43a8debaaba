"""The curated tables of the catalog, from behavior's tables."""

from __future__ import annotations

from typing import Any

from aws_pipeline.config import Settings
from behavior.tables import CURATED_TABLES, Table

_PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}


def curated_tables(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the tables by their logical names."""
    return {f"{_camel(table.name)}Table": _table(settings, table) for table in CURATED_TABLES}


def _table(settings: Settings, table: Table) -> dict[str, Any]:
    table_input = {
        "Name": table.name,
        "Description": table.grain,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
        "PartitionKeys": [{"Name": table.partition, "Type": "string", "Comment": "laboratory"}] if table.partition else [],
        "StorageDescriptor": {
            "Columns": table.glue_columns(),
            "Location": settings.uri(table.zone, table.location) + "/",
            **_PARQUET,
        },
    }
    properties = {"CatalogId": {"Ref": "AWS::AccountId"}, "DatabaseName": {"Ref": "Database"}, "TableInput": table_input}
    return {"Type": "AWS::Glue::Table", "Properties": properties}


def _camel(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))
