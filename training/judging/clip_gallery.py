"""The clips of films of which a recognizer is most certain, and those of which it is most in doubt, as small pictures for a report.

Axes: T frames, C behaviors, H and W pixels.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from behavior.bouts import runs
from behavior.film import PictureSettings
from behavior.material import Material
from behavior.recording import Recording
from reports.figures import gray_png
from reports.page import FigureBlock, Gallery, Section, Text
from training.decoding.scored_subject import ScoredSubject

SHOWN = 6
"""Clips of each kind."""
_PICTURES = 3
"""Frames of a clip, side by side."""
_STEP_S = 0.1
"""From one of them to the next, s."""
_SETTINGS = PictureSettings(96, 96)
_CERTAIN = "The most certain clip of each behavior. The middle picture is the named frame; pictures are 0.1 s apart."
_DOUBTFUL = "The clips of which the recognizer is most in doubt: look at these first."
_LEAST_S = 0.2
"""Shorter runs of one behavior are not shown, s."""


@dataclass(frozen=True)
class NotableClip:
    """One run of one predicted behavior."""

    recording: Recording
    """The film."""
    frame: int
    """Its middle."""
    action: str
    """The predicted behavior."""
    confidence: float
    """Mean probability of the predicted behavior over the run."""
    expert: str
    """The behavior that experts wrote in that frame; "unknown" without a label."""


def notable_clips(subjects: Iterable[ScoredSubject], shown: int = SHOWN) -> tuple[list[NotableClip], list[NotableClip]]:
    """Return the most certain clips, of different behaviors as far as possible, and the most doubtful ones."""
    clips = [clip for one in subjects for clip in _clips(one)]
    certain, seen = list[NotableClip](), set[str]()
    for clip in sorted(clips, key=lambda clip: -clip.confidence):
        if clip.action not in seen and len(certain) < shown:
            certain.append(clip)
            seen.add(clip.action)
    doubtful = sorted(clips, key=lambda clip: clip.confidence)[:shown]
    return certain, doubtful


def clip_sections(
    certain: Sequence[NotableClip], doubtful: Sequence[NotableClip], material: Callable[[Recording], Material]
) -> list[Section]:
    """Return the section with pictures of both kinds; none without clips."""
    if not certain:
        return []
    return [
        Section(
            "Clips",
            [
                Text(_CERTAIN, quiet=True),
                Gallery([_figure(clip, material) for clip in certain]),
                Text(_DOUBTFUL, quiet=True),
                Gallery([_figure(clip, material) for clip in doubtful]),
            ],
        )
    ]


def _clips(one: ScoredSubject) -> list[NotableClip]:
    scores, fps = one.scores.astype(np.float32), one.recording.fps
    best = scores.argmax(axis=1)
    clips = []
    for column, name in enumerate(one.behaviors):
        for start, stop in zip(*runs(best == column), strict=True):
            if stop - start < _LEAST_S * fps:
                continue
            middle = int(start + stop) // 2
            true = np.flatnonzero(one.truth.labels[middle])
            expert = one.behaviors[int(true[0])] if len(true) else "unknown"
            clips.append(NotableClip(one.recording, middle, name, float(scores[start:stop, column].mean()), expert))
    return clips


def _figure(clip: NotableClip, material: Callable[[Recording], Material]) -> FigureBlock:
    film = material(clip.recording).film
    frames = film.small(_SETTINGS)
    steps = round(_STEP_S * clip.recording.fps) * (np.arange(_PICTURES) - _PICTURES // 2)
    pictures = frames[np.clip(clip.frame + steps, 0, len(frames) - 1)]
    says = f"{clip.action} {clip.confidence:.2f}, expert: {clip.expert}; {film.name}, frame {clip.frame}"
    return FigureBlock(gray_png(np.concatenate(list(pictures), axis=1)), says, says)
