"""Groups of recordings that stay in one fold: of one animal, or of one value of a column."""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from behavior.contract import UsageError
from behavior.recording import MAX_MICE, Recording
from training.material.zones import Zone

ANIMAL = "animal"
"""Groups recordings by the ids of their mice in the metadata."""


def grouping_of(zone: Zone, recordings: Sequence[Recording], by: str, pattern: str = "") -> dict[int, str]:
    """Return the group of each recording that has one, by video id.

    `by` is `ANIMAL`, a column of the metadata, or FILE:COLUMN, a CSV file with the columns video_id and COLUMN. With a `pattern` (a
    regular expression) the group is what its first parenthesis matches in the value, or the whole match. A recording without a value
    or a match is its own group. Raises UsageError for an unknown column or file, a wrong pattern, and if all recordings are one group.
    """
    values = _values(zone, by)
    try:
        found = {video: re.search(pattern, value) for video, value in values.items()}
    except re.error as error:
        raise UsageError(f"Expected --group-pattern to be a regular expression, but got {pattern}: {error}. Correct it.") from None
    named = {video: _matched(match, values[video]) for video, match in found.items() if match}
    groups = {one.video_id: named[one.video_id] for one in recordings if one.video_id in named}
    if len(groups) == len(recordings) and len(set(groups.values())) == 1:
        raise UsageError(f"Expected --group-by {by} to tell recordings apart, but got {next(iter(groups.values()))} for all. Name another.")
    return groups


def merged_groups(groups: Mapping[int, int], grouping: Mapping[int, str]) -> dict[int, int]:
    """Return for each video the smallest id among all that are in one group of either kind, also by way of others."""
    merged, before = dict(groups), dict[int, int]()
    while merged != before:
        before = dict(merged)
        for key in (groups, grouping):
            smallest: dict[object, int] = {}
            for video, group in sorted(merged.items()):
                if video in key:
                    smallest[key[video]] = min(smallest.get(key[video], group), group)
            merged = {video: smallest[key[video]] if video in key else group for video, group in merged.items()}
    return merged


def _matched(match: re.Match[str], value: str) -> str:
    return (match.group(1) or "") if match.re.groups else match.group(0) or value


def _values(zone: Zone, by: str) -> dict[int, str]:
    """Return the value of each video; videos without one are left out."""
    if by == ANIMAL:
        columns = [zone.column(f"mouse{number}_id") for number in range(1, MAX_MICE + 1)]
        ids = {video: [str(column[video]) for column in columns if video in column] for video in {*columns[0], *columns[1]}}
        return {video: " ".join(sorted(own)) for video, own in ids.items()}
    path, _, column = by.rpartition(":")
    if not path:
        return {video: str(value) for video, value in zone.column(by).items()}
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            return {int(row["video_id"]): row[column] for row in csv.DictReader(file) if row[column]}
    except OSError:
        raise UsageError(f"Expected a file at {path}, but got none. Name a CSV file with the columns video_id and {column}.") from None
    except (KeyError, ValueError, UnicodeDecodeError):
        raise UsageError(f"Expected the columns video_id and {column} in {path}, but got others. Name another column or file.") from None
