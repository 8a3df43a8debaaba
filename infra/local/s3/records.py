"""What a file cannot say of itself (ETag, content type, user metadata, tags): one JSON file for each object written through S3."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.s3.object_names import flat_name, flat_path
from infra.local.s3.stored import StoredObject

_KEPT = ("size", "mtime_ns", "etag", "headers", "tags", "checksums")
_RACES = 8  # how often a directory may vanish under us before we believe that something else is wrong


class Records:
    """The records of a store; drafts are written where readers do not look, and moved in place whole."""

    def __init__(self, directory: Path, drafts: Path) -> None:
        self._directory = directory
        self._drafts = drafts

    def describe(self, bucket: str, key: str, path: Path | str, status: os.stat_result) -> StoredObject:
        """Return the object in a file; its record counts only if it was written for a file of this size and time."""
        if found := self.recorded(bucket, key, path, status):
            return found
        size, mtime_ns = status.st_size, status.st_mtime_ns
        # Not hashed: a listing of dropped files would read them all. The `-1` tells clients that it is no MD5.
        etag = hashlib.md5(f"{key}:{size}:{mtime_ns}".encode(), usedforsecurity=False).hexdigest() + "-1"
        return StoredObject(bucket, key, Path(path), size, mtime_ns, etag)

    def recorded(self, bucket: str, key: str, path: Path | str, status: os.stat_result) -> StoredObject | None:
        """Return the object in a file if its record was written for it, else None."""
        try:
            with open(flat_name(f"{self._directory}/{bucket}", key), "rb") as file:
                record = json.loads(file.read())
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        if record.get("size") != status.st_size or record.get("mtime_ns") != status.st_mtime_ns:
            return None
        return StoredObject(bucket, key, Path(path), **{name: record[name] for name in _KEPT})

    @contextmanager
    def written(self, of: StoredObject) -> Iterator[None]:
        """Write the record of an object before the context, where a full disk spoils nothing, and let it count behind the context."""
        draft, target = self._drafts / uuid.uuid4().hex, self._path(of.bucket, of.key)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps({name: getattr(of, name) for name in _KEPT}), encoding="utf-8")
            yield
            _move(draft, target)
        finally:
            draft.unlink(missing_ok=True)

    def remove(self, bucket: str, key: str) -> None:
        """Forget an object."""
        record = self._path(bucket, key)
        record.unlink(missing_ok=True)
        prune(record.parent, self._directory / bucket)

    def remove_all(self, bucket: str) -> None:
        """Forget all objects of a bucket."""
        shutil.rmtree(self._directory / bucket, ignore_errors=True)

    def _path(self, bucket: str, key: str) -> Path:
        return flat_path(self._directory / bucket, key)


def _move(draft: Path, target: Path) -> None:
    for attempt in range(_RACES):
        try:
            draft.replace(target)
            return
        except FileNotFoundError:  # a delete pruned the directory meanwhile
            if attempt == _RACES - 1:
                raise
            target.parent.mkdir(parents=True, exist_ok=True)


def prune(directory: Path, top: Path) -> None:
    """Remove empty directories from `directory` upwards, below `top`."""
    while top in directory.parents:
        try:
            directory.rmdir()
        except OSError:
            return
        directory = directory.parent
