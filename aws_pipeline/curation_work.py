"""One recording to curate, all that its rows depend on, and the division of recordings into parts for Spark."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapreplace

import pyarrow as pa

from aws_pipeline.film_work import FilmWork
from aws_pipeline.lake import digest_of
from aws_pipeline.landed import Landed
from behavior.contract import CONTRACT_VERSION
from behavior.curation import CURATION_VERSION
from behavior.keys import recording_name
from behavior.policy import STANDARD, Policy
from behavior.recording import Recording

_SMALL_PART_BYTES, _PART_BYTES = 16 << 20, 64 << 20


@dataclass(frozen=True)
class Work:
    """One recording to curate."""

    split: str
    recording: Recording
    tracking: str
    """Key of its tracking in the raw zone."""
    n_bytes: int
    """Bytes of its tracking."""
    annotation: str | None = None
    """Key of its annotation in the raw zone, if there is one."""
    versions: tuple[str, ...] = ()
    """Versions of its objects, in the order of `keys`."""
    row: int = 0
    """Its row in the metadata, from 0 on."""
    policy: Policy = STANDARD
    """What becomes of its faults."""
    landed: tuple[Landed | None, ...] = ()
    """What the table `landing` says of its objects, in the order of `keys`; None for an object that was not uploaded by s3_upload.py."""

    @property
    def name(self) -> str:
        """Its name in quarantine."""
        return recording_name(self.split, self.recording.video_id)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of its objects in the raw zone."""
        return (self.tracking, self.annotation) if self.annotation else (self.tracking,)

    @property
    def is_recorded(self) -> bool:
        """Whether the table `landing` tells of its objects as they are, as far as it tells of them."""
        return all(one is None or one.version == version for one, version in zip(self.landed, self.versions, strict=False))

    @property
    def inputs(self) -> dict[str, str]:
        """All that its curated rows depend on, as short texts by kind: if none has changed, it need not be curated again."""
        objects = dict(zip(("tracking", "annotation"), map(" ".join, zip(self.keys, self.versions, strict=True)), strict=False))
        return {
            **objects,
            "metadata": digest_of(repr(self.recording)),
            "rules": digest_of(repr((CONTRACT_VERSION, sorted(self.policy.changed)))),
            "curation": str(CURATION_VERSION),
            "writer": f"pyarrow {pa.__version__}",
        }


def in_parts(work: Sequence[Work | FilmWork], cores: int) -> list[list[Work | FilmWork]]:
    """Divide the work into parts of about equal bytes, the largest recordings first.

    There are one or two parts per core, more for large data: Spark needs a quarter of a second per part (Python below 3.12 reads
    pyspark.zip for each), but with large parts some cores wait at the end.
    """
    n_bytes = sum(one.n_bytes for one in work)
    n_parts = max(cores, min(2 * cores, n_bytes // _SMALL_PART_BYTES), n_bytes // _PART_BYTES)
    parts: list[list[Work | FilmWork]] = [[] for _ in range(min(len(work), n_parts))]
    loads = [(0, number) for number in range(len(parts))]  # a heap: the part with the least to do is on top
    for one in sorted(work, key=lambda one: -one.n_bytes):
        load, number = loads[0]
        parts[number].append(one)
        heapreplace(loads, (load + one.n_bytes, number))
    return parts
