"""awswrangler, unmodified, over Athena on this disk."""

from __future__ import annotations

import pytest
from athena_lake import Lake


@pytest.mark.filterwarnings("ignore:The \\w+ keyword:DeprecationWarning")  # awswrangler, of pandas 3
def test_awswrangler_reads_and_writes_unchanged(lake: Lake) -> None:
    import awswrangler as wr
    import pandas as pd

    frame = pd.DataFrame({"video_id": [7, 8], "when": pd.to_datetime(["2026-01-02 03:04:05.678"] * 2), "lab_id": ["A", "B"]})
    wr.s3.to_parquet(frame, "s3://curated-zone/written/", dataset=True, database="mabe", table="written", partition_cols=["lab_id"])
    where = {"database": "mabe", "workgroup": "w"}
    for approach in ({"ctas_approach": False}, {"ctas_approach": True}, {"ctas_approach": False, "unload_approach": True}):
        output = "s3://athena-results/unloaded/" if "unload_approach" in approach else None
        read = wr.athena.read_sql_query("SELECT * FROM written ORDER BY video_id", s3_output=output, **where, **approach)
        assert read.video_id.tolist() == [7, 8]
        assert read.lab_id.tolist() == ["A", "B"]
        assert read.when.dt.strftime("%H:%M:%S.%f").tolist() == ["03:04:05.678000"] * 2
    assert set(wr.catalog.tables(database="mabe").Table) == {"speeds", "written"}
    described = wr.athena.describe_table(table="written", **where)
    assert described["Partition"].tolist() == [False, False, True]
