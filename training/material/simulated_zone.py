"""A curated zone of simulated recordings, as the pipeline would write it, for studies over many labs."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from behavior.annotations import enrich
from behavior.curation import WRITE_OPTIONS, curate, to_table
from behavior.keys import key_of
from behavior.recording import recordings_from_rows
from behavior.simulated.lab_profiles import LabProfile
from behavior.simulated.recordings import simulate
from behavior.tables import ANNOTATIONS_ENRICHED, METADATA_TRAIN, TRACKING_CURATED


def write_simulated_zone(root: Path, profiles: Iterable[LabProfile], recordings: int, seconds: float, seed: int) -> None:
    """Write so many recordings of each lab below `root`, all with different content. The same arguments give the same recordings."""
    rows = []
    for lab, profile in enumerate(profiles, start=1):
        for number in range(recordings):
            video_id = 1_000 * lab + number
            simulated = simulate(profile, seed * 1_000 + number, video_id, seconds)
            (recording,) = recordings_from_rows([simulated.metadata])
            curated = curate(simulated.tracking, recording)
            _write(root / key_of(TRACKING_CURATED, "train", recording), to_table(curated, recording, "train"), **WRITE_OPTIONS)
            _write(root / key_of(ANNOTATIONS_ENRICHED, "train", recording), enrich(simulated.annotation, recording))
            counted = {"frame_count": curated.frames, "mice_tracked": len(curated.mice), "seen_share": float(curated.seen.mean())}
            rows.append({**simulated.metadata, **counted, "content_group": video_id})
    _write(root / key_of(METADATA_TRAIN), pa.Table.from_pylist(rows, schema=METADATA_TRAIN.schema))


def _write(path: Path, table: pa.Table, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
