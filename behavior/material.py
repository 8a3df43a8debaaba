"""One recording with what there is of it, each part opened when it is first asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from behavior.curation import Curated
from behavior.recording import Recording


@dataclass(frozen=True)
class Material:
    """What a recognizer is given: it opens what it needs. The next kind of material, a film, is one more field here."""

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
        """Return the material of a recording whose tracking is open already."""
        return cls(recording, lambda: curated)
