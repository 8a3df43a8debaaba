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
from infra.local.athena.trino.typed import Typed, absent, coerced, mismatch, text


def _reduce(site: CallSite) -> Typed:
    expected = "reduce(array(T), S, function(S, T, S), function(S, R))"
    site.need(4, 4, expected)
    items, start = site.argument(0), site.argument(1)
    if items.kind.name != "array":
        site.refuse(expected)
    state, item = site.translator.fresh("v"), site.translator.fresh("v")
    element = Typed(item, items.kind.inside[0], site.at)
    kind = VARCHAR if is_text(start.kind) else start.kind
    step = site.body(2, [Typed(state, kind, site.at), element])
    if kind == UNKNOWN or common(kind, step.kind) != kind:
        mismatch(site.at, f"Expected a state of one type, but got {kind} and then {step.kind}. Cast the first state")
    said = f"list_reduce({items.sql}, lambda {state}, {item}: {coerced(step, kind).sql}, {start.sql})"
    return site.body(3, [Typed(said, kind, site.at)])


def _zip_with(site: CallSite) -> Typed:
    expected = "zip_with(array(T), array(U), function(T, U, R))"
    site.need(3, 3, expected)
    first, second = site.argument(0), site.argument(1)
    if first.kind.name != "array" or second.kind.name != "array":
        site.refuse(expected)
    place = site.translator.fresh("v")
    pair = [Typed(f"list_extract({each.sql}, {place})", each.kind.inside[0], site.at) for each in (first, second)]
    body = site.body(2, pair)
    said = f"list_transform(generate_series(1, greatest(len({first.sql}), len({second.sql}))), lambda {place}: {body.sql})"
    return Typed(f"CASE WHEN {first.sql} IS NULL OR {second.sql} IS NULL THEN NULL ELSE {said} END", array(body.kind), site.at)


def _map_filter(site: CallSite) -> Typed:
    given, entry, body = _over_entries(site, "map_filter(map(K, V), function(K, V, boolean))")
    if body.kind not in (BOOLEAN, UNKNOWN):
        mismatch(site.at, f"Expected a lambda that returns boolean, but got one that returns {body.kind}")
    return Typed(f"map_from_entries(list_filter(map_entries({given.sql}), lambda {entry}: {body.sql}))", given.kind, site.at)


def _transform_values(site: CallSite) -> Typed:
    given, entry, body = _over_entries(site, "transform_values(map(K, V), function(K, V, R))")
    values = f"list_transform(map_entries({given.sql}), lambda {entry}: {body.sql})"
    return _map(site, given, f"map_keys({given.sql})", values, mapping(given.kind.inside[0], body.kind))


def _transform_keys(site: CallSite) -> Typed:
    given, entry, body = _over_entries(site, "transform_keys(map(K, V), function(K, V, R))")
    keys = f"list_transform(map_entries({given.sql}), lambda {entry}: {body.sql})"
    return _map(site, given, keys, f"map_values({given.sql})", mapping(body.kind, given.kind.inside[1]))


def _over_entries(site: CallSite, expected: str) -> tuple[Typed, str, Typed]:
    site.need(2, 2, expected)
    given = site.argument(0)
    if given.kind.name != "map":
        site.refuse(expected)
    entry = site.translator.fresh("v")
    parts = zip(("key", "value"), given.kind.inside, strict=True)
    return given, entry, site.body(1, [Typed(f"struct_extract({entry}, '{name}')", kind, site.at) for name, kind in parts])


def _map(site: CallSite, given: Typed, keys: str, values: str, kind: Kind) -> Typed:
    typed_keys, typed_values = (f"CAST({said} AS {duckdb_type(each)}[])" for said, each in zip((keys, values), kind.inside, strict=True))
    return Typed(f"CASE WHEN {given.sql} IS NOT NULL THEN map({typed_keys}, {typed_values}) END", kind, site.at)


def _map_from_entries(site: CallSite) -> Typed:
    expected = "map_from_entries(array(row(K, V)))"
    site.need(1, 1, expected)
    given = site.argument(0)
    if given.kind.name != "array" or given.kind.inside[0].name != "row" or len(given.kind.inside[0].inside) != 2:
        site.refuse(expected)
    (key, key_kind), (value, value_kind) = named_fields(given.kind.inside[0])
    keys, values = (f"list_transform({given.sql}, lambda item: struct_extract(item, {text(name)}))" for name in (key, value))
    return _map(site, given, keys, values, mapping(key_kind, value_kind))


def _zip(site: CallSite) -> Typed:
    site.need(2, 5, "zip(array(T), array(U), ...)")
    arrays = site.arguments()
    if any(each.kind.name != "array" for each in arrays):
        site.refuse("zip(array(T), array(U), ...)")
    kind = row(tuple(each.kind.inside[0] for each in arrays))
    place = site.translator.fresh("v")
    fields = ", ".join(f"field{number} := list_extract({each.sql}, {place})" for number, each in enumerate(arrays))
    lengths = ", ".join(f"len({each.sql})" for each in arrays)
    missing = " OR ".join(f"{each.sql} IS NULL" for each in arrays)
    said = f"list_transform(generate_series(1, greatest({lengths})), lambda {place}: struct_pack({fields}))"
    return Typed(f"CASE WHEN {missing} THEN NULL ELSE {said} END", array(kind), site.at)


def _array_join(site: CallSite) -> Typed:
    expected = "array_join(array(T), varchar), array_join(array(T), varchar, varchar)"
    site.need(2, 3, expected)
    given, *texts = site.arguments()
    if given.kind.name != "array" or not all(is_text(each.kind) for each in texts):
        site.refuse(expected)
    element = given.kind.inside[0]
    if not (is_text(element) or element in WHOLE or element in (BOOLEAN, DATE, UNKNOWN)):
        absent(site.at, f"array_join of {given.kind}")
    item = cast(Typed("item", element, site.at), VARCHAR, site.at).sql
    if len(texts) > 1:
        item = f"coalesce({item}, {texts[1].sql})"
    joined = f"array_to_string(list_transform({given.sql}, lambda item: {item}), {texts[0].sql})"
    missing = " OR ".join(f"{each.sql} IS NULL" for each in (given, *texts))
    return Typed(f"CASE WHEN {missing} THEN NULL ELSE coalesce({joined}, '') END", VARCHAR, site.at)


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
