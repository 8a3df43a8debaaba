"""One file of an upload."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from aws_pipeline.landed import Present, Stamp


@dataclass(frozen=True)
class Upload:
    """One file and the key of its object."""

    path: Path
    key: str
    source: str
    """Its name, relative to the data directory."""
    stamp: Stamp
    """What the file system said of it before it was checked."""
    recording: str | None = None
    """Name of its recording or film; None for metadata."""
    unchanged: bool = False
    """Whether the raw zone has it, and nothing has touched it since: then it is neither read nor sent."""
    forced: bool = False
    """Whether it is sent even if the raw zone has it."""

    @classmethod
    def compared(
        cls, path: Path, key: str, source: str, stamp: Stamp, present: Present, *, recording: str | None = None, force: bool
    ) -> Self:
        """Return a file, compared with what the raw zone holds; with `force` nothing counts as unchanged."""
        return cls(path, key, source, stamp, recording, present.is_unchanged(key, stamp) and not force, force)

    @property
    def is_metadata(self) -> bool:
        """Whether it says something of many recordings or films; it is sent after them."""
        return self.recording is None
