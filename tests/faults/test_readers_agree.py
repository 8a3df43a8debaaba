"""Every reader sees the same rows after each of three runs: the first, one with a changed recording, one with a removed one."""

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest
from faults.night import annotation, tracking, walk

from aws_pipeline import athena
from aws_pipeline.glue_catalog import connect

pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")  # awswrangler says it to pandas
LABS = ("01001", "2A001", "Lab 4.b+c_d-e")
"""Names that a reader could take for a number, or that a path could change."""
NAMES = {lab: (lab, 20 + number) for number, lab in enumerate(LABS)}


@pytest.fixture(scope="module")
def three_states(aws):
    """Return what every reader sees after each run: rows and the sum of x by lab."""
    from faults.night import Night

    night = Night(aws)
    night.begin()
    rows = [night.row(*one) for one in NAMES.values()]
    night.rows(rows)
    for length, one in enumerate(NAMES.values(), start=10):
        night.put(night.tracking(*one), tracking(walk(range(length))))
        night.put(night.annotation(*one), annotation([(1, 1, "rear", 2, 6)]))
    states = []
    for change in (lambda: None, lambda: _grow(night), lambda: night.rows(rows[:2])):
        change()
        night.run()
        states.append({reader.__name__: reader(night) for reader in READERS})
    return states


def _grow(night):
    night.put(night.tracking(*NAMES["2A001"]), tracking(walk(range(30))))


def in_catalog(night):
    return _by_lab(_table().scan().to_arrow())


def in_athena(night):
    sql = "SELECT lab_id, count(*) AS n, sum(x_cm) AS x FROM tracking_curated GROUP BY lab_id"
    return {row.lab_id: (row.n, round(row.x, 3)) for row in athena.query(sql, night.settings, all_partitions=True).itertuples()}


def in_pandas(night):
    return _by_lab(pa.Table.from_pandas(pd.read_parquet(night.curated / "tracking_curated").astype({"lab_id": str})))


def in_pyarrow(night):
    partitioning = ds.partitioning(pa.schema([("lab_id", pa.string())]), flavor="hive")
    return _by_lab(ds.dataset(night.curated / "tracking_curated", partitioning=partitioning).to_table())


def in_duckdb(night):
    files = f"{night.curated}/tracking_curated/*/*.parquet"
    source = f"read_parquet('{files}', hive_partitioning=true, hive_types_autocast=false)"
    return _by_lab(duckdb.sql(f"SELECT lab_id, x_cm FROM {source}").to_arrow_table())


def in_polars(night):
    schema = {"lab_id": pl.String}
    return _by_lab(pl.scan_parquet(night.curated / "tracking_curated", hive_schema=schema).select("lab_id", "x_cm").collect().to_arrow())


READERS = (in_catalog, in_athena, in_pandas, in_pyarrow, in_duckdb, in_polars)


def _table():
    return connect().load_table("mabe.tracking_curated")


def _by_lab(rows):
    rows = pa.table({"lab_id": rows.column("lab_id").cast(pa.string()), "x": rows.column("x_cm").cast(pa.float64())})
    sums = rows.group_by("lab_id").aggregate([([], "count_all"), ("x", "sum")]).to_pylist()
    return {row["lab_id"]: (row["count_all"], round(row["x_sum"], 3)) for row in sums}


@pytest.mark.parametrize("state", range(3), ids=["first run", "one recording changed", "one recording removed"])
@pytest.mark.parametrize("reader", [reader.__name__ for reader in READERS])
def test_a_reader_sees_what_the_run_left(three_states, reader, state):
    counts = [{"01001": 10, "2A001": 11, LABS[2]: 12}, {"01001": 10, "2A001": 30, LABS[2]: 12}, {"01001": 10, "2A001": 30}][state]
    expected = {lab: (n, round(sum(0.2 * frame for frame in range(n)), 3)) for lab, n in counts.items()}
    assert three_states[state][reader] == {lab: (n, pytest.approx(x, abs=0.01)) for lab, (n, x) in expected.items()}


def test_polars_reads_the_table_of_the_catalog(three_states):
    with pytest.warns(pl.exceptions.PerformanceWarning):
        rows = pl.scan_iceberg(_table()).group_by("lab_id").len().collect()
    assert dict(rows.iter_rows()) == {"01001": 10, "2A001": 30}


def test_bounds_of_an_entry_lead_to_the_object_of_a_recording(three_states):
    files = [task.file.file_path for task in _table().scan(row_filter="video_id = 21").plan_files()]
    assert len(files) == 1
    assert "lab_id=2A001/train-21-" in files[0]
    assert pc.unique(_table().scan(row_filter="lab_id = '01001'").to_arrow().column("lab_id")).to_pylist() == ["01001"]
