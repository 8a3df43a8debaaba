"""How long AWS on this disk takes to start: on a new store, and after many commits to one Iceberg table.

    python tests/benchmarks/catalog.py [--commits 10000]

The commits are written into the journal as a server leaves them that was never started anew. Each start is a process of its own; its
time is that from its first line of code to the answer to GetTable. First the control plane alone; then everything that a script of the
pipeline starts: the stand-in as a process of its own, which deploys both stacks from their templates on a new store.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from infra.local.control.journal import Call, Journal

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3
START = """
import sys, time
started = time.perf_counter()
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from infra.local.control.plane import ControlPlane
plane = ControlPlane(Path(sys.argv[1]))
table = plane.invoke("glue", "GetTable", {"DatabaseName": "mabe", "Name": "tracking_curated"})["Table"]
print(time.perf_counter() - started, table["Parameters"]["metadata_location"])
"""
SCRIPT = """
import sys, time
started = time.perf_counter()
sys.path.insert(0, sys.argv[2])
from aws_pipeline.config import endpoint, settings
chosen = settings({"S3_MOCK_DIR": sys.argv[1]})
with endpoint(chosen):
    import boto3
    glue = boto3.client("glue")
    stacks = boto3.client("cloudformation").describe_stacks()["Stacks"]
    assert len(stacks) == 3 and all(each["StackStatus"].endswith("_COMPLETE") for each in stacks), stacks
    tables = glue.get_tables(DatabaseName=chosen.database)["TableList"]
    print(time.perf_counter() - started, tables[0]["Parameters"]["metadata_location"] if tables else "none")
"""
"""As a script of the pipeline starts: a stand-in, both stacks, the answers of two services."""


def fill(root: Path, commits: int) -> str:
    """Write a journal of a table and its commits; return where the last one left the table's metadata."""
    journal = Journal(root / ".aws" / "journal.sqlite")
    journal.append(1, _call("CreateDatabase", {"DatabaseInput": {"Name": "mabe"}}))
    last = commit_often(journal, 2, commits)
    journal.close()
    return last


def commit_often(journal: Journal, sequence: int, commits: int) -> str:
    """Append a table and its commits to a journal that has a database; return where the last one left the table's metadata."""
    journal.append(sequence, _call("CreateTable", {"DatabaseName": "mabe", "TableInput": _table(0)}))
    for commit in range(1, commits + 1):
        journal.append(sequence + commit, _call("UpdateTable", {"DatabaseName": "mabe", "TableInput": _table(commit), "SkipArchive": True}))
    return _table(commits)["Parameters"]["metadata_location"]


def start_s(root: Path, expected: str, code: str = START) -> float:
    """Start a control plane, or all of a script's AWS, in a process of its own; return its time after checking what it knows."""
    done = subprocess.run([sys.executable, "-c", code, str(root), str(ROOT)], capture_output=True, text=True, check=True)
    seconds, location = done.stdout.split()
    assert location == expected, location
    return float(seconds)


def everything(commits: int) -> None:
    """Print how long a script waits for AWS on this disk: on new stores, on one that is deployed, and on that after many commits."""
    with tempfile.TemporaryDirectory() as folder:
        new = [start_s(Path(folder, str(number)), "none", SCRIPT) for number in range(ROUNDS)]
        root = Path(folder, "0")
        deployed = statistics.median(start_s(root, "none", SCRIPT) for _ in range(ROUNDS))
        journal = Journal(root / ".aws" / "journal.sqlite")
        last = commit_often(journal, 1 + max(sequence for sequence, _ in journal.after(0)), commits)
        journal.close()
        once, again = start_s(root, last, SCRIPT), start_s(root, last, SCRIPT)
    print(
        f"catalog: from the templates to running AWS {statistics.median(new):.2f} s, on a store that is deployed {deployed:.2f} s; "
        f"after {commits:,} commits {once:.2f} s, then {again:.2f} s: {once / deployed:.2f} and {again / deployed:.2f} times"
    )


def _call(operation: str, request: dict[str, Any]) -> Call:
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"AWSGlue.{operation}"}
    return Call("glue", "POST", "/", headers=headers, body=json.dumps(request).encode())


def _table(commit: int) -> dict[str, Any]:
    """Return what pyiceberg writes into the catalog: 14 columns, and where the metadata is."""
    columns = [{"Name": f"column_{number}", "Type": "float", "Parameters": {"iceberg.field.id": str(number)}} for number in range(14)]
    place = f"s3://curated-zone/.iceberg/tracking_curated/{commit:05d}.metadata.json"
    return {
        "Name": "tracking_curated",
        "StorageDescriptor": {"Columns": columns, "Location": "s3://curated-zone/tracking_curated"},
        "Parameters": {"table_type": "ICEBERG", "metadata_location": place},
    }


def main() -> int:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commits", type=int, default=10_000, help="commits to one table (default: %(default)s)")
    commits = parser.parse_args().commits
    with tempfile.TemporaryDirectory() as folder:
        new, old = Path(folder, "new"), Path(folder, "old")
        first, last = fill(new, 0), fill(old, commits)
        once = start_s(old, last)
        fresh = statistics.median(start_s(new, first) for _ in range(ROUNDS))
        again = statistics.median(start_s(old, last) for _ in range(ROUNDS))
    ratios = f"{once / fresh:.2f} and {again / fresh:.2f} times"
    print(f"catalog: start after {commits:,} commits {once:.2f} s, the next ones {again:.2f} s; on a new store {fresh:.2f} s: {ratios}")
    everything(commits)
    return 0


if __name__ == "__main__":
    sys.exit(main())
