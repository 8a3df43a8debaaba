"""Types of Iceberg as Athena shows them."""

from __future__ import annotations

from pyiceberg import types

from infra.local.athena.trino.kinds import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    REAL,
    VARBINARY,
    VARCHAR,
    Kind,
    array,
    decimal,
    mapping,
    row,
)

_PLAIN: dict[type[types.IcebergType], Kind] = {
    types.BooleanType: BOOLEAN,
    types.IntegerType: INTEGER,
    types.LongType: BIGINT,
    types.FloatType: REAL,
    types.DoubleType: DOUBLE,
    types.StringType: VARCHAR,
    types.BinaryType: VARBINARY,
    types.FixedType: VARBINARY,
    types.DateType: DATE,
    types.TimeType: Kind("time", numbers=(6,)),
    types.TimestampType: Kind("timestamp", numbers=(6,)),
    types.TimestamptzType: Kind("timestamp with time zone", numbers=(6,)),
    types.UUIDType: Kind("uuid"),
}


def from_iceberg(kind: types.IcebergType) -> Kind:
    """Return the type in Trino of a type of Iceberg."""
    if isinstance(kind, types.DecimalType):
        return decimal(kind.precision, kind.scale)
    if isinstance(kind, types.ListType):
        return array(from_iceberg(kind.element_type))
    if isinstance(kind, types.MapType):
        return mapping(from_iceberg(kind.key_type), from_iceberg(kind.value_type))
    if isinstance(kind, types.StructType):
        return row(tuple(from_iceberg(field.field_type) for field in kind.fields), tuple(field.name.lower() for field in kind.fields))
    return _PLAIN[type(kind)]
