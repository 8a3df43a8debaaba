"""One pass over a film: how many frames it really has, their size and rate, and what is wrong with it."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from behavior.contract import ContractError, Fault
from behavior.film import FilmFacts
from films.decoding import Index, Picture, index_of, opened, pictures

_LEAST_SHARE = 0.98
"""A film with fewer of its stated frames ends too early; stated durations are often rounded."""
_UNEVEN = 0.25
"""Share by which one distance between frames may differ from the usual one at a constant frame rate."""
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Probe:
    """The facts of a film, and its faults, which may only repair or flag it."""

    facts: FilmFacts
    """What the pass showed."""
    faults: tuple[Fault, ...]
    """What a person should know."""


def probe(path: Path, on_picture: Callable[[np.ndarray], None] = lambda gray: None) -> Probe:
    """Decode a whole film and return its facts; `on_picture` is called with each frame [H, W] uint8.

    Raises ContractError for a file that is no film, has no pictures, or ends before the frames that it states.
    """
    index = index_of(path)
    digest, stamps, rotation, first, count = hashlib.blake2s(digest_size=16), [], 0, None, 0
    for picture in _of_one_size(pictures(path), path):
        first = picture if first is None else first
        digest.update(picture.gray.tobytes())
        stamps.append(picture.stamp)
        rotation, count = picture.rotation, count + 1
        on_picture(picture.gray)
    if first is None:
        raise ContractError(
            Fault("film-unreadable", str(path), "Expected a film, but got a file without a frame that can be decoded.", "Export it again.")
        )
    rate, uneven = _rate(index, stamps)
    codec, stated = _stated(path, index, rate)
    if count < _LEAST_SHARE * stated - 1:
        message = f"Expected the {stated:,} frames that the file states, but decoded {count:,}."
        raise ContractError(Fault("film-truncated", str(path), message, "Copy the film again, or cut it where it ends."))
    height, width = first.gray.shape
    facts = FilmFacts(count, rate, width, height, codec, rotation, uneven, sha256_of(path), digest.hexdigest())
    return Probe(facts, tuple(_flags(path, facts)))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _of_one_size(frames: Iterator[Picture], path: Path) -> Iterator[Picture]:
    size: tuple[int, ...] | None = None
    for number, picture in enumerate(frames):
        size = size or picture.gray.shape
        if picture.gray.shape != size or 0 in size:
            got = f"{picture.gray.shape[1]} x {picture.gray.shape[0]} in frame {number}"
            message = f"Expected pictures of one size, {size[1]} x {size[0]} pixels, but got {got}."
            raise ContractError(Fault("film-unreadable", str(path), message, "Export the film again at one size."))
        yield picture


def _stated(path: Path, index: Index, rate: Fraction) -> tuple[str, int]:
    """Return the codec and the number of frames that the container states, by number or by duration at a rate; 0 for none."""
    with opened(path) as container:
        stream = container.streams.video[0]
        duration_s = Fraction(container.duration, 1_000_000) if container.duration else Fraction(0)
        by_duration = int(duration_s * rate)
        if index.stated_frames or not index.stamps:
            return stream.codec_context.name, index.stated_frames
        return stream.codec_context.name, by_duration


def _rate(index: Index, stamps: list[int | None]) -> tuple[Fraction, bool]:
    """Return the mean frame rate, and whether the frames are not equally far apart."""
    known = [stamp for stamp in stamps if stamp is not None]
    if index.stamps and len(known) == len(stamps) > 2:
        apart = np.diff(np.sort(np.array(known)))
        usual = float(np.median(apart))
        units_off = np.abs(apart - usual)
        uneven = bool((units_off > np.maximum(_UNEVEN * usual, 1.01)).any())  # one unit off is the rounding of coarse time stamps
        if uneven:
            return Fraction(len(apart)) / (Fraction(int(apart.sum())) * index.time_base), True
    return index.stated_rate or Fraction(30), False


def _flags(path: Path, facts: FilmFacts) -> Iterator[Fault]:
    if facts.rotation:
        message = f"Expected an upright picture, but got one that players turn by {facts.rotation} degrees."
        yield Fault("film-rotated", str(path), message, "It was turned.")
    if facts.variable_rate:
        message = f"Expected equal times between frames, but got a variable frame rate, {facts.fps:.3f} per second in the mean."
        yield Fault("film-variable-rate", str(path), message, "Labels count frames. For exact times, export it at a constant rate.")
