"""Objects as plain files: `s3://bucket/key` is `<root>/<bucket>/<key>`, whoever wrote it; side data lies apart, in `<root>/.aws/s3/`.

Keys that a directory tree cannot hold (`a` beside `a/b`, `d/`, `..`) are kept under `.aws/s3/overflow/`. What a file cannot say of
itself (ETag, content type, user metadata, tags) is a record under `.aws/s3/records/`; it counts only while the file has the size and
time it was written for, so a file that another program drops or replaces is an object at once, with an ETag made from both.
Every change is made under a file lock, so several processes can work on one root.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from infra.local.errors import ServiceError
from infra.local.s3.listing import common_prefix, ordered_keys
from infra.local.s3.object_names import LAST, check_key, fits_tree, flat_path, is_bucket_name
from infra.local.s3.records import Records, prune
from infra.local.s3.stored import ALWAYS, Condition, ListingPage, Staged, StoredObject, no_such_key, precondition_failed

CHUNK_BYTES = 1 << 20
_STRIPES = 64  # lock files; two keys that share one only wait for each other
_SETTLED_S = 10.0  # a writer puts an object's file in place, which sets its time of change, and its record directly afterwards
_RACES = 8  # how often a directory may vanish under us before we believe that something else is wrong


class ObjectStore:
    """S3's buckets and objects over one directory."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).resolve()
        self.side = self.root / ".aws" / "s3"
        for name in ("overflow", "staged", "locks"):
            (self.side / name).mkdir(parents=True, exist_ok=True)
        self._records = Records(self.side / "records", self.side / "staged")

    # Buckets

    def buckets(self) -> list[str]:
        """Return the bucket names, sorted: every directory of the root whose name S3 would allow."""
        with os.scandir(self.root) as entries:
            return sorted(entry.name for entry in entries if is_bucket_name(entry.name) and entry.is_dir())

    def directory(self, bucket: str) -> Path:
        """Return the directory of a bucket. Raises NoSuchBucket."""
        directory = self.root / bucket
        if not is_bucket_name(bucket) or not directory.is_dir():
            raise ServiceError("NoSuchBucket", f"Expected an existing bucket, but got {bucket!r}. Create it first.", 404)
        return directory

    def has_bucket(self, bucket: str) -> bool:
        """Say whether the bucket exists."""
        return is_bucket_name(bucket) and (self.root / bucket).is_dir()

    def create_bucket(self, bucket: str) -> Path:
        """Make the bucket's directory; one that exists is kept."""
        if not is_bucket_name(bucket):
            what = "Expected a bucket name of 3 to 63 lower-case letters, digits, '-' and '.'"
            raise ServiceError("InvalidBucketName", f"{what}, but got {bucket!r}. Choose another name.")
        directory = self.root / bucket
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def delete_bucket(self, bucket: str) -> None:
        """Remove a bucket that holds no object. Raises BucketNotEmpty."""
        directory = self.directory(bucket)
        try:
            if next(self.keys(bucket), None) is not None:
                raise OSError
            for below, _, _ in os.walk(directory, topdown=False):
                os.rmdir(below)  # fails, as it should, if an object arrives meanwhile
        except OSError:
            raise ServiceError(
                "BucketNotEmpty", f"Expected an empty bucket, but got objects in {bucket!r}. Delete them first.", 409
            ) from None
        shutil.rmtree(self.side / "overflow" / bucket, ignore_errors=True)
        self._records.remove_all(bucket)

    # Objects

    def path(self, bucket: str, key: str) -> Path:
        """Return the file that holds an object's bytes, or would hold them; always a file below the root."""
        directory = self.directory(bucket)
        flat = flat_path(self.side / "overflow" / bucket, key)
        if not fits_tree(key):
            return flat
        tree = directory / key
        if tree.is_file():
            return tree
        return flat if tree.is_dir() or flat.is_file() else tree

    def local_path(self, uri: str) -> Path:
        """Return the file or directory behind `s3://bucket/key`; a key with an empty, `.` or `..` part has no place in the tree."""
        bucket, _, key = uri.partition("://")[2].partition("/")
        key = key.rstrip("/")
        if key and not fits_tree(key):
            raise ServiceError(
                "InvalidURI", f"Expected an s3:// address without empty, '.' or '..' parts, but got {uri!r}. Use a plain key."
            )
        return self.directory(bucket) / key

    def find(self, bucket: str, key: str) -> StoredObject | None:
        """Return an object, or None."""
        with self._locked(bucket, key, fcntl.LOCK_SH):
            return self._look(bucket, key)

    def get(self, bucket: str, key: str) -> StoredObject:
        """Return an object. Raises NoSuchKey."""
        found = self.find(bucket, key)
        if found is None:
            raise no_such_key(bucket, key)
        return found

    def open(self, bucket: str, key: str) -> tuple[StoredObject, BinaryIO]:
        """Open an object for reading, described exactly as opened. Raises NoSuchKey."""
        with self._locked(bucket, key, fcntl.LOCK_SH):
            found = self._look(bucket, key)
            if found is None:
                raise no_such_key(bucket, key)
            file = found.path.open("rb")
            return self._records.describe(bucket, key, found.path, os.fstat(file.fileno())), file

    def stage(self, chunks: Iterable[bytes], *, hashed: bool = True) -> Staged:
        """Write chunks to a file that is no object yet; nothing is left of it if `chunks` raises."""
        path, size, md5 = self.side / "staged" / uuid.uuid4().hex, 0, hashlib.md5(usedforsecurity=False)
        try:
            with path.open("wb", buffering=0) as file:
                for chunk in chunks:
                    file.write(chunk)
                    size += len(chunk)
                    if hashed:
                        md5.update(chunk)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Staged(path, size, md5.hexdigest() if hashed else "")

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes | Staged,
        *,
        etag: str = "",
        headers: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        checksums: Mapping[str, str] | None = None,
        only_if: Condition = ALWAYS,
    ) -> StoredObject:
        """Make `body` the object, in one step that readers see whole or not at all. Raises PreconditionFailed, NoSuchBucket."""
        staged = body if isinstance(body, Staged) else self.stage([body])
        try:
            check_key(key)
            self.directory(bucket)
            with self._locked(bucket, key, fcntl.LOCK_EX):
                self._require_etag(bucket, key, only_if.etag)
                written = staged.path.stat()
                fresh = StoredObject(
                    bucket,
                    key,
                    staged.path,
                    written.st_size,
                    written.st_mtime_ns,
                    etag or staged.md5,
                    dict(headers or {}),
                    dict(tags or {}),
                    dict(checksums or {}),
                )
                with self._records.written(fresh):
                    path = self._place(staged.path, bucket, key, only_if.absent)
                return replace(fresh, path=path)
        finally:
            staged.path.unlink(missing_ok=True)

    def tag(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        """Replace an object's tags. Raises NoSuchKey."""
        with self._locked(bucket, key, fcntl.LOCK_EX):
            found = self._look(bucket, key)
            if found is None:
                raise no_such_key(bucket, key)
            with self._records.written(replace(found, tags=dict(tags))):
                pass

    def delete(self, bucket: str, key: str, *, only_if: Condition = ALWAYS) -> None:
        """Remove an object; one that is not there is fine. Directories that become empty go with it."""
        with self._locked(bucket, key, fcntl.LOCK_EX):
            self._require_etag(bucket, key, only_if.etag)
            while (found := self._look(bucket, key)) is not None:  # twice, where a file was dropped beside an object in the overflow
                found.path.unlink(missing_ok=True)
                prune(found.path.parent, self.root / bucket)
                prune(found.path.parent, self.side / "overflow" / bucket)
            self._records.remove(bucket, key)

    def keys(self, bucket: str, prefix: str = "", after: str = "", *, first_of_each_directory: bool = False) -> Iterator[str]:
        """Yield the keys of a bucket in UTF-8 order."""
        overflow = self.side / "overflow" / bucket
        return ordered_keys(self.directory(bucket), overflow, prefix, after, first_of_each_directory=first_of_each_directory)

    def page(self, bucket: str, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000) -> ListingPage:
        """List up to `limit` objects and common prefixes that sort behind `after`."""
        objects: list[StoredObject] = []
        prefixes: list[str] = []
        end = after
        for key in self.keys(bucket, prefix, after, first_of_each_directory=delimiter == "/") if limit > 0 else ():
            group = common_prefix(key, prefix, delimiter)
            if group is not None and group in prefixes[-1:]:
                continue
            found = None if group else self._glance(bucket, key) or self.find(bucket, key)
            if found is None and group is None:  # deleted while we list
                continue
            if len(objects) + len(prefixes) == limit:
                return ListingPage(objects, prefixes, end)
            if group is not None:
                prefixes.append(group)
                end = group + LAST
            elif found is not None:
                objects.append(found)
                end = key
        return ListingPage(objects, prefixes, None)

    # Below: one object's file and record, always under its lock

    @contextmanager
    def _locked(self, bucket: str, key: str, mode: int) -> Iterator[None]:
        stripe = zlib.crc32(f"{bucket}/{key}".encode(errors="surrogatepass")) % _STRIPES
        lock = os.open(self.side / "locks" / f"{stripe:02d}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, mode)
            yield
        finally:
            os.close(lock)

    def _glance(self, bucket: str, key: str) -> StoredObject | None:
        """Return an object of the tree without a lock, fast; None says nothing.

        A record that was written for exactly this file is true. That there is none is true as soon as a writer would have added it.
        """
        if not fits_tree(key):
            return None
        path = f"{self.root}/{bucket}/{key}"
        try:
            status = os.stat(path)
        except OSError:
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        settled = time.time() - status.st_ctime > _SETTLED_S
        return (self._records.describe if settled else self._records.recorded)(bucket, key, path, status)

    def _look(self, bucket: str, key: str) -> StoredObject | None:
        path = self.path(bucket, key)
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return self._records.describe(bucket, key, path, status) if stat.S_ISREG(status.st_mode) else None

    def _require_etag(self, bucket: str, key: str, etag: str | None) -> None:
        if etag is None:
            return
        found = self._look(bucket, key)
        if found is None:
            raise no_such_key(bucket, key)
        if etag.strip('"') not in ("*", found.etag):
            raise precondition_failed("If-Match", f"the ETag {found.etag}")

    def _place(self, staged: Path, bucket: str, key: str, only_if_absent: bool) -> Path:
        for _ in range(_RACES):
            path = self._make_room(bucket, key)
            try:
                if only_if_absent:
                    os.link(staged, path)  # creates or fails, also against programs that know nothing of our locks
                else:
                    os.replace(staged, path)
                return path
            except FileExistsError:
                raise precondition_failed("If-None-Match", "an object that exists") from None
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                continue  # someone made or pruned a directory here meanwhile
        raise ServiceError("OperationAborted", f"Expected a quiet place for {key!r}, but got a changing directory. Try again.", 409)

    def _make_room(self, bucket: str, key: str) -> Path:
        """Make the parents of a key's file. An object that has the name of such a parent moves to the overflow."""
        path = self.path(bucket, key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            parts = key.split("/")
            for parent in ("/".join(parts[:end]) for end in range(1, len(parts))):
                blocking = self.root / bucket / parent
                if blocking.is_file():
                    aside = flat_path(self.side / "overflow" / bucket, parent)
                    aside.parent.mkdir(parents=True, exist_ok=True)
                    blocking.replace(aside)
            path.parent.mkdir(parents=True, exist_ok=True)
        return path
