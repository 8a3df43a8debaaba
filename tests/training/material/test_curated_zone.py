from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from behavior.annotations import enrich
from behavior.curation import curate, to_table
from behavior.keys import key_of
from behavior.recording import Triple
from behavior.tables import ANNOTATIONS_ENRICHED, METADATA_TRAIN, TRACKING_CURATED
from training.material.curated_zone import CuratedZone
from training.material.datasets import pair_labels


def test_bouts_of_a_clip_lie_on_the_frames_that_they_lie_on_in_the_film(tmp_path, tracking_rows, recording):
    """Mouse 1 walks right in the frames 20,000 to 20,003 of a film, and rears in the middle two."""
    clip = replace(recording, annotated=(Triple(1, 1, "rear"),))
    curated = curate(tracking_rows([(20_000 + frame, 1, "nose", 2.0 * frame, 0) for frame in range(4)]), clip)
    ids = pa.array([1], pa.int8())
    raw = pa.table({"agent_id": ids, "target_id": ids, "action": ["rear"], "start_frame": [20_001], "stop_frame": [20_003]})
    row = {
        "lab_id": "QuietOtter",
        "video_id": 7,
        "frames_per_second": 30.0,
        "pix_per_cm_approx": 10.0,
        "video_width_pix": 400,
        "video_height_pix": 200,
        "behaviors_labeled": '["mouse1,self,rear"]',
        "first_frame": curated.first_frame,
    }
    for key, rows in (
        (key_of(TRACKING_CURATED, "train", clip), to_table(curated, clip, "train")),
        (key_of(ANNOTATIONS_ENRICHED, "train", clip), enrich(raw, clip)),
        (key_of(METADATA_TRAIN), pa.Table.from_pylist([row], schema=METADATA_TRAIN.schema)),
    ):
        (tmp_path / key).parent.mkdir(parents=True)
        pq.write_table(rows, tmp_path / key)
    zone = CuratedZone(tmp_path)
    (found,) = zone.annotated_recordings()
    bouts = zone.bouts([found])
    assert bouts[["start_frame", "stop_frame"]].to_numpy().tolist() == [[1, 3]]
    labels = pair_labels(found, (1, 1), zone.tracking(found).frames, bouts, ("rear",))
    assert labels[:, 0].tolist() == [False, True, True, False]
    assert pd.api.types.is_integer_dtype(bouts["start_frame"])
