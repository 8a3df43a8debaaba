"""Tables for exploring a data directory in a notebook: recordings, bodyparts, bouts, quality, paths. One row is what the name says."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from behavior.contract import ContractError, UsageError
from behavior.ethogram import BEHAVIORS
from behavior.keys import SPLITS
from behavior.paths import path_of
from behavior.skeleton import canonical
from behavior.tables import parse_metadata
from inference.measured_quality import measured_quality
from inference.viewed_recording import ViewedRecording, viewed_recordings

SELF, PAIR = "self", "pair"


def recordings(data_dir: Path) -> pd.DataFrame:
    """Return the metadata of both splits, with split, annotated (bool), mice (how many have a trait) and bodyparts (how many)."""
    parts = []
    for split in SPLITS:
        path = data_dir / f"{split}.csv"
        if path.is_file():
            parts.append(parse_metadata(path.read_bytes(), path.name).to_pandas().assign(split=split))
    if not parts:
        raise UsageError(f"Expected train.csv or test.csv in {data_dir}, but got neither. Set MABE_DATA_DIR.")
    rows = pd.concat(parts, ignore_index=True)
    traits = {number: [name for name in rows if name.startswith(f"mouse{number}_")] for number in range(1, 5)}
    mice = sum(rows[names].notna().any(axis=1).astype(int) for names in traits.values())
    listed = rows["body_parts_tracked"].map(_listed)
    return rows.assign(annotated=rows["behaviors_labeled"].map(_listed).map(len) > 0, mice=mice, bodyparts=listed.map(len))


def bodypart_schemes(rows: pd.DataFrame) -> pd.DataFrame:
    """Return which bodyparts each lab tracks, from `recordings`: labs by bodyparts (common names), the share of recordings with it."""
    listed = rows.assign(bodypart=rows["body_parts_tracked"].map(_listed)).explode("bodypart").dropna(subset="bodypart")
    counted = listed.assign(bodypart=listed["bodypart"].map(canonical)).groupby(["lab_id", "bodypart"])["video_id"].nunique()
    share = counted / rows.groupby("lab_id")["video_id"].nunique()
    table = share.unstack()
    return table[table.notna().sum().sort_values(ascending=False, kind="stable").index]


def bouts(data_dir: Path) -> pd.DataFrame:
    """Return every annotated bout of train.csv: lab_id, video_id, agent_id, target_id, action, kind, duration_s, start and stop frame."""
    columns = ["lab_id", "video_id", "agent_id", "target_id", "action", "kind", "duration_s", "start_frame", "stop_frame"]
    parts = [pd.DataFrame(columns=columns)]
    for one in viewed_recordings(data_dir):
        own = one.annotation()
        if own is not None and len(own):
            seconds = (own["stop_frame"] - own["start_frame"]) / one.recording.fps
            kind = np.where(own["agent_id"] == own["target_id"], SELF, PAIR)
            parts.append(own.assign(lab_id=one.recording.lab_id, duration_s=seconds, kind=kind)[columns])
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else parts[0]


def class_imbalance(of_bouts: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each of the 37 behaviors and each own behavior of a lab: bouts, seconds, labs that annotated it, kind."""
    annotated = rows.assign(triple=rows["behaviors_labeled"].map(_listed)).explode("triple").dropna(subset="triple")
    annotated = annotated.assign(action=annotated["triple"].str.split(",").str[2].str.strip(" '\""))
    labs = annotated.groupby("action")["lab_id"].nunique()
    counts = of_bouts.groupby("action").agg(bouts=("action", "size"), seconds=("duration_s", "sum"))
    names = [*BEHAVIORS, *sorted({*labs.index, *counts.index} - {*BEHAVIORS})]
    table = counts.reindex(names).fillna(0).assign(labs=labs.reindex(names).fillna(0).astype(int))
    return table.astype({"bouts": int}).sort_values("seconds", ascending=False, kind="stable").rename_axis("action").reset_index()


def lab_by_behavior(of_bouts: pd.DataFrame) -> pd.DataFrame:
    """Return seconds in bouts, labs by behaviors; NaN where there are none."""
    return of_bouts.pivot_table(index="lab_id", columns="action", values="duration_s", aggfunc="sum")


def quality(data_dir: Path, per_lab: int = 3) -> pd.DataFrame:
    """Return rows of `behavior.tables.DATA_QUALITY` for the first recordings of each lab; broken ones are left out."""
    rows = [row for row, _ in measured_quality(first_of_each_lab(data_dir, per_lab)) if row]
    return pd.DataFrame(rows)


def missing_by_bodypart(of_quality: pd.DataFrame) -> pd.DataFrame:
    """Return the share of missing keypoints, labs by bodyparts (common names); NaN where a lab does not track it."""
    rows = [
        {"lab_id": lab, "bodypart": canonical(part), "share": share}
        for lab, text in zip(of_quality["lab_id"], of_quality["missing_by_bodypart"], strict=True)
        for part, share in json.loads(text).items()
    ]
    return pd.DataFrame(rows).pivot_table(index="lab_id", columns="bodypart", values="share", aggfunc="mean")


def paths(data_dir: Path, seconds: float = 60.0) -> pd.DataFrame:
    """Return the first minute of one recording of each lab: lab_id, video_id, mouse, time_s, x_cm, y_cm; NaN where a mouse is lost."""
    parts = []
    for one in first_of_each_lab(data_dir, 1):
        try:
            curated = one.curated
        except (ContractError, UsageError):
            continue
        count = min(curated.frames, round(seconds * one.recording.fps))
        for mouse in curated.mice:
            x, y = path_of(curated, mouse)[:, :count]
            time_s = np.arange(count) / one.recording.fps
            who = {"lab_id": one.recording.lab_id, "video_id": one.recording.video_id, "mouse": f"mouse {mouse}"}
            parts.append(pd.DataFrame({**who, "time_s": time_s, "x_cm": x, "y_cm": y}))
        one.forget()
    return pd.concat(parts, ignore_index=True)


def first_of_each_lab(data_dir: Path, count: int) -> Sequence[ViewedRecording]:
    """Return the first recordings of train.csv of each lab."""
    by_lab: dict[str, list[ViewedRecording]] = {}
    for one in viewed_recordings(data_dir):
        if one.split == SPLITS[0]:
            by_lab.setdefault(one.recording.lab_id, []).append(one)
    return [one for own in by_lab.values() for one in own[:count]]


def _listed(text: object) -> list[str]:
    """Return the entries of a JSON list; none for a missing or unreadable one."""
    try:
        entries = json.loads(text) if isinstance(text, str) else []
    except ValueError:
        return []
    return list(dict.fromkeys(map(str, entries))) if isinstance(entries, list) else []
