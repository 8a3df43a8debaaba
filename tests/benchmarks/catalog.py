"""How long the control plane of AWS on this disk takes to start: on a new store, and after many commits to one Iceberg table.

    python tests/benchmarks/catalog.py [--commits 10000]

The commits are written into the journal as a server leaves them that was never started anew. Each start is a process of its own; its
time is that from its first line of code to the answer to GetTable.
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


def fill(root: Path, commits: int) -> str:
    """Write a journal of a table and its commits; return where the last one left the table's metadata."""
    journal = Journal(root / ".aws" / "journal.sqlite")
    journal.append(1, _call("CreateDatabase", {"DatabaseInput": {"Name": "mabe"}}))
    journal.append(2, _call("CreateTable", {"DatabaseName": "mabe", "TableInput": _table(0)}))
    for commit in range(1, commits + 1):
        journal.append(commit + 2, _call("UpdateTable", {"DatabaseName": "mabe", "TableInput": _table(commit), "SkipArchive": True}))
    journal.close()
    return _table(commits)["Parameters"]["metadata_location"]


def start_s(root: Path, expected: str) -> float:
    """Start a control plane in a process of its own; return its time after checking what it knows."""
    done = subprocess.run([sys.executable, "-c", START, str(root), str(ROOT)], capture_output=True, text=True, check=True)
    seconds, location = done.stdout.split()
    assert location == expected, location
    return float(seconds)


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
    return 0


if __name__ == "__main__":
    sys.exit(main())
