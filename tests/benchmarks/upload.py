"""The upload against `aws s3 sync` to the same endpoint: a first run of all files, and a second one that finds nothing to do.

    python tests/benchmarks/upload.py [--first 2000] [--second 10000] [--rounds 3]

A contender's time is that of its whole process, start included; they take turns, and the figures are medians. The upload also checks every
file, and compares content where `aws s3 sync` compares size and time. Without the AWS CLI, the peer is a loop of boto3 with as many
threads that sends every file, or lists the bucket and compares sizes, and nothing else.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from aws_pipeline.config import Settings, endpoint, settings
from behavior.workplace import REPOSITORY

N_FRAMES = 1_000
N_LABS = 20
HEADER = "lab_id,video_id,frames_per_second,pix_per_cm_approx,video_width_pix,video_height_pix,behaviors_labeled"
PEER_LOOP = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import boto3
folder, bucket, prefix = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
s3 = boto3.client("s3")
pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
sizes = {one["Key"]: one["Size"] for page in pages for one in page.get("Contents", [])}
keys = {prefix + path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
due = [(key, path) for key, path in keys.items() if sizes.get(key) != path.stat().st_size]
with ThreadPoolExecutor(10) as pool:
    list(pool.map(lambda one: s3.upload_file(str(one[1]), bucket, one[0]), due))
"""


def make_recordings(folder: Path, n_files: int) -> int:
    """Write a data directory with so many small tracking files; return their bytes."""
    random = np.random.default_rng(0)
    lines, n_bytes = [HEADER], 0
    for video in range(n_files):
        lab = f"Lab{video % N_LABS:02d}"
        file = folder / "train_tracking" / lab / f"{video}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        x, y = random.normal(200, 40, N_FRAMES).astype(np.float32), random.normal(100, 20, N_FRAMES).astype(np.float32)
        columns = {
            "video_frame": pa.array(np.arange(N_FRAMES, dtype=np.int32)),
            "mouse_id": pa.array(np.ones(N_FRAMES, np.int8)),
            "bodypart": pa.array(["nose"] * N_FRAMES),
            "x": pa.array(x),
            "y": pa.array(y),
        }
        pq.write_table(pa.table(columns), file)
        n_bytes += file.stat().st_size
        lines.append(f"{lab},{video},30,10,400,200,")
    (folder / "train.csv").write_text("\n".join(lines) + "\n")
    return n_bytes


def peer(data: Path, bucket: str, prefix: str) -> tuple[str, list[str]]:
    """Return the name of the peer and its command."""
    aws = shutil.which("aws")
    if aws and subprocess.run([aws, "--version"], capture_output=True, check=False).returncode == 0:
        return "aws s3 sync", [aws, "s3", "sync", "--only-show-errors", str(data), f"s3://{bucket}/{prefix}"]
    return "a loop of boto3", [sys.executable, "-c", PEER_LOOP, str(data), bucket, prefix]


def seconds(command: list[str]) -> float:
    """Return how long a command takes."""
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - started


def compare(what: str, n_files: int, rounds: int, folder: Path, *, again: bool) -> str:
    """Time both in turns, each round in a store of its own unless it is `again`; return a line."""
    data = folder / "data"
    n_bytes = make_recordings(data, n_files)
    ours = [sys.executable, str(REPOSITORY / "aws_pipeline" / "s3_upload.py"), "--data-dir", str(data)]
    taken: dict[str, list[float]] = {}
    for number in range(1 if again else rounds):
        chosen = Settings(True, data, folder / f"s3_mock-{number}", settings().region)
        with endpoint(chosen):
            name, theirs = peer(data, chosen.bucket("artifacts"), "peer/")
            contenders: dict[str, Callable[[], float]] = {"s3_upload": lambda: seconds(ours), name: lambda c=theirs: seconds(c)}  # type: ignore[misc]
            if again:
                for run in contenders.values():
                    run()
            for turn in range(rounds if again else 1):
                order = list(contenders.items())
                for each, run in order if (number + turn) % 2 == 0 else reversed(order):
                    taken.setdefault(each, []).append(run())
    mine, other = statistics.median(taken["s3_upload"]), statistics.median(taken[name])
    size = f"{n_files:,} files, {n_bytes / 1e6:.0f} MB"
    return f"upload: {what}, {size}: s3_upload {mine:.1f} s, {name} {other:.1f} s: {mine / other:.2f} of its time"


def main() -> int:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=2_000, help="files of the first upload (default: %(default)s)")
    parser.add_argument("--second", type=int, default=10_000, help="files of the second run (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each contender runs (default: %(default)s)")
    parser.add_argument("--work-dir", type=Path, help="folder for the data, removed afterwards (default: the system's)")
    arguments = parser.parse_args()
    os.environ.pop("AWS_ENDPOINT_URL", None)  # the store is our own
    for what, n_files, again in (("first run", arguments.first, False), ("second run", arguments.second, True)):
        with tempfile.TemporaryDirectory(dir=arguments.work_dir, prefix="bench-upload-") as folder:
            print(compare(what, n_files, arguments.rounds, Path(folder), again=again), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
