"""Commit the predictions of a recognizer to the lake, so that statistics, review and drift can ask SQL.

    python inference/recognize.py --data-dir D --checkpoint C --output bouts.parquet
    python aws_pipeline/commit_predictions.py bouts.parquet [MORE.parquet ...] [--dry-run]

Reads   each file, and beside it <name>.predictable.parquet, which says what the recognizer looked for.
Writes  the tables predicted_bouts and predictable_triples of the curated zone.

Predictions of the same recognizer (the SHA-256 of its checkpoint) for the same recording replace earlier ones; those of other recognizers
stay. The same files twice change nothing.

Exit codes: 0 committed, or nothing to do, 1 unexpected, 2 usage, no such file, or a full disk, 4 a file breaks its contract, 5 AWS refuses.
"""

import argparse
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pyarrow as pa
import pyarrow.compute as pc

from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.terminal import run
from behavior.contract import EXIT_OK, UsageError
from behavior.keys import lab_key, object_of
from behavior.parquet_file import read_rows
from behavior.predictions import beside
from behavior.table import NAME
from behavior.tables import PREDICTABLE_TRIPLES, PREDICTED_BOUTS, PREDICTION_TABLES

if TYPE_CHECKING:
    from aws_pipeline.iceberg import LakeTable

_SORTED = [(name, "ascending") for name in ("split", "video_id", "recognizer", "agent_id", "target_id", "action")]

Predictions = Mapping[str, pa.Table]
"""Rows of each table of `PREDICTION_TABLES`, with lab_id, by name of the table."""


def read_predictions(files: Sequence[Path]) -> Predictions:
    """Return the rows of all files. Raises UsageError for a missing file, ContractError for a broken one."""
    rows: dict[str, list[pa.Table]] = {table.name: [] for table in PREDICTION_TABLES}
    for file in files:
        for table, path in ((PREDICTED_BOUTS, file), (PREDICTABLE_TRIPLES, beside(file))):
            if not path.is_file():
                raise UsageError(f"Expected a file {path}, but got none. Write it with python inference/recognize.py --output {file}.")
            rows[table.name].append(read_rows(table.with_partition(), path, str(path)))
    return {name: pa.concat_tables(each).unify_dictionaries() for name, each in rows.items()}


def commit(predictions: Predictions, chosen: Settings) -> list[str]:
    """Commit predictions; return a line for each table that changed. Call it within `endpoint`."""
    from aws_pipeline.retention import NOTHING, clean
    from aws_pipeline.underway import underway

    zone, name = chosen.uri("curated"), uuid.uuid4().hex
    with underway(zone, name):
        before, after = _committed(predictions, zone, chosen.database)
        if any(after[each].snapshot_id != before[each] for each in after):
            clean(zone, chosen.database, after, NOTHING, name)  # what an overtaken attempt or a killed one has left
    return [_line(after[each], predictions) for each in after if after[each].snapshot_id != before[each]]


def _committed(predictions: Predictions, zone: str, database: str) -> "tuple[dict[str, int | None], dict[str, LakeTable]]":
    """Commit predictions; return the snapshots that the tables had, and the tables as they are then."""
    from aws_pipeline.iceberg import open_tables
    from aws_pipeline.merging import merged_at_last

    before = dict[str, int | None]()

    def merge(lost: bool) -> "dict[str, LakeTable]":
        nonlocal before
        tables = open_tables(zone, database, PREDICTION_TABLES, create=True)
        before = {name: one.snapshot_id for name, one in tables.items()} | before
        return {name: _commit_table(tables[name], predictions, zone, lost=lost) for name in predictions}

    after = merged_at_last(" and ".join(predictions), merge)
    return before, after


def _commit_table(opened: "LakeTable", predictions: Predictions, zone: str, *, lost: bool) -> "LakeTable":
    """Replace the rows of the predicted recordings in one table, one object for each lab; return the table as it is then."""
    from aws_pipeline.lake import encode, remove_objects, stored_rows, version_of, write_parquet
    from aws_pipeline.retention import NOTHING

    table, new, gone = opened.table, [], set()
    for lab in _labs(predictions):
        former = [key for key in opened.entries if (held := object_of(key)) and held.lab == lab]
        replaced = _recordings(_of_lab(predictions[PREDICTABLE_TRIPLES.name], lab))  # another lab may have a recording of the same number
        rows = _of_lab(predictions[table.name], lab).select(table.schema.names)
        stored = (_without(stored_rows(zone, table, key, lost=lost), replaced) for key in former)
        rows = _as_text(pa.concat_tables([*stored, rows]))
        data = encode(rows.sort_by(_SORTED).combine_chunks(), opened.column_ids)
        key = lab_key(table, lab, version_of(data))
        if len(rows) and key not in opened.entries:
            new.append(write_parquet(zone, table, key, data))
        gone |= set(former) - ({key} if len(rows) else set())
    if not new and not gone:
        return opened
    after = opened.commit(new, gone, expired=NOTHING.of_table(table.name))
    remove_objects(zone, sorted(gone))
    return after


def _of_lab(rows: pa.Table, lab: str) -> pa.Table:
    return rows.filter(pc.equal(rows.column("lab_id"), lab))


def _labs(predictions: Predictions) -> list[str]:
    return sorted(pc.unique(predictions[PREDICTABLE_TRIPLES.name].column("lab_id")).to_pylist())


def _line(table: "LakeTable", predictions: Predictions) -> str:
    labs = set(_labs(predictions))
    rows = [entry.record_count for key, entry in table.entries.items() if (held := object_of(key)) and held.lab in labs]
    return f"{table.table.name}: {sum(rows):,} rows of {len(rows)} labs"


def _as_text(rows: pa.Table) -> pa.Table:
    """Return the rows with plain text in place of dictionaries, which Arrow does not sort."""
    return rows.cast(pa.schema([field.with_type(pa.string()) if field.type == NAME else field for field in rows.schema]))


def _recordings(triples: pa.Table) -> pa.Array:
    """Return recognizer, split and video of each predicted recording as one text."""
    return pc.unique(_identity(triples))


def _without(rows: pa.Table, replaced: pa.Array) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(_identity(rows), value_set=replaced)))


def _identity(rows: pa.Table) -> pa.ChunkedArray:
    parts = [rows.column(name).cast(pa.string()) for name in ("recognizer", "split", "video_id")]
    return pc.binary_join_element_wise(*parts, " ")


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("files", nargs="+", type=Path, metavar="BOUTS.parquet", help="what inference/recognize.py wrote")
    parser.add_argument("--dry-run", action="store_true", help="only check the files and say what they hold")
    arguments = parser.parse_args()
    predictions = read_predictions(arguments.files)
    counts = ", ".join(f"{len(rows):,} rows of {name}" for name, rows in predictions.items())
    if arguments.dry_run:
        print(f"{counts}; nothing was committed")
        return EXIT_OK
    chosen = settings()
    with endpoint(chosen):
        lines = commit(predictions, chosen)
    print("\n".join(lines) or f"{counts}: all there already")
    return EXIT_OK


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
