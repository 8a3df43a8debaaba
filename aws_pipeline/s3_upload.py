"""Step 1: upload recordings from a disk to the raw zone, Hive-partitioned by lab.

    python aws_pipeline/s3_upload.py [--data-dir D] [--dry-run]

Reads   D/train.csv, D/train_tracking/<lab>/<video>.parquet, D/train_annotation/<lab>/<video>.parquet,
        D/test.csv and D/test_tracking/ if they are there.
Writes  metadata/train.csv, train_tracking/lab_id=<lab>/<video>.parquet, ... in the raw zone. No recording is ever deleted there.

Everything is checked before the first byte leaves: metadata row by row, every Parquet footer (pages are checked when the ETL reads them).
An object that is there already, byte for byte, is not sent again, so an interrupted upload is resumed by the same command.

Exit codes: 0 all there, 1 unexpected, 2 usage, configuration or a full disk, 4 the input breaks its contract (nothing was uploaded),
            5 AWS refuses.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.terminal import run, size
from behavior.contract import EXIT_OK, ContractError, Fault, UsageError, refuse
from behavior.keys import RAW_TABLES, SPLITS, file_of, key_of
from behavior.parquet_file import footer_faults
from behavior.recording import Recording, sound_recordings
from behavior.tables import RAW_METADATA, RAW_TRACKING, parse_metadata
from reports.progress import progress

_METADATA = tuple(key_of(RAW_METADATA, split) for split in SPLITS)
_THREADS = 8


@dataclass(frozen=True)
class Upload:
    """One file and the object it becomes."""

    path: Path
    key: str


def plan_uploads(data_dir: Path) -> list[Upload]:
    """Check a data directory and return what there is to upload, metadata last: a reader who finds it finds all it names.

    Raises UsageError if `data_dir` is no data directory, ContractError with every fault in it.
    """
    if not (data_dir / file_of(RAW_METADATA, "train")).is_file():
        raise UsageError(
            f"Expected a data directory with train.csv, but got {data_dir}. "
            "Give --data-dir or MABE_DATA_DIR, or make a sample: python aws_pipeline/sample_data.py."
        )
    files: list[Upload] = []
    metadata: list[Upload] = []
    faults: list[Fault] = []
    for split in SPLITS:
        csv = data_dir / file_of(RAW_METADATA, split)
        if not csv.is_file():
            continue
        metadata.append(Upload(csv, key_of(RAW_METADATA, split)))
        try:
            recordings, wrong = sound_recordings(parse_metadata(csv.read_bytes(), csv.name).to_pylist(), csv.name)
        except ContractError as error:
            faults += error.faults
            continue
        uploads, missing = _files(data_dir, split, recordings)
        files += uploads
        faults += [*wrong, *missing]
    refuse(faults)
    return files + metadata


def upload(uploads: list[Upload], s3: Any, bucket: str) -> Iterator[tuple[Upload, bool]]:
    """Send what is not there yet; yield each upload and whether it was sent, in the order they end, metadata last."""
    present = _listing(s3, bucket)
    files = [item for item in uploads if item.key not in _METADATA]
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting = {pool.submit(_send, item, s3, bucket, present.get(item.key)): item for item in files}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    for item in uploads:
        if item.key in _METADATA:
            yield item, _send(item, s3, bucket, present.get(item.key))
    for key in _METADATA:  # metadata says what the data set is: a split of an earlier one must not stay in it
        if key in present.keys() - {item.key for item in uploads}:
            s3.delete_object(Bucket=bucket, Key=key)


def _files(data_dir: Path, split: str, recordings: Sequence[Recording]) -> tuple[list[Upload], list[Fault]]:
    """Return the files of a split's recordings, and what is wrong with them. A recording may lack annotation, but not tracking."""
    files: list[Upload] = []
    faults: list[Fault] = []
    for table in RAW_TABLES[split]:
        for recording in recordings:
            name = file_of(table, split, recording)
            if (data_dir / name).is_file():
                faults += footer_faults(table, data_dir / name, name, mend="Export the file again.")
                files.append(Upload(data_dir / name, key_of(table, split, recording)))
            elif table is RAW_TRACKING:
                message = f"Expected a file {name}, but got none."
                faults.append(Fault("file-missing", file_of(RAW_METADATA, split), message, "Add it or remove the row."))
    return files, faults


def _listing(s3: Any, bucket: str) -> dict[str, tuple[int, str]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {item["Key"]: (item["Size"], item["ETag"].strip('"')) for page in pages for item in page.get("Contents", [])}


def _send(item: Upload, s3: Any, bucket: str, present: tuple[int, str] | None) -> bool:
    with item.path.open("rb") as file:
        md5 = hashlib.file_digest(file, "md5").hexdigest()
    if present and present[0] == item.path.stat().st_size:
        # the ETag is the MD5 of small unencrypted objects only; for the others the MD5 is kept beside the object
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
    uploads = plan_uploads((arguments.data_dir or chosen.data_dir).resolve())
    n_bytes = sum(item.path.stat().st_size for item in uploads)
    if arguments.dry_run:
        for item in uploads:
            print(f"{item.path} -> {chosen.uri('raw', item.key)}")
        print(f"{len(uploads)} files, {size(n_bytes)}: all fit their contract; nothing was uploaded (--dry-run)")
        return EXIT_OK
    with endpoint(chosen):
        summary = _upload_all(uploads, chosen)
    print(
        json.dumps(summary)
        if arguments.json
        else f"{chosen.uri('raw')} {chosen.place}: {summary['sent']} of {summary['files']} files sent ({size(summary['bytes_sent'])}), "
        f"the others were there already; {summary['seconds']} s"
    )
    return EXIT_OK


def _upload_all(uploads: list[Upload], chosen: Settings) -> dict[str, float]:
    import boto3

    started = time.monotonic()
    done = progress(upload(uploads, boto3.client("s3"), chosen.bucket("raw")), "upload", len(uploads))
    sent = [item.path.stat().st_size for item, was_sent in done if was_sent]
    return {"files": len(uploads), "sent": len(sent), "bytes_sent": sum(sent), "seconds": round(time.monotonic() - started, 1)}


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
