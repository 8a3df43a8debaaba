"""Chaos: uploads and runs of the ETL are killed at random moments, or run at once, while a reader counts rows all the time.

    python tests/faults/chaos.py [--kills 50] [--at-once 20] [--seed 0]      (make chaos)

In each round two recordings change together, so that the number of rows says which state a reader sees: the old one or the new one, never
one in between. The reader asks pyiceberg and the local Athena in turns; where an object that it needs was replaced under it, it must fail
and be right when it asks again. After each round every object must be what was uploaded; at the end the lake must equal, byte for byte,
one that nothing disturbed. So little is due that the ETL does without Spark; all processes are those of the pipeline.

Exit codes: 0 nothing was lost, doubled or half visible, 1 something was.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from types import TracebackType

import numpy as np

if not __package__:
    sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

import boto3
from curated_lake import aws_on_this_disk
from faults.night import BAD, GOOD, Night, tracking, walk
from faults.undisturbed import content, ends, start

from aws_pipeline import lake
from aws_pipeline.glue_catalog import connect
from aws_pipeline.landed import read_digests
from aws_pipeline.upload_plan import plan_uploads
from behavior.workplace import REPOSITORY

RAW = "s3://raw-zone"
_LONGEST_LIFE_S = 4.0
"""A process is killed at the latest so long after its start."""
_MOST_REPEATS = 20
_BASE_ROWS = 10


class Reader:
    """Counts the rows of tracking again and again while its context lasts, and keeps what contradicts `allowed`."""

    def __init__(self, night: Night, allowed: set[int]) -> None:
        self.night, self.allowed = night, frozenset(allowed)
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self._athena, self._stop = boto3.client("athena"), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        ways = {"pyiceberg": self._iceberg, "Athena": self._sql}
        while not self._stop.is_set():
            for name, ask in ways.items():
                before = self.allowed
                rows = self._asked(name, ask)
                if rows not in before | self.allowed:
                    self.wrong.append(f"{name} saw {rows} rows, but the whole states have {sorted(before | self.allowed)}")
                self.counts[name] += 1

    def _asked(self, name: str, ask) -> int | None:  # type: ignore[no-untyped-def]
        """Ask until there is an answer: an object may be replaced while a reader is about to open it."""
        reason = None
        for _ in range(_MOST_REPEATS):
            try:
                return int(ask())
            except Exception as error:  # each way has errors of its own; the last one is told
                reason = error
                self.counts[f"{name} asked again"] += 1
        self.wrong.append(f"{name} got no answer: {reason}")
        return None

    def _iceberg(self) -> int:
        return len(connect().load_table("mabe.tracking_curated").scan(selected_fields=("video_id",)).to_arrow())

    def _sql(self) -> int:
        chosen = self.night.settings
        sql = "SELECT count(*), count(DISTINCT video_id), sum(video_frame) FROM tracking_curated"
        where = {"QueryExecutionContext": {"Database": chosen.database}, "WorkGroup": chosen.workgroup}
        execution = self._athena.start_query_execution(QueryString=sql, **where)["QueryExecutionId"]
        while True:
            status = self._athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
            if status["State"] not in ("QUEUED", "RUNNING"):
                break
            time.sleep(0.02)
        if status["State"] != "SUCCEEDED":
            raise RuntimeError(status.get("StateChangeReason", "no reason"))
        return int(self._athena.get_query_results(QueryExecutionId=execution)["ResultSet"]["Rows"][1]["Data"][0]["VarCharValue"])


class Chaos:
    """Rounds of changes, kills and runs at once over one lake and one data directory."""

    def __init__(self, night: Night, data: Path, seed: int) -> None:
        self.night, self.data = night, data
        self.random = np.random.default_rng(seed)
        self.outcomes: Counter[str] = Counter()
        self.round = 0

    def begin(self) -> None:
        """Upload and curate three recordings."""
        self.night.begin()
        self.night.download(self.data)
        for folder in ("train_tracking", "train_annotation", "metadata"):
            shutil.rmtree(self.night.raw / folder)
        ends([self._upload()])
        self.night.run()

    @property
    def rows(self) -> int:
        """Rows of the whole state: 10 each, and in two recordings as many more as there were rounds."""
        return 3 * _BASE_ROWS + 2 * self.round

    def change(self, reader: Reader) -> None:
        """Make two recordings longer by a frame."""
        old = self.rows
        self.round += 1
        reader.allowed = frozenset({old, self.rows})
        for lab, video in (BAD, GOOD):
            self.night.put(self.data / "train_tracking" / lab / f"{video}.parquet", tracking(walk(range(_BASE_ROWS + self.round))))

    def kill_both(self, reader: Reader) -> None:
        """Kill an upload, then a run of the ETL, each at a random moment; after each, an ordinary one completes it."""
        self.change(reader)
        self._kill("upload", self._upload())
        ends([self._upload()])
        self._kill("ETL", start(self.night))
        ends([start(self.night)])
        self.check(reader)

    def two_at_once(self, reader: Reader) -> None:
        """Let two uploads run at once, then two runs of the ETL; all must end well."""
        self.change(reader)
        ends([self._upload(), self._upload()])
        ends([start(self.night), start(self.night)])
        self.check(reader)

    def check(self, reader: Reader) -> None:
        """Raise AssertionError unless everything is what was uploaded, and readers see the new state."""
        landed = read_digests(RAW)
        for item in plan_uploads(self.data).uploads:
            stored = lake.read_object(RAW, item.key)
            assert stored.to_pybytes() == item.path.read_bytes(), f"{item.key} is not what was uploaded"
            assert landed[item.key].sha256 == lake.digest(stored), f"the table landing is wrong about {item.key}"
        assert self.night.accepted() == [7, 8, 9]
        reader.allowed = frozenset({self.rows})
        assert reader._iceberg() == self.rows
        assert not reader.wrong, reader.wrong[0]

    def compare(self) -> None:
        """Raise AssertionError unless the lake equals one that was made from nothing."""
        disturbed = content(self.night)
        shutil.rmtree(self.night.curated)
        self.night.curated.mkdir()
        self.night.run()
        assert content(self.night) == disturbed, "the lake is not that of an undisturbed run"

    def _upload(self) -> subprocess.Popen[str]:
        command = [sys.executable, str(REPOSITORY / "aws_pipeline" / "s3_upload.py"), "--data-dir", str(self.data)]
        return subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def _kill(self, what: str, process: subprocess.Popen[str]) -> None:
        time.sleep(self.random.uniform(0, _LONGEST_LIFE_S))
        ended = process.poll() is not None
        process.kill()
        process.communicate()
        self.outcomes[f"{what} had ended" if ended else f"{what} killed"] += 1


def main() -> int:
    """Parse the command line, run all rounds and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="rounds in which both steps are killed (default: %(default)s)")
    parser.add_argument("--at-once", type=int, default=20, help="rounds with two of each step at once (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chaos-") as place:
        data = Path(place) / "data"
        data.mkdir()
        with aws_on_this_disk(Path(place) / "s3_mock") as chosen:
            chaos = Chaos(Night(chosen), data, arguments.seed)
            chaos.begin()
            with Reader(chaos.night, {chaos.rows}) as reader:
                for number in range(arguments.kills):
                    chaos.kill_both(reader)
                    print(f"round {number + 1} of {arguments.kills}: {dict(chaos.outcomes)}", flush=True)
                for number in range(arguments.at_once):
                    chaos.two_at_once(reader)
                    print(f"two at once, {number + 1} of {arguments.at_once}", flush=True)
            assert not reader.wrong, reader.wrong[0]
            chaos.compare()
    asked = ", ".join(f"{name} {count}" for name, count in sorted(reader.counts.items()))
    print(f"chaos: {dict(chaos.outcomes)}, {arguments.at_once} times two at once; the reader asked {asked}: whole states only")
    return 0


if __name__ == "__main__":
    sys.exit(main())
