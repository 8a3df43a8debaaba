"""One file of an upload."""

from dataclasses import dataclass
from pathlib import Path

from aws_pipeline.landed import Stamp


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

    @property
    def is_metadata(self) -> bool:
        """Whether it says something of many recordings or films; it is sent after them."""
        return self.recording is None
