"""A run of the ETL after one recording in a hundred has changed, as a part of the run that curated them all.

    python tests/benchmarks/incremental.py [--recordings 1000] [--rounds 3] [--peers DIR]

Times are those of a whole run as its user waits for it: planning, StartJobRun on the local endpoint, its end. "Beyond the start" leaves
out the time until the JVM was there, which the run itself measures. At the end, a run that finds nothing to do, which starts no job.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from etl import PEERS, link_as_raw_zone

from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.glue_job import run_job
from behavior.whole_file import whole_file


def change(raw: Path, share: float, by: float) -> int:
    """Move the points of some recordings; return how many recordings."""
    files = sorted((raw / "train_tracking").glob("*/*.parquet"))
    chosen = files[:: round(1 / share)]
    for file in chosen:
        rows = pq.read_table(file)
        moved = pc.add(rows["x"], pa.scalar(by, rows["x"].type))
        with whole_file(file) as draft:
            pq.write_table(rows.set_column(rows.schema.get_field_index("x"), "x", moved), draft)
    return len(chosen)


def timed(chosen: Settings) -> tuple[float, float, int]:
    """Run the ETL; return seconds in all, seconds beyond the start of the JVM, and how many recordings it curated."""
    started = time.monotonic()
    summary, needed = run_job(chosen)
    seconds = time.monotonic() - started
    return seconds, seconds - (summary["seconds"]["session"] if needed else 0.0), summary["curated_anew"] if needed else 0


def compare(recordings: int, rounds: int, peers: Path, folder: Path) -> list[str]:
    """Curate all recordings, then one in a hundred some times, and return what it took as text."""
    data, mock = folder / "data", folder / "s3_mock"
    subprocess.run([sys.executable, peers / "make_tracking.py", data, "--videos", str(recordings)], check=True)
    link_as_raw_zone(data, mock / "raw-zone")
    chosen = Settings(True, data, mock, settings().region)
    with endpoint(chosen):
        full, full_beyond, n_all = timed(chosen)
        taken = []
        for number in range(rounds):
            n_changed = change(mock / "raw-zone", 0.01, 0.25 * (number + 1))
            taken.append(timed(chosen))
            assert taken[-1][2] == n_changed, taken
        nothing, _, n_nothing = timed(chosen)
    assert (n_all, n_nothing) == (recordings, 0)
    some, some_beyond, n_some = (statistics.median(each) for each in zip(*taken, strict=True))
    beyond = f"{some_beyond:.1f} of {full_beyond:.1f} s, {some_beyond / full_beyond:.1%}"
    return [
        f"incremental: {n_some:.0f} of {n_all} recordings changed: {some:.1f} of {full:.1f} s; beyond the start of the JVM {beyond}",
        f"incremental: nothing changed: {nothing:.1f} s",
    ]


def main() -> int:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=1000, help="of 126,000 curated rows (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="medians of so many (default: %(default)s)")
    parser.add_argument("--peers", type=Path, default=PEERS, help="folder with make_tracking.py (default: ../shared/bench)")
    parser.add_argument("--work-dir", type=Path, help="folder for the data, 7 MB a recording, removed afterwards (default: the system's)")
    arguments = parser.parse_args()
    peers = arguments.peers.resolve()
    if not (peers / "make_tracking.py").is_file():
        print(f"skipped: Expected make_tracking.py in {peers}, but got none. Give its folder by --peers.")
        return 0
    os.environ.pop("AWS_ENDPOINT_URL", None)  # the store is our own
    with tempfile.TemporaryDirectory(dir=arguments.work_dir, prefix="bench-incremental-") as folder:
        print("\n".join(compare(arguments.recordings, arguments.rounds, peers, Path(folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
