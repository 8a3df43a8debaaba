"""The Glue job against other ways to curate the same recordings: seconds, processor seconds, memory, and their ratios in one run.

    python tests/benchmarks/etl.py [--videos 100 1000] [--rounds 2] [--peers DIR]

The job's time is all of it, from StartJobRun on the local endpoint to its end, start of the JVM included; a peer's is that of its
process. Contenders take turns, because machines are shared and noisy. The peers lie beside the repository; without them nothing is run.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.glue_job import Order, run_job
from behavior.keys import LakeObject, key_of
from behavior.tables import RAW_METADATA, RAW_TRACKING
from behavior.workplace import REPOSITORY

PEERS = REPOSITORY.parent / "shared" / "bench"
MOST_VIDEOS_FOR_WINDOWS = 100
"""Window functions over more than these take longer than anybody would wait."""
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Measured:
    """One contender on one data set; times are medians over the rounds."""

    contender: str
    videos: int
    rows: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    """Resident memory of all its processes together, at most, MB; pages they share count for each."""


class Watch:
    """Samples the processes below this one: processor time and peak memory while the context lasts."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._cpu: dict[int, float] = {}
        self._before: dict[int, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def cpu_s(self) -> float:
        """User and system time since the watch began, of whatever ran below this process."""
        return sum(seconds - self._before.get(pid, 0.0) for pid, seconds in self._cpu.items())

    def __enter__(self) -> "Watch":
        self._before = {pid: cpu for pid, (cpu, _) in _below(os.getpid()).items()}
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            processes = _below(os.getpid())
            self._cpu |= {pid: cpu for pid, (cpu, _) in processes.items()}
            # the endpoint was there before and is not part of the contender; its work still counts as processor time
            self.peak_bytes = max(self.peak_bytes, sum(size for pid, (_, size) in processes.items() if pid not in self._before))


def compare(videos: int, rounds: int, peers: Path, folder: Path) -> list[Measured]:
    """Make recordings, let every contender curate them `rounds` times in turns, and return what each took."""
    data, mock = folder / "data", folder / "s3_mock"
    subprocess.run([sys.executable, peers / "make_tracking.py", data, "--videos", str(videos)], check=True)
    link_as_raw_zone(data, mock / "raw-zone")
    chosen = Settings(True, data, mock, settings().region)
    rows = 0

    def glue() -> None:
        nonlocal rows
        rows = run_job(chosen, Order(force=True))[0]["rows_out"]

    def peer(script: str) -> Callable[[], None]:
        def run() -> None:
            shutil.rmtree(folder / "out", ignore_errors=True)
            subprocess.run([sys.executable, peers / script, data, folder / "out"], check=True, stderr=subprocess.DEVNULL)

        return run

    contenders = {"glue job": glue, "polars": peer("etl_polars.py")}
    taken: dict[str, list[tuple[float, float, float]]] = {name: [] for name in contenders}
    with endpoint(chosen):
        for _ in range(rounds):
            for name, run in contenders.items():
                taken[name].append(_take(run))
    if videos <= MOST_VIDEOS_FOR_WINDOWS:
        taken["spark windows"] = [_take(peer("etl_spark_windows.py"))]
    return [Measured(name, videos, rows, *map(statistics.median, zip(*times, strict=True))) for name, times in taken.items()]


def table(measured: list[Measured]) -> str:
    """Return the measurements as text, with each contender's time as a multiple of the job's."""
    lines = [f"{'videos':>7} {'rows':>12} {'contender':<14} {'seconds':>8} {'cpu s':>8} {'peak MB':>8} {'x job':>6} {'x cpu':>6}"]
    jobs = {one.videos: one for one in measured if one.contender == "glue job"}
    for one in measured:
        job = jobs[one.videos]
        ratios = f"{one.seconds / job.seconds:6.2f} {one.cpu_seconds / job.cpu_seconds:6.2f}"
        numbers = f"{one.seconds:8.1f} {one.cpu_seconds:8.1f} {one.peak_mb:8.0f} {ratios}"
        lines.append(f"{one.videos:>7} {one.rows:>12,} {one.contender:<14} {numbers}")
    return "\n".join(lines)


def _take(run: Callable[[], None]) -> tuple[float, float, float]:
    started = time.monotonic()
    with Watch() as watch:
        run()
        seconds = time.monotonic() - started
        time.sleep(0.2)  # the last sample
    return seconds, watch.cpu_s, watch.peak_bytes / 1e6


def link_as_raw_zone(data: Path, raw: Path) -> None:
    """Make the recordings objects of the raw zone without copying them: on this disk a file is an object."""
    for file in data.glob("train_tracking/*/*.parquet"):
        target = raw / LakeObject(RAW_TRACKING, "train", file.parent.name, int(file.stem)).key
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(file, target)
    metadata = raw / key_of(RAW_METADATA, "train")
    metadata.parent.mkdir(parents=True)
    shutil.copy(data / "train.csv", metadata)


def _below(root: int) -> dict[int, tuple[float, int]]:
    """Return processor seconds and resident bytes of every process below `root`."""
    children: dict[int, list[int]] = {}
    facts = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        children.setdefault(int(fields[1]), []).append(int(entry.name))
        facts[int(entry.name)] = ((int(fields[11]) + int(fields[12])) * _TICK_S, int(fields[21]) * _PAGE)
    found, waiting = {}, [root]
    while waiting:
        for pid in children.get(waiting.pop(), []):
            found[pid] = facts[pid]
            waiting.append(pid)
    return found


def main() -> int:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, nargs="+", default=[100, 1000], help="data sets, by number of videos (default: 100 1000)")
    parser.add_argument("--rounds", type=int, default=2, help="how often each contender runs (default: %(default)s)")
    parser.add_argument("--peers", type=Path, default=PEERS, help="folder of the peers' scripts (default: ../shared/bench)")
    parser.add_argument("--work-dir", type=Path, help="folder for the data, 7 MB a video, removed afterwards (default: the system's)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    peers = arguments.peers.resolve()
    if not (peers / "make_tracking.py").is_file():
        print(f"skipped: Expected the peers' scripts in {peers}, but got none. Give their folder by --peers.")
        return 0
    os.environ.pop("AWS_ENDPOINT_URL", None)  # the store is our own
    measured: list[Measured] = []
    for videos in arguments.videos:
        with tempfile.TemporaryDirectory(dir=arguments.work_dir, prefix="bench-etl-") as folder:
            measured += compare(videos, arguments.rounds, peers, Path(folder))
    print(json.dumps({"etl": [asdict(one) for one in measured]}) if arguments.json else table(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
