"""OpenUploads in parts: each open upload is one directory under `.aws/s3/uploads/`, so any process can continue or complete it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from infra.local.errors import ServiceError
from infra.local.s3.object_names import check_key
from infra.local.s3.object_store import CHUNK_BYTES, ObjectStore
from infra.local.s3.stored import ALWAYS, Condition, Staged, StoredObject

_LEAST_PART_BYTES = 5 << 20
_MOST_PARTS = 10_000


@dataclass(frozen=True)
class OpenUpload:
    """An upload that was begun and neither completed nor given up."""

    id: str
    bucket: str
    key: str
    begun_ns: int
    headers: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """One part of an open upload, as received."""

    number: int
    etag: str
    path: Path
    size: int
    mtime_ns: int


class OpenUploads:
    """The open uploads of one store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._directory = store.side / "uploads"
        self._directory.mkdir(exist_ok=True)

    def begin(self, bucket: str, key: str, headers: Mapping[str, str], tags: Mapping[str, str]) -> OpenUpload:
        """Open an upload."""
        self._store.directory(bucket)
        check_key(key)
        upload = OpenUpload(uuid.uuid4().hex, bucket, key, time.time_ns(), dict(headers), dict(tags))
        (self._directory / upload.id).mkdir()
        try:
            (self._directory / upload.id / "upload.json").write_text(json.dumps(asdict(upload)), encoding="utf-8")
        except OSError:
            self.give_up(upload)
            raise
        return upload

    def find(self, bucket: str, key: str, upload_id: str) -> OpenUpload:
        """Return an open upload. Raises NoSuchUpload, also for the upload of another key."""
        upload = self._read(upload_id)
        if upload is None or (upload.bucket, upload.key) != (bucket, key):
            raise ServiceError("NoSuchUpload", f"Expected an open upload of {key!r}, but got {upload_id!r}. Begin a new one.", 404)
        return upload

    def of_bucket(self, bucket: str, prefix: str = "") -> list[OpenUpload]:
        """Return the open uploads of a bucket, by key, then by time."""
        self._store.directory(bucket)
        found = (self._read(directory.name) for directory in self._directory.iterdir())
        mine = (upload for upload in found if upload and upload.bucket == bucket and upload.key.startswith(prefix))
        return sorted(mine, key=lambda upload: (upload.key, upload.begun_ns))

    def put_part(self, upload: OpenUpload, number: int, staged: Staged) -> None:
        """Keep a part; one with the same number is replaced."""
        try:
            if not 1 <= number <= _MOST_PARTS:
                raise ServiceError(
                    "InvalidArgument", f"Expected a part number from 1 to {_MOST_PARTS}, but got {number}. Use bigger parts."
                )
            earlier = [part.path for part in self.parts(upload) if part.number == number]
            target = self._directory / upload.id / f"{number:05d}.{staged.md5}.part"
            staged.path.replace(target)
            for path in earlier:
                if path != target:
                    path.unlink(missing_ok=True)
        finally:
            staged.path.unlink(missing_ok=True)

    def parts(self, upload: OpenUpload) -> list[Part]:
        """Return the parts received so far, by number."""
        files = sorted((self._directory / upload.id).glob("*.part"))
        described = ((file, file.name.split("."), file.stat()) for file in files)
        return [Part(int(name[0]), name[1], file, status.st_size, status.st_mtime_ns) for file, name, status in described]

    def complete(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        wanted: Sequence[tuple[int, str]],
        only_if: Condition = ALWAYS,
    ) -> StoredObject:
        """Join the wanted (number, etag) parts into the object.

        The parts stay until the object is there, and completing what is complete already returns it: clients repeat this request.
        """
        etag = _etag_of(wanted)
        if self._read(upload_id) is None:
            done = self._store.find(bucket, key)
            if done is not None and done.etag == etag:
                return done
        upload = self.find(bucket, key, upload_id)
        files = self._chosen(upload, wanted)
        staged = self._store.stage(_contents(files), hashed=False)
        done = self._store.put(
            bucket,
            key,
            staged,
            etag=etag,
            headers=upload.headers,
            tags=upload.tags,
            only_if=only_if,
        )
        self.give_up(upload)
        return done

    def give_up(self, upload: OpenUpload) -> None:
        """Forget an upload and its parts."""
        shutil.rmtree(self._directory / upload.id, ignore_errors=True)

    def _read(self, upload_id: str) -> OpenUpload | None:
        if not re.fullmatch(r"[0-9a-f]{32}", upload_id):
            return None
        try:
            return OpenUpload(**json.loads((self._directory / upload_id / "upload.json").read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):
            return None

    def _chosen(self, upload: OpenUpload, wanted: Sequence[tuple[int, str]]) -> list[Path]:
        numbers = [number for number, _ in wanted]
        if not numbers or numbers != sorted(set(numbers)):
            raise ServiceError("InvalidPartOrder", f"Expected ascending part numbers, but got {numbers[:10]}. Sort them.")
        have = {(part.number, part.etag): part for part in self.parts(upload)}
        missing = [pair for pair in wanted if pair not in have]
        if missing:
            raise ServiceError("InvalidPart", f"Expected parts that were uploaded, but got {missing[:10]}. OpenUpload them first.")
        chosen = [have[pair] for pair in wanted]
        small = [part.number for part in chosen[:-1] if part.size < _LEAST_PART_BYTES]
        if small:
            raise ServiceError(
                "EntityTooSmall", f"Expected parts of at least 5 MiB but for the last, but got less in {small[:10]}. Cut bigger parts."
            )
        return [part.path for part in chosen]


def _etag_of(wanted: Sequence[tuple[int, str]]) -> str:
    """Return S3's ETag of joined parts: the MD5 of their MD5s, and their number."""
    try:
        joined = b"".join(bytes.fromhex(etag) for _, etag in wanted)
    except ValueError:
        raise ServiceError(
            "InvalidPart", "Expected the ETags of uploaded parts, but got something else. Send what UploadPart returned."
        ) from None
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(wanted)}"


def _contents(files: Sequence[Path]) -> Iterator[bytes]:
    for path in files:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
