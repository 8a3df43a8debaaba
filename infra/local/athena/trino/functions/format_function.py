"""FORMAT: its arguments as texts, each with a letter for what it was, for `java_format` to put into the format string."""

from __future__ import annotations

from infra.local.athena.trino.functions.call_site import CallSite, Special
from infra.local.athena.trino.java_text import unknown_specifiers
from infra.local.athena.trino.kinds import BOOLEAN, DATE, FLOATING, UNKNOWN, VARCHAR, WHOLE, Kind, is_decimal, is_text
from infra.local.athena.trino.values import Value, absent, text


def _format(site: CallSite) -> Value:
    site.need(2, 127, "format(varchar, ...)")
    pattern, *arguments = site.arguments()
    if not is_text(pattern.kind):
        site.refuse("format(varchar, ...)")
    for specifier in unknown_specifiers(site.literal_text(0, "a format string")):
        absent(site.at, f"the format specifier {specifier!r}")
    letters = "".join(_letter(value.kind, value.at) for value in arguments)
    texts = ", ".join(f"CAST({value.sql} AS VARCHAR)" for value in arguments)
    return Value(f"java_format({pattern.sql}, {text(letters)}, [{texts}])", VARCHAR, site.at)


def _letter(kind: Kind, at: int) -> str:
    """Return w for whole numbers, d for decimals, f for floating numbers, b for booleans and s for texts and days."""
    if is_text(kind) or kind in (DATE, UNKNOWN):
        return "s"
    if kind == BOOLEAN:
        return "b"
    if kind in WHOLE:
        return "w"
    if kind in FLOATING:
        return "f"
    if is_decimal(kind):
        return "d"
    absent(at, f"format of {kind}")


FORMAT_FUNCTIONS: dict[str, Special] = {"format": _format}
