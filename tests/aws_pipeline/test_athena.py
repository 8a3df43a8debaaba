"""Step 3 over a lake of four short recordings, small enough to answer every question by hand.

QuietOtter, video 7, 60 frames at 30 fps, 10 pixels a cm: mouse 1 walks right at 6 cm/s from the middle; mouse 2 stands 1 cm right of it
and its nose is lost for the last 15 frames. Annotated: mouse 1 rearing (0.5 s), sniffing (1 s, 0.5 s) and attacking (never) mouse 2.
QuietOtter, video 9, 30 frames: mouse 1 rears all the time. LoudHeron, video 8, 50 frames at 25 fps: unlabeled, its tail_tip never seen.
ShyMole, video 10, 10 frames at 10 fps: annotated rearing, which never happens.
"""

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot
from curated_lake import aws_on_this_disk, fill
from sqlglot import exp

from aws_pipeline import athena
from aws_pipeline.answer_text import as_text
from aws_pipeline.config import Settings
from behavior.contract import ContractError
from behavior.tables import CURATED_TABLES

ROOT = Path(__file__).resolve().parents[2]
QUERIES = sorted((ROOT / "aws_pipeline" / "sql").glob("*.sql"))
METADATA = """lab_id,video_id,frames_per_second,pix_per_cm_approx,video_width_pix,video_height_pix,behaviors_labeled
QuietOtter,7,30,10,400,200,"[""mouse1,self,rear"", ""mouse1,mouse2,sniff"", ""'mouse1','mouse2','sniff'"", ""mouse1,mouse2,attack""]"
QuietOtter,9,30,10,400,200,"[""mouse1,self,rear""]"
LoudHeron,8,25,10,400,200,
ShyMole,10,10,10,400,200,"[""mouse1,self,rear""]"
"""
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")  # awswrangler 3.17 on pandas 3

Row = tuple[int, int, str, float, float]


def still(frames: int, bodypart: str) -> list[Row]:
    return [(frame, 1, bodypart, 200.0, 100.0) for frame in range(frames)]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")

    def write(kind: str, lab: str, video: int, names: tuple[str, ...], rows: list[tuple]) -> None:
        path = folder / kind / lab / f"{video}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))), path)

    points = ("video_frame", "mouse_id", "bodypart", "x", "y")
    walk = [(frame, 1, part, 200.0 + 2 * frame, 100.0) for part in ("nose", "body_center") for frame in range(60)]
    stand = [(frame, 2, part, 210.0, 100.0) for part, frames in (("nose", 45), ("body_center", 60)) for frame in range(frames)]
    write("train_tracking", "QuietOtter", 7, points, walk + stand)
    write("train_tracking", "QuietOtter", 9, points, still(30, "nose"))
    unseen = [(frame, 1, "tail_tip", float("nan"), float("nan")) for frame in range(50)]
    write("train_tracking", "LoudHeron", 8, points, still(50, "nose") + unseen)
    write("train_tracking", "ShyMole", 10, points, still(10, "nose"))
    bouts = ("agent_id", "target_id", "action", "start_frame", "stop_frame")
    write("train_annotation", "QuietOtter", 7, bouts, [(1, 1, "rear", 0, 15), (1, 2, "sniff", 15, 45), (1, 2, "sniff", 45, 60)])
    write("train_annotation", "QuietOtter", 9, bouts, [(1, 1, "rear", 0, 30)])
    (folder / "train.csv").write_text(METADATA)
    return folder


@pytest.fixture(scope="module")
def empty_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with aws_on_this_disk(tmp_path_factory.mktemp("s3_mock_empty")) as chosen:
        yield chosen


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Iterator[Settings]:
    with aws_on_this_disk(tmp_path_factory.mktemp("s3_mock")) as chosen:
        fill(chosen, data_dir)
        yield chosen


@pytest.fixture(scope="module")
def answer(lake: Settings) -> Callable[[str], list[tuple]]:
    """Answer a saved query as plain tuples, None where SQL says NULL."""

    def ask(name: str) -> list[tuple]:
        rows = athena.query(athena.saved_query(name), lake).astype(object)
        return [tuple(None if value is pd.NA or value != value else value for value in row) for row in rows.itertuples(index=False)]

    return ask


@pytest.fixture
def say(lake: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the script in this process as the shell would; return exit code, stdout and stderr."""

    def main(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["athena.py", *map(str, arguments)])
        code = athena.main()
        return code, *capsys.readouterr()

    return main


# The questions, answered by hand


def test_recordings_are_counted_per_lab_with_their_clock_and_mice(answer):
    rows = {row[0]: row[1:] for row in answer("recordings_per_lab")}
    # videos, labeled, hours, fps from, to, mice, share seen: 225 of 240 points in video 7, all in video 9, half in video 8
    assert rows == {
        "QuietOtter": (2, 2, 0.001, 30.0, 30.0, 2, 0.9688),
        "LoudHeron": (1, 0, 0.001, 25.0, 25.0, 1, 0.5),
        "ShyMole": (1, 1, 0.0, 10.0, 10.0, 1, 1.0),
    }


def test_data_quality_is_weighted_by_the_time_of_recordings(answer):
    # QuietOtter: 1/16 of the points of 2 s and none of 1 s are lost; LoudHeron: half of them; nobody jumps
    assert answer("data_quality_by_lab") == [
        ("LoudHeron", 1, 0.001, 0.5, 0.0, 0.0),
        ("QuietOtter", 2, 0.001, 0.0417, 0.0, 0.0),
        ("ShyMole", 1, 0.0, 0.0, 0.0, 0.0),
    ]


def test_class_imbalance_counts_only_labs_that_annotated(answer):
    # rear: 0.5 s + 1 s of 2 s + 1 s + 1 s annotated, in two labs; sniff: 1.5 s of 2 s; attack: nothing in 2 s
    assert answer("class_imbalance") == [
        ("rear", "self", 2, 1, 2, 1.5, 0.001, 0.375),
        ("sniff", "pair", 1, 1, 2, 1.5, 0.001, 0.75),
        ("attack", "pair", 1, 0, 0, 0.0, 0.001, 0.0),
    ]


def test_the_matrix_tells_never_seen_from_unknown(answer):
    rows = answer("lab_behavior_matrix")
    assert {(lab, action): status for lab, action, status, *_ in rows} == {
        ("LoudHeron", "attack"): "unknown",
        ("LoudHeron", "rear"): "unknown",
        ("LoudHeron", "sniff"): "unknown",
        ("QuietOtter", "attack"): "never seen",
        ("QuietOtter", "rear"): "seen",
        ("QuietOtter", "sniff"): "seen",
        ("ShyMole", "attack"): "unknown",
        ("ShyMole", "rear"): "never seen",
        ("ShyMole", "sniff"): "unknown",
    }
    assert rows[0][3:] == (None, None, None), "nobody annotated: no number, not zero"
    assert rows[4][3:] == (2, 1.5, 0.5)


def test_annotated_and_never_seen_names_how_many_other_labs_could_tell(answer):
    # lab, behavior, kind, videos, hours annotated, labs that saw it, labs that do not know
    assert answer("annotated_never_seen") == [
        ("QuietOtter", "attack", "pair", 1, 0.001, 0, 2),
        ("ShyMole", "rear", "self", 1, 0.0, 1, 1),
    ]


def test_annotated_triples_fall_together_with_their_misquoted_copies(answer):
    # lab, behavior, kind, videos, pairs of mice, triples
    assert answer("annotated_triples") == [
        ("QuietOtter", "attack", "pair", 1, 1, 1),
        ("QuietOtter", "rear", "self", 2, 1, 2),
        ("QuietOtter", "sniff", "pair", 1, 1, 1),
        ("ShyMole", "rear", "self", 1, 1, 1),
    ]


def test_missing_points_tell_lost_from_never_seen(answer):
    # lab, bodypart, videos, points, share seen, share of points without any place
    assert answer("missing_points") == [
        ("LoudHeron", "nose", 1, 50, 1.0, 0.0),
        ("LoudHeron", "tail_tip", 1, 50, 0.0, 1.0),
        ("QuietOtter", "body_center", 1, 120, 1.0, 0.0),
        ("QuietOtter", "nose", 2, 150, 0.9, 0.0),
        ("ShyMole", "nose", 1, 10, 1.0, 0.0),
    ]


def test_speed_is_that_of_seen_points(answer):
    rows = {row[:2]: row[2:] for row in answer("speed_by_bodypart")}
    # 59 of 120 points move at 6 cm/s: the walker's, but for its first frame
    assert rows["QuietOtter", "body_center"] == (120, 0.0, 6.0, 6.0)
    assert ("LoudHeron", "tail_tip") not in rows
    assert rows["ShyMole", "nose"] == (10, 0.0, 0.0, 0.0)


def test_bout_durations_are_in_seconds(answer):
    rows = {row[:2]: row[2:] for row in answer("bout_durations")}
    assert set(rows) == {("rear", "self"), ("sniff", "pair")}
    for bouts, labs, p10, _, p50, _, p90, longest in rows.values():
        assert (bouts, labs, longest) == (2, 1, 1.0)
        assert 0.5 <= p10 <= p50 <= p90 <= 1.0


def test_few_bouts_are_all_kept_for_box_plots(answer):
    assert answer("bout_lengths") == [
        ("rear", "self", 2, 0.5),
        ("rear", "self", 2, 1.0),
        ("sniff", "pair", 2, 0.5),
        ("sniff", "pair", 2, 1.0),
    ]


def test_trajectories_show_the_body_center_of_the_recording_with_most_mice(answer):
    rows = answer("trajectories")
    assert len(rows) == 120
    assert {row[:2] for row in rows} == {("QuietOtter", 7)}
    assert {row[3] for row in rows} == {"body_center"}
    walker = [row for row in rows if row[2] == 1]
    assert walker[0][4:] == (0.0, 0.0, 0.0)
    assert walker[-1][4:] == pytest.approx((1.967, 11.8, 0.0), abs=1e-5), "59 frames later, 11.8 cm further right"
    assert {row[5:] for row in rows if row[2] == 2} == {(1.0, 0.0)}


# The queries themselves


@pytest.fixture(scope="module")
def local_engine() -> Iterator[Callable[[str, str], list[tuple]]]:
    """Run a saved query over tables that are written down in DuckDB's SQL, for lakes that are too big to make."""
    import duckdb

    with duckdb.connect() as connection:

        def answer(tables: str, name: str) -> list[tuple]:
            connection.execute(tables)
            return connection.execute(sqlglot.transpile(athena.saved_query(name), read="athena", write="duckdb")[0]).fetchall()

        yield answer


def test_long_trajectories_are_thinned_to_two_thousand_rows_and_two_minutes(local_engine):
    rows = local_engine(
        """
        CREATE TABLE metadata_train AS
            SELECT 'LyricalHare' AS lab_id, 1 AS video_id, 120.0::DOUBLE AS frames_per_second, 9005 AS first_frame, 20000 AS frame_count,
                   3 AS mice_tracked, 1.0 AS seen_share;
        CREATE TABLE tracking_curated AS
            SELECT 'LyricalHare' AS lab_id, 'train' AS split, 1 AS video_id, mouse.range + 1 AS mouse_id, part.unnest AS bodypart,
                   frame.range + 9005 AS video_frame, 0.0::FLOAT AS x_cm, 0.0::FLOAT AS y_cm
            FROM range(3) AS mouse, unnest(['nose', 'ear_left']) AS part, range(20000) AS frame;
        """,
        "trajectories",
    )
    # a clip that begins at frame 9005: 120 s at 120 fps and 3 mice are 43,200 points; every 22nd frame of 14,400 is 655 a mouse
    assert len(rows) == 3 * 655
    assert {row[3] for row in rows} == {"ear_left"}, "no body_center: the first bodypart"
    assert min(row[4] for row in rows) == 0, "time counts from the first frame"
    assert max(row[4] for row in rows) == pytest.approx(654 * 22 / 120, abs=1e-3)


def test_many_bouts_are_thinned_evenly_by_rank(local_engine):
    rows = local_engine(
        """
        CREATE TABLE annotations_enriched AS
            SELECT 'sniff' AS action, 'pair' AS kind, range::DOUBLE AS duration_s FROM range(1, 1201);
        """,
        "bout_lengths",
    )
    assert [row[3] for row in rows] == [4.0 * step for step in range(1, 301)]


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_saved_query_is_one_select_that_begins_with_its_question(path: Path):
    text = path.read_text()
    assert re.match(r"-- [A-Z].{10,}\n", text)
    trees = sqlglot.parse(text, read="athena")
    assert len(trees) == 1
    assert isinstance(trees[0], exp.Query)
    assert not list(trees[0].find_all(exp.Star)) or "count(*)" in text, "columns are named one by one"


ALLOWED = {
    *("approx_percentile", "avg", "count", "count_if", "max", "min", "sum", "row_number"),
    *("ceil", "floor", "greatest", "least", "nullif", "round", "sqrt"),
    *("cast", "if", "json_parse", "replace", "split", "unnest"),
}
"""Functions that mean the same in Athena and in its stand-in, tried one by one."""


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_saved_query_calls_only_functions_that_both_engines_know(path: Path):
    bare = re.sub(r"--[^\n]*|'[^']*'", "", path.read_text())
    called = {name.lower() for name in re.findall(r"\b([A-Za-z_]\w*)\s*\(", bare)} - {
        "as",
        "in",
        "over",
        "join",
        "on",
        "and",
        "listed",
        "array",
        "from",
    }
    called -= {name.lower() for name in re.findall(r"\b(\w+) AS \(", bare)}
    assert called <= ALLOWED


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_saved_query_reads_only_curated_tables(path: Path):
    tree = sqlglot.parse_one(path.read_text(), read="athena")
    named = {table.name for table in tree.find_all(exp.Table)} - {cte.alias for cte in tree.find_all(exp.CTE)} - {""}
    assert named <= {table.name for table in CURATED_TABLES}


def test_every_saved_query_is_tried_here():
    source = Path(__file__).read_text()
    assert [path.stem for path in QUERIES if f'answer("{path.stem}")' not in source] == []


def test_labels_of_films_are_counted_per_behavior(answer):
    assert answer("film_behaviors") == [], "this lake has no films; tests/aws_pipeline/test_films_in_the_lake.py has some"


# The script


def test_csv_goes_to_stdout_and_nothing_else_does(say):
    code, out, err = say("SELECT lab_id, count(*) AS videos FROM metadata_train GROUP BY lab_id ORDER BY lab_id;", "--format", "csv")
    assert code == 0
    assert out == "lab_id,videos\nLoudHeron,1\nQuietOtter,2\nShyMole,1\n"
    assert re.fullmatch(r"3 rows in \d+\.\d s, .+ scanned: free on this disk, \$0\.00005 on Athena\n", err)


def test_json_keeps_whole_numbers_whole_and_says_null(say):
    code, out, _ = say("SELECT 'zoë' AS name, 7 AS whole, 0.5e0 AS half, CAST(NULL AS bigint) AS nothing, true AS yes", "--format", "json")
    assert code == 0
    assert json.loads(out) == [{"name": "zoë", "whole": 7, "half": 0.5, "nothing": None, "yes": True}]
    assert '"whole": 7,' in out


def test_a_bare_null_is_an_answer(say):
    code, out, err = say("SELECT NULL x", "--format", "csv")
    assert (code, out) == (0, 'x\n""\n')
    assert err.startswith("1 row in ")


def test_a_bare_null_leaves_the_types_of_its_neighbors(say):
    columns = "NULL AS nothing, 7 AS whole, 0.5e0 AS half, true AS yes, 'a' AS word"
    code, out, _ = say(f"SELECT {columns} UNION ALL SELECT NULL, NULL, NULL, NULL, NULL ORDER BY whole", "--format", "json")
    assert code == 0
    empty = dict.fromkeys(("nothing", "whole", "half", "yes", "word"))
    assert json.loads(out) == [{"nothing": None, "whole": 7, "half": 0.5, "yes": True, "word": "a"}, empty]


def test_an_answer_without_rows_is_still_csv_and_json(say):
    nothing = "SELECT lab_id, video_id FROM metadata_train WHERE lab_id = 'Nobody'"
    assert say(nothing, "--format", "csv")[1] == "lab_id,video_id\n"
    assert json.loads(say(nothing, "--format", "json")[1]) == []
    assert "lab_id" in say(nothing)[1]


def test_a_statement_is_read_from_a_file(say):
    code, out, _ = say("--file", ROOT / "aws_pipeline" / "sql" / "annotated_triples.sql", "--format", "csv")
    assert code == 0
    assert list(csv.reader(io.StringIO(out)))[1] == ["QuietOtter", "attack", "pair", "1", "1", "1"]


def test_the_answer_goes_to_a_file_in_the_form_its_name_ends_in(say, tmp_path: Path):
    code, out, _ = say("SELECT 1 AS one", "--output", tmp_path / "one.json")
    assert (code, out) == (0, "")
    assert json.loads((tmp_path / "one.json").read_text()) == [{"one": 1}]
    assert [path.name for path in tmp_path.iterdir()] == ["one.json"]


def test_show_tables_lists_the_curated_tables(say):
    code, out, _ = say("SHOW TABLES", "--format", "csv")
    assert code == 0
    assert {table.name for table in CURATED_TABLES} <= set(out.split())


def test_a_query_that_athena_refuses_is_told_in_one_sentence(say):
    code, out, err = say("SELECT nonsense FROM metadata_train")
    assert (code, out) == (4, "")
    assert err.startswith("error: Expected Athena to answer, but got: ")
    assert "nonsense" in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (
            "SELECT lab_id FROM metadata_train WHERE video_id = 'seven'",
            "TYPE_MISMATCH: line 1:50: Cannot apply operator: bigint = varchar(5)",
        ),
        ("SELECT * FROM read_text('/etc/hostname')", "a function is no table"),
        ("SELECT median(video_id) FROM metadata_train", "FUNCTION_NOT_FOUND: line 1:8: Function 'median' not registered"),
        ("SELECT approx_most_frequent(3, lab_id, 100) FROM metadata_train", "the function approx_most_frequent is not on this disk"),
        ("SELECT INTERVAL '1' DAY AS day", "the column day of type interval day to second is not on this disk"),
    ],
)
def test_what_athena_refuses_and_what_this_disk_lacks_is_one_line(say, sql: str, reason: str):
    code, out, err = say(sql)
    assert (code, out) == (4, "")
    assert reason in err
    assert err.count("\n") == 1


def test_a_query_of_all_labs_frames_must_say_so(say):
    all_labs = "SELECT count(*) AS points FROM tracking_curated"
    code, out, err = say(all_labs, "--format", "csv")
    assert (code, out) == (2, "")
    assert err.startswith("error: Expected a condition on lab_id")
    assert say(f"{all_labs} WHERE lab_id = 'ShyMole'", "--format", "csv")[:2] == (0, "points\n10\n")
    assert say(all_labs, "--all-partitions", "--format", "csv")[:2] == (0, "points\n380\n")  # 240 + 30 + 100 + 10
    assert say(f"-- all partitions: this test\n{all_labs}", "--format", "csv")[:2] == (0, "points\n380\n")


def test_a_view_of_all_labs_frames_must_be_restricted_where_it_is_used(say, lake: Settings):
    athena.query("CREATE OR REPLACE VIEW places AS SELECT lab_id, x_cm FROM tracking_curated", lake)
    try:
        assert say("SELECT count(*) AS points FROM places")[0] == 2
        assert say("SELECT count(*) AS points FROM places WHERE lab_id = 'ShyMole'", "--format", "csv")[:2] == (0, "points\n10\n")
    finally:
        athena.query("DROP VIEW places", lake)


def test_explain_validates_a_query(say):
    code, out, _ = say("EXPLAIN (TYPE VALIDATE) SELECT lab_id FROM metadata_train", "--format", "csv")
    assert (code, out) == (0, "Valid\nTrue\n")


def test_a_statement_that_is_no_sql_is_refused(say):
    code, _, err = say("SELECT FROM WHERE")
    assert code == 4
    assert "Expected Athena to answer" in err


def test_an_unknown_table_is_answered_with_the_known_ones(say):
    code, _, err = say("SELECT * FROM tracking")
    assert code == 4
    assert "tracking_curated" in err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "neither"),
        (("SELECT 1", "--file", QUERIES[0]), "both"),
        (("--file", "nowhere.sql"), "Expected --file to be a file, but got nowhere.sql"),
        (("-- only a comment",), "Expected a statement of SQL"),
        (("SELECT 1", "--output", "nowhere/at/all.csv"), "Expected --output to lie in a folder"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(say, arguments: tuple, complaint: str):
    code, out, err = say(*arguments)
    assert (code, out) == (2, "")
    assert complaint in err


def test_list_names_every_query_with_its_question_in_80_columns(say):
    code, out, err = say("--list")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == [path.stem for path in QUERIES]
    assert max(map(len, out.splitlines())) <= 80


def test_the_script_answers_from_any_folder_on_a_pipe(lake: Settings, tmp_path: Path):
    command = [sys.executable, str(ROOT / "aws_pipeline" / "athena.py"), "SELECT count(*) AS bouts FROM annotations_enriched"]
    told = subprocess.run(command, cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, timeout=120, check=False)
    assert (told.returncode, told.stdout.split()) == (0, ["bouts", "─" * 5, "4"])
    assert told.stderr.startswith("1 row in ")


def test_a_query_raises_athenas_reason_for_other_code(lake: Settings):
    with pytest.raises(ContractError, match="Expected Athena to answer"):
        athena.query("SELECT 1 / 0", lake)


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_every_saved_answer_fits_80_columns(path: Path, lake: Settings):
    text = as_text(athena.query(path.read_text(), lake), "table", width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert not text.startswith("row 1")


# An empty lake; last, because it leads this process to another endpoint


def test_an_empty_lake_says_what_fills_it(empty_lake: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "argv", ["athena.py", "SELECT lab_id FROM metadata_train", "--format", "csv"])
    assert athena.main() == 4
    error = capsys.readouterr().err
    assert "TABLE_NOT_FOUND" in error
    assert "The ETL makes this table: run the pipeline: python aws_pipeline/pipeline.py" in error
