"""What was landed: the rows of the table `landing`, read without a catalog, and what of them still holds for the raw zone as it is.

A row vouches for an object as long as the object has the size and the ETag that S3 gave it when it was uploaded.
"""

import os
import stat
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import pyarrow as pa

from aws_pipeline.lake import StoredObject, list_objects, read_snapshot, stored_rows
from behavior.contract import CONTRACT_VERSION, ContractError, Fault
from behavior.film_keys import RAW_FILM_FOLDERS
from behavior.keys import METADATA_FOLDERS, RECORDING_FOLDERS, lab_partition
from behavior.policy import Policy
from behavior.table import no_rows
from behavior.tables import LANDING

_THREADS = 16
_MOST_ATTEMPTS = 5
_TICK_NS, _COARSE_TICK_NS = 50_000_000, 2_000_000_000
"""Longest time between two ticks of a file system's clock: of a usual one, and of one that counts whole seconds."""
_MEND = "Remove the object, and upload again."


class Landed(NamedTuple):
    """What the ETL compares an object with."""

    version: str
    """ETag of the object that was uploaded."""
    sha256: str


@dataclass(frozen=True)
class Stamp:
    """What the file system says of a file. As long as none of it changes, nor does its content."""

    n_bytes: int
    modified_ns: int
    changed_ns: int
    """Time of the last change of anything, also of the other time, which no program can set."""

    @classmethod
    def of(cls, path: Path | str) -> Self | None:
        """Return the stamp of a file, or None if there is none."""
        try:
            said = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return cls(said.st_size, said.st_mtime_ns, said.st_ctime_ns) if stat.S_ISREG(said.st_mode) else None

    def trusted(self, now_ns: int) -> Self:
        """Return what a later run may rely on, for a file that was read before `now_ns`.

        Clocks of file systems tick: a change just after the last one can leave the same times. A file that young is read again.
        """
        tick_ns = _TICK_NS if self.changed_ns % 1_000_000_000 else _COARSE_TICK_NS
        return self if now_ns - self.changed_ns > tick_ns else replace(self, changed_ns=0)


@dataclass(frozen=True)
class LandedFile:
    """One row of the table `landing`."""

    key: str
    sha256: str
    version: str
    landed: str
    source: str
    recording: str | None
    stamp: Stamp
    contract: int = CONTRACT_VERSION

    def row(self) -> dict[str, object]:
        """Return it in the columns of the table."""
        return {
            "key": self.key,
            "bytes": self.stamp.n_bytes,
            "sha256": self.sha256,
            "version": self.version,
            "landed": self.landed,
            "source": self.source,
            "recording": self.recording,
            "source_modified_ns": self.stamp.modified_ns,
            "source_changed_ns": self.stamp.changed_ns,
            "contract": self.contract,
        }


@dataclass(frozen=True)
class Present:
    """What the raw zone holds for some labs."""

    objects: Mapping[str, StoredObject] = field(default_factory=dict)
    """By key."""
    landed: Mapping[str, LandedFile] = field(default_factory=dict)
    """By key, as far as a row vouches for the object."""

    def is_unchanged(self, key: str, stamp: Stamp) -> bool:
        """Return whether a file is the one that was landed, without reading it: nothing has touched it since, nor the object."""
        row = self.landed.get(key)
        return row is not None and row.stamp == stamp and row.contract == CONTRACT_VERSION


def read_present(zone: str, labs: Iterable[str]) -> Present:
    """Return what a raw zone holds of metadata and of some labs."""
    chosen = sorted(set(labs))
    of_labs, folders = set(map(lab_partition, chosen)), [*METADATA_FOLDERS, *RECORDING_FOLDERS, *RAW_FILM_FOLDERS]
    with ThreadPoolExecutor(1) as beside:
        reading = beside.submit(read_landing, zone, {None, *chosen})
        objects, rows = list_objects(zone, folders, of_labs), reading.result()
    landed = map(_from_row, rows.to_pylist())
    vouched = {one.key: one for one in landed if vouches(one.version, one.stamp.n_bytes, objects.get(one.key))}
    return Present(objects, vouched)


def vouches(version: str, n_bytes: int, stored: StoredObject | None) -> bool:
    """Return whether an object is still the one that a row of the table is about."""
    return stored is not None and stored.version == version and stored.n_bytes == n_bytes


def read_digests(zone: str) -> dict[str, Landed]:
    """Return version and SHA-256 of everything that was landed, by key."""
    rows = read_landing(zone)
    columns = (rows.column(name).to_pylist() for name in ("key", "version", "sha256"))
    return {key: Landed(version, sha256) for key, version, sha256 in zip(*columns, strict=True)}


def differences(key: str, sha256: str, version: str, landed: Landed | None, policy: Policy) -> list[Fault]:
    """Compare bytes that were read with those that were uploaded: return a note if another tool replaced the object.

    `landed` is None if nobody vouches for the object. Raises ContractError if it is the object that was uploaded, but with other bytes.
    """
    if landed is None or landed.sha256 == sha256:
        return []
    if landed.version == version:
        text = f"Expected the bytes that were uploaded, SHA-256 {landed.sha256}, but got {sha256}."
        raise ContractError(Fault("object-changed", key, text, "Upload the file again: python aws_pipeline/s3_upload.py --force."))
    text = f"Expected the object that was uploaded, SHA-256 {landed.sha256}, but got another one, {sha256}."
    notes = [Fault("object-replaced", key, text, "If you did not replace it yourself, upload the file again.")]
    policy.refuse(notes)
    return notes


def read_landing(zone: str, labs: Iterable[str | None] | None = None) -> pa.Table:
    """Return the rows of the table `landing`, of all labs or of some; None stands for metadata. Without a table there are none."""
    wanted = None if labs is None else set(labs)
    for attempt in range(_MOST_ATTEMPTS):
        snapshot = read_snapshot(zone)
        keys = [key for key in snapshot.keys(LANDING) if wanted is None or snapshot.lab_of(key) in wanted] if snapshot else []
        last = attempt == _MOST_ATTEMPTS - 1
        try:
            with ThreadPoolExecutor(_THREADS) as pool:
                tables = list(pool.map(lambda key, last=last: stored_rows(zone, LANDING, key, lost=last, mend=_MEND), keys))
            return pa.concat_tables([no_rows(LANDING.schema), *tables])
        except FileNotFoundError:  # another upload has replaced it; if it is gone for good, nobody vouches for its objects
            continue
    raise AssertionError("the last attempt returns")


def _from_row(row: Mapping[str, Any]) -> LandedFile:
    stamp = Stamp(row["bytes"], row["source_modified_ns"], row["source_changed_ns"])
    texts = {name: row[name] for name in ("key", "sha256", "version", "landed", "source", "recording")}
    return LandedFile(**texts, stamp=stamp, contract=row["contract"])
