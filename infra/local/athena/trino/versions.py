"""Which version of a table `FOR TIMESTAMP AS OF` and `FOR VERSION AS OF` ask for: their pointers are worked out before anything is read."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from infra.local.athena.trino import query_syntax, syntax
from infra.local.athena.trino.kinds import BIGINT, WHOLE
from infra.local.athena.trino.scopes import Scope, TableVersion
from infra.local.athena.trino.translator import Translator
from infra.local.athena.trino.values import Refusal, Value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def table_version(translator: Translator, version: query_syntax.Version) -> TableVersion:
    """Return the version. Raises Refusal for a pointer that is not constant, is NULL, lies in the future, or has another type."""
    pointer = version.pointer
    value = constant(translator, pointer, "version")
    if version.sort == "VERSION":
        if value.kind not in WHOLE:
            what = f"Unsupported type for table version: {value.kind}. Give the id of a snapshot, a {BIGINT}"
            raise Refusal("NOT_SUPPORTED", pointer.at, what)
        return TableVersion("VERSION", int(str(_known(translator, value))))
    if value.kind.name not in ("date", "timestamp", "timestamp with time zone"):
        what = f"Type {value.kind} invalid. Temporal pointers must be of type Timestamp, Timestamp with Time Zone, or Date."
        raise Refusal("INVALID_ARGUMENTS", pointer.at, what)
    moment = _moment(_known(translator, value))
    if moment >= datetime.now(UTC):
        raise Refusal("INVALID_ARGUMENTS", pointer.at, f"Pointer value '{moment:%Y-%m-%d %H:%M:%S} UTC' is not in the past")
    return TableVersion("TIMESTAMP", (moment - _EPOCH) // (_EPOCH.resolution * 1000))


def constant(translator: Translator, node: syntax.Node, clause: str) -> Value:
    """Return an expression that names no column. Raises Refusal for one that does, or that holds a query."""
    for part in syntax.walk(node):
        if isinstance(part, syntax.Name | syntax.Dotted | syntax.ScalarQuery | syntax.Exists | syntax.InQuery):
            raise Refusal("EXPRESSION_NOT_CONSTANT", part.at, "Constant expression cannot contain column references or subqueries")
    return translator.value(node, Scope(clause=clause))


def _known(translator: Translator, value: Value) -> object:
    found = translator.tables.constant(value.sql)
    if found is None:
        raise Refusal("INVALID_ARGUMENTS", value.at, "Pointer value cannot be NULL")
    return found


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value
    assert isinstance(value, date)
    return datetime.combine(value, time(), UTC)
