"""Step 1: upload recordings from a disk to the raw zone, Hive-partitioned by lab.

    python aws_pipeline/s3_upload.py [--data-dir D] [--plan] [--max-cost USD] [--max-bytes N] [--jobs N] [--bwlimit MB/s] [--force]

Reads   D/train.csv, D/train_tracking/<lab>/<video>.parquet, D/train_annotation/<lab>/<video>.parquet,
        D/test.csv and D/test_tracking/ if they are there; the table landing.
        Films: D/Videos/, D/Annotations/, D/individuals.csv, D/films.toml. D has recordings, films, or both.
Writes  metadata/train.csv, train_tracking/lab_id=<lab>/<video>.parquet, film/lab_id=<lab>/<film>.mp4, ... in the raw zone, and the table
        landing, which has the SHA-256 of every object there. Recordings and films are never deleted there.

All metadata rows and all Parquet footers are checked before the upload (the ETL checks the pages when it reads them; python
aws_pipeline/validate.py checks everything). Broken files are not sent; all others are. The recording of a broken file is written to
quarantine/reasons/ of the raw zone, and the ETL puts it aside; the same is true for a recording with a faulty row in the metadata, and
for a film that cannot be opened or whose labels have no known layout.

S3 checks the SHA-256 of all that it receives, and the ETL compares it with what it reads. Content decides what is sent: an object with the
same bytes is not sent again, so the same command resumes an interrupted upload. A file that nothing has touched since it was landed is
not even read. --force reads and sends every file again.

Exit codes: 0 all there, 1 unexpected, 2 usage, configuration, a full disk, or S3 does not answer in spite of many attempts,
            3 finished, but something was put aside, 4 the metadata cannot be read or no recording is sound (nothing was uploaded),
            or the metadata changed during the upload, 5 AWS refuses. After 2, 4 and 5 the same command goes on where it ended.
"""

import argparse
import json
import sys
import time
import uuid
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.expected import ANYTHING, Allowed, Expected, add_allowed_flags, allowed_of, expected_upload
from aws_pipeline.landed import Present, read_present
from aws_pipeline.quarantine_store import replace_reasons
from aws_pipeline.sending import Delivery, Pace, Sender
from aws_pipeline.terminal import run, size
from aws_pipeline.underway import others_underway, underway
from aws_pipeline.upload_item import Upload
from aws_pipeline.upload_plan import UploadPlan, plan_uploads, require_data_directory
from behavior.balance import Balance
from behavior.contract import EXIT_OK, EXIT_PUT_ASIDE, ContractError, UsageError
from reports.progress import progress

_MOST_JOBS = 256


@dataclass(frozen=True)
class Uploaded:
    """What an upload has done."""

    plan: UploadPlan
    """What was planned, without files that changed meanwhile."""
    sent: tuple[Upload, ...]
    seconds: float

    @property
    def bytes_sent(self) -> int:
        """Bytes of the files that were sent."""
        return sum(item.stamp.n_bytes for item in self.sent)

    def summary(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "files": len(self.plan.uploads),
            "sent": len(self.sent),
            "bytes_sent": self.bytes_sent,
            "put_aside": [one.summary() for one in self.plan.put_aside],
            "balances": {balance.unit: balance.to_json() for balance in self.plan.balances},
            "seconds": self.seconds,
        }


def upload(data_dir: Path, chosen: Settings, pace: Pace | None = None, *, force: bool = False, allowed: Allowed = ANYTHING) -> Uploaded:
    """Check a data directory, send what is new or changed, record it in the table `landing`; if that is nothing, write nothing.

    Raises UsageError and ContractError as `plan_uploads` does, and UsageError if more is due than `allowed` says.
    """
    started = time.monotonic()
    plan = plan_of(data_dir, chosen, force=force)
    allowed.refuse(_expected(plan))
    pace, zone, name = pace or Pace(), chosen.uri("raw"), uuid.uuid4().hex
    due = [item for item in plan.uploads if not item.unchanged]
    gone = plan.gone
    with underway(zone, name) if due or gone else nullcontext():
        sender = Sender(chosen.bucket("raw"), pace, plan.present)
        if due:
            sender.abort_unfinished((item.key for item in due), lambda: not others_underway(zone, name))
        done = list(progress(sender.send_all(item for item in plan.uploads if not item.is_metadata), "upload", len(plan.uploads)))
        plan = plan.without({one.item.key: one.faults for one in done if one.faults})
        replace_reasons(zone, plan.left_out, plan.is_about)
        done += sender.send_all(item for item in plan.uploads if item.is_metadata)
        for key in gone:  # metadata of an earlier data set must not stay, nor labels that a lab has taken back
            sender.remove(key)
        _record(done, gone, chosen, plan.present, name)
    if changed := [fault for one in done if one.item.is_metadata for fault in one.faults]:
        raise ContractError(changed)
    sent = tuple(one.item for one in done if one.was_sent)
    n_there = sum(not one.was_sent and not one.faults for one in done)
    Balance("files and metadata", len(plan.uploads), {"sent": len(sent), "there already": n_there})
    return Uploaded(plan, sent, round(time.monotonic() - started, 1))


def plan_of(data_dir: Path, chosen: Settings, *, force: bool = False) -> UploadPlan:
    """Return the plan of an upload, compared with what the raw zone holds. Raises as `plan_uploads` does."""

    def look(labs: Collection[str]) -> Present:
        return read_present(chosen.uri("raw"), labs)

    return plan_uploads(data_dir, look, force=force)


def _expected(plan: UploadPlan) -> Expected:
    return expected_upload(item.stamp.n_bytes for item in plan.uploads if not item.unchanged)


def report_lines(plan: UploadPlan) -> list[str]:
    """Return the balances, and a line for each fault of recordings that were put aside."""
    return [*map(str, plan.balances), *(f"left out: {one.name}: {fault}" for one in plan.put_aside for fault in one.faults)]


def _record(done: Sequence[Delivery], gone: Sequence[str], chosen: Settings, present: Present, run: str) -> None:
    """Commit what was landed, as far as the table does not say it yet."""
    landed = [one.landed for one in done if one.landed and one.landed != present.landed.get(one.item.key)]
    if landed or gone:
        from aws_pipeline.landing import record  # it loads the catalog, which an upload without news does not need

        record(chosen.uri("raw"), chosen.database, run, landed, gone)


def _main() -> int:
    """Parse the command line, check, upload and report."""
    arguments = _arguments()
    chosen = settings()
    data_dir = (arguments.data_dir or chosen.data_dir).resolve()
    require_data_directory(data_dir)
    if arguments.plan:
        return _rehearse(data_dir, chosen, force=arguments.force)
    pace = Pace(arguments.jobs, arguments.bwlimit * 1e6 if arguments.bwlimit else None)
    with endpoint(chosen):
        done = upload(data_dir, chosen, pace, force=arguments.force, allowed=allowed_of(arguments))
    code = EXIT_PUT_ASIDE if done.plan.put_aside else EXIT_OK
    if arguments.json:
        print(json.dumps(done.summary()))
        return code
    n_files = len(done.plan.uploads)
    did = f"{len(done.sent)} of {n_files} files sent ({size(done.bytes_sent)}), the others were there already"
    did = did if done.sent else f"nothing to do: all {n_files} files were there already"
    print(f"{chosen.uri('raw')} {chosen.place}: {did}; {done.seconds} s")
    print("\n".join(report_lines(done.plan)))
    return code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="recordings to upload (default: MABE_DATA_DIR, else data/ in the repository)")
    parser.add_argument("--plan", "--dry-run", action="store_true", help="only check everything and say what would be uploaded")
    add_allowed_flags(parser)
    parser.add_argument("--jobs", type=int, default=Pace().jobs, metavar="N", help="files to send at the same time (default: %(default)s)")
    parser.add_argument("--bwlimit", type=float, metavar="MB/S", help="most megabytes per second, all files together (default: no limit)")
    parser.add_argument("--force", action="store_true", help="send every file again, for example after the ETL found a damaged object")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    arguments = parser.parse_args()
    if not 1 <= arguments.jobs <= _MOST_JOBS:
        raise UsageError(f"Expected --jobs to be a number from 1 to {_MOST_JOBS}, but got {arguments.jobs}. Choose another.")
    if arguments.bwlimit is not None and not arguments.bwlimit > 0:
        raise UsageError(f"Expected --bwlimit to be megabytes per second, above 0, but got {arguments.bwlimit}. Leave it out for no limit.")
    return arguments


def _rehearse(data_dir: Path, chosen: Settings, *, force: bool) -> int:
    """Say what an upload would send. A stand-in that was never used is not made for this: it holds nothing."""
    new = chosen.local and not chosen.endpoint_url and not chosen.mock_dir.exists()
    with nullcontext() if new else endpoint(chosen):
        plan = plan_uploads(data_dir, force=force) if new else plan_of(data_dir, chosen, force=force)
    due = [item for item in plan.uploads if not item.unchanged]
    lines = [f"{item.path} -> {chosen.uri('raw', item.key)}" for item in due]
    print("\n".join([*lines, *report_lines(plan)]))
    print(f"to compare, and to send if their content is new: {_expected(plan)}")
    print(f"there already: {len(plan.uploads) - len(due)} files. Nothing was uploaded (--plan).")
    return EXIT_PUT_ASIDE if plan.put_aside else EXIT_OK


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
