"""Functions of days and moments: signature -> DuckDB's SQL. All of it in UTC, the only time zone of this disk."""

from __future__ import annotations

_PARTS = {
    "year": "year({0})",
    "quarter": "quarter({0})",
    "month": "month({0})",
    "week": "week({0})",
    "week_of_year": "week({0})",
    "day": "day({0})",
    "day_of_month": "day({0})",
    "day_of_week": "isodow({0})",
    "dow": "isodow({0})",
    "day_of_year": "dayofyear({0})",
    "doy": "dayofyear({0})",
    "year_of_week": "isoyear({0})",
    "yow": "isoyear({0})",
}
_TIMES = {"hour": "hour({0})", "minute": "minute({0})", "second": "second({0})", "millisecond": "(millisecond({0}) % 1000)"}
_UTC = "CAST({0} AS TIMESTAMP)"


def _parts() -> dict[str, str]:
    """Return the functions that take one part of a moment, under their names and as EXTRACT calls them."""
    signatures = {}
    for name, sql in {**_PARTS, **_TIMES}.items():
        for spelling in (name, f"extract_{name}"):
            if name in _PARTS:
                signatures[f"{spelling}(date) -> bigint"] = sql
            signatures[f"{spelling}(timestamp) -> bigint"] = sql
            signatures[f"{spelling}(instant) -> bigint"] = sql.replace("{0}", _UTC)
    return signatures


TIME_FUNCTIONS = {
    **_parts(),
    "current_date() -> date": "current_date",
    "now() -> instant": "date_trunc('milliseconds', now())",
    "localtimestamp() -> timestamp": "CAST(date_trunc('milliseconds', now()) AS TIMESTAMP)",
    "current_timezone() -> varchar": "'UTC'",
    "last_day_of_month(date) -> date": "last_day({0})",
    "last_day_of_month(timestamp) -> date": "last_day({0})",
    "last_day_of_month(instant) -> date": f"last_day({_UTC})",
    "from_unixtime(double) -> instant": "to_timestamp(round({0} * 1000) / 1000)",
    "to_unixtime(timestamp) -> double": "epoch({0})",
    "to_unixtime(instant) -> double": "epoch({0})",
    "to_iso8601(date) -> varchar": "CAST({0} AS VARCHAR)",
    "to_iso8601(timestamp) -> varchar": "strftime({0}, '%Y-%m-%dT%H:%M:%S.%g')",
    "to_iso8601(instant) -> varchar": f"strftime({_UTC}, '%Y-%m-%dT%H:%M:%S.%gZ')",
    "from_iso8601_date(varchar) -> date": "day_of_iso8601({0})",
    "from_iso8601_timestamp(varchar) -> instant": "moment_of_iso8601({0})",
}
