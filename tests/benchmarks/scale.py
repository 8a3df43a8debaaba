"""What the driver of the ETL does for many recordings, without their rows: plan, compare with the last run, remember, group by content.

    python tests/benchmarks/scale.py [--recordings 200000] [--marks 28000000]

The recordings are made up; reading and curating them is what the workers do, and tests/benchmarks/etl.py measures that.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import pyarrow as pa

from aws_pipeline import curation_plan
from aws_pipeline.curation_plan import CurationPlan, plan_work
from aws_pipeline.curation_state import _from_row, due, lineage_rows
from aws_pipeline.curation_task import CurationResult
from aws_pipeline.curation_work import in_parts
from aws_pipeline.lake import StoredObject, WrittenObject
from behavior.content import Content, content_groups

Answer = TypeVar("Answer")
LABS = 20
_HEADER = "lab_id,video_id,frames_per_second,pix_per_cm_approx,video_width_pix,video_height_pix,behaviors_labeled"
_MARKS_EACH = 140
"""For a recording of one minute with two mice, at 30 frames a second."""


def raw_zone(n: int) -> tuple[dict[str, StoredObject], bytes]:
    """Return the listing of a raw zone with so many recordings, and its train.csv."""
    listing = {f"train_tracking/lab_id=lab{i % LABS}/{i}.parquet": StoredObject(1_000_000, f"{i:032x}") for i in range(n)}
    rows = (f'lab{i % LABS},{i},30,10,640,480,"[""mouse1,mouse2,sniff""]"' for i in range(n))
    return listing, "\n".join([_HEADER, *rows]).encode()


def planned(n: int) -> CurationPlan:
    """Plan the ETL over such a zone."""
    listing, metadata = raw_zone(n)

    def listed(_: str, folders: tuple[str, ...]) -> dict[str, StoredObject]:
        return listing if "train_tracking" in folders else {}

    def read(_: str, key: str) -> pa.Buffer:
        if "train" not in key:
            raise FileNotFoundError
        return pa.py_buffer(metadata)

    stands: dict[str, Any] = {"list_objects": listed, "read_object": read, "read_digests": lambda _: {}}
    with mock.patch.multiple(curation_plan, **stands):
        return plan_work("s3://raw-zone")


def results(plan: CurationPlan) -> list[CurationResult]:
    """Return made-up results of all recordings of a plan."""
    marks = np.random.default_rng(0).integers(0, 2**63, (len(plan.work), _MARKS_EACH), np.uint64)
    made = []
    for one, own in zip(plan.work, marks, strict=True):
        video, lab = one.recording.video_id, one.recording.lab_id
        written = WrittenObject("tracking_curated", f"tracking_curated/lab_id={lab}/train-{video}-0123456789abcdef.parquet", 1, 1, "0" * 64)
        content = Content(video, f"{video:032x}", np.sort(own), None, "", (1, 2), 1800)
        numbers: dict[str, Any] = {
            "rows_in": 1,
            "rows_out": 1,
            "bytes_in": 1,
            "frames": 1800,
            "mice": 2,
            "bodyparts": ("nose",),
            "seen_share": 1.0,
        }
        known: dict[str, Any] = {
            "inputs": one.inputs,
            "digests": {one.tracking: "0" * 64},
            "objects": (written,),
            "run": "r",
            "content": content,
        }
        made.append(CurationResult("train", video, lab, **known, **numbers))
    return made


def timed(what: str, work: Callable[[], Answer]) -> Answer:
    """Do it, print the time, return the result."""
    began = time.monotonic()
    result = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:<52} {time.monotonic() - began:7.1f} s   peak so far {peak:,.0f} MB", flush=True)
    return result


def main() -> None:
    """Measure each part of the driver's work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=200_000)
    parser.add_argument("--marks", type=int, default=28_000_000, help="marks of motion; the MABe set has about 2.8 million")
    flags = parser.parse_args()
    n = flags.recordings
    plan = timed(f"plan {n:,} recordings", lambda: planned(n))
    timed("divide them into parts for Spark", lambda: in_parts(plan.work, 80))
    made = results(plan)
    former = {one.name: one for one in made}
    present = {one.objects[0].key for one in made}
    unchanged = timed("compare with the last run: nothing is due", lambda: due(plan.work, former, {}, present))
    assert not unchanged.work
    changed = {**former, "train-0": replace(made[0], inputs={})}
    one_due = timed("the same, one recording is due", lambda: due(plan.work, changed, {}, present))
    assert len(one_due.work) == 1
    rows = timed("write what the ETL remembers of them", lambda: lineage_rows(made))
    timed("read it", lambda: [_from_row(row, lab) for lab, table in rows.items() for row in table.to_pylist()])
    contents = [one.content for one in made if one.content]
    timed(f"group by content, {n * _MARKS_EACH:,} marks", lambda: content_groups(contents))
    each = flags.marks // 1000
    long = [
        replace(one, marks=np.sort(np.random.default_rng(k).integers(0, 2**63, each, np.uint64))) for k, one in enumerate(contents[:1000])
    ]
    timed(f"group 1,000 long recordings, {each * 1000:,} marks", lambda: content_groups(long))


if __name__ == "__main__":
    main()
