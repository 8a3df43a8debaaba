"""A small lake of simulated mice on disk: the raw directory and the curated zone that the ETL job would make of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from behavior.curation import WRITE_OPTIONS, curate, to_table
from behavior.keys import file_of, key_of
from behavior.recording import Recording, recordings_from_rows
from behavior.simulated.lab_profiles import LabProfile
from behavior.simulated.recordings import PROFILES, SimulatedRecording, simulate
from behavior.tables import ANNOTATIONS_ENRICHED, METADATA_TRAIN, RAW_ANNOTATION, RAW_TRACKING, TRACKING_CURATED, parse_metadata


@dataclass(frozen=True)
class Lake:
    """Where a simulated lake lies."""

    raw: Path
    curated: Path

    @property
    def recordings(self) -> list[Recording]:
        return recordings_from_rows(parse_metadata((self.raw / "train.csv").read_bytes(), "train.csv").to_pylist())

    def tracking(self, recording: Recording) -> pa.Table:
        return pq.read_table(self.raw / file_of(RAW_TRACKING, "train", recording), partitioning=None)


def profile(lab: str) -> LabProfile:
    """Return the profile of one lab."""
    return PROFILES[lab] if isinstance(PROFILES, Mapping) else next(one for one in PROFILES if one.name == lab)


def build_lake(root: Path, videos: Mapping[str, int], seconds: float) -> Lake:
    """Simulate so many videos of each lab; their ids are 101, 102, ... lab by lab."""
    lake = Lake(root / "raw", root / "curated")
    rows = []
    for lab, count in videos.items():
        for _ in range(count):
            video_id = 101 + len(rows)
            simulated = simulate(profile(lab), seed=video_id, video_id=video_id, seconds=seconds)
            rows.append(simulated.metadata)
            _write(lake, simulated)
    lake.raw.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(lake.raw / "train.csv", index=False)
    metadata = parse_metadata((lake.raw / "train.csv").read_bytes(), "train.csv")
    for field in METADATA_TRAIN.schema:
        if field.name not in metadata.column_names:
            metadata = metadata.append_column(field.name, pa.nulls(len(metadata), field.type))
    (lake.curated / METADATA_TRAIN.location).mkdir(parents=True)
    pq.write_table(metadata, lake.curated / key_of(METADATA_TRAIN))
    return lake


def _write(lake: Lake, simulated: SimulatedRecording) -> None:
    (recording,) = recordings_from_rows([simulated.metadata])
    for kind, table in ((RAW_TRACKING, simulated.tracking), (RAW_ANNOTATION, simulated.annotation)):
        path = lake.raw / file_of(kind, "train", recording)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
    curated = to_table(curate(simulated.tracking, recording), recording, "train")
    path = lake.curated / key_of(TRACKING_CURATED, "train", recording)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(curated, path, **WRITE_OPTIONS)

    bouts = simulated.annotation.to_pandas()
    annotated = set(recording.annotated)
    triples = list(zip(bouts["agent_id"], bouts["target_id"], bouts["action"], strict=True))
    bouts = bouts.assign(
        video_id=recording.video_id,
        annotator=None,
        duration_s=(bouts["stop_frame"] - bouts["start_frame"]) / recording.fps,
        kind=["self" if agent == target else "pair" for agent, target, _ in triples],
        annotated=[triple in annotated for triple in triples],
        frames_per_second=recording.fps,
    )
    path = lake.curated / key_of(ANNOTATIONS_ENRICHED, "train", recording)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pandas(bouts, schema=ANNOTATIONS_ENRICHED.schema, preserve_index=False), path)
