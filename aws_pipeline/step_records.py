"""What each step of the pipeline last succeeded on, said of itself and left: a step that is up to date is not run again."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

StepFacts = dict[str, Any]
"""What a step says of itself; must be JSON."""


@dataclass(frozen=True)
class StepRecords:
    """One object per step, pipeline/<step>.json in a bucket."""

    s3: Any
    """A client."""
    bucket: str
    force: bool = False
    """Run every step, up to date or not."""

    def once(
        self, step: str, inputs: Iterable[str], work: Callable[[], StepFacts], left: Callable[[StepFacts], str]
    ) -> tuple[StepFacts, bool]:
        """Return what the step said when it last succeeded on these very inputs, and True, if all that it left is there unchanged.

        Otherwise do the work, keep what it says, and return that and False. `left` returns a fingerprint of what is there now.
        """
        fingerprint = fingerprint_of(*inputs)
        record = self._read(step)
        if record.get("inputs") == fingerprint and not self.force and record.get("left") == left(record["facts"]):
            return record["facts"], True
        facts = work()
        record = {"inputs": fingerprint, "facts": facts, "left": left(facts)}
        self.s3.put_object(Bucket=self.bucket, Key=f"pipeline/{step}.json", Body=json.dumps(record).encode())
        return facts, False

    def _read(self, step: str) -> dict[str, Any]:
        try:
            record = json.load(self.s3.get_object(Bucket=self.bucket, Key=f"pipeline/{step}.json")["Body"])
        except self.s3.exceptions.NoSuchKey:
            return {}
        return record if isinstance(record, dict) else {}


def fingerprint_of(*texts: str) -> str:
    """Return 16 hexadecimal digits that stand for these texts in this order."""
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]


def objects_fingerprint(s3: Any, bucket: str, prefix: str = "") -> str:
    """Return what stands for all objects below a prefix: their keys and ETags."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return fingerprint_of(*(f"{item['Key']} {item['ETag']}" for page in pages for item in page.get("Contents", [])))


def file_fingerprint(path: Path) -> str:
    """Return what stands for a file's content; nothing for a file that is not there."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
