"""Run the ETL in another process, kill it or let two run at once, and compare the lake with one that nothing disturbed."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from faults.night import Night

ROOT = Path(__file__).resolve().parents[2]
RUN = """
import sys
sys.path[:0] = sys.argv[1:3]
from aws_pipeline import curation_run
from aws_pipeline.curation_options import Options
print("begins", flush=True)
print(curation_run.run_curation(Options(*sys.argv[3:6], due_bytes=0))["run"])
"""
"""The whole job of Glue. Little is due, so it does without Spark and can be started and killed often."""


def start(night: Night) -> subprocess.Popen[str]:
    """Start a run of the ETL in a process of its own, and wait until its code is loaded."""
    chosen = night.settings
    places = str(ROOT), str(ROOT / "tests"), chosen.uri("raw"), chosen.uri("curated"), chosen.database
    process = subprocess.Popen([sys.executable, "-c", RUN, *places], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "begins\n", process.stderr and process.stderr.read()
    return process


def content(night: Night) -> dict[str, Any]:
    """Return what readers see of the lake: bytes by key, but of lineage the rows without the run, and nothing of the table of runs."""
    seen: dict[str, Any] = {}
    for path in sorted(night.curated.rglob("*.parquet")):
        key = path.relative_to(night.curated).as_posix()
        if key.startswith("lineage/"):
            rows = pq.ParquetFile(path).read().drop_columns(["run", "inputs"])  # inputs name versions, which depend on the time of a file
            seen[path.parent.name] = rows.to_pylist()
        elif not key.startswith("runs/"):
            seen[key] = path.read_bytes()
    return seen


def ends(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Wait for processes; all must succeed."""
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
