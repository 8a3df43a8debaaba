"""The table that all exports start from: one row for each bout, with names, frames and seconds; and what is known of each recording.

Frames and seconds are those of the film: second 0 is frame 0 of the film, also for a clip.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from behavior.animals import names_of_recordings
from behavior.observed import TRIPLE, Observed
from behavior.recording import mouse_name
from inference.bout_sources import EXPERTS, BoutSource

SELF = "self"
"""The target of a self behavior."""
FOOTAGE = "train_video"
"""Folder of a data directory with films, <lab>/<video>.mp4, where there are any."""


@dataclass(frozen=True)
class Film:
    """What an export says about one recording."""

    name: str
    """recording_name, or the number as text; of recordings with the same name, with the number behind it."""
    lab_id: str
    fps: float
    """Frames per second."""
    frames: int
    """Frames of the film up to the last tracked one."""
    media: str
    """Path of the footage; without any, the name that it would have."""
    looked_for: tuple[str, ...]
    """Triples such as mouse1,self,rear that were looked for, sorted; every other one is unknown."""

    @property
    def file_name(self) -> str:
        """The name without characters that a file system may refuse."""
        return re.sub(r"[^\w .+-]", "_", self.name)


class TidyBout(NamedTuple):
    """One row of the table."""

    recording: str
    video_id: int
    lab_id: str
    agent: str | None
    target: str | None
    behavior: str
    start_frame: int
    stop_frame: int
    start_s: float
    stop_s: float
    confidence: float
    source: str
    note: str = ""
    """A comment, not a column of the table."""


COLUMNS = [name for name in TidyBout._fields if name != "note"]
"""Columns of the table."""


@dataclass(frozen=True)
class TidyBouts:
    """Bouts of several recordings, ready for any format."""

    bouts: pd.DataFrame
    """`COLUMNS`; agent and target are None where a recognizer names no mouse; confidence is NaN for annotations; sorted."""
    films: Mapping[int, Film]
    """By video, in the order of their ids."""
    by_person: bool
    """True for annotations, False for predictions."""

    def of(self, video: int) -> list[TidyBout]:
        """Return the bouts of one recording."""
        own = self.bouts[self.bouts["video_id"] == video]
        return [TidyBout(*row) for row in zip(*(own[name].tolist() for name in TidyBout._fields if name in own), strict=True)]

    def merged(self) -> tuple["TidyBouts", int]:
        """Return the same without overlaps within a triple, and how many bouts were joined to an earlier one.

        Formats in which a behavior is either on or off cannot hold them. Neighbors that only touch stay apart.
        """
        keys = ["video_id", "agent", "target", "behavior"]
        rows = self.bouts.sort_values([*keys, "start_frame", "stop_frame"], ignore_index=True)
        farthest = rows.groupby(keys, dropna=False)["stop_frame"].cummax()
        before = farthest.groupby([rows[key] for key in keys], dropna=False).shift(fill_value=-1)
        number = (rows["start_frame"] >= before).cumsum()
        last = farthest.groupby(number).transform("max")
        kept = rows["start_frame"] >= before
        fps = rows["video_id"].map({video: film.fps for video, film in self.films.items()})
        joined = rows.assign(stop_frame=last, stop_s=last / fps)[kept]
        return TidyBouts(_sorted(joined), self.films, self.by_person), int((~kept).sum())


def tidy(source: BoutSource, data_dir: Path) -> TidyBouts:
    """Return bouts ready for any format."""
    names = _distinct(names_of_recordings(source.metadata))
    videos = sorted(set(source.observed.triples["video_id"].tolist()))
    films = {video: _film(video, names[video], source.observed, data_dir) for video in videos}
    bouts = source.observed.bouts
    video = bouts["video_id"]
    fps = video.map({one: film.fps for one, film in films.items()}).astype(float)
    agent = [mouse_text(number) for number in bouts["agent_id"]]
    target = [target_text(*pair) for pair in zip(bouts["agent_id"], bouts["target_id"], strict=True)]
    table = pd.DataFrame(
        {
            "recording": video.map({one: film.name for one, film in films.items()}).astype(object),
            "video_id": video,
            "lab_id": video.map({one: film.lab_id for one, film in films.items()}).astype(object),
            "agent": pd.Series(agent, bouts.index, dtype=object),
            "target": pd.Series(target, bouts.index, dtype=object),
            "behavior": bouts["action"],
            "start_frame": bouts["start_frame"],
            "stop_frame": bouts["stop_frame"],
            "start_s": bouts["start_frame"] / fps,
            "stop_s": bouts["stop_frame"] / fps,
            "confidence": bouts["confidence"].astype("float32") if "confidence" in bouts else np.full(len(bouts), np.nan, np.float32),
            "source": np.full(len(bouts), source.name, object),
        }
    )[COLUMNS]
    return TidyBouts(_sorted(table), films, source.name == EXPERTS)


def _film(video: int, name: str, observed: Observed, data_dir: Path) -> Film:
    own = observed.triples[observed.triples["video_id"] == video]
    first = own.iloc[0]
    triples = own[TRIPLE[1:]].itertuples(index=False)
    looked_for = sorted(triple_text(mouse_text(agent), target_text(agent, target), action) for agent, target, action in triples)
    footage = data_dir / FOOTAGE / str(first["lab_id"]) / f"{video}.mp4"
    media = str(footage.resolve()) if footage.is_file() else f"{name}.mp4"
    frames = int(first["first_frame"] + first["frame_count"])
    return Film(name, str(first["lab_id"]), float(first["frames_per_second"]), frames, media, tuple(looked_for))


def triple_text(agent: str | None, target: str | None, behavior: str) -> str:
    """Return a triple in the format of behaviors_labeled; of a recognizer that names no mouse, the behavior alone."""
    return behavior if agent is None else f"{agent},{target},{behavior}"


def _distinct(names: Mapping[int, str]) -> dict[int, str]:
    count = Counter(names.values())
    return {video: name if count[name] == 1 else f"{name} {video}" for video, name in names.items()}


def mouse_text(number: object) -> str | None:
    """Return the name of a mouse; None for no mouse."""
    return None if pd.isna(number) else mouse_name(int(number))  # type: ignore[call-overload]


def target_text(agent: object, target: object) -> str | None:
    """Return the name of a target, self for the agent itself; None for no mouse."""
    return None if pd.isna(target) else SELF if agent == target else mouse_text(target)  # type: ignore[call-overload]


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values(["video_id", "start_frame", "stop_frame", "agent", "target", "behavior"], ignore_index=True)
