"""Two annotations of one film: how well two humans agree."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from simulated_lake import Lake

from behavior.keys import key_of
from behavior.recording import Recording
from behavior.tables import ANNOTATIONS_ENRICHED, METADATA_TRAIN, TRACKING_CURATED
from training.developing.second_human import agreements
from training.material.curated_zone import CuratedZone
from training.material.fold_plan import FoldPlan, plan_folds

LAB, OTHER = "CalMS21_task2", "SecondHuman"


@pytest.fixture
def twice(lake: Lake, tmp_path: Path) -> FoldPlan:
    """Film 101 was annotated again in another lab as 901: every attack lasts as long, but begins 6 frames later; the rest is equal."""
    zone = CuratedZone(lake.curated)
    first = next(one for one in zone.annotated_recordings() if one.video_id == 101)
    second = replace(first, video_id=901, lab_id=OTHER)
    for table in (TRACKING_CURATED, ANNOTATIONS_ENRICHED):
        rows = pq.read_table(lake.curated / key_of(table, "train", first), partitioning=None)
        rows = _with(rows, "video_id", 901)
        if table is ANNOTATIONS_ENRICHED:
            late = np.array([6 if action == "attack" else 0 for action in rows["action"].to_pylist()])
            for column in ("start_frame", "stop_frame"):
                rows = _with(rows, column, np.array(rows[column]) + late)
        _copy(rows, tmp_path / key_of(table, "train", second))
    for table in (TRACKING_CURATED, ANNOTATIONS_ENRICHED):
        for recording in zone.annotated_recordings():
            if recording.lab_id == LAB:
                key = key_of(table, "train", recording)
                _copy(pq.read_table(lake.curated / key, partitioning=None), tmp_path / key)
    metadata = pq.read_table(lake.curated / key_of(METADATA_TRAIN)).to_pylist()
    rows = [{**row, "content_group": row["video_id"]} for row in metadata if row["lab_id"] == LAB]
    rows.append({**rows[0], "video_id": 901, "lab_id": OTHER, "content_group": 101})
    _copy(pa.Table.from_pylist(rows, schema=METADATA_TRAIN.schema), tmp_path / key_of(METADATA_TRAIN))
    return plan_folds(CuratedZone(tmp_path), [LAB], 2)


def test_humans_that_differ_by_some_frames_agree_in_the_rest(twice: FoldPlan) -> None:
    found = agreements(twice)
    first: Recording = twice.recordings[0]
    bouts = twice.bouts[(twice.bouts["video_id"] == first.video_id) & (twice.bouts["action"] == "attack")]
    lengths = (bouts["stop_frame"] - bouts["start_frame"]).to_numpy()
    assert found["sniff"].f1 == 1
    assert (found["attack"].recordings, found["attack"].others) == (1, (OTHER,))
    assert found["attack"].f1 == pytest.approx(np.maximum(lengths - 6, 0).sum() / lengths.sum(), abs=0.02)  # bouts are far apart


def test_without_a_second_annotation_there_is_nothing_to_compare(lake: Lake) -> None:
    assert agreements(plan_folds(CuratedZone(lake.curated), [LAB], 2)) == {}


def _with(rows: pa.Table, column: str, values: object) -> pa.Table:
    place = rows.column_names.index(column)
    kind = rows.schema.field(place)
    filled = np.full(len(rows), values) if np.isscalar(values) else values
    return rows.set_column(place, kind, pa.array(filled).cast(kind.type))


def _copy(rows: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, path)
