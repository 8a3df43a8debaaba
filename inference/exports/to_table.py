"""Bouts as one tidy table: CSV or Parquet."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from behavior.whole_file import whole_file
from inference.exports.tidy_bouts import COLUMNS, TidyBouts

_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in COLUMNS[:1]),
        ("video_id", pa.int64()),
        *((name, pa.string()) for name in COLUMNS[2:6]),
        *((name, pa.int32()) for name in COLUMNS[6:8]),
        *((name, pa.float64()) for name in COLUMNS[8:10]),
        ("confidence", pa.float32()),
        ("source", pa.string()),
    ]
)


def write_csv_table(tidy: TidyBouts, path: Path) -> None:
    """Write all bouts as CSV."""
    with whole_file(path) as draft:
        tidy.bouts.to_csv(draft, index=False)


def write_parquet_table(tidy: TidyBouts, path: Path) -> None:
    """Write all bouts as Parquet."""
    with whole_file(path) as draft:
        pq.write_table(pa.Table.from_pandas(tidy.bouts, _SCHEMA, preserve_index=False), draft, compression="zstd", write_page_checksum=True)
