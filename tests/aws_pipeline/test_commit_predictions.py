import sys

import pyarrow.parquet as pq
import pytest

from aws_pipeline import athena, commit_predictions
from behavior.bouts import scored_bout_table
from behavior.predictions import Predictions, Source, beside, triple_table
from behavior.recording import Recording

pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")  # awswrangler says it to pandas
RECORDINGS = [Recording("01001", 7, 30.0, 10.0, 400, 200), Recording("2A001", 8, 30.0, 10.0, 400, 200)]
COUNTS = "SELECT lab_id, recognizer, count(*) AS n FROM predicted_bouts GROUP BY 1, 2 ORDER BY 1, 2"


@pytest.fixture
def predicted(tmp_path):
    """Write predictions: so many bouts of rear in each video, by a recognizer of this name."""

    def write(recognizer, **bouts_by_video):
        bouts = [
            (int(video[1:]), 1, 1, "rear", 10 * n, 10 * n + 5, 0.9, 0.5) for video, count in bouts_by_video.items() for n in range(count)
        ]
        triples = [(int(video[1:]), 1, 1, "rear", 0, 100) for video in bouts_by_video]
        tables = Predictions(scored_bout_table(bouts), triple_table(triples)).tables(RECORDINGS, Source("train", recognizer, "trees"))
        file = tmp_path / f"{recognizer}.parquet"
        for table, path in zip(tables, (file, beside(file)), strict=True):
            pq.write_table(table, path)
        return file

    return write


def counts(settings):
    return [tuple(row) for row in athena.query(COUNTS, settings).itertuples(index=False)]


def test_predictions_are_rows_of_the_lake_and_replace_those_of_the_same_recognizer_in_the_same_recordings(settings, predicted):
    def commit(file):
        return commit_predictions.commit(commit_predictions.read_predictions([file]), settings)

    first = predicted("a", v7=3, v8=2)
    assert commit(first) == ["predicted_bouts: 5 rows of 2 labs", "predictable_triples: 2 rows of 2 labs"]
    assert commit(first) == [], "the same files twice change nothing"
    commit(predicted("b", v7=1))
    assert counts(settings) == [("01001", "a", 3), ("01001", "b", 1), ("2A001", "a", 2)]
    assert commit(predicted("a", v7=0)) == ["predicted_bouts: 1 rows of 1 labs"], "it found nothing now; what it looked for is as before"
    assert counts(settings) == [("01001", "b", 1), ("2A001", "a", 2)]
    folder = settings.mock_dir / "curated-zone" / "predicted_bouts"
    assert len(list(folder.rglob("*.parquet"))) == 2, "a glob over the folder sees the present state only"


def test_a_recording_of_another_lab_with_the_same_number_keeps_its_predictions(settings, tmp_path):
    def commit(**lab_of_video):
        recordings = [Recording(lab, int(video[1:]), 30.0, 10.0, 400, 200) for video, lab in lab_of_video.items()]
        bouts = [(one.video_id, 1, 1, "rear", 0, 5, 0.9, 0.5) for one in recordings]
        triples = [(one.video_id, 1, 1, "rear", 0, 100) for one in recordings]
        tables = Predictions(scored_bout_table(bouts), triple_table(triples)).tables(recordings, Source("train", "twins", "trees"))
        for table, path in zip(tables, (tmp_path / "c.parquet", beside(tmp_path / "c.parquet")), strict=True):
            pq.write_table(table, path)
        commit_predictions.commit(commit_predictions.read_predictions([tmp_path / "c.parquet"]), settings)

    commit(v7="LabB")
    commit(v7="LabA", v9="LabB")
    asked = "SELECT lab_id, video_id FROM predicted_bouts WHERE recognizer = 'twins' ORDER BY 1, 2"
    assert athena.query(asked, settings).to_numpy().tolist() == [["LabA", 7], ["LabB", 7], ["LabB", 9]]


def test_a_file_without_what_was_looked_for_is_refused(predicted, monkeypatch, capsys):
    file = predicted("a", v7=1)
    beside(file).unlink()
    monkeypatch.setattr(sys, "argv", ["commit_predictions.py", str(file)])
    assert commit_predictions.main() == 2
    assert f"Expected a file {beside(file)}, but got none." in capsys.readouterr().err


def test_a_dry_run_says_what_the_files_hold(predicted, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["commit_predictions.py", str(predicted("a", v7=4)), "--dry-run"])
    assert commit_predictions.main() == 0
    assert capsys.readouterr().out == "4 rows of predicted_bouts, 1 rows of predictable_triples; nothing was committed\n"
