"""Functions of texts and bytes: signature -> DuckDB's SQL. What DuckDB reads by graphemes or bytes, Trino reads by code points."""

from __future__ import annotations

from infra.local.athena.trino.kinds import VARCHAR, array
from infra.local.athena.trino.values import failure

_SPACES = (
    "'"
    + "".join(map(chr, [9, 10, 11, 12, 13, 28, 29, 30, 31, 32, 0x1680, *range(0x2000, 0x2007), 0x2008, 0x2009, 0x200A, 0x2028]))
    + ("\u2029\u205f\u3000'")
)
"""What Java counts as white space; DuckDB trims blanks alone."""
_PLAIN = "strlen({0}) = length({0})"
_NO_DELIMITER = "'INVALID_FUNCTION_ARGUMENT: The delimiter may not be the empty string'"
_PADDED = failure("'INVALID_FUNCTION_ARGUMENT: Target length must be in the range [0..2147483647]'", VARCHAR)
_NO_CHARACTER = failure("'INVALID_FUNCTION_ARGUMENT: Input string must be a single character string'")
_INDEX = failure("'INVALID_FUNCTION_ARGUMENT: Index must be greater than zero'", VARCHAR)
_LETTER = "CASE WHEN {2} <= length({0}) THEN substring({0}, {2}, 1) END"
"""A part between empty delimiters."""
_FROM = "CASE WHEN {1} = 0 OR {1} < -length({0}) THEN '' ELSE substring({0}, {1}) END"
_FROM_TO = "CASE WHEN {1} = 0 OR {1} < -length({0}) OR {2} <= 0 THEN '' ELSE substring({0}, {1}, {2}) END"
_EVERYWHERE = "CASE WHEN {0} = '' THEN {2} ELSE {2} || array_to_string(string_split({0}, ''), {2}) || {2} END"
"""Replacing the empty text: before each character and at the end."""


def _by_points(name: str) -> str:
    return f"CASE WHEN {_PLAIN} AND strlen({{1}}) = length({{1}}) THEN {name}({{0}}, {{1}}) ELSE {name}_points({{0}}, {{1}}) END"


TEXT_FUNCTIONS = {
    "length(varchar) -> bigint": "length({0})",
    "length(varbinary) -> bigint": "octet_length({0})",
    "lower(varchar) -> varchar": f"CASE WHEN {_PLAIN} THEN lower({{0}}) ELSE java_lower({{0}}) END",
    "upper(varchar) -> varchar": f"CASE WHEN {_PLAIN} THEN upper({{0}}) ELSE java_upper({{0}}) END",
    "reverse(varchar) -> varchar": f"CASE WHEN {_PLAIN} THEN reverse({{0}}) ELSE reversed_text({{0}}) END",
    "trim(varchar) -> varchar": f"trim({{0}}, {_SPACES})",
    "ltrim(varchar) -> varchar": f"ltrim({{0}}, {_SPACES})",
    "rtrim(varchar) -> varchar": f"rtrim({{0}}, {_SPACES})",
    "trim(varchar, varchar) -> varchar": "trim({0}, {1})",
    "ltrim(varchar, varchar) -> varchar": "ltrim({0}, {1})",
    "rtrim(varchar, varchar) -> varchar": "rtrim({0}, {1})",
    "lpad(varchar, bigint, varchar) -> varchar": ("CASE WHEN {1} < 0 THEN " + _PADDED + " ELSE lpad({0}, CAST({1} AS INTEGER), {2}) END"),
    "rpad(varchar, bigint, varchar) -> varchar": ("CASE WHEN {1} < 0 THEN " + _PADDED + " ELSE rpad({0}, CAST({1} AS INTEGER), {2}) END"),
    "replace(varchar, varchar) -> varchar": "replace({0}, {1}, '')",
    "replace(varchar, varchar, varchar) -> varchar": f"CASE WHEN {{1}} = '' THEN {_EVERYWHERE} ELSE replace({{0}}, {{1}}, {{2}}) END",
    "split(varchar, varchar) -> array(varchar)": (
        "CASE WHEN {1} = '' THEN " + failure(_NO_DELIMITER, array(VARCHAR)) + " ELSE string_split({0}, {1}) END"
    ),
    "split_part(varchar, varchar, bigint) -> varchar": (
        f"CASE WHEN {{2}} <= 0 THEN {_INDEX} WHEN {{1}} = '' THEN {_LETTER} ELSE list_extract(string_split({{0}}, {{1}}), {{2}}) END"
    ),
    "strpos(varchar, varchar) -> bigint": "CASE WHEN {1} = '' AND {0} IS NOT NULL THEN 1 ELSE strpos({0}, {1}) END",
    "starts_with(varchar, varchar) -> boolean": "starts_with({0}, {1})",
    "substr(varchar, bigint) -> varchar": _FROM,
    "substring(varchar, bigint) -> varchar": _FROM,
    "substr(varchar, bigint, bigint) -> varchar": _FROM_TO,
    "substring(varchar, bigint, bigint) -> varchar": _FROM_TO,
    "concat_ws(varchar, array(varchar)) -> varchar": "array_to_string({1}, {0})",
    "concat_ws(varchar, varchar...) -> varchar": "concat_ws({*})",
    "chr(bigint) -> varchar": "chr(CAST({0} AS INTEGER))",
    "codepoint(varchar) -> integer": "CASE WHEN length({0}) = 1 THEN unicode({0}) WHEN {0} IS NOT NULL THEN " + _NO_CHARACTER + " END",
    "translate(varchar, varchar, varchar) -> varchar": "translate({0}, {1}, {2})",
    "levenshtein_distance(varchar, varchar) -> bigint": _by_points("levenshtein"),
    "hamming_distance(varchar, varchar) -> bigint": _by_points("hamming"),
    "to_utf8(varchar) -> varbinary": "encode({0})",
    "from_utf8(varbinary) -> varchar": "decode({0})",
    "to_hex(varbinary) -> varchar": "hex({0})",
    "from_hex(varchar) -> varbinary": "from_hex({0})",
    "to_base64(varbinary) -> varchar": "to_base64({0})",
    "from_base64(varchar) -> varbinary": "from_base64({0})",
    "md5(varbinary) -> varbinary": "from_hex(md5({0}))",
    "sha1(varbinary) -> varbinary": "from_hex(sha1({0}))",
    "sha256(varbinary) -> varbinary": "from_hex(sha256({0}))",
}
