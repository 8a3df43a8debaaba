"""Life cycles of objects: what a bucket's rules say is old enough is removed, as S3 does once a day.

Rules for versions do nothing: every object has one version here.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree

from infra.local.s3.multipart import OpenUploads
from infra.local.s3.object_store import ObjectStore

DAY_S = 24 * 3600


@dataclass(frozen=True)
class Rule:
    """One rule of a bucket."""

    prefix: str
    days: int | None = None
    """Objects are removed so many days after they were written."""
    abort_days: int | None = None
    """Unfinished uploads are given up so many days after they were begun."""


def rules_of(configuration: bytes) -> list[Rule]:
    """Return the rules of a LifecycleConfiguration, in S3's XML, that can have an effect here."""
    found = []
    for rule in ElementTree.fromstring(configuration.decode()).iterfind("{*}Rule"):
        simple = rule.find("{*}Filter/{*}And") is None and rule.find("{*}Filter/{*}Tag") is None
        if simple and rule.findtext("{*}Status") == "Enabled":
            prefix = rule.findtext("{*}Filter/{*}Prefix") or rule.findtext("{*}Prefix") or ""
            days, abort_days = (
                rule.findtext("{*}Expiration/{*}Days"),
                rule.findtext("{*}AbortIncompleteMultipartUpload/{*}DaysAfterInitiation"),
            )
            found.append(Rule(prefix, int(days) if days else None, int(abort_days) if abort_days else None))
    return found


def expire(store: ObjectStore, bucket: str, rules: Iterable[Rule], now_s: float | None = None) -> int:
    """Remove the objects and unfinished uploads of a bucket that are too old; return how many."""
    now, removed, uploads = time.time() if now_s is None else now_s, 0, OpenUploads(store)
    for rule in rules:
        for key in list(store.keys(bucket, rule.prefix)) if rule.days is not None else ():
            found = store.find(bucket, key)
            if found and _is_over(found.mtime_ns, rule.days or 0, now):
                store.delete(bucket, key)
                removed += 1
        for upload in uploads.of_bucket(bucket, rule.prefix) if rule.abort_days is not None else ():
            if _is_over(upload.begun_ns, rule.abort_days or 0, now):
                uploads.give_up(upload)
                removed += 1
    return removed


def _is_over(since_ns: int, days: int, now_s: float) -> bool:
    """Return whether the first midnight, UTC, after so many days is over."""
    return now_s // DAY_S > since_ns / 1e9 // DAY_S + days
