"""One recording with its data, each part of which is read when it is first used."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from behavior.curation import Curated
from behavior.recording import Recording


@dataclass(frozen=True)
class Material:
    """The input of a recognizer, which opens what it needs. A film will be one more field here."""

    recording: Recording
    """The video's metadata."""
    open_tracking: Callable[[], Curated]
    """Reads its curated tracking."""

    @cached_property
    def tracking(self) -> Curated:
        """Where the mice are."""
        return self.open_tracking()

    @classmethod
    def tracked(cls, recording: Recording, curated: Curated) -> "Material":
        """Return the material of a recording with tracking that is in memory."""
        return cls(recording, lambda: curated)
