"""The page of a review queue: a clip of each bout beside what the recognizer says of it, and how to answer."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from inference.clips.drawn_clip import DrawnClip, draw_clip
from inference.ethogram_rows import label_of, who_of
from inference.viewed_recording import ViewedRecording
from reports.page import Block, Clip, Clips, Page, Section, TableBlock, Text

_MOST_S = 30.0
"""A clip of a long window is cut after this time."""
_HOW = (
    "Each clip shows one predicted bout, with the time before and after it. Mice of the bout are in color, all others in gray; full dots "
    "were seen by the tracker, empty ones were not. The red part of the bar below the mice is the bout."
)
_ANSWER = (
    "Write your verdict into the column verdict of queue.csv, in the row with the same number: right, wrong, or the name of the true "
    "behavior. If the bout begins or ends at another frame, write it into corrected_start_frame or corrected_stop_frame. A row without a "
    "verdict counts as not reviewed. Or correct the bouts in BORIS, in queue.boris."
)
_DOUBT = (
    "Doubt is 1 at the threshold and 0 at a score of 1. Dispute is the share of the bout that other recognizers do not have. The queue is "
    "chosen to teach the recognizer: do not count its errors from it."
)


@dataclass(frozen=True)
class QueuedClip:
    """One bout of the queue."""

    item: int
    """Its number in the table."""
    bout: pd.Series
    """A row of `behavior.review_queue.COLUMNS`."""
    drawn: DrawnClip
    """Its clip."""


def draw_queue(found: pd.DataFrame, viewed: Callable[[int], ViewedRecording]) -> Iterator[QueuedClip]:
    """Yield each bout of a queue with its clip, recording by recording; one recording is in memory at a time.

    `found` is the queue in its order; items count from 1. `viewed` returns the recording of a video.
    """
    numbered = found.reset_index(drop=True)
    for video in dict.fromkeys(numbered["video_id"].tolist()):
        recording = viewed(int(video))
        for place, bout in numbered[numbered["video_id"] == video].iterrows():
            fps = recording.recording.fps
            start_s, stop_s = bout["window_start_frame"] / fps, bout["window_stop_frame"] / fps
            yield QueuedClip(int(place) + 1, bout, draw_clip(recording, bout, start_s, min(stop_s, start_s + _MOST_S)))
        recording.forget()


def review_page(clips: list[QueuedClip], names: Mapping[int, str], line: str) -> Page:
    """Return the page. `names` are the names of the recordings by video, `line` says which predictions and when."""
    ordered = sorted(clips, key=lambda one: one.item)
    blocks: list[Block | Section] = [Text(_HOW), Text(_ANSWER)]
    behaviors = sorted({one.bout["action"] for one in ordered})
    for behavior in behaviors:
        own = [one for one in ordered if one.bout["action"] == behavior]
        blocks.append(Section(behavior, [Clips([_clip(one, names) for one in own])]))
    blocks.append(Section("All bouts", [Text(_DOUBT, quiet=True), _table(ordered, names)]))
    return Page("Bouts to review", line, blocks)


def clip_name(item: int) -> str:
    """Return the name of the file with the clip of an item."""
    return f"item-{item:03d}.mp4"


def write_clips(clips: list[QueuedClip], folder: Path) -> None:
    """Write the clips as files, each whole or not at all."""
    from behavior.whole_file import whole_file

    folder.mkdir(parents=True, exist_ok=True)
    for one in clips:
        with whole_file(folder / clip_name(one.item)) as draft:
            draft.write_bytes(one.drawn.film)


def _clip(one: QueuedClip, names: Mapping[int, str]) -> Clip:
    bout = one.bout
    fps = bout["frames_per_second"]
    start, stop = bout["start_frame"], bout["stop_frame"]
    what = label_of(who_of(bout))
    caption = (
        f"{one.item}: {what}? Recording {names[int(bout['video_id'])]}, {start / fps:.2f} to {stop / fps:.2f} s (frames {start} to {stop})"
    )
    return Clip(one.drawn.film, one.drawn.poster, f"Mice as skeletons: item {one.item}, {what}.", caption)


def _table(clips: list[QueuedClip], names: Mapping[int, str]) -> TableBlock:
    head = ["item", "recording", "what", "start, s", "stop, s", "score", "needed", "doubt", "dispute"]
    rows = []
    for one in clips:
        bout, fps = one.bout, one.bout["frames_per_second"]
        numbers = [bout["start_frame"] / fps, bout["stop_frame"] / fps, *(bout[name] for name in _MEASURES)]
        shown = ["-" if pd.isna(value) else f"{value:.2f}" for value in numbers]
        rows.append([str(one.item), names[int(bout["video_id"])], label_of(who_of(bout)), *shown])
    return TableBlock(head, rows, text_columns=(0, 1, 2))


_MEASURES = ("confidence", "threshold", "doubt", "dispute")
