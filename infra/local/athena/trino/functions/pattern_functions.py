"""Functions of regular expressions: Java's patterns where DuckDB's RE2 reads them alike, refused where it would not."""

from __future__ import annotations

import re

from infra.local.athena.trino.functions.call_site import CallSite, Special
from infra.local.athena.trino.kinds import BOOLEAN, UNKNOWN, VARCHAR, array, is_text
from infra.local.athena.trino.typed import Refused, Typed, absent, coerced, text

_JAVA_ONLY = re.compile(r"\(\?(?:[=!>]|<[=!])|\\[1-9GZRXkhHvVN]|[*+?}]\+|&&|\[[^\]]*\[(?!:)|\\p\{(?:Is|In|java)")
"""Look-arounds, back references, possessive quantifiers, classes of classes and some escapes: RE2 knows none of them."""
_OPTIONAL = re.compile(r"\||\)[?*]|\)\{0")
_SINGLE = "'s'"


def _like(site: CallSite) -> Typed:
    given, pattern = _given(site, 2, 2, "regexp_like(varchar, varchar)")
    return Typed(f"regexp_matches({given.sql}, {pattern})", BOOLEAN, site.at)


def _extract(site: CallSite) -> Typed:
    given, pattern = _given(site, 2, 3, "regexp_extract(varchar, varchar), regexp_extract(varchar, varchar, bigint)")
    said = f"regexp_extract({given.sql}, {pattern}, {_group(site)})"
    return Typed(f"CASE WHEN regexp_matches({given.sql}, {pattern}) THEN {said} END", VARCHAR, site.at)


def _extract_all(site: CallSite) -> Typed:
    given, pattern = _given(site, 2, 3, "regexp_extract_all(varchar, varchar), regexp_extract_all(varchar, varchar, bigint)")
    return Typed(f"regexp_extract_all({given.sql}, {pattern}, {_group(site)})", array(VARCHAR), site.at)


def _replace(site: CallSite) -> Typed:
    given, pattern = _given(site, 2, 3, "regexp_replace(varchar, varchar), regexp_replace(varchar, varchar, varchar)")
    replacement = _replacement(site.written(2, "a replacement"), site.at) if site.count == 3 else ""
    return Typed(f"regexp_replace({given.sql}, {pattern}, {text(replacement)}, 'g')", VARCHAR, site.at)


def _split(site: CallSite) -> Typed:
    given, pattern = _given(site, 2, 2, "regexp_split(varchar, varchar)")
    return Typed(f"regexp_split_to_array({given.sql}, {pattern})", array(VARCHAR), site.at)


def _given(site: CallSite, few: int, many: int, expected: str) -> tuple[Typed, str]:
    site.need(few, many, expected)
    given = site.argument(0)
    if (not is_text(given.kind) and given.kind != UNKNOWN) or not is_text(site.argument(1).kind):
        site.refuse(expected)
    pattern = site.written(1, "a pattern")
    if _JAVA_ONLY.search(pattern):
        absent(site.at, f"the regular expression {pattern!r}")
    if re.search(r"(?<!\\)\$", pattern):
        pattern = re.sub(r"(?<!\\)\$(?![^\[]*\])", r"(?:$)", pattern)
    return coerced(given, VARCHAR), text(pattern)


def _group(site: CallSite) -> int:
    if site.count < 3:
        return 0
    group = site.argument(2).literal
    pattern = site.written(1, "a pattern")
    if not isinstance(group, int):
        absent(site.at, f"{site.node.name} with a group that is no literal")
    known = len(re.findall(r"(?<!\\)\((?!\?)|(?<!\\)\(\?P?<", pattern))
    if not 0 <= group <= known:
        raise Refused("INVALID_FUNCTION_ARGUMENT", site.at, f"Pattern has {known} groups. Cannot access group {group}")
    if group and _OPTIONAL.search(pattern):
        absent(site.at, f"a group that may be missing from the match, as in {pattern!r},")
    return group


def _replacement(replacement: str, at: int) -> str:
    r"""Return Java's replacement in RE2's words: `$1` is `\1`."""
    if re.search(r"\$(?!\d)|\\[^$\\]|\\$", replacement) or re.search(r"\$\d\d", replacement):
        absent(at, f"the replacement {replacement!r}")
    parts = re.split(r"(\$\d|\\.)", replacement)
    return "".join(
        "\\" + part[1] if part.startswith("$") else part[1:].replace("\\", "\\\\") if part.startswith("\\") else part for part in parts
    )


PATTERN_FUNCTIONS: dict[str, Special] = {
    "regexp_like": _like,
    "regexp_extract": _extract,
    "regexp_extract_all": _extract_all,
    "regexp_replace": _replace,
    "regexp_split": _split,
}
