import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aws_pipeline.import_annotations import main as import_annotations
from aws_pipeline.measure_clock import main
from behavior.simulated.lab_profiles import PROFILES
from behavior.simulated.recordings import simulate


@pytest.fixture(scope="module")
def simulated():
    """Two minutes of two mice, with what they truly did."""
    return simulate(PROFILES["CalMS21_task1"], seed=3, video_id=7, seconds=120)


@pytest.fixture
def lab(simulated, tmp_path):
    """Write the recording with an annotation that is `lag` frames late."""

    def make(lag):
        import pyarrow.parquet as pq

        folder = tmp_path / "lab"
        one, name = simulated, str(simulated.metadata["lab_id"])
        for kind, table in (("tracking", one.tracking), ("annotation", one.annotation)):
            file = folder / f"train_{kind}" / name / "7.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            if kind == "annotation":
                shifted = {column: pa.array(np.asarray(table[column]) + lag, pa.int32()) for column in ("start_frame", "stop_frame")}
                for column, values in shifted.items():
                    table = table.set_column(table.column_names.index(column), column, values)
            pq.write_table(table, file)
        pd.DataFrame([one.metadata]).to_csv(folder / "train.csv", index=False)
        return folder

    return make


def test_a_late_annotation_is_measured_and_corrected_by_choice_and_only_once(here, lab, tmp_path):
    folder = lab(12)
    told = here(main, folder, "--json")
    assert told.returncode == 0, told.stderr
    (one,) = json.loads(told.stdout)["recordings"]
    assert (one["lags"], one["other_clock"]) == (True, False)
    assert abs(one["lag_frames"] - 12) <= 2
    words = here(main, folder).stdout
    assert f"{one['lag_frames']:+d} (" in words
    assert words.rstrip().endswith(f"--data-dir {folder} --shift-frames {-one['lag_frames']}")
    (file,) = (folder / "train_annotation").rglob("*.parquet")
    before = (folder / "train.csv").read_text()
    told = here(import_annotations, file, "--data-dir", folder, "--shift-frames", -one["lag_frames"])
    assert told.returncode == 0, told.stderr
    assert "what the metadata list stays" in told.stdout
    (again,) = json.loads(here(main, folder, "--json").stdout)["recordings"]
    assert not again["lags"]
    assert f"shifted by {-one['lag_frames']} frames" in (folder / "train.csv").read_text()
    assert before != (folder / "train.csv").read_text()
    told = here(import_annotations, file, "--data-dir", folder, "--shift-frames", -1)
    assert told.returncode == 4
    assert "Expected an annotation that is not corrected yet" in told.stderr


def test_a_punctual_annotation_is_left_alone(here, lab):
    told = here(main, lab(0), "--recordings", "7")
    assert told.returncode == 0, told.stderr
    assert "not clearly other than 0" in told.stdout
    assert "shift-frames" not in told.stdout


def test_wrong_places_and_names_are_refused(here, lab, tmp_path):
    told = here(main, tmp_path / "nowhere")
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)
    told = here(main, lab(0), "--recordings", "nobody")
    assert (told.returncode, "but got nobody" in told.stderr) == (2, True)
