"""Is the data of last night's run sound? One HTML page about a run of the ETL, from the tables of the lake.

    python aws_pipeline/quality_report.py                                   the newest run
    python aws_pipeline/quality_report.py --run 3f2a81 --output page.html   an earlier one, by the beginning of its id

Reads   the tables runs, data_quality, lineage, metadata_train and metadata_test, all as that run left them, by Athena SQL.
Writes  one HTML page that needs no other file: missing bodyparts, gaps, teleports, swap suspects, coinciding animals, scale and frame
        rate, labels, flags, what is new in this run, what was put aside and why. It corrects nothing.

The tables of a run stay readable until the next one, or longer with glue_etl.py --keep-days; lineage.py --runs lists the runs.

Exit codes: 0 written, 1 unexpected, 2 usage, configuration, no such run, or a full disk, 3 written, but the run put something aside,
            4 Athena refuses a query, 5 AWS refuses.
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline import athena
from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.retention import tag_of
from aws_pipeline.terminal import run
from behavior.contract import EXIT_OK, EXIT_PUT_ASIDE, ContractError, UsageError
from behavior.tables import DATA_QUALITY, LINEAGE, METADATA_TEST, METADATA_TRAIN, RUNS, Table
from behavior.whole_file import check_place, write_text

if TYPE_CHECKING:
    import pandas as pd

    from reports.run_quality_page import CuratedRun

_TAG = tag_of("")
_RUN = re.compile("[0-9a-f]+")
_READ = (DATA_QUALITY, LINEAGE, METADATA_TRAIN, METADATA_TEST)
_NEWEST_FIRST = f"""
SELECT r.name, r.snapshot_id FROM "{RUNS.name}$refs" r JOIN "{RUNS.name}$snapshots" s ON s.snapshot_id = r.snapshot_id
WHERE r.name LIKE '{_TAG}%' ORDER BY s.committed_at DESC"""


def write_quality_page(chosen: Settings, output: Path, run: str = "") -> "CuratedRun":
    """Write the page about a run, or about the newest one; return the run. Call it within `endpoint` to ask with one connection.

    Raises UsageError if there is no such run, or if its tables are not readable any more.
    """
    from reports.page import render
    from reports.run_quality_page import run_quality_page

    check_place(output)
    with endpoint(chosen):
        told, rows, line = read_run(chosen, run)
    write_text(output, render(run_quality_page(told, rows, f"{line} · {chosen.uri('curated')}")))
    return told


def read_run(chosen: Settings, run: str = "") -> "tuple[CuratedRun, list[dict[str, Any]], str]":
    """Return a run, the rows of `DATA_QUALITY` as it left them, and a line that says which run and when. Raises as above."""
    from reports.run_quality_page import CuratedRun

    name, of_runs = _find_run(chosen, run)
    sql = f"SELECT ended, code, summary FROM {RUNS.name} FOR VERSION AS OF {of_runs} WHERE run = '{name}'"
    (row,) = _rows(athena.query(sql, chosen))
    versions = _versions(chosen, name)
    quality = _of(DATA_QUALITY, versions, f"SELECT {', '.join(DATA_QUALITY.schema.names)}", chosen)
    curated = _of(LINEAGE, versions, "SELECT split, video_id", chosen, f" WHERE run = '{name}'")
    metadata = {table: _of(table, versions, "SELECT video_id, recording_name", chosen, _NAMED) for table in (METADATA_TRAIN, METADATA_TEST)}
    names = {
        (split, named["video_id"]): named["recording_name"]
        for split, table in (("train", METADATA_TRAIN), ("test", METADATA_TEST))
        for named in metadata[table]
    }
    new = frozenset((one["split"], one["video_id"]) for one in curated)
    line = f"run {name[:12]} · {row['ended'].replace('T', ' ').removesuffix('+00:00')} UTC"
    return CuratedRun(name, json.loads(row["summary"]), new, names), quality, line


_NAMED = " WHERE recording_name IS NOT NULL"


def _find_run(chosen: Settings, run: str) -> tuple[str, int]:
    """Return the id of a run from its beginning, or of the newest run, and the version of the table `runs`."""
    if run and not _RUN.fullmatch(run):
        raise UsageError(f"Expected --run to be the id of a run, but got {run}. python aws_pipeline/lineage.py --runs lists them.")
    try:
        found = [(one["name"].removeprefix(_TAG), one["snapshot_id"]) for one in _rows(athena.query(_NEWEST_FIRST, chosen))]
    except ContractError:  # the words of a refusal differ
        if len(athena.query(f"SHOW TABLES '{RUNS.name}'", chosen)):
            raise
        found = []
    if not found:
        raise UsageError("Expected a lake with a run of the ETL, but got none. Run python aws_pipeline/glue_etl.py first.")
    matches = [(name, version) for name, version in found if name.startswith(run)]
    if run and len(matches) != 1:
        got = "several" if matches else "none that is readable"
        which = ", ".join(name[:12] for name, _ in found[:5])
        mend = "glue_etl.py --keep-days keeps earlier runs" if not matches else "Give more of the id"
        raise UsageError(f"Expected a run that begins with {run}, but got {got}. Readable are {which}; {mend}.")
    return matches[0]


def _versions(chosen: Settings, name: str) -> dict[str, int]:
    """Return the version of each table as a run left it; a table that was always empty has none."""
    one = "SELECT '{table}' AS \"table\", snapshot_id FROM \"{table}$refs\" WHERE name = '{tag}'"
    sql = " UNION ALL ".join(one.format(table=table.name, tag=tag_of(name)) for table in _READ)
    return {row["table"]: row["snapshot_id"] for row in _rows(athena.query(sql, chosen))}


def _of(table: Table, versions: Mapping[str, int], select: str, chosen: Settings, where: str = "") -> list[dict[str, Any]]:
    if table.name not in versions:
        return []
    return _rows(athena.query(f"{select} FROM {table.name} FOR VERSION AS OF {versions[table.name]}{where}", chosen))


def _rows(answer: "pd.DataFrame") -> list[dict[str, Any]]:
    """Return the rows of an answer with plain values, None for a missing one."""
    plain = answer.astype(object)
    return [{str(name): value for name, value in row.items()} for row in plain.where(answer.notna(), None).to_dict("records")]


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--run", default="", metavar="RUN", help="the id of a run, or its beginning (default: the newest run)")
    parser.add_argument("--output", type=Path, default=Path("quality.html"), help="the page to write (default: %(default)s)")
    arguments = parser.parse_args()
    from reports.progress import Progress

    with Progress("quality"):
        told = write_quality_page(settings(), arguments.output, arguments.run)
    aside = len(told.summary["put_aside"])
    counts = f"{told.summary['videos']:,} recordings, {len(told.new):,} new, {aside} put aside"
    print(f"Wrote {arguments.output}: run {told.name[:12]}, {counts}.")
    return EXIT_PUT_ASIDE if aside else EXIT_OK


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
