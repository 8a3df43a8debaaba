"""Which statements must say which labs they read: those that read rows for each frame of all labs without saying so."""

import random
from pathlib import Path

import pytest

from aws_pipeline.partition_rule import require_partitions
from behavior.contract import UsageError
from behavior.tables import CURATED_TABLES, PREDICTION_TABLES, TRACKING_CURATED

SQL = Path(__file__).resolve().parents[2] / "aws_pipeline" / "sql"
VIEWS = {
    "speeds": "SELECT lab_id, video_id, vx_cm_per_s FROM tracking_curated",
    "faster": "SELECT lab_id, vx_cm_per_s FROM speeds WHERE vx_cm_per_s > 1",
    "of_otters": "SELECT vx_cm_per_s FROM tracking_curated WHERE lab_id = 'QuietOtter'",
    "labs": "SELECT lab_id FROM metadata_train",
}
T = "tracking_curated"


def reads_all(sql: str) -> bool:
    try:
        require_partitions(sql, VIEWS.get)
    except UsageError:
        return True
    return False


def test_the_message_says_what_to_add():
    with pytest.raises(UsageError) as refused:
        require_partitions("SELECT * FROM tracking_curated", VIEWS.get)
    said = str(refused.value)
    assert said.startswith(
        "Expected a condition on lab_id, by which tracking_curated is divided (one row is one keypoint of one mouse at one"
    )
    assert "Add lab_id = '...' or lab_id IN (...) to WHERE, or say --all-partitions." in said


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT count(*) FROM {T}",
        'select * from "TRACKING_CURATED"',
        f"SELECT * FROM mabe.{T}",
        f'SELECT * FROM awsdatacatalog."mabe"."{T}" AS t WHERE t.video_id = 7',
        f"SELECT * FROM {T} WHERE 'lab_id = ''x''' = bodypart",
        f"SELECT * FROM {T} -- WHERE lab_id = 'x'",
        f"SELECT * FROM {T} /* WHERE lab_id = 'x' */ LIMIT 5",
        f"SELECT 'lab_id' AS lab_id FROM {T} ORDER BY lab_id",
        f"SELECT lab_id, count(*) FROM {T} GROUP BY lab_id HAVING lab_id = 'x'",
        f"SELECT * FROM {T} WHERE lab_id IS NOT NULL",
        f"SELECT * FROM {T} WHERE lab_id = 'x' OR mouse_id = 1",
        f"SELECT * FROM {T} WHERE (lab_id = 'x' OR mouse_id = 1) AND video_id = 7",
        f"SELECT * FROM {T} WHERE NOT lab_id = 'x'",
        f"SELECT * FROM {T} WHERE upper(lab_id) = 'X'",
        f"SELECT * FROM {T} WHERE lab_id = lab_id",
        f"SELECT * FROM {T} WHERE CASE WHEN seen AND lab_id IN ('x') THEN true ELSE true END",
        f"SELECT * FROM {T} WHERE other.lab_id = 'x'",
        f"SELECT * FROM {T} t JOIN metadata_train m ON t.lab_id = m.lab_id AND t.video_id = m.video_id",
        f"SELECT * FROM {T} JOIN metadata_train USING (lab_id, video_id)",
        f"SELECT * FROM {T} t LEFT JOIN metadata_train m ON t.video_id = m.video_id AND t.lab_id = 'x'",
        f"SELECT * FROM {T} t LEFT JOIN metadata_train m ON t.lab_id = m.lab_id AND m.lab_id = 'x'",
        f"SELECT * FROM metadata_train m RIGHT JOIN {T} t ON t.video_id = m.video_id AND t.lab_id = 'x'",
        f"SELECT * FROM {T} t FULL JOIN metadata_train m ON t.lab_id = 'x'",
        f"SELECT * FROM {T} t, metadata_train m WHERE m.lab_id = 'x'",
        f"SELECT * FROM (metadata_train m CROSS JOIN {T} t)",
        f"SELECT * FROM {T} t, metadata_train m WHERE seen OR split = 'x' AND t.lab_id = m.lab_id",
        f"SELECT * FROM metadata_train m JOIN {T} t ON m.video_id = 1 OR m.lab_id = t.lab_id WHERE m.lab_id = 'a'",
        f"SELECT 1 AS n UNION ALL SELECT count(*) FROM {T}",
        f"SELECT * FROM {T} WHERE lab_id = 'x' UNION SELECT * FROM {T}",
        f"(SELECT * FROM {T}) ORDER BY 1",
        f"TABLE {T}",
        f"SELECT (SELECT max(x_cm) FROM {T}) AS most FROM metadata_train WHERE lab_id = 'x'",
        f"SELECT * FROM metadata_train m WHERE EXISTS (SELECT 1 FROM {T} t WHERE t.lab_id = m.lab_id)",
        f"SELECT * FROM metadata_train WHERE lab_id = 'x' AND video_id IN (SELECT video_id FROM {T})",
        f"WITH t AS (SELECT * FROM {T}) SELECT * FROM t",
        f"WITH {T} AS (SELECT * FROM {T}) SELECT * FROM {T}",
        f"WITH RECURSIVE t (n) AS (SELECT video_frame FROM {T} UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT n FROM t",
        f"SELECT * FROM {T} FOR VERSION AS OF 12 AS t WHERE t.video_id = 7",
        f"SELECT * FROM {T} TABLESAMPLE BERNOULLI (10)",
        f"SELECT * FROM {T} WHERE lab_id IS NOT DISTINCT FROM other",
        f"SELECT * FROM {T} WHERE video_id BETWEEN 1 AND 2",
        "SELECT * FROM speeds",
        "SELECT * FROM mabe.faster WHERE vx_cm_per_s < 3",
        "WITH s AS (SELECT * FROM faster) SELECT * FROM s, labs WHERE labs.lab_id = 'x'",
        f"EXPLAIN ANALYZE SELECT * FROM {T}",
        f"EXPLAIN ANALYZE VERBOSE SELECT * FROM {T}",
        f"INSERT INTO mine (a) SELECT x_cm FROM {T}",
        f"CREATE TABLE mine WITH (format = 'PARQUET') AS SELECT * FROM {T}",
        f"CREATE TABLE mine AS WITH t AS (SELECT * FROM {T}) SELECT * FROM t",
        f"UNLOAD (SELECT * FROM {T}) TO 's3://b/p/' WITH (format = 'PARQUET')",
        f"DELETE FROM {T} WHERE video_id = 7",
        f"-- all partitions:\nSELECT * FROM {T}",
        f"SELECT '-- all partitions: why' FROM {T}",
    ],
)
def test_a_statement_that_reads_every_lab_is_refused(sql: str):
    assert reads_all(sql)


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT count(*) FROM {T} WHERE lab_id = 'QuietOtter'",
        f"SELECT count(*) FROM {T} WHERE 'QuietOtter' = lab_id AND seen",
        f'SELECT count(*) FROM {T} WHERE "LAB_ID" = ?',
        f"SELECT * FROM {T} AS t WHERE video_id BETWEEN 1 AND 2 AND t.lab_id IN ('a', 'b')",
        f"SELECT * FROM {T} WHERE mabe.{T}.lab_id LIKE 'Quiet%'",
        f"SELECT * FROM {T} WHERE lab_id NOT IN ('a')",
        f"SELECT * FROM {T} WHERE lab_id BETWEEN 'a' AND 'b' AND seen",
        f"SELECT * FROM {T} WHERE (lab_id = 'a' OR (lab_id = 'b' AND seen))",
        f"SELECT * FROM {T} WHERE lab_id = CAST(? AS varchar)",
        f"SELECT * FROM {T} WHERE lab_id = concat('Quiet', 'Otter')",
        f"SELECT * FROM {T} WHERE lab_id = (SELECT max(lab_id) FROM metadata_train)",
        f"SELECT * FROM {T} WHERE lab_id IN (SELECT lab_id FROM metadata_train WHERE mice_tracked > 2)",
        f"SELECT * FROM {T} FOR TIMESTAMP AS OF TIMESTAMP '2026-01-01 00:00:00 UTC' t WHERE t.lab_id = 'a'",
        f"SELECT * FROM {T} t JOIN metadata_train m ON t.lab_id = m.lab_id WHERE m.lab_id = 'a'",
        f"SELECT * FROM {T} t LEFT JOIN metadata_train m ON m.lab_id = t.lab_id JOIN labs l ON l.lab_id = m.lab_id WHERE l.lab_id = 'a'",
        f"SELECT * FROM metadata_train JOIN {T} USING (lab_id, video_id) WHERE lab_id = 'a'",
        f"SELECT * FROM metadata_train NATURAL JOIN {T} WHERE metadata_train.lab_id = 'a'",
        f"SELECT * FROM metadata_train m LEFT JOIN {T} t ON t.video_id = m.video_id AND t.lab_id = 'a'",
        f"SELECT * FROM metadata_train m JOIN {T} t ON t.video_id = m.video_id AND t.lab_id = 'a'",
        f"SELECT * FROM metadata_train m LEFT JOIN {T} t ON t.lab_id = m.lab_id AND m.lab_id = 'a'",
        f"SELECT * FROM (metadata_train m JOIN {T} t ON t.lab_id = m.lab_id) WHERE m.lab_id = 'a'",
        f"SELECT * FROM (SELECT * FROM {T} WHERE seen) AS s WHERE s.lab_id = 'a'",
        f"SELECT * FROM (SELECT * FROM {T} WHERE lab_id = 'a')",
        f"WITH t AS (SELECT * FROM {T}), u AS (SELECT * FROM t) SELECT * FROM u WHERE lab_id = 'a'",
        f"WITH {T} AS (SELECT 1 AS one) SELECT * FROM {T}",
        f"WITH unused AS (SELECT * FROM {T}) SELECT * FROM metadata_train",
        "SELECT * FROM faster WHERE lab_id = 'a'",
        "SELECT * FROM of_otters",
        "SELECT * FROM labs",
        f'SELECT file_path FROM "{T}$files"',
        f"SELECT '{T}' AS name FROM metadata_train -- {T}",
        f"SELECT {T} FROM metadata_train",
        "SELECT 1",
        "",
        f"CREATE OR REPLACE VIEW mine AS SELECT * FROM {T}",
        f"EXPLAIN SELECT * FROM {T}",
        f"EXPLAIN (TYPE VALIDATE) SELECT * FROM {T}",
        f"DESCRIBE {T}",
        f"SHOW PARTITIONS {T}",
        f"DELETE FROM {T} WHERE lab_id = 'a'",
        f"INSERT INTO mine SELECT x_cm FROM {T} WHERE lab_id = 'a'",
        f"-- all partitions: the labs are compared\nSELECT count(*) FROM {T}",
        f"SELECT count(*) FROM {T} /* All partitions: a count */",
        "SELECT action, count(*) FROM annotations_enriched GROUP BY action",
        "SELECT (((",
    ],
)
def test_a_statement_that_says_which_labs_or_reads_no_frames_is_not(sql: str):
    assert not reads_all(sql)


def test_tables_with_rows_for_each_frame_say_so_and_no_others_do():
    assert [table.name for table in (*CURATED_TABLES, *PREDICTION_TABLES) if table.by_frame] == [TRACKING_CURATED.name]


@pytest.mark.parametrize("path", sorted(SQL.rglob("*.sql")), ids=lambda path: path.stem)
def test_saved_queries_and_views_are_sent_as_they_are(path: Path):
    assert not reads_all(path.read_text())


def test_any_words_are_read_to_their_end():
    """Nonsense is for Athena to refuse; here it must neither fail nor go on for ever."""
    words = "select from where tracking_curated lab_id = 'x' ( ) , . and or not in between is null join left full on using with t as union"
    words += " table group by order then end ? 1 -- /* */ explain analyze create view insert natural lateral for exists cast ` ' \""
    draw = random.Random(0)
    for _ in range(3000):
        reads_all(" ".join(draw.choices(words.split(), k=draw.randint(1, 40))))


@pytest.mark.parametrize("depth", [100, 5000])
def test_deep_parentheses_are_read_or_refused_in_one_line(depth: int):
    assert reads_all(f"{'SELECT * FROM (' * depth}{T}{')' * depth}")
    assert not reads_all(f"SELECT {'(' * 100}1{')' * 100}")
