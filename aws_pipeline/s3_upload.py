"""Step 1: upload recordings from a disk to the raw zone, Hive-partitioned by lab.

    python aws_pipeline/s3_upload.py [--data-dir D] [--dry-run]

Reads   D/train.csv, D/train_tracking/<lab>/<video>.parquet, D/train_annotation/<lab>/<video>.parquet,
        D/test.csv and D/test_tracking/ if they are there.
Writes  metadata/train.csv, train_tracking/lab_id=<lab>/<video>.parquet, ... in the raw zone. Recordings are never deleted there.

All metadata rows and all Parquet footers are checked before the upload (the ETL checks the pages when it reads them; python
aws_pipeline/validate.py checks everything). Broken files are not sent; all others are. The recording of a broken file is written to
quarantine/reasons/ of the raw zone, and the ETL puts it aside; the same is true for a recording with a faulty row in the metadata. An
object that exists with the same bytes is not sent again, so the same command resumes an interrupted upload.

Exit codes: 0 all there, 1 unexpected, 2 usage, configuration or a full disk, 3 finished, but something was put aside,
            4 the metadata cannot be read or no recording is sound (nothing was uploaded), 5 AWS refuses.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.quarantine_store import replace_reasons
from aws_pipeline.terminal import run, size
from aws_pipeline.upload_plan import METADATA, Upload, UploadPlan, plan_uploads
from behavior.balance import Balance
from behavior.contract import EXIT_OK, EXIT_PUT_ASIDE
from reports.progress import progress

_THREADS = 8


def upload(plan: UploadPlan, s3: Any, bucket: str) -> Iterator[tuple[Upload, bool]]:
    """Send all files that are new or changed; yield each upload and whether it was sent, in the order of completion, metadata last."""
    present = _listing(s3, bucket)
    files = [item for item in plan.uploads if item.key not in METADATA]
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting = {pool.submit(_send, item, s3, bucket, present.get(item.key)): item for item in files}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    replace_reasons(f"s3://{bucket}", plan.left_out)
    for item in plan.uploads:
        if item.key in METADATA:
            yield item, _send(item, s3, bucket, present.get(item.key))
    for key in METADATA:  # metadata of an earlier data set must not stay
        if key in present.keys() - {item.key for item in plan.uploads}:
            s3.delete_object(Bucket=bucket, Key=key)


def _listing(s3: Any, bucket: str) -> dict[str, tuple[int, str]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {item["Key"]: (item["Size"], item["ETag"].strip('"')) for page in pages for item in page.get("Contents", [])}


def _send(item: Upload, s3: Any, bucket: str, present: tuple[int, str] | None) -> bool:
    with item.path.open("rb") as file:
        md5 = hashlib.file_digest(file, "md5").hexdigest()
    if present and present[0] == item.path.stat().st_size:
        # the ETag is the MD5 of small unencrypted objects only; for the others the MD5 is in the metadata of the object
        same = present[1] == md5 or s3.head_object(Bucket=bucket, Key=item.key)["Metadata"].get("md5") == md5
        if same:
            return False
    s3.upload_file(str(item.path), bucket, item.key, ExtraArgs={"Metadata": {"md5": md5}})
    return True


def _main() -> int:
    """Parse the command line, check, upload and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="recordings to upload (default: MABE_DATA_DIR, else data/ in the repository)")
    parser.add_argument("--dry-run", action="store_true", help="check everything and say what would be uploaded")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    arguments = parser.parse_args()
    chosen = settings()
    plan = plan_uploads((arguments.data_dir or chosen.data_dir).resolve())
    code = EXIT_PUT_ASIDE if plan.put_aside else EXIT_OK
    if arguments.dry_run:
        n_bytes = sum(item.path.stat().st_size for item in plan.uploads)
        print("\n".join([*(f"{item.path} -> {chosen.uri('raw', item.key)}" for item in plan.uploads), *report_lines(plan)]))
        print(f"{len(plan.uploads)} files, {size(n_bytes)}, fit their contract; nothing was uploaded (--dry-run)")
        return code
    with endpoint(chosen):
        summary = _upload_all(plan, chosen)
    if arguments.json:
        print(json.dumps(summary))
        return code
    print(
        f"{chosen.uri('raw')} {chosen.place}: {summary['sent']} of {summary['files']} files sent ({size(summary['bytes_sent'])}), "
        f"the others were there already; {summary['seconds']} s"
    )
    print("\n".join(report_lines(plan)))
    return code


def report_lines(plan: UploadPlan) -> list[str]:
    """Return the balances, and a line for each fault of recordings that were put aside."""
    return [*map(str, plan.balances), *(f"left out: {one.name}: {fault}" for one in plan.put_aside for fault in one.faults)]


def _upload_all(plan: UploadPlan, chosen: Settings) -> dict[str, Any]:
    import boto3

    started = time.monotonic()
    sending = upload(plan, boto3.client("s3"), chosen.bucket("raw"))
    done = list(progress(sending, "upload", len(plan.uploads)))
    sent = [item.path.stat().st_size for item, was_sent in done if was_sent]
    Balance("files and metadata", len(plan.uploads), {"sent": len(sent), "there already": sum(not was_sent for _, was_sent in done)})
    return {
        "files": len(plan.uploads),
        "sent": len(sent),
        "bytes_sent": sum(sent),
        "put_aside": [one.summary() for one in plan.put_aside],
        "balances": {balance.unit: balance.to_json() for balance in plan.balances},
        "seconds": round(time.monotonic() - started, 1),
    }


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
