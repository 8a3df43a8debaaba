"""What a run of the Glue job is told: where it reads and writes, and how."""

from dataclasses import dataclass

LITTLE_BYTES = 64 << 20
"""Curated by two cores in less time than a JVM needs to start."""


@dataclass(frozen=True)
class Options:
    """Where a run reads and writes."""

    raw: str
    curated: str
    database: str
    policy: str | None = None
    """Object with a policy; without one, the severities of the contract are used."""
    summary: str | None = None
    """Object for the progress of the run, and in the end its summary or its faults, which are hard to read from a log."""
    code: str = ""
    """Digest of the code that runs, for the table `runs`."""
    keep_days: float = 0.0
    """Objects of earlier runs stay readable so many days."""
    force: bool = False
    """Curate every recording, also unchanged ones."""
    due_bytes: int | None = None
    """Bytes of tracking that were due when the run was started; None if nobody looked."""
    little_bytes: int = LITTLE_BYTES
    """So many bytes of tracking, or less, are curated without Spark."""

    @property
    def may_need_spark(self) -> bool:
        """Whether more is due than is curated without Spark, as far as anybody knows before the run."""
        return self.due_bytes is None or self.due_bytes > self.little_bytes
