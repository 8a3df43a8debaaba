"""One recording with its data, each part of which is read when it is first used."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from behavior.contract import ContractError
from behavior.curation import CuratedTracking
from behavior.film import Film
from behavior.recording import Recording


@dataclass(frozen=True)
class Material:
    """The input of a recognizer, which opens what it needs: tracking, a film, or both."""

    recording: Recording
    """The video's metadata."""
    open_tracking: Callable[[], CuratedTracking] | None = None
    """Reads its curated tracking; None if there is none."""
    open_film: Callable[[], Film] | None = None
    """Opens its film; None if there is none."""

    @cached_property
    def tracking(self) -> CuratedTracking:
        """Where the mice are. Raises ContractError if there is no tracking."""
        if self.open_tracking is None:
            raise ContractError([f"Expected tracking of video {self.recording.video_id}, but got none. Use a recognizer that sees films."])
        return self.open_tracking()

    @cached_property
    def film(self) -> Film:
        """What the camera saw. Raises ContractError if there is no film."""
        if self.open_film is None:
            raise ContractError([f"Expected a film of video {self.recording.video_id}, but got none. Use a recognizer that sees tracks."])
        return self.open_film()

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.film.frames if self.open_tracking is None else self.tracking.frames

    @property
    def first_frame(self) -> int:
        """The number, in the film, of the first frame: recordings of tracks may be clips of a film."""
        return 0 if self.open_tracking is None else self.tracking.first_frame

    @classmethod
    def with_tracking(cls, recording: Recording, curated: CuratedTracking) -> "Material":
        """Return the material of a recording with tracking that is in memory."""
        return cls(recording, lambda: curated)

    @classmethod
    def with_film(cls, recording: Recording, film: Film) -> "Material":
        """Return the material of a recording with a film that is open."""
        return cls(recording, open_film=lambda: film)
