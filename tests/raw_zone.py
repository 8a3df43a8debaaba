"""A small raw zone as plain files: four recordings of three labs, whose tracking and bouts a test writes row by row."""

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from behavior.recording import Recording, Triple

HEADER = "lab_id,video_id,frames_per_second,pix_per_cm_approx,video_width_pix,video_height_pix,behaviors_labeled"
ODD = "Lab 4.b+c_d-e"

OTTER = Recording("QuietOtter", 7, 30.0, 10.0, 400, 200, annotated=(Triple(1, 1, "rear"), Triple(1, 1, "run")))
HERON = Recording("LoudHeron", 8, 120.0, 10.0, 400, 200, annotated=(Triple(1, 2, "sniff"),))
PLAIN = Recording(ODD, 9, 25.0, 20.0, 400, 200)
TEST = Recording("QuietOtter", 500, 30.0, 10.0, 400, 200)


@dataclass(frozen=True)
class Zone:
    """The raw zone of a test, as plain files."""

    folder: Path
    uri: str

    def tracking(self, recording, rows, split="train"):
        columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), TYPES, strict=True)]
        self._write(f"{split}_tracking", recording, pa.table(columns, names=["video_frame", "mouse_id", "bodypart", "x", "y"]))

    def annotation(self, recording, rows, frames=None):
        kinds = (pa.int8(), pa.int8(), pa.string(), frames or pa.int16(), frames or pa.int16())
        columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)]
        names = ["agent_id", "target_id", "action", "start_frame", "stop_frame"]
        self._write("train_annotation", recording, pa.table(columns, names=names))

    def metadata(self, *recordings, split="train"):
        file = self.folder / "metadata" / f"{split}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join([HEADER, *map(_row, recordings)]) + "\n")
        return file

    def file(self, folder, recording):
        return self.folder / folder / f"lab_id={recording.lab_id}" / f"{recording.video_id}.parquet"

    def _write(self, folder, recording, table):
        file = self.file(folder, recording)
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, file)


TYPES = (pa.int16(), pa.int8(), pa.string(), pa.float32(), pa.float32())


def _row(recording):
    names = {1: "mouse1", 2: "mouse2"}
    triples = [f"{names[a]},{'self' if a == t else names[t]},{what}" for a, t, what in recording.annotated]
    listed = json.dumps(triples).replace('"', '""') if triples else ""
    numbers = (recording.fps, recording.pix_per_cm, int(recording.width_px), int(recording.height_px))
    return ",".join([recording.lab_id, str(recording.video_id), *map(str, numbers), f'"{listed}"'])


def walk(frames, mouse=1, px_per_frame=2.0):
    """A nose moves right from the picture's middle."""
    return [(frame, mouse, "nose", 200 + px_per_frame * frame, 100) for frame in frames]
