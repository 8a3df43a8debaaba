"""A film on disk, decoded once into a file of small gray frames, which later readers map into memory.

    <cache>/<digest of the film and the settings>.npy    [T, H, W] uint8

The digest is of the content of the film, so a renamed film is not decoded again and an edited one is. A file is written whole or not at
all. Frames are written while they are decoded: memory does not depend on the length of the film. A file that nobody has used for a month
is removed when another one is written: a film of an hour has 1 GB of small frames.

Axes: T frames, H and W pixels of small pictures, D numbers of an embedding.
"""

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np

from behavior.contract import ContractError, Fault
from behavior.film import FilmFacts, PictureSettings
from behavior.whole_file import whole_file
from films.decoding import FilmReader, index_of, pictures
from films.probe import Probe, probe, sha256_of
from films.tracks import centers_of, tracks_beside

CACHE_VERSION = 1
"""Part of the digest; increased when the same settings give other pictures."""
_HEADER_BYTES = 128
UNUSED_S = 30 * 24 * 3600.0
"""Small frames that were not used for so long are removed."""
_SMALL_FRAMES = re.compile(r"\.?[0-9a-f]{32}(\.[0-9-]+)?\.npy")
"""Names of small frames, and of their drafts."""


def default_cache() -> Path:
    """Return the folder of small frames if no other is named: one of the user's in the folder for temporary files."""
    return Path(tempfile.gettempdir()) / f"mouse-films-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


@dataclass
class FilmFile:
    """A film on disk."""

    path: Path
    """The film."""
    cache: Path = field(default_factory=default_cache)
    """Folder of small frames."""
    centers_px: np.ndarray | None = None
    """[T, 2]: the mouse in the upright picture, x and y, NaN where lost; None for those of tracks beside the film, if there are any."""
    numbers: Path | None = None
    """Numbers of each frame; None for <film>.npy beside the film, if it is there."""
    known: FilmFacts | None = None
    """Facts of the film, if it was probed before."""
    name: str = ""
    """Its name, for people; that of the file if none is given."""
    lab: str = ""
    """Its lab, by which its tracks are found if it lies in no folder of its lab."""
    _counted: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.name = self.name or self.path.stem

    @cached_property
    def probed(self) -> Probe:
        """Facts and faults, from a whole pass over the film. Raises ContractError as `films.probe.probe` does."""
        return probe(self.path)

    @property
    def facts(self) -> FilmFacts:
        """Facts of the film."""
        return self.known or self.probed.facts

    @property
    def frames(self) -> int:
        """Number of frames, T."""
        if self.known is None and self._counted is not None:
            return self._counted
        return self.facts.frames

    def small(self, settings: PictureSettings) -> np.ndarray:
        """Return all frames, small and gray: [T, H, W] uint8, mapped from the cache; decoded if they are not there.

        Raises ContractError if the film cannot be read to its end.
        """
        path = self.cache / f"{self._digest(settings)}.npy"
        if not path.is_file():
            _remove_unused(self.cache)
            self._decode(settings, path)
        with suppress(OSError):  # it may be somebody else's
            os.utime(path)
        frames = np.load(path, mmap_mode="r")
        self._counted = len(frames)
        return frames

    def clip(self, settings: PictureSettings, numbers: np.ndarray) -> np.ndarray:
        """Return some frames [n] without the rest of the film: [n, H, W]. Frames beyond the ends repeat the ends."""
        with FilmReader(self.path) as reader:
            inside = np.clip(numbers, 0, reader.frames - 1).tolist()
            small = {number: self._shrunk(reader.frame(number), number, settings) for number in sorted(set(inside))}
        return np.stack([small[number] for number in inside])

    def embeddings(self) -> np.ndarray:
        """Return the numbers of each frame, [T, D]. Raises ContractError if there are none, or if they are not of this film."""
        path = self.numbers or self.path.with_suffix(".npy")
        try:
            numbers = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            message = f"Expected the embeddings of its film, but got: {error}."
            raise ContractError(Fault("file-missing", str(path), message, "Compute them, one row per frame.")) from None
        if numbers.ndim != 2 or len(numbers) != self.frames:
            message = f"Expected one row for each of {self.frames:,} frames, but got an array of shape {numbers.shape}."
            raise ContractError(Fault("file-unreadable", str(path), message, "Compute the embeddings again."))
        return numbers

    @cached_property
    def _centers(self) -> np.ndarray | None:
        if self.centers_px is not None:
            return self.centers_px
        tracks = tracks_beside(self.path, self.lab)
        return None if tracks is None else centers_of(tracks, index_of(self.path).packets, str(tracks))

    def _digest(self, settings: PictureSettings) -> str:
        content = self.known.sha256 if self.known else sha256_of(self.path)
        centers = b"" if self._centers is None or settings.around_mouse_px is None else np.ascontiguousarray(self._centers).tobytes()
        facts = repr((CACHE_VERSION, content, sorted(asdict(settings).items()))).encode()
        return hashlib.blake2s(facts + centers, digest_size=16).hexdigest()

    def _decode(self, settings: PictureSettings, path: Path) -> None:
        with whole_file(path) as beside, beside.open("wb") as file:
            file.write(bytes(_HEADER_BYTES))
            count = 0
            if self.known:
                for small in self._small_ones(settings):
                    file.write(small.tobytes())
                    count += 1
                if count != self.known.frames:
                    message = f"Expected the {self.known.frames:,} frames that it had before, but decoded {count:,}."
                    raise ContractError(Fault("film-truncated", str(self.path), message, "Copy the film again."))
            else:
                count = self._probe_into(settings, file)
            file.seek(0)
            file.write(_header((count, settings.height, settings.width)))

    def _small_ones(self, settings: PictureSettings) -> Iterator[np.ndarray]:
        for number, picture in enumerate(pictures(self.path)):
            yield self._shrunk(picture.gray, number, settings)

    def _probe_into(self, settings: PictureSettings, file: BinaryIO) -> int:
        """Probe the film and write its small frames in the same pass; return their number."""
        count = 0

        def write(gray: np.ndarray) -> None:
            nonlocal count
            file.write(self._shrunk(gray, count, settings).tobytes())
            count += 1

        self.probed = probe(self.path, write)  # so that it need not decode again
        return count

    def _shrunk(self, gray: np.ndarray, number: int, settings: PictureSettings) -> np.ndarray:
        centers = self._centers if settings.around_mouse_px is not None else None
        center = None if centers is None else centers[min(number, len(centers) - 1)]
        try:
            return shrunk(gray, settings, center)
        except ValueError as error:
            raise ContractError([f"{self.path}: {error}"]) from None


def _remove_unused(cache: Path) -> None:
    """Remove small frames that nobody has used for long, and drafts of killed processes. Who has mapped a file goes on reading it."""
    for file in cache.glob("*"):
        with suppress(OSError):  # another process was faster, or the folder is somebody else's
            if _SMALL_FRAMES.fullmatch(file.name) and time.time() - file.stat().st_mtime > UNUSED_S:
                file.unlink()


def shrunk(gray: np.ndarray, settings: PictureSettings, center_px: np.ndarray | None = None) -> np.ndarray:
    """Return the seen part of a frame, small: [H, W] uint8. Its proportions are kept: what is left of the small picture is black.

    `center_px` is the mouse, x and y; if it is lost (NaN), the middle of the frame. Raises ValueError for a crop outside the frame, and
    without a mouse to crop around.
    """
    part = _seen(gray, settings, center_px)
    scale = min(settings.height / part.shape[0], settings.width / part.shape[1])
    height, width = (max(1, round(side * scale)) for side in part.shape)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(part), "gray")
    resized = frame.reformat(width=width, height=height, format="gray", interpolation="AREA").to_ndarray()
    if (height, width) == (settings.height, settings.width):
        return np.ascontiguousarray(resized)
    picture = np.zeros((settings.height, settings.width), np.uint8)
    top, left = (settings.height - height) // 2, (settings.width - width) // 2
    picture[top : top + height, left : left + width] = resized
    return picture


def _seen(gray: np.ndarray, settings: PictureSettings, center_px: np.ndarray | None) -> np.ndarray:
    if settings.crop_px is not None:
        top, left, height, width = settings.crop_px
        if top + height > gray.shape[0] or left + width > gray.shape[1]:
            got = f"one of {gray.shape[1]} x {gray.shape[0]} pixels"
            raise ValueError(f"Expected a frame that holds the crop {settings.crop_px}, but got {got}. Change the crop.")
        return gray[top : top + height, left : left + width]
    if settings.around_mouse_px is None:
        return gray
    if center_px is None:
        raise ValueError("Expected tracks, to look at the mouse, but got none. Use a recognizer that sees the whole frame.")
    side = settings.around_mouse_px
    middle = np.where(np.isfinite(center_px), center_px, (gray.shape[1] / 2, gray.shape[0] / 2))
    left, top = (round(float(at) - side / 2) for at in middle)
    rows, columns = (np.clip(np.arange(first, first + side), 0, size - 1) for first, size in ((top, gray.shape[0]), (left, gray.shape[1])))
    return gray[np.ix_(rows, columns)]  # beyond the frame its border is repeated


def _header(shape: tuple[int, int, int]) -> bytes:
    """Return the header of an .npy file of bytes, of a fixed length, because the number of frames is known only at the end."""
    described = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    magic = b"\x93NUMPY\x01\x00"
    length = _HEADER_BYTES - len(magic) - 2
    return magic + length.to_bytes(2, "little") + described.ljust(length - 1).encode() + b"\n"
