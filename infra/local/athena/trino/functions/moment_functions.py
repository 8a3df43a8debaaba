"""Functions of days and moments that go by a unit or a pattern: date_add, date_diff, date_trunc, date_format, date(), sequences."""

from __future__ import annotations

import re

from infra.local.athena.trino.casts import cast
from infra.local.athena.trino.functions.call_site import CallSite, Special
from infra.local.athena.trino.kinds import BIGINT, DATE, DAYS, INSTANT, MONTHS, TIMESTAMP, UNKNOWN, VARCHAR, Kind, array, common, is_text
from infra.local.athena.trino.moment_text import unread_specifier
from infra.local.athena.trino.values import Refusal, Value, absent, coerce, failure, text

DAY_UNITS = ("day", "week", "month", "quarter", "year")
UNITS = ("millisecond", "second", "minute", "hour", *DAY_UNITS)
_MOVES = {
    "millisecond": "to_milliseconds({})", "second": "to_seconds({})", "minute": "to_minutes({})", "hour": "to_hours({})",
    "day": "to_days(CAST({} AS INTEGER))", "week": "to_days(CAST(7 * {} AS INTEGER))", "month": "to_months(CAST({} AS INTEGER))",
    "quarter": "to_months(CAST(3 * {} AS INTEGER))", "year": "to_years(CAST({} AS INTEGER))",
}  # fmt: skip
_SPECIFIERS = {
    "a": "%a", "b": "%b", "c": "%-m", "d": "%d", "e": "%-d", "f": "%f", "H": "%H", "h": "%I", "I": "%I", "i": "%M", "j": "%j", "k": "%-H",
    "l": "%-I", "M": "%B", "m": "%m", "p": "%p", "r": "%I:%M:%S %p", "S": "%S", "s": "%S", "T": "%H:%M:%S", "v": "%V", "W": "%A",
    "Y": "%Y", "y": "%y", "%": "%%",
}  # fmt: skip
"""MySQL's specifiers, as Trino understands them -> strftime's."""
_UNSUPPORTED = "DUVuwX"


def _date_add(site: CallSite) -> Value:
    """Return a day or moment so many units later."""
    expected = "date_add(varchar, bigint, date or timestamp)"
    site.need(3, 3, expected)
    amount, moment = site.argument(1), site.argument(2)
    if not _is_moment(moment.kind) or common(amount.kind, BIGINT) != BIGINT:
        site.refuse(expected)
    step = _MOVES[_unit(site, moment.kind)].format(coerce(amount, BIGINT).sql)
    moved = f"({moment.sql} + {step})"
    return Value(f"CAST({moved} AS DATE)" if moment.kind == DATE else moved, moment.kind, site.at)


def _date_diff(site: CallSite) -> Value:
    """Return the whole units between two moments: those that passed, not the boundaries that were crossed."""
    expected = "date_diff(varchar, date or timestamp, date or timestamp)"
    site.need(3, 3, expected)
    kind = common(site.argument(1).kind, site.argument(2).kind)
    if kind is None or not _is_moment(kind):
        site.refuse(expected)
    first, second = (coerce(site.argument(position), kind).sql for position in (1, 2))
    return Value(f"date_sub('{_unit(site, kind)}', {first}, {second})", BIGINT, site.at)


def _date_trunc(site: CallSite) -> Value:
    """Return the begin of the unit that a moment lies in."""
    expected = "date_trunc(varchar, date or timestamp)"
    site.need(2, 2, expected)
    moment = site.argument(1)
    if not _is_moment(moment.kind):
        site.refuse(expected)
    sql = f"date_trunc('{_unit(site, moment.kind)}', {moment.sql})"
    return Value(f"CAST({sql} AS DATE)" if moment.kind == DATE else sql, moment.kind, site.at)


def _date_format(site: CallSite) -> Value:
    """Return a moment as text by MySQL's pattern."""
    expected = "date_format(timestamp, varchar)"
    site.need(2, 2, expected)
    moment = site.argument(0)
    if not _is_moment(moment.kind):
        site.refuse(expected)
    pattern = strftime_pattern(site.literal_text(1, "a pattern"), site.at).replace("'", "''")
    return Value(f"strftime({coerce(moment, TIMESTAMP).sql if moment.kind == DATE else _utc(moment)}, '{pattern}')", VARCHAR, site.at)


def strftime_pattern(pattern: str, at: int) -> str:
    """Return MySQL's pattern in the words of strftime. Raises Refusal for specifiers that Trino has not either."""

    def specifier(match: re.Match[str]) -> str:
        letter = match[1]
        if letter in _UNSUPPORTED or not letter:
            raise Refusal("INVALID_FUNCTION_ARGUMENT", at, f"%{letter} not supported in date format string")
        return _SPECIFIERS.get(letter, letter)

    return re.sub(r"%(.?)", specifier, pattern)


def _date_parse(site: CallSite) -> Value:
    expected = "date_parse(varchar, varchar)"
    site.need(2, 2, expected)
    subject = site.argument(0)
    if not is_text(subject.kind) and subject.kind != UNKNOWN:
        site.refuse(expected)
    pattern = site.literal_text(1, "a pattern")
    if specifier := unread_specifier(pattern):
        absent(site.at, f"{specifier!r} in a pattern of date_parse")
    return Value(f"moment_by_pattern({coerce(subject, VARCHAR).sql}, {text(pattern)})", TIMESTAMP, site.at)


def _date(site: CallSite) -> Value:
    site.need(1, 1, "date(varchar), date(timestamp)")
    value = site.argument(0)
    if not is_text(value.kind) and not _is_moment(value.kind) and value.kind != UNKNOWN:
        site.refuse("date(varchar), date(timestamp)")
    return cast(value, DATE, site.at)


def _sequence(site: CallSite) -> Value | None:
    """SEQUENCE of days and moments; that of whole numbers goes by its signature."""
    if not 2 <= site.count <= 3 or not _is_moment(site.argument(0).kind):
        return None
    kind = common(site.argument(0).kind, site.argument(1).kind)
    if kind not in (DATE, TIMESTAMP) or (site.count == 2 and kind != DATE):
        site.refuse("sequence(date, date), sequence(date, date, interval), sequence(timestamp, timestamp, interval)")
    first, last = (coerce(site.argument(position), kind).sql for position in (0, 1))
    step = site.argument(2) if site.count == 3 else Value(f"to_days(CASE WHEN {first} <= {last} THEN 1 ELSE -1 END)", DAYS, site.at)
    if step.kind not in (DAYS, MONTHS):
        site.refuse("sequence(date, date, interval)")
    series = f"generate_series(CAST({first} AS TIMESTAMP), CAST({last} AS TIMESTAMP), {step.sql})"
    fault = failure("'INVALID_FUNCTION_ARGUMENT: result of sequence function must not have more than 10000 entries'", array(kind))
    sql = f"CAST({series} AS DATE[])" if kind == DATE else series
    return Value(f"CASE WHEN len({series}) > 10000 THEN {fault} ELSE {sql} END", array(kind), site.at)


def _unit(site: CallSite, kind: Kind) -> str:
    unit = site.literal_text(0, "a unit").lower()
    if unit not in (DAY_UNITS if kind == DATE else UNITS):
        what = "DATE" if kind == DATE else "TIMESTAMP"
        raise Refusal("INVALID_FUNCTION_ARGUMENT", site.at, f"'{unit}' is not a valid {what} field")
    return unit


def _is_moment(kind: Kind) -> bool:
    return kind == DATE or kind.name in ("timestamp", "timestamp with time zone")


def _utc(moment: Value) -> str:
    return f"CAST({moment.sql} AS TIMESTAMP)" if moment.kind == INSTANT else moment.sql


MOMENT_FUNCTIONS: dict[str, Special] = {
    "date_add": _date_add,
    "date_diff": _date_diff,
    "date_trunc": _date_trunc,
    "date_format": _date_format,
    "date_parse": _date_parse,
    "date": _date,
    "sequence": _sequence,
}
