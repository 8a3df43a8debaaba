"""A night of the pipeline in small: a raw zone of plain files with three recordings, a run of the ETL, and what it left."""

import csv
import io
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from aws_pipeline import curation_run
from aws_pipeline.config import Settings
from aws_pipeline.curation_options import Options
from behavior.tables import METADATA_TRAIN, Table

COLUMNS = (
    "lab_id",
    "video_id",
    "frames_per_second",
    "pix_per_cm_approx",
    "video_width_pix",
    "video_height_pix",
    "behaviors_labeled",
    "arena_width_cm",
)
BAD, GOOD, FAR_OFF = ("QuietOtter", 7), ("QuietOtter", 8), ("LoudHeron", 9)
TRACKING_TYPES = {"video_frame": pa.int16(), "mouse_id": pa.int8(), "bodypart": pa.string(), "x": pa.float32(), "y": pa.float32()}
ANNOTATION_TYPES = {
    "agent_id": pa.int8(),
    "target_id": pa.int8(),
    "action": pa.string(),
    "start_frame": pa.int16(),
    "stop_frame": pa.int16(),
}


def walk(frames=range(10), mouse=1):
    """A nose moves right from the picture's middle, 2 pixels a frame."""
    return [(frame, mouse, "nose", 200.0 + 2 * frame, 100.0) for frame in frames]


def tracking(rows, **types):
    """Raw tracking rows as a table; `types` change what columns hold."""
    return _table(rows, TRACKING_TYPES | types)


def annotation(rows, **types):
    """Raw bouts as a table; `types` change what columns hold."""
    return _table(rows, ANNOTATION_TYPES | types)


def _table(rows, types):
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(types)
    return pa.table({name: pa.array(list(column), kind) for (name, kind), column in zip(types.items(), columns, strict=True)})


@dataclass(frozen=True)
class Night:
    """AWS on this disk with a raw zone that a test spoils."""

    settings: Settings

    @property
    def raw(self) -> Path:
        """The raw zone as plain files."""
        return self.settings.mock_dir / "raw-zone"

    @property
    def curated(self) -> Path:
        """The curated zone as plain files."""
        return self.settings.mock_dir / "curated-zone"

    def begin(self) -> None:
        """Fill the raw zone with three sound recordings; the curated zone holds what the last test left, but quarantine is empty."""
        for each in self.raw.iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        shutil.rmtree(self.curated / "quarantine", ignore_errors=True)
        self.rows([self.row(*BAD), self.row(*GOOD), self.row(*FAR_OFF)])
        for recording in (BAD, GOOD, FAR_OFF):
            self.put(self.tracking(*recording), tracking(walk()))
            self.put(self.annotation(*recording), annotation([(1, 1, "rear", 2, 6)]))

    def row(self, lab: str, video: int, **changed: Any) -> dict[str, Any]:
        """Return a sound row of metadata, or one with changed values."""
        usual = dict(zip(COLUMNS, (lab, video, 30, 10, 400, 200, '["mouse1,self,rear"]', 40), strict=True))
        return usual | changed

    def rows(self, rows: list[dict[str, Any]]) -> None:
        """Write metadata/train.csv."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        file = self.raw / "metadata" / "train.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.getvalue())

    def spoil_row(self, **changed: Any) -> None:
        """Change values in the row of the bad recording."""
        self.rows([self.row(*BAD, **changed), self.row(*GOOD), self.row(*FAR_OFF)])

    def tracking(self, lab: str, video: int) -> Path:
        """Return where the tracking of a recording lies."""
        return self.raw / "train_tracking" / f"lab_id={lab}" / f"{video}.parquet"

    def annotation(self, lab: str, video: int) -> Path:
        """Return where the annotation of a recording lies."""
        return self.raw / "train_annotation" / f"lab_id={lab}" / f"{video}.parquet"

    def put(self, file: Path, table: pa.Table, **how: Any) -> None:
        """Write a Parquet object."""
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, file, **how)

    def download(self, folder: Path) -> None:
        """Write the raw zone as a data directory."""
        shutil.copy(self.raw / "metadata" / "train.csv", folder / "train.csv")
        for kind in ("train_tracking", "train_annotation"):
            for file in (self.raw / kind).rglob("*.parquet"):
                target = folder / kind / file.parent.name.removeprefix("lab_id=") / file.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)

    def run(self, policy: str = "") -> dict[str, Any]:
        """Run the ETL, in this process, and return its summary."""
        address = None
        if policy:
            file = self.settings.mock_dir / "artifacts" / "policy.toml"
            file.write_text(policy)
            address = self.settings.uri("artifacts", "policy.toml")
        options = Options(self.settings.uri("raw"), self.settings.uri("curated"), self.settings.database, address, due_bytes=0)
        return curation_run.run_curation(options)

    def accepted(self) -> list[int]:
        """Return the videos of the curated zone; tracking, annotation and metadata must hold the same."""
        metadata = self.read(METADATA_TRAIN).column("video_id").to_pylist()
        for table in ("tracking_curated", "annotations_enriched"):
            files = sorted((self.curated / table).rglob("*.parquet"))
            videos = {video for file in files for video in pq.ParquetFile(file).read(["video_id"]).column("video_id").to_pylist()}
            assert videos == set(metadata), table
        return metadata

    def read(self, table: Table) -> pa.Table:
        """Return the rows of a table that spans recordings, from the only object in its folder."""
        (file,) = (self.curated / table.location).glob("*.parquet")
        return pq.ParquetFile(file).read()

    def reasons(self) -> list[str]:
        """Return the names of what lies in quarantine."""
        return sorted(file.stem for file in (self.curated / "quarantine" / "reasons").glob("*.json"))
