"""What the row of data quality costs beside curation, on one long recording: seconds, and their ratio in one run.

python tests/benchmarks/quality.py [--frames 200000] [--rounds 7] [--peers DIR]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pyarrow.parquet as pq

from behavior.curation import curate
from behavior.quality import quality_of
from behavior.recording import recordings_from_rows
from behavior.tables import parse_metadata
from behavior.workplace import REPOSITORY

PEERS = REPOSITORY.parent / "shared" / "bench"


def fastest(run: Callable[[], object], rounds: int) -> float:
    """Return the seconds of the fastest of several rounds: other programs can only make it slower."""
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        run()
        taken.append(time.perf_counter() - started)
    return min(taken)


def main() -> int:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=200_000, help="length of the recording (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds, of which the fastest counts (default: %(default)s)")
    parser.add_argument("--peers", type=Path, default=PEERS, help="folder with make_tracking.py (default: ../shared/bench)")
    arguments = parser.parse_args()
    script = arguments.peers.resolve() / "make_tracking.py"
    if not script.is_file():
        print(f"skipped: Expected make_tracking.py in {script.parent}, but got none. Give its folder by --peers.")
        return 0
    with tempfile.TemporaryDirectory(prefix="bench-quality-") as folder:
        data = Path(folder)
        subprocess.run([sys.executable, script, data, "--videos", "1", "--frames", str(arguments.frames)], check=True)
        (recording,) = recordings_from_rows(parse_metadata((data / "train.csv").read_bytes(), "train.csv").to_pylist())
        rows = pq.read_table(next(data.rglob("*.parquet")), partitioning=None)
        curated = curate(rows, recording)
        curation = fastest(lambda: curate(rows, recording), arguments.rounds)
        quality = fastest(lambda: quality_of(recording, "train", curated), arguments.rounds)
    print(
        f"curate {1000 * curation:.0f} ms, quality {1000 * quality:.1f} ms: {100 * quality / curation:.1f} % of curate; {len(rows):,} rows"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
