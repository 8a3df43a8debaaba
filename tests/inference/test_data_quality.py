"""The page and the table of data quality by command."""

import shutil

import pandas as pd
import pyarrow.parquet as pq
from browser import assert_reads_well
from simulated_lake import Lake

from behavior.contract import EXIT_OK, EXIT_PUT_ASIDE, EXIT_USAGE
from behavior.tables import DATA_QUALITY
from inference import data_quality


def test_every_recording_has_a_row_and_the_page_stands_alone(lake: Lake, tmp_path, capsys):
    page, table = tmp_path / "quality.html", tmp_path / "quality.parquet"
    assert data_quality.main(["--data-dir", str(lake.raw), "--output", str(page), "--table", str(table)]) == EXIT_OK
    rows = pq.read_table(table)
    assert rows.schema.equals(DATA_QUALITY.schema)
    assert rows.column("video_id").to_pylist() == [101, 102, 103, 104]
    assert rows.column("bouts").null_count == 0
    html = page.read_text()
    assert_reads_well(html, tmp_path)
    assert html.count("<svg") == 12
    assert "http" not in html.replace("http://www.w3.org", "")
    assert "4 recordings measured, 0 break their contract" in capsys.readouterr().out


def test_a_broken_recording_is_listed_and_the_others_are_measured(lake: Lake, tmp_path, capsys):
    data = tmp_path / "data"
    shutil.copytree(lake.raw, data)
    next((data / "train_tracking").rglob("102.parquet")).write_bytes(b"PAR1")
    table = tmp_path / "quality.csv"
    assert data_quality.main(["--data-dir", str(data), "--output", str(tmp_path / "q.html"), "--table", str(table)]) == EXIT_PUT_ASIDE
    assert pd.read_csv(table)["video_id"].tolist() == [101, 103, 104]
    assert "Expected a Parquet file" in (tmp_path / "q.html").read_text()


def test_wrong_flags_are_refused_before_anything_is_read(lake: Lake, tmp_path, capsys):
    assert data_quality.main(["--data-dir", str(lake.raw), "--table", "table.xlsx"]) == EXIT_USAGE
    assert data_quality.main(["--data-dir", str(tmp_path), "--output", str(tmp_path / "q.html")]) == EXIT_USAGE
    assert data_quality.main(["--data-dir", str(lake.raw), "--labs", "Nowhere", "--output", str(tmp_path / "q.html")]) == EXIT_USAGE
    assert "Expected recordings of ['Nowhere']" in capsys.readouterr().err
