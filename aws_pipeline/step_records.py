"""Records of pipeline steps: inputs, facts and output of the last success, so that a step that is up to date is not run again."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

StepFacts = dict[str, Any]
"""Facts that a step returns; must be JSON."""


@dataclass(frozen=True)
class StepRecords:
    """One object per step, pipeline/<step>.json in a bucket."""

    s3: Any
    """A boto3 client."""
    bucket: str
    force: bool = False
    """Run every step, also those that are up to date."""

    def once(
        self, step: str, inputs: Iterable[str], work: Callable[[], StepFacts], left: Callable[[StepFacts], str]
    ) -> tuple[StepFacts, bool]:
        """Return the facts of the last success and True, if inputs and output are the same as then.

        Otherwise do the work, store its facts, and return them and False. `left` returns a fingerprint of the present output.
        """
        fingerprint = fingerprint_of(*inputs)
        if (known := self.current(step, fingerprint, left)) is not None:
            return known, True
        started = time.monotonic()
        facts = work()
        seconds = round(time.monotonic() - started, 1)
        record = {"inputs": fingerprint, "facts": facts, "left": left(facts), "seconds": seconds}
        self.s3.put_object(Bucket=self.bucket, Key=f"pipeline/{step}.json", Body=json.dumps(record).encode())
        return facts, False

    def current(self, step: str, fingerprint: str, left: Callable[[StepFacts], str]) -> StepFacts | None:
        """Return the facts of the last success if inputs (by their fingerprint) and output are the same as then, else None."""
        record = self._read(step)
        same = record.get("inputs") == fingerprint and not self.force and record.get("left") == left(record["facts"])
        return record["facts"] if same else None

    def seconds(self, step: str) -> float | None:
        """Return how long the step took when it last succeeded; None if that is not known."""
        return self._read(step).get("seconds")

    def _read(self, step: str) -> dict[str, Any]:
        try:
            record = json.load(self.s3.get_object(Bucket=self.bucket, Key=f"pipeline/{step}.json")["Body"])
        except self.s3.exceptions.NoSuchKey:
            return {}
        return record if isinstance(record, dict) else {}


def fingerprint_of(*texts: str) -> str:
    """Return a digest of texts in their order: 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]


def objects_fingerprint(s3: Any, bucket: str, prefix: str = "") -> str:
    """Return a digest of the keys and ETags of all objects with a prefix."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return fingerprint_of(*(f"{item['Key']} {item['ETag']}" for page in pages for item in page.get("Contents", [])))


def file_fingerprint(path: Path) -> str:
    """Return a digest of the content of a file; nothing for a missing file."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
