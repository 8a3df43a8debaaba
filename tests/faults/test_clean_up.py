"""What a run removes at its end, and what it must leave to others."""

import os

import pytest
from faults.night import GOOD, tracking, walk

from aws_pipeline import athena, commit_predictions
from behavior.bouts import scored_bout_table
from behavior.predictions import Predictions, Source, triple_table
from behavior.recording import Recording
from behavior.tables import PREDICTION_TABLES

pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")  # awswrangler says it to pandas


def predictions(*starts):
    """Bouts of rear of a recognizer in recording 7, one from each of these frames."""
    recordings = [Recording("QuietOtter", 7, 30.0, 10.0, 400, 200)]
    bouts = scored_bout_table([(7, 1, 1, "rear", start, start + 3, 0.9, 0.5) for start in starts])
    tables = Predictions(bouts, triple_table([(7, 1, 1, "rear", 0, 100)])).tables(recordings, Source("train", "a", "trees"))
    return {table.name: rows for table, rows in zip(PREDICTION_TABLES, tables, strict=True)}


def grow_old(folder):
    for file in folder.rglob("*"):
        os.utime(file, (0, 0))


def test_a_run_leaves_the_tables_of_predictions_however_old_they_are(night):
    night.run()
    commit_predictions.commit(predictions(0, 5), night.settings)
    grow_old(night.curated)
    night.put(night.tracking(*GOOD), tracking(walk(range(21))))
    night.run()
    assert athena.query("SELECT count(*) AS n FROM predicted_bouts", night.settings)["n"].tolist() == [2]
    assert athena.query("SELECT count(*) AS n FROM predictable_triples", night.settings)["n"].tolist() == [1]
