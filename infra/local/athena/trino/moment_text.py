"""Days and moments read from texts, by MySQL's patterns and by ISO 8601. DuckDB calls these functions by their names."""

from __future__ import annotations

import datetime
import re
from functools import cache

_FIELDS = {
    "Y": r"(?P<year>\d{1,4})", "y": r"(?P<short_year>\d{2})", "m": r"(?P<month>\d{1,2})", "c": r"(?P<month>\d{1,2})",
    "M": r"(?P<name>[A-Za-z]+)", "b": r"(?P<name>[A-Za-z]+)", "d": r"(?P<day>\d{1,2})", "e": r"(?P<day>\d{1,2})",
    "H": r"(?P<hour>\d{1,2})", "k": r"(?P<hour>\d{1,2})", "h": r"(?P<half>\d{1,2})", "I": r"(?P<half>\d{1,2})", "l": r"(?P<half>\d{1,2})",
    "i": r"(?P<minute>\d{1,2})", "s": r"(?P<second>\d{1,2})", "S": r"(?P<second>\d{1,2})", "f": r"(?P<fraction>\d{1,9})",
    "p": r"(?P<noon>[AaPp][Mm])", "%": "%",
}  # fmt: skip
_COMPOSED = {"T": "%H:%i:%s", "r": "%h:%i:%s %p"}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_ISO_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?Z?")


def moment_by_pattern(text: str, pattern: str) -> datetime.datetime:
    """Return the moment that a text says by MySQL's pattern. Raises ValueError if it says none."""
    match = _regular(pattern).fullmatch(text)
    try:
        if match is None:
            raise ValueError
        return _moment({name: digits for name, digits in match.groupdict().items() if digits is not None})
    except ValueError:
        raise ValueError(f'INVALID_FUNCTION_ARGUMENT: Invalid format: "{text}"') from None


def unread_specifier(pattern: str) -> str:
    """Return the first specifier of a pattern that this disk cannot read, or that comes a second time; nothing if it reads them all."""
    seen: set[str] = set()
    for specifier in re.findall(r"%.", _expand(pattern)):
        field = _FIELDS.get(specifier[1])
        if field is None or (field in seen and field != "%"):
            return str(specifier)
        seen.add(field)
    return ""


def day_of_iso8601(text: str) -> datetime.date:
    """Return the day of `2026-01-31`. Raises ValueError for all else: weeks and days of the year are not on this disk."""
    match = _ISO_DAY.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        return datetime.date(*map(int, match.groups()))
    except ValueError:
        raise ValueError(f"INVALID_FUNCTION_ARGUMENT: Expected a day like 2026-01-31, but got '{text}'") from None


def moment_of_iso8601(text: str) -> datetime.datetime:
    """Return the moment of `2026-01-31T12:00:00Z`. Raises ValueError for all else: time zones but UTC are not on this disk."""
    try:
        if not _ISO_MOMENT.fullmatch(text):
            raise ValueError
        return datetime.datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=datetime.UTC)
    except ValueError:
        raise ValueError(f"INVALID_FUNCTION_ARGUMENT: Expected a moment like 2026-01-31T12:00:00Z, in UTC, but got '{text}'") from None


@cache
def _regular(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(%.)", _expand(pattern))
    return re.compile("".join(_FIELDS[part[1]] if re.fullmatch(r"%.", part) else re.escape(part) for part in parts))


def _expand(pattern: str) -> str:
    """Write out the specifiers that stand for several."""
    for letter, longer in _COMPOSED.items():
        pattern = pattern.replace(f"%{letter}", longer)
    return pattern


def _moment(fields: dict[str, str]) -> datetime.datetime:
    year = int(fields.get("year", 1970))
    if "short_year" in fields:
        year = int(fields["short_year"]) + (1900 if int(fields["short_year"]) >= 70 else 2000)
    month = _MONTHS.index(fields["name"].lower()[:3]) + 1 if "name" in fields else int(fields.get("month", 1))
    hour = int(fields.get("hour", 0))
    if "half" in fields:
        half = int(fields["half"])
        if not 1 <= half <= 12:
            raise ValueError
        hour = half % 12 + (12 if fields.get("noon", "am").lower() == "pm" else 0)
    milliseconds = int(fields.get("fraction", "0").ljust(3, "0")[:3])
    day, minute, second = int(fields.get("day", 1)), int(fields.get("minute", 0)), int(fields.get("second", 0))
    return datetime.datetime(year, month, day, hour, minute, second, milliseconds * 1000)
