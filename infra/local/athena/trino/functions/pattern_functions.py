"""Functions of regular expressions: Java's patterns where DuckDB's RE2 reads them alike, refused where it would not."""

from __future__ import annotations

import re

from infra.local.athena.trino.functions.call_site import CallSite, Special
from infra.local.athena.trino.kinds import BOOLEAN, UNKNOWN, VARCHAR, array, is_text
from infra.local.athena.trino.syntax import Lambda
from infra.local.athena.trino.values import Refusal, Value, absent, coerce, text

_JAVA_ONLY = re.compile(r"\(\?(?:[=!>]|<[=!])|\\[1-9GZRXkhHvVN]|[*+?}]\+|&&|\[[^\]]*\[(?!:)|\\p\{(?:Is|In|java)")
"""Look-arounds, back references, possessive quantifiers, classes of classes and some escapes: RE2 knows none of them."""
_OPTIONAL = re.compile(r"\||\)[?*]|\)\{0")


def _like(site: CallSite) -> Value:
    subject, pattern = _given(site, 2, 2, "regexp_like(varchar, varchar)")
    return Value(f"regexp_matches({subject.sql}, {pattern})", BOOLEAN, site.at)


def _extract(site: CallSite) -> Value:
    subject, pattern = _given(site, 2, 3, "regexp_extract(varchar, varchar), regexp_extract(varchar, varchar, bigint)")
    sql = f"regexp_extract({subject.sql}, {pattern}, {_group(site)})"
    return Value(f"CASE WHEN regexp_matches({subject.sql}, {pattern}) THEN {sql} END", VARCHAR, site.at)


def _extract_all(site: CallSite) -> Value:
    subject, pattern = _given(site, 2, 3, "regexp_extract_all(varchar, varchar), regexp_extract_all(varchar, varchar, bigint)")
    return Value(f"regexp_extract_all({subject.sql}, {pattern}, {_group(site)})", array(VARCHAR), site.at)


def _replace(site: CallSite) -> Value:
    if site.count == 3 and isinstance(site.node.arguments[2], Lambda):
        absent(site.at, "regexp_replace with a lambda")
    subject, pattern = _given(site, 2, 3, "regexp_replace(varchar, varchar), regexp_replace(varchar, varchar, varchar)")
    replacement = _replacement(site.literal_text(2, "a replacement"), site.at) if site.count == 3 else ""
    return Value(f"regexp_replace({subject.sql}, {pattern}, {text(replacement)}, 'g')", VARCHAR, site.at)


def _split(site: CallSite) -> Value:
    subject, pattern = _given(site, 2, 2, "regexp_split(varchar, varchar)")
    return Value(f"regexp_split_to_array({subject.sql}, {pattern})", array(VARCHAR), site.at)


def _given(site: CallSite, few: int, many: int, expected: str) -> tuple[Value, str]:
    site.need(few, many, expected)
    subject = site.argument(0)
    if (not is_text(subject.kind) and subject.kind != UNKNOWN) or not is_text(site.argument(1).kind):
        site.refuse(expected)
    pattern = site.literal_text(1, "a pattern")
    if _JAVA_ONLY.search(pattern):
        absent(site.at, f"the regular expression {pattern!r}")
    return coerce(subject, VARCHAR), text(pattern)


def _group(site: CallSite) -> int:
    if site.count < 3:
        return 0
    group = site.argument(2).literal
    pattern = site.literal_text(1, "a pattern")
    if not isinstance(group, int):
        absent(site.at, f"{site.node.name} with a group that is no literal")
    groups = len(re.findall(r"(?<!\\)\((?!\?)|(?<!\\)\(\?P?<", pattern))
    if not 0 <= group <= groups:
        raise Refusal("INVALID_FUNCTION_ARGUMENT", site.at, f"Pattern has {groups} groups. Cannot access group {group}")
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
