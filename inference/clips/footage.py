"""The footage of a recording: the frames of its film by number, cut to what a clip shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from behavior.film_keys import ENDINGS
from behavior.recording import Recording
from films.decoding import FilmReader
from inference.clips.viewport import Viewport
from reports.figures import PAPER

FILM_FOLDER = "video"
"""Films lie in <split>_video/<lab>/<video>.<ending>, beside <split>_tracking."""


def film_of(data_dir: Path, split: str, recording: Recording) -> Path | None:
    """Return the film of a recording in a data directory; None if there is none."""
    folder = data_dir / f"{split}_{FILM_FOLDER}" / recording.lab_id
    return next((path for ending in ENDINGS if (path := folder / f"{recording.video_id}{ending}").is_file()), None)


@dataclass(frozen=True)
class Footage:
    """A film, and how its pixels lie in the arena."""

    path: Path
    """The film."""
    recording: Recording
    """Its picture size, scale and center; a film of another size is stretched to that picture."""
    first_frame: int = 0
    """Frame number in the film of frame 0 of the recording."""

    def frames(self, wanted: range, viewport: Viewport) -> Iterator[Image.Image]:
        """Yield the part of each wanted frame that the viewport shows; frames that the film lacks are left out.

        Raises ContractError for a file that is no film, and ValueError for a recording without a scale.
        """
        if self.recording.pix_per_cm is None:
            raise ValueError("Expected a recording with a scale, but got one without. Draw it without footage.")
        left, top, right, bottom = viewport.box_cm
        scale, (x0, y0) = self.recording.pix_per_cm, self.recording.center_px
        for picture in _decoded(self.path, range(wanted.start + self.first_frame, wanted.stop + self.first_frame, wanted.step)):
            wide, high = picture.width / self.recording.width_px, picture.height / self.recording.height_px
            box = ((left * scale + x0) * wide, (top * scale + y0) * high, (right * scale + x0) * wide, (bottom * scale + y0) * high)
            yield _cut(picture, box, (viewport.width, viewport.height))


def _cut(picture: Image.Image, box: tuple[float, float, float, float], size: tuple[int, int]) -> Image.Image:
    """Return a part of a picture in another size; what lies beyond the picture is white."""
    left, top, right, bottom = box
    across, down = (right - left) / size[0], (bottom - top) / size[1]
    return picture.transform(
        size, Image.Transform.AFFINE, (across, 0, left, 0, down, top), resample=Image.Resampling.BILINEAR, fillcolor=PAPER
    )


def _decoded(path: Path, wanted: range) -> Iterator[Image.Image]:
    """Yield the wanted frames of a film by number; frames that the film lacks are left out."""
    with FilmReader(path, colored=True) as reader:
        for number in wanted:
            if number >= reader.frames:
                return
            yield Image.fromarray(reader.frame(number))
