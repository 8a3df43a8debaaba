"""Decode a film with PyAV: its frames in the order in which they are shown, any frame by its number, gray and upright.

Frame numbers count the frames that are shown, from 0. A film is indexed without decoding: the time stamps of its packets, sorted, are the
times of its frames. To read frame n, the reader goes to the last key frame that is not later, and decodes up to the time stamp of n. So
B-frames, which are stored out of order, and pictures that lead a key frame cause no error of one frame. Only MP4, QuickTime and Matroska
files have time stamps that can be trusted for this; other files are read from the start.

Axes: H and W pixels of the upright picture.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from behavior.contract import ContractError, Fault

NEAR_FRAMES = 48
"""A frame that is at most so far ahead of the last one is reached by decoding on, without going back to a key frame."""
REMEMBERED_FRAMES, REMEMBERED_BYTES = 64, 128 << 20
"""So many of the last decoded frames are kept, so that reading backward does not decode each of them many times; fewer of large ones."""
_INDEXED = {"mp4", "mov", "matroska", "webm"}
"""Containers, by a part of the name that FFmpeg gives them, whose time stamps can be trusted."""


@dataclass(frozen=True)
class Index:
    """Time stamps of a film's frames, without decoding it."""

    stamps: tuple[int, ...]
    """Of each frame, ascending; empty if the file has no usable ones."""
    keys: tuple[int, ...]
    """Of the key frames, ascending."""
    packets: int
    """Packets that hold a frame to be shown."""
    time_base: Fraction
    """Seconds per unit of a time stamp."""
    stated_rate: Fraction | None
    """Frames per second that the container states."""
    stated_frames: int
    """Frames that the container states; 0 for none."""


@dataclass(frozen=True)
class Picture:
    """One decoded frame."""

    gray: np.ndarray
    """[H, W] uint8, upright; [H, W, 3] if colors were asked for."""
    stamp: int | None
    """Its time stamp."""
    rotation: int
    """Degrees, counterclockwise, by which the stored picture was turned."""


class FilmReader:
    """Reads the frames of one film by number: forward, backward and at random, gray or colored. Use it in a `with` block.

    Raises ContractError for a file that is no film, and for a frame that cannot be decoded.
    """

    def __init__(self, path: Path, colored: bool = False) -> None:
        self.path, self._colored = path, colored
        self.index = index_of(path)
        self._container: Any = None
        self._remembered: dict[int, np.ndarray] = {}
        self._ahead: Iterator[Picture] = iter(())
        self._next = 0  # number of the frame that decoding on gives

    def __enter__(self) -> "FilmReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._container is not None:
            self._container.close()
            self._container = None

    @property
    def frames(self) -> int:
        """Number of frames, by the index."""
        return self.index.packets

    def frame(self, number: int) -> np.ndarray:
        """Return frame `number`: [H, W] uint8, [H, W, 3] if colored. Raises IndexError for a frame that the film does not have."""
        if not 0 <= number < self.frames:
            raise IndexError(f"Expected a frame from 0 to {self.frames - 1} of {self.path}, but got {number}. Choose one of them.")
        if number in self._remembered:
            return self._remembered[number]
        if self._container is None or not self._next <= number <= self._next + NEAR_FRAMES:
            self._go_before(number)
        for picture in self._ahead:
            at = self._next
            if self.index.stamps and picture.stamp is not None:
                at = self._number(picture.stamp)
            self._remember(at, picture.gray)
            if at == number:
                return picture.gray
            if at > number:
                break
        return self._from_start(number)  # it cannot be reached from its key frame

    def _remember(self, number: int, gray: np.ndarray) -> None:
        self._next = number + 1
        self._remembered[number] = gray
        while len(self._remembered) > max(1, min(REMEMBERED_FRAMES, REMEMBERED_BYTES // gray.nbytes)):
            del self._remembered[next(iter(self._remembered))]

    def _number(self, stamp: int) -> int:
        return bisect_left(self.index.stamps, stamp)  # an array of all stamps would be made for each frame

    def _go_before(self, number: int) -> None:
        """Go to the last key frame at or before a frame; to the start without time stamps."""
        self.close()
        self._container = _opened(self.path)
        self._next = 0
        stream = self._container.streams.video[0]
        if self.index.stamps:
            wanted = self.index.stamps[number]
            n_keys = bisect_right(self.index.keys, wanted)
            if n_keys and (key := self.index.keys[n_keys - 1]) > self.index.stamps[0]:
                next(_pictures(self._container), None)  # some films say only in their first packet how all others are read
                self._container.seek(key, stream=stream, backward=True, any_frame=False)
        self._ahead = _pictures(self._container, self._colored)

    def _from_start(self, number: int) -> np.ndarray:
        self.close()
        self._container = _opened(self.path)
        self._ahead, self._next = _pictures(self._container, self._colored), 0
        for at, picture in enumerate(self._ahead):
            self._remember(at, picture.gray)
            if at == number:
                return picture.gray
        raise _unreadable(self.path, f"frame {number} of {self.frames} cannot be decoded", "film-truncated", "Copy the film again.")


def index_of(path: Path) -> Index:
    """Return the index of a film. Raises ContractError for a file that is no film."""
    with opened(path) as container:
        stream = container.streams.video[0]
        stamps, keys, packets = [], [], 0
        usable = bool(_INDEXED.intersection(container.format.name.split(",")))
        try:
            for packet in container.demux(stream):
                if packet.size == 0 or packet.is_discard:
                    continue
                packets += 1
                usable = usable and packet.pts is not None
                if packet.pts is not None:
                    stamps.append(packet.pts)
                    if packet.is_keyframe:
                        keys.append(packet.pts)
        except av.FFmpegError:
            pass  # the rest of the file is broken; decoding says how far it goes
        usable = usable and len(set(stamps)) == packets
        base = Fraction(stream.time_base or Fraction(1, 1000))
        rate = Fraction(stream.average_rate or stream.guessed_rate or 0) or None
        return Index(tuple(sorted(stamps)) if usable else (), tuple(sorted(keys)), packets, base, rate, stream.frames)


def pictures(path: Path, colored: bool = False) -> Iterator[Picture]:
    """Yield all frames of a film in order, gray or colored. Behind a damaged part it goes on with the next frame that can be decoded."""
    with opened(path) as container:
        yield from _pictures(container, colored)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a file that holds a film. Raises ContractError for any other file."""
    container = _opened(path)
    try:
        yield container
    finally:
        container.close()


def _opened(path: Path) -> Any:
    if not path.is_file():
        message = "Expected a film, but got no such file."
        raise ContractError(Fault("file-missing", str(path), message, "Correct the path."))
    try:
        container = av.open(str(path))
    except (av.FFmpegError, ValueError) as error:
        raise _unreadable(path, f"a file that cannot be opened ({_reason(error)})") from None
    if not container.streams.video:
        container.close()
        raise _unreadable(path, "a file without pictures")
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    return container


def _pictures(container: Any, colored: bool = False) -> Iterator[Picture]:
    stream = container.streams.video[0]
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            packet = None  # nothing can be read behind a broken part of the container
        try:
            decoded = stream.codec_context.decode(packet)
        except av.EOFError:
            return
        except av.FFmpegError:
            decoded = []
        for frame in decoded:
            yield _picture(frame, colored)
        if packet is None or packet.size == 0:
            return


def _picture(frame: Any, colored: bool) -> Picture:
    rotation = int(round(frame.rotation / 90) * 90) % 360
    gray = frame.to_ndarray(format="rgb24" if colored else "gray")
    return Picture(np.rot90(gray, rotation // 90) if rotation else gray, frame.pts, rotation)


def _unreadable(path: Path, got: str, code: str = "film-unreadable", mend: str = "Export the film again, such as an mp4.") -> ContractError:
    return ContractError(Fault(code, str(path), f"Expected a film, but got {got}.", mend))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).split(":")[0].strip()
