"""Trino's types: their names, which becomes which without a cast, and what stands for each in DuckDB and in the catalog."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infra.local.errors import ServiceError

MOST_DIGITS = 38
"""Digits of the widest decimal."""


@dataclass(frozen=True)
class Kind:
    """A type: its name, the types inside it, its numbers (length; precision and scale) and the names of a row's fields."""

    name: str
    inside: tuple[Kind, ...] = ()
    numbers: tuple[int, ...] = ()
    fields: tuple[str | None, ...] = ()

    def __str__(self) -> str:
        if self.name == "row":
            named = zip(self.fields, self.inside, strict=True)
            return "row(" + ", ".join(f"{field} {kind}" if field else str(kind) for field, kind in named) + ")"
        if self.inside:
            return f"{self.name}({', '.join(map(str, self.inside))})"
        if self.numbers and self.name == "timestamp with time zone":
            return f"timestamp({self.numbers[0]}) with time zone"
        return f"{self.name}({','.join(map(str, self.numbers))})" if self.numbers else self.name

    @property
    def scale(self) -> int:
        """Return the digits behind the point of a decimal."""
        return self.numbers[1]


BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT = (Kind(name) for name in ("boolean", "tinyint", "smallint", "integer", "bigint"))
REAL, DOUBLE, VARCHAR, VARBINARY, DATE, JSON = (Kind(name) for name in ("real", "double", "varchar", "varbinary", "date", "json"))
UNKNOWN, DAYS, MONTHS = Kind("unknown"), Kind("interval day to second"), Kind("interval year to month")
TIMESTAMP, INSTANT = Kind("timestamp", numbers=(3,)), Kind("timestamp with time zone", numbers=(3,))
WHOLE = (TINYINT, SMALLINT, INTEGER, BIGINT)
FLOATING = (REAL, DOUBLE)
_DIGITS = {TINYINT: 3, SMALLINT: 5, INTEGER: 10, BIGINT: 19}
_DUCKDB = {
    "boolean": "BOOLEAN", "tinyint": "TINYINT", "smallint": "SMALLINT", "integer": "INTEGER", "bigint": "BIGINT", "real": "FLOAT",
    "double": "DOUBLE", "varchar": "VARCHAR", "char": "VARCHAR", "varbinary": "BLOB", "date": "DATE", "json": "VARCHAR",
    "timestamp": "TIMESTAMP", "timestamp with time zone": "TIMESTAMPTZ", "unknown": "INTEGER", "time": "TIME", "uuid": "UUID",
    "interval day to second": "INTERVAL", "interval year to month": "INTERVAL",
}  # fmt: skip
_HIVE = {"varchar": "string", "integer": "int", "real": "float", "varbinary": "binary", "timestamp": "timestamp", "row": "struct"}
_FROM_HIVE = {"string": "varchar", "int": "integer", "float": "real", "binary": "varbinary", "struct": "row"}
_PLAIN = frozenset({*_DUCKDB, "array", "map", "row", "decimal"})


def array(item: Kind) -> Kind:
    """Return the type of arrays of one type."""
    return Kind("array", (item,))


def mapping(key: Kind, value: Kind) -> Kind:
    """Return the type of maps."""
    return Kind("map", (key, value))


def row(kinds: tuple[Kind, ...], names: tuple[str | None, ...] | None = None) -> Kind:
    """Return the type of rows."""
    return Kind("row", kinds, fields=names or (None,) * len(kinds))


def decimal(digits: int, scale: int) -> Kind:
    """Return a decimal type, as wide as there is room for."""
    return Kind("decimal", numbers=(min(MOST_DIGITS, digits), scale))


def is_decimal(kind: Kind) -> bool:
    """Say whether a type is a decimal."""
    return kind.name == "decimal"


def is_number(kind: Kind) -> bool:
    """Say whether one can count with values of a type."""
    return kind in WHOLE or kind in FLOATING or is_decimal(kind)


def is_text(kind: Kind) -> bool:
    """Say whether a type is a varchar of any length."""
    return kind.name == "varchar"


def as_decimal(kind: Kind) -> Kind:
    """Return the decimal that holds every whole number of a type; a decimal is its own."""
    return decimal(_DIGITS[kind], 0) if kind in _DIGITS else kind


def common(one: Kind, other: Kind) -> Kind | None:
    """Return the type that both become without a cast; None where Trino asks for a cast."""
    if one == other:
        return one
    if UNKNOWN in (one, other):
        return other if one == UNKNOWN else one
    if is_number(one) and is_number(other):
        return _common_number(one, other)
    if is_text(one) and is_text(other):
        return Kind("varchar", numbers=(max(one.numbers[0], other.numbers[0]),)) if one.numbers and other.numbers else VARCHAR
    if one.name == other.name and one.inside and len(one.inside) == len(other.inside):
        inside = [common(*pair) for pair in zip(one.inside, other.inside, strict=True)]
        if any(kind is None for kind in inside):
            return None
        names = tuple(a if a == b else None for a, b in zip(one.fields, other.fields, strict=True))
        return Kind(one.name, tuple(kind for kind in inside if kind is not None), fields=names)
    return _common_time(one, other)


def becomes(kind: Kind, wanted: Kind) -> bool:
    """Say whether a value of one type becomes another without a cast."""
    return common(kind, wanted) == wanted


def duckdb_type(kind: Kind) -> str:
    """Return the name of the type that stands for one in DuckDB."""
    if kind.name == "array":
        return f"{duckdb_type(kind.inside[0])}[]"
    if kind.name == "map":
        return f"MAP({duckdb_type(kind.inside[0])}, {duckdb_type(kind.inside[1])})"
    if kind.name == "row":
        return "STRUCT(" + ", ".join(f"{quote(name)} {duckdb_type(each)}" for name, each in named_fields(kind)) + ")"
    if is_decimal(kind):
        return f"DECIMAL({kind.numbers[0]},{kind.scale})"
    return _DUCKDB[kind.name]


def named_fields(kind: Kind) -> list[tuple[str, Kind]]:
    """Return the fields of a row by the names they have in DuckDB: those without one are numbered, as Athena prints them."""
    return [(name or f"field{place}", each) for place, (name, each) in enumerate(zip(kind.fields, kind.inside, strict=True))]


def hive_type(kind: Kind) -> str:
    """Return the name of a type in the catalog. Raises ServiceError for types that no table holds."""
    if kind.name in ("array", "map"):
        return f"{kind.name}<{','.join(map(hive_type, kind.inside))}>"
    if kind.name == "row":
        return "struct<" + ",".join(f"{name}:{hive_type(each)}" for name, each in named_fields(kind)) + ">"
    if is_decimal(kind):
        return f"decimal({kind.numbers[0]},{kind.scale})"
    if kind.name in ("json", "unknown", "time", "timestamp with time zone") or kind in (DAYS, MONTHS):
        raise ServiceError("InvalidRequestException", f"NOT_SUPPORTED: Unsupported Hive type: {kind}. Cast it to one that tables hold.")
    return f"varchar({kind.numbers[0]})" if is_text(kind) and kind.numbers else _HIVE.get(kind.name, kind.name)


def from_hive(text: str) -> Kind:
    """Return the type that the catalog names, such as `array<struct<a:int>>`. Raises ServiceError for a type it does not know."""
    words = re.findall(r"[\w$-]+|[<>(),:]", text.lower())
    kind = _hive_kind(words)
    if words:
        raise _unknown_type(text)
    return kind


def quote(name: str) -> str:
    """Return a name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def _hive_kind(words: list[str]) -> Kind:
    name = words.pop(0) if words else ""
    name = _FROM_HIVE.get(name, name)
    if name in ("array", "map", "row"):
        inside, fields = [], []
        words.pop(0) if words[:1] == ["<"] else None
        while words and words[0] != ">":
            if words[0] == ",":
                words.pop(0)
            if name == "row":
                fields.append(words.pop(0))
                words.pop(0)
            inside.append(_hive_kind(words))
        words.pop(0) if words else None
        return Kind(name, tuple(inside), fields=tuple(fields))
    numbers = []
    if words[:1] == ["("]:
        numbers = [int(word) for word in words[1 : words.index(")")] if word.isdigit()]
        del words[: words.index(")") + 1]
    if name == "decimal":
        return decimal(*(numbers + [10, 0][len(numbers) :]))
    if name == "timestamp":
        return TIMESTAMP
    if name not in _PLAIN:
        raise _unknown_type(name)
    return Kind(name, numbers=tuple(numbers))


def _unknown_type(text: str) -> ServiceError:
    return ServiceError("InvalidRequestException", f"HIVE_INVALID_METADATA: Expected a type of Hive in the catalog, but got {text!r}.")


def _common_number(one: Kind, other: Kind) -> Kind:
    if DOUBLE in (one, other):
        return DOUBLE
    if REAL in (one, other):
        return REAL
    if is_decimal(one) or is_decimal(other):
        one, other = as_decimal(one), as_decimal(other)
        scale = max(one.scale, other.scale)
        return decimal(scale + max(one.numbers[0] - one.scale, other.numbers[0] - other.scale), scale)
    return max(one, other, key=WHOLE.index)


def _common_time(one: Kind, other: Kind) -> Kind | None:
    order = ("date", "timestamp", "timestamp with time zone")
    if one.name not in order or other.name not in order:
        return None
    precision = max([*one.numbers, *other.numbers], default=3)
    return Kind(max(one.name, other.name, key=order.index), numbers=(precision,))
