"""The keys of one bucket in the order S3 lists them (UTF-8), read from a directory tree without walking more of it than asked."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from infra.local.s3.object_names import LAST, fits_tree, flat_keys


def ordered_keys(tree: Path, overflow: Path, prefix: str = "", after: str = "", *, first_of_each_directory: bool = False) -> Iterator[str]:
    """Yield the keys that start with `prefix` and sort behind `after`.

    `first_of_each_directory` yields only one key of every directory below the prefix: enough to name it as a common prefix of `/`.
    """
    base = prefix[: prefix.rfind("/") + 1]
    inside = not base or fits_tree(base[:-1])  # otherwise the prefix would lead out of the tree, or to the root of the disk
    in_tree = _below(tree / base, base, prefix, after, first_of_each_directory) if inside else iter(())
    outside = sorted(key for key in flat_keys(overflow) if key.startswith(prefix) and key > after)
    previous = None
    for key in heapq.merge(in_tree, outside):
        if key != previous:
            yield key
        previous = key


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """Return the group that S3 would name instead of `key`: everything up to the first delimiter behind the prefix, if there is one."""
    end = key.find(delimiter, len(prefix)) if delimiter else -1
    return None if end < 0 else key[: end + len(delimiter)]


def _below(directory: Path | str, parent: str, prefix: str, after: str, first_of_each: bool) -> Iterator[str]:
    for name, path in _entries(directory):
        key = parent + name
        if not key.startswith(prefix):
            continue
        if not name.endswith("/"):
            if key > after:
                yield key
        elif key + LAST > after:  # otherwise all of the directory sorts before `after`
            yield from islice(_below(path, key, prefix, after, first_of_each), 1 if first_of_each else None)


def _entries(directory: Path | str) -> list[tuple[str, str]]:
    """List (name, path), directories with the `/` that decides their place: `a-b` sorts before `a/b`."""
    try:
        with os.scandir(directory) as entries:
            return sorted((_name_in_order(entry), entry.path) for entry in entries if _can_be_listed(entry))
    except (FileNotFoundError, NotADirectoryError):  # removed while we walk
        return []


def _name_in_order(entry: os.DirEntry[str]) -> str:
    return f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name


def _can_be_listed(entry: os.DirEntry[str]) -> bool:
    """Say whether an entry is a file or a directory with a name in UTF-8. Links to directories are not: they may form circles."""
    try:
        entry.name.encode()
        return entry.is_dir(follow_symlinks=False) or entry.is_file()
    except (UnicodeEncodeError, OSError):
        return False
