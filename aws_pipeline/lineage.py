"""Lineage: from a recording of the curated zone back to its raw objects, and to the run that made it.

    python aws_pipeline/lineage.py RECORDING [--json]     raw objects with SHA-256, curated objects, inputs, run
    python aws_pipeline/lineage.py --runs [--json]        every run that changed the lake, with the snapshot of each table that is readable
    python aws_pipeline/lineage.py --verify [RECORDING]   read every object again and compare its SHA-256 with what was written or landed

RECORDING is a video id, or train-7, test-7 or film-7 if several have it. A snapshot id of --runs is for time travel in SQL:
SELECT ... FROM tracking_curated FOR VERSION AS OF <snapshot id>.

Reads   snapshots/, lineage/ and runs/ of the curated zone; with --verify all objects that they name.
Writes  nothing.

Exit codes: 0 done, 1 unexpected, 2 usage, no such recording, or no lake yet, 4 an object is missing or not what was written,
            5 AWS refuses.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.lake import digest, list_objects, read_folder, read_object, read_snapshot
from aws_pipeline.landed import read_digests
from aws_pipeline.terminal import run
from behavior.contract import EXIT_CONTRACT, EXIT_OK, UsageError
from behavior.film_keys import FILM, RAW_FILM_FOLDERS
from behavior.keys import CURRENT_SNAPSHOT, RAW_FOLDERS, SNAPSHOTS, SPLITS, recording_name
from behavior.parquet_file import read_rows
from behavior.snapshot import Snapshot
from behavior.tables import LINEAGE, RUNS, Table
from reports.progress import progress

_THREADS = 16
_RUN_FACTS = ("run", "started", "ended", "code", "contract", "curation", "recordings", "curated_anew", "put_aside")
_ROLES = ("tracking", "annotation", "curated", "bouts")
"""The objects of a recording in the table `lineage`; the first two are raw."""


def read_lineage(zone: str) -> dict[str, dict[str, Any]]:
    """Return the rows of the table `lineage` by name of the recording. Raises UsageError if there is no lake yet."""
    rows = (row for row in _rows(zone, _current(zone), LINEAGE))
    return {recording_name(row["split"], row["video_id"]): row for row in rows}


def read_runs(zone: str) -> list[dict[str, Any]]:
    """Return the runs that changed the lake, the oldest first, each with the snapshot ids of its tables as far as they are readable."""
    readable = {snapshot.run: snapshot for snapshot in _snapshots(zone)}
    runs = []
    for row in _rows(zone, _current(zone), RUNS):
        snapshot = readable.get(row["run"])
        ids = {name: table.snapshot_id for name, table in sorted(snapshot.tables.items())} if snapshot else {}
        runs.append({**{name: row[name] for name in _RUN_FACTS}, "snapshots": ids})
    return runs


def chain(name: str, zone: str) -> dict[str, Any]:
    """Return what a recording comes from. Raises UsageError if the lake has no such recording."""
    row = _one(name, read_lineage(zone))
    objects = {
        role: {what: row[f"{role}_{what}"] for what in ("key", "sha256", "rows") if f"{role}_{what}" in row}
        for role in _ROLES
        if row[f"{role}_key"]
    }
    by_run = {one["run"]: one for one in read_runs(zone)}
    return {
        "recording": recording_name(row["split"], row["video_id"]),
        "lab": row["lab_id"],
        "fingerprint": row["fingerprint"],
        **objects,
        "inputs": json.loads(row["inputs"]),
        "run": by_run.get(row["run"], {"run": row["run"]}),
    }


def verify(chosen: Settings, name: str | None) -> list[str]:
    """Read the objects of one recording, or of all and of all tables, again; return a line for each that is not what was written."""
    raw, curated = chosen.uri("raw"), chosen.uri("curated")
    rows = read_lineage(curated)
    rows = {name: _one(name, rows)} if name else rows
    expected = [
        (raw if role in _ROLES[:2] else curated, row[f"{role}_key"], row[f"{role}_sha256"])
        for row in rows.values()
        for role in _ROLES
        if row[f"{role}_key"]
    ]
    if not name:
        listed = {key for _, key, _ in expected}
        others = (each for table in _current(curated).tables.values() for each in table.objects if each.key not in listed)
        expected += [(curated, each.key, each.sha256) for each in others if each.sha256]
        expected += [(curated, each.key, str(each.sha256)) for each in _current(curated).files if each.key not in listed]
        expected += [(raw, key, sha256) for key, sha256 in _only_landed(raw).items() if key not in listed]
    with ThreadPoolExecutor(_THREADS) as pool:
        faults = progress(pool.map(lambda one: _fault(*one), expected), "verify", len(expected))
        return [fault for fault in faults if fault]


def _only_landed(zone: str) -> dict[str, str]:
    """Return the SHA-256 of the objects of the raw zone that are as they were uploaded, by key."""
    stored = list_objects(zone, [*RAW_FOLDERS, *RAW_FILM_FOLDERS])
    return {key: one.sha256 for key, one in read_digests(zone).items() if key in stored and stored[key].version == one.version}


def _fault(zone: str, key: str, sha256: str) -> str | None:
    try:
        found = digest(read_object(zone, key))
    except FileNotFoundError:
        return f"{zone}/{key}: Expected an object, but got none. Upload it again, or run the ETL with --force."
    if found == sha256:
        return None
    return f"{zone}/{key}: Expected the bytes with SHA-256 {sha256}, but got {found}. Upload it again, or run the ETL with --force."


def _current(zone: str) -> Snapshot:
    snapshot = read_snapshot(zone)
    if snapshot is None:
        raise UsageError(f"Expected a lake in {zone}, but got no {CURRENT_SNAPSHOT}. Run python aws_pipeline/glue_etl.py first.")
    return snapshot


def _snapshots(zone: str) -> Iterator[Snapshot]:
    for key, data in read_folder(zone, SNAPSHOTS).items():
        if key != CURRENT_SNAPSHOT:
            yield Snapshot.from_json(data, key)


def _rows(zone: str, snapshot: Snapshot, table: Table) -> Iterator[dict[str, Any]]:
    for key in snapshot.keys(table):
        lab = snapshot.lab_of(key)
        for row in read_rows(table, read_object(zone, key), key, mend="Run the ETL with --force.").to_pylist():
            yield {**row, "lab_id": lab} if table.partition else row


def _one(name: str, rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    matches = [each for each in (name, *(f"{split}-{name}" for split in (*SPLITS, FILM))) if each in rows]
    if len(matches) == 1:
        return rows[matches[0]]
    if matches:
        raise UsageError(f"Expected one recording, but got {' and '.join(matches)}. Give one of these names.")
    mend = "Give its video id, or a name like train-7; python aws_pipeline/quarantine.py list says what was put aside."
    raise UsageError(f"Expected a recording of the curated zone, but got {name}. {mend}")


def _chain_lines(found: Mapping[str, Any]) -> list[str]:
    lines = [f"recording    {found['recording']}, lab {found['lab']}"]
    for role in _ROLES:
        if role in found:
            one = found[role]
            rows = f", {one['rows']:,} rows" if "rows" in one else ""
            lines += [f"{'raw' if role in _ROLES[:2] else 'curated':<12} {one['key']}{rows}", f"{'':<12} SHA-256 {one['sha256']}"]
    inputs = (f"{kind} {text}" for kind, text in found["inputs"].items() if kind not in _ROLES)
    run_facts = found["run"]
    lines.append(f"inputs       {', '.join(inputs)}")
    lines.append(f"run          {run_facts['run']}" + (f", {run_facts['ended']}, code {run_facts['code']}" if "ended" in run_facts else ""))
    return lines


def _run_lines(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = []
    for one in runs:
        counts = f"{one['recordings']} recordings, {one['curated_anew']} curated, {one['put_aside']} put aside"
        lines.append(f"{one['ended']}  run {one['run']}: {counts}")
        lines += [f"    {name:<26} {snapshot}" for name, snapshot in one["snapshots"].items()] or ["    its objects were removed"]
    return lines


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("recording", nargs="?", metavar="RECORDING", help="a video id, or a name such as train-7")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--runs", action="store_true", help="list the runs")
    what.add_argument("--verify", action="store_true", help="compare the SHA-256 of objects with what was written")
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    arguments = parser.parse_args()
    if not (arguments.recording or arguments.runs or arguments.verify):
        raise UsageError("Expected a recording, --runs or --verify, but got none of them. Name one; --help explains them.")
    chosen = settings()
    with endpoint(chosen):
        if arguments.verify:
            faults = verify(chosen, arguments.recording)
            print(json.dumps(faults) if arguments.json else "\n".join(faults) or "Every object is what was written.")
            return EXIT_CONTRACT if faults else EXIT_OK
        zone = chosen.uri("curated")
        found = read_runs(zone) if arguments.runs else chain(arguments.recording, zone)
    lines = _run_lines(found) if isinstance(found, list) else _chain_lines(found)
    print(json.dumps(found) if arguments.json else "\n".join(lines))
    return EXIT_OK


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
