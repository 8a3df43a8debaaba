"""Functions whose lambdas take more than an element: REDUCE, ZIP_WITH, and those of maps; and arrays of rows."""

from __future__ import annotations

from infra.local.athena.trino.casts import cast
from infra.local.athena.trino.functions.call_site import CallSite, Special
from infra.local.athena.trino.kinds import (
    BOOLEAN,
    DATE,
    UNKNOWN,
    VARCHAR,
    WHOLE,
    Kind,
    array,
    common,
    duckdb_type,
    is_text,
    mapping,
    named_fields,
    row,
)
from infra.local.athena.trino.values import Value, absent, coerce, mismatch, text


def _reduce(site: CallSite) -> Value:
    expected = "reduce(array(T), S, function(S, T, S), function(S, R))"
    site.need(4, 4, expected)
    items, start = site.argument(0), site.argument(1)
    if items.kind.name != "array":
        site.refuse(expected)
    state, item = site.translator.fresh("v"), site.translator.fresh("v")
    element = Value(item, items.kind.inside[0], site.at)
    kind = VARCHAR if is_text(start.kind) else start.kind
    step = site.body(2, [Value(state, kind, site.at), element])
    wide = common(kind, step.kind)
    if wide is not None and wide != kind:  # as Trino: an integer state of a sum of doubles is a double
        kind, step = wide, site.body(2, [Value(state, wide, site.at), element])
    if kind == UNKNOWN or common(kind, step.kind) != kind:
        mismatch(site.at, f"Expected a state of one type, but got {kind} and then {step.kind}. Cast the first state")
    sql = f"list_reduce({items.sql}, lambda {state}, {item}: {coerce(step, kind).sql}, {coerce(start, kind).sql})"
    return site.body(3, [Value(sql, kind, site.at)])


def _zip_with(site: CallSite) -> Value:
    expected = "zip_with(array(T), array(U), function(T, U, R))"
    site.need(3, 3, expected)
    first, second = site.argument(0), site.argument(1)
    if first.kind.name != "array" or second.kind.name != "array":
        site.refuse(expected)
    place = site.translator.fresh("v")
    pair = [Value(f"list_extract({each.sql}, {place})", each.kind.inside[0], site.at) for each in (first, second)]
    body = site.body(2, pair)
    sql = f"list_transform(generate_series(1, greatest(len({first.sql}), len({second.sql}))), lambda {place}: {body.sql})"
    return Value(f"CASE WHEN {first.sql} IS NULL OR {second.sql} IS NULL THEN NULL ELSE {sql} END", array(body.kind), site.at)


def _map_filter(site: CallSite) -> Value:
    subject, entry, body = _over_entries(site, "map_filter(map(K, V), function(K, V, boolean))")
    if body.kind not in (BOOLEAN, UNKNOWN):
        mismatch(site.at, f"Expected a lambda that returns boolean, but got one that returns {body.kind}")
    return Value(f"map_from_entries(list_filter(map_entries({subject.sql}), lambda {entry}: {body.sql}))", subject.kind, site.at)


def _transform_values(site: CallSite) -> Value:
    subject, entry, body = _over_entries(site, "transform_values(map(K, V), function(K, V, R))")
    values = f"list_transform(map_entries({subject.sql}), lambda {entry}: {body.sql})"
    return _map(site, subject, f"map_keys({subject.sql})", values, mapping(subject.kind.inside[0], body.kind))


def _transform_keys(site: CallSite) -> Value:
    subject, entry, body = _over_entries(site, "transform_keys(map(K, V), function(K, V, R))")
    keys = f"list_transform(map_entries({subject.sql}), lambda {entry}: {body.sql})"
    return _map(site, subject, keys, f"map_values({subject.sql})", mapping(body.kind, subject.kind.inside[1]))


def _over_entries(site: CallSite, expected: str) -> tuple[Value, str, Value]:
    site.need(2, 2, expected)
    subject = site.argument(0)
    if subject.kind.name != "map":
        site.refuse(expected)
    entry = site.translator.fresh("v")
    parts = zip(("key", "value"), subject.kind.inside, strict=True)
    return subject, entry, site.body(1, [Value(f"struct_extract({entry}, '{name}')", kind, site.at) for name, kind in parts])


def _map(site: CallSite, subject: Value, keys: str, values: str, kind: Kind) -> Value:
    typed_keys, typed_values = (f"CAST({sql} AS {duckdb_type(each)}[])" for sql, each in zip((keys, values), kind.inside, strict=True))
    return Value(f"CASE WHEN {subject.sql} IS NOT NULL THEN map({typed_keys}, {typed_values}) END", kind, site.at)


def _map_from_entries(site: CallSite) -> Value:
    expected = "map_from_entries(array(row(K, V)))"
    site.need(1, 1, expected)
    subject = site.argument(0)
    if subject.kind.name != "array" or subject.kind.inside[0].name != "row" or len(subject.kind.inside[0].inside) != 2:
        site.refuse(expected)
    (key, key_kind), (value, value_kind) = named_fields(subject.kind.inside[0])
    keys, values = (f"list_transform({subject.sql}, lambda item: struct_extract(item, {text(name)}))" for name in (key, value))
    return _map(site, subject, keys, values, mapping(key_kind, value_kind))


def _zip(site: CallSite) -> Value:
    site.need(2, 5, "zip(array(T), array(U), ...)")
    arrays = site.arguments()
    if any(each.kind.name != "array" for each in arrays):
        site.refuse("zip(array(T), array(U), ...)")
    kind = row(tuple(each.kind.inside[0] for each in arrays))
    place = site.translator.fresh("v")
    fields = ", ".join(f"field{number} := list_extract({each.sql}, {place})" for number, each in enumerate(arrays))
    lengths = ", ".join(f"len({each.sql})" for each in arrays)
    missing = " OR ".join(f"{each.sql} IS NULL" for each in arrays)
    sql = f"list_transform(generate_series(1, greatest({lengths})), lambda {place}: struct_pack({fields}))"
    return Value(f"CASE WHEN {missing} THEN NULL ELSE {sql} END", array(kind), site.at)


def _array_join(site: CallSite) -> Value:
    expected = "array_join(array(T), varchar), array_join(array(T), varchar, varchar)"
    site.need(2, 3, expected)
    subject, *texts = site.arguments()
    if subject.kind.name != "array" or not all(is_text(each.kind) for each in texts):
        site.refuse(expected)
    element = subject.kind.inside[0]
    if not (is_text(element) or element in WHOLE or element in (BOOLEAN, DATE, UNKNOWN)):
        absent(site.at, f"array_join of {subject.kind}")
    item = cast(Value("item", element, site.at), VARCHAR, site.at).sql
    if len(texts) > 1:
        item = f"coalesce({item}, {texts[1].sql})"
    joined = f"array_to_string(list_transform({subject.sql}, lambda item: {item}), {texts[0].sql})"
    missing = " OR ".join(f"{each.sql} IS NULL" for each in (subject, *texts))
    return Value(f"CASE WHEN {missing} THEN NULL ELSE coalesce({joined}, '') END", VARCHAR, site.at)


LAMBDA_FUNCTIONS: dict[str, Special] = {
    "reduce": _reduce,
    "zip_with": _zip_with,
    "map_filter": _map_filter,
    "transform_values": _transform_values,
    "transform_keys": _transform_keys,
    "map_from_entries": _map_from_entries,
    "zip": _zip,
    "array_join": _array_join,
}
