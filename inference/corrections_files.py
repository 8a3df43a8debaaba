"""Write corrections into a data directory: into the annotations of annotated recordings, or as new recordings cut out of others."""

import csv
import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from behavior.contract import UsageError
from behavior.corrections import Correction, clip_bouts, clip_id, corrected
from behavior.keys import file_of
from behavior.recording import Recording, mouse_name
from behavior.tables import RAW_ANNOTATION, RAW_METADATA, RAW_TRACKING
from behavior.whole_file import whole_file, write_text
from inference.bout_sources import read_metadata

if TYPE_CHECKING:
    import pandas as pd

REPLACED = "replaced_annotations"
"""Folder of a data directory with annotations as they were: <lab>/<video>.<digest>.parquet."""


def change_annotations(data_dir: Path, corrections: Sequence[Correction], annotator: str) -> str:
    """Change the annotations of recordings of train.csv; return a line that says what was done."""
    from behavior.parquet_file import read_rows

    _, recordings = read_metadata(data_dir, "train")
    by_video: dict[int, list[Correction]] = defaultdict(list)
    for one in corrections:
        by_video[one.video_id].append(one)
    _refuse_unknown(by_video, recordings, data_dir / "train.csv")
    changed, not_listed = 0, set()
    for video, own in by_video.items():
        recording = recordings[video]
        path = data_dir / file_of(RAW_ANNOTATION, "train", recording)
        before = read_rows(RAW_ANNOTATION, path, str(path)).to_pandas() if path.is_file() else _no_bouts()
        after = corrected(before, own, annotator)
        not_listed |= {triple for one in own for triple in one.known} - set(recording.annotated)
        if _same(before, after):
            continue
        if path.is_file():
            kept = data_dir / REPLACED / recording.lab_id / f"{video}.{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.parquet"
            with whole_file(kept) as draft:
                draft.write_bytes(path.read_bytes())
        _write(after, path)
        changed += 1
    line = f"Changed the annotations of {changed} of {len(by_video)} recordings by {len(corrections)} corrections of {annotator}."
    if not_listed:
        names = ", ".join(sorted(_listed(triple) for triple in not_listed))
        line += f"\nNot in behaviors_labeled of their recording, so that training does not use them: {names}."
    return line


def make_clips(data_dir: Path, corrections: Sequence[Correction], annotator: str) -> str:
    """Add a recording to train.csv for each window of a recording of test.csv; return a line that says what was done."""
    from behavior.parquet_file import read_rows

    metadata, recordings = read_metadata(data_dir, "test")
    _refuse_unknown({one.video_id for one in corrections}, recordings, data_dir / "test.csv")
    rows_of = {int(row["video_id"]): row for row in metadata}
    clips, empty = list[dict[str, Any]](), 0
    for one in corrections:
        recording = recordings[one.video_id]
        path = data_dir / file_of(RAW_TRACKING, "test", recording)
        tracking = read_rows(RAW_TRACKING, path, str(path)).to_pandas()
        inside = tracking[(tracking["video_frame"] >= one.window[0]) & (tracking["video_frame"] < one.window[1])]
        if inside.empty:
            empty += 1
            continue
        video = clip_id(recording.lab_id, one)
        place = Recording(recording.lab_id, video, recording.fps, recording.pix_per_cm, recording.width_px, recording.height_px)
        cut = inside.assign(video_frame=inside["video_frame"] - one.window[0])
        _write_table(RAW_TRACKING, cut, data_dir / file_of(RAW_TRACKING, "train", place))
        _write(clip_bouts(one, annotator), data_dir / file_of(RAW_ANNOTATION, "train", place))
        clips.append(_clip_row(rows_of[one.video_id], video, one, recording, annotator))
    added = _add_rows(data_dir / "train.csv", clips)
    line = f"Made {len(clips)} recordings of {annotator}'s corrections, {added} of them new in train.csv."
    return line + (f" {empty} windows have no tracks and are left out." if empty else "")


def _clip_row(row: Any, video: int, one: Correction, recording: Recording, annotator: str) -> dict[str, Any]:
    """Return the row of train.csv of a clip, from that of its recording."""
    name = row.get("recording_name") or row["video_id"]
    return {
        **row,
        "video_id": video,
        "video_duration_sec": (one.window[1] - one.window[0]) / recording.fps,
        "behaviors_labeled": json.dumps([_listed(triple) for triple in one.known]),
        "recording_name": f"{name} frames {one.window[0]} to {one.window[1]}",
        "annotator": annotator,
    }


def _add_rows(path: Path, rows: "list[dict[str, Any]]") -> int:
    """Add rows to train.csv, as text, so that no other cell changes; rows of the same video are replaced. Return how many are new."""
    before = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig")))) if path.is_file() else []
    header = before[0] if before else [name for name in RAW_METADATA.schema.names if any(row.get(name) is not None for row in rows)]
    columns = header + [name for name in ("recording_name", "annotator") if name not in header]
    place = columns.index("video_id")
    known = {line[place] for line in before[1:]}
    ours = {str(row["video_id"]): ["" if row.get(name) is None else str(row[name]) for name in columns] for row in rows}
    lines = [columns, *(ours.pop(line[place], line + [""] * (len(columns) - len(line))) for line in before[1:]), *ours.values()]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    write_text(path, text.getvalue())
    return len({str(row["video_id"]) for row in rows} - known)


def _write(bouts: "pd.DataFrame", path: Path) -> None:
    _write_table(RAW_ANNOTATION, bouts, path)


def _write_table(table: Any, rows: "pd.DataFrame", path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with whole_file(path) as draft:
        pq.write_table(pa.Table.from_pandas(rows, table.schema, preserve_index=False), draft, compression="zstd", write_page_checksum=True)


def _no_bouts() -> "pd.DataFrame":
    return RAW_ANNOTATION.schema.empty_table().to_pandas()


def _same(before: "pd.DataFrame", after: "pd.DataFrame") -> bool:
    names = list(RAW_ANNOTATION.keys)
    return sorted(map(tuple, before[names].to_numpy().tolist())) == sorted(map(tuple, after[names].to_numpy().tolist()))


def _listed(triple: Any) -> str:
    target = "self" if triple.target == triple.agent else mouse_name(triple.target)
    return f"{mouse_name(triple.agent)},{target},{triple.behavior}"


def _refuse_unknown(videos: Any, recordings: dict[int, Recording], path: Path) -> None:
    if missing := sorted(set(videos) - set(recordings)):
        got = f"no row for {', '.join(map(str, missing[:5]))}"
        raise UsageError(f"Expected the recordings of the queue in {path}, but got {got}. Name their data directory.")
