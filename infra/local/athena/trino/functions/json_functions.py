"""Functions of JSON: signature -> DuckDB's SQL, and those that go by a path, which must be written out."""

from __future__ import annotations

from infra.local.athena.trino.functions.call_site import CallSite, Special
from infra.local.athena.trino.json_text import is_path
from infra.local.athena.trino.kinds import BIGINT, JSON, UNKNOWN, VARCHAR, Kind, is_text
from infra.local.athena.trino.values import Refusal, Value, absent, text

JSON_SIGNATURES = {
    "json_parse(varchar) -> json": "json_canonical({0})",
    "json_format(json) -> varchar": "{0}",
    "json_array_length(json) -> bigint": "json_list_length({0})",
    "json_array_length(varchar) -> bigint": "json_list_length({0})",
    "is_json_scalar(json) -> boolean": "(json_found_scalar({0}, '$') IS NOT NULL OR {0} = 'null')",
}
_READERS = {
    "json_extract": ("json_found", JSON),
    "json_extract_scalar": ("json_found_scalar", VARCHAR),
    "json_size": ("json_found_size", BIGINT),
}


def _by_path(site: CallSite) -> Value:
    name = site.node.name
    expected = f"{name}(json, JsonPath), {name}(varchar, JsonPath)"
    site.need(2, 2, expected)
    subject = site.argument(0)
    if not is_text(subject.kind) and subject.kind not in (JSON, UNKNOWN):
        site.refuse(expected)
    path = site.literal_text(1, "a path")
    if not path.startswith("$"):
        raise Refusal("INVALID_FUNCTION_ARGUMENT", site.at, f"Invalid JSON path: '{path}'")
    if not is_path(path):
        absent(site.at, f"the JSON path {path!r}")
    reader: tuple[str, Kind] = _READERS[name]
    return Value(f"{reader[0]}(CAST({subject.sql} AS VARCHAR), {text(path)})", reader[1], site.at)


JSON_FUNCTIONS: dict[str, Special] = dict.fromkeys(_READERS, _by_path)
