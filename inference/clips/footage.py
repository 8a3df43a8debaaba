"""The footage of a recording: the frames of its film by number, cut to what a clip shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from behavior.contract import ContractError, Fault
from behavior.recording import Recording
from inference.clips.viewport import Viewport
from reports.figures import PAPER

FILM_FOLDER = "video"
"""Films lie in <split>_video/<lab>/<video>.<ending>, beside <split>_tracking."""
ENDINGS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v")
_EARLIER_S = 0.5
"""A film is entered so much before the first wanted frame, at the key frame before that time."""


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
    """Yield the wanted frames of a film by number. They are numbered by their times; films with a changing rate are not supported."""
    import av

    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            rate, base = stream.average_rate or stream.guessed_rate, stream.time_base
            if not rate or not base:
                raise ContractError(_unreadable(path, "a film without a frame rate"))
            origin = stream.start_time or 0
            next(container.decode(stream), None)  # some decoders learn from the first frame how to read all others
            sought = max(wanted.start / float(rate) - _EARLIER_S, 0.0)
            container.seek(int(sought / float(base)) + origin, stream=stream)
            for frame in container.decode(stream):
                number = round(float(((frame.pts or 0) - origin) * base * rate))
                if number >= wanted.stop:
                    return
                if number in wanted:
                    yield frame.to_image()
    except (av.FFmpegError, IndexError) as error:
        raise ContractError(_unreadable(path, str(error))) from None


def _unreadable(path: Path, got: str) -> Fault:
    return Fault("file-unreadable", str(path), f"Expected a film, but got {got}.", "Export it again, such as an mp4, or remove it.")
