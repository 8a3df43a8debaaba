"""Measure if annotations run on the clock of their film: a constant lag, or another frame rate.

    python aws_pipeline/measure_clock.py DIR [--recordings NAME ...] [--json]

Reads   DIR/train.csv, DIR/train_tracking, DIR/train_annotation.
Writes  nothing. A correction is yours to choose, when you import the annotation (import_annotations.py): --shift-frames, --annotation-fps.

An annotation is moved by up to 2 s, and stretched to the frame rates of usual cameras. It fits where its bouts explain most of the variance
of speed, posture and distance. A lag is clear if its 95 % interval over bouts leaves 0 out and is narrower than half a second.

Exit codes: 0 measured, whatever came out, 1 unexpected, 2 usage or configuration, 4 the data break their contract.
"""

import argparse
import json
import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import settings
from aws_pipeline.terminal import run
from behavior.contract import EXIT_OK, ContractError, UsageError

if TYPE_CHECKING:
    from behavior.annotation_clock import ClockFit
    from behavior.recording import Recording


def measure(data_dir: Path, names: Sequence[str] = ()) -> tuple[list[tuple["Recording", "ClockFit"]], list[str]]:
    """Return the fit of each annotated recording, and the faults of those that cannot be read. `names` chooses some by name or number."""
    from behavior.keys import LakeObject
    from behavior.recording import sound_recordings
    from behavior.tables import RAW_ANNOTATION, parse_metadata
    from reports.progress import progress

    metadata = data_dir / "train.csv"
    if not metadata.is_file():
        raise UsageError(f"Expected a data directory with train.csv, but got {data_dir}. Name the folder with train.csv.")
    recordings, faults = sound_recordings(parse_metadata(metadata.read_bytes(), metadata.name).to_pylist(), metadata.name)
    if unknown := sorted(set(names).difference(*({one.name, str(one.video_id)} for one in recordings))):
        raise UsageError(f"Expected --recordings of {metadata}, but got {', '.join(unknown)}. Correct them.")
    chosen = [one for one in recordings if not names or {one.name, str(one.video_id)} & set(names)]
    chosen = [one for one in chosen if (data_dir / LakeObject(RAW_ANNOTATION, "train", one.lab_id, one.video_id).file).is_file()]
    found, told = [], [str(fault) for fault in faults]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # numpy releases Python's lock
        futures = [(one, pool.submit(_fit, data_dir, one)) for one in chosen]
        for one, future in progress(futures, "measure", len(futures)):
            try:
                found.append((one, future.result()))
            except ContractError as error:
                told += map(str, error.faults)
    return found, told


def _fit(data_dir: Path, recording: "Recording") -> "ClockFit":
    import numpy as np

    from behavior.annotation_clock import fit_clock
    from behavior.curation import curate
    from behavior.keys import LakeObject
    from behavior.parquet_file import read_rows
    from behavior.recording import Triple
    from behavior.tables import RAW_ANNOTATION, RAW_TRACKING

    tracking, annotation = (
        LakeObject(table, "train", recording.lab_id, recording.video_id).file for table in (RAW_TRACKING, RAW_ANNOTATION)
    )
    curated = curate(read_rows(RAW_TRACKING, data_dir / tracking, tracking), recording)
    bouts: dict[Triple, list[tuple[int, int]]] = defaultdict(list)
    rows = read_rows(RAW_ANNOTATION, data_dir / annotation, annotation)
    columns = (rows.column(name).to_pylist() for name in ("agent_id", "target_id", "action", "start_frame", "stop_frame"))
    for agent, target, action, start, stop in zip(*columns, strict=True):
        bouts[Triple(agent, target, action)].append((start - curated.first_frame, stop - curated.first_frame))
    return fit_clock(curated, {triple: np.array(edges) for triple, edges in bouts.items()}, recording.fps)


def in_words(found: Sequence[tuple["Recording", "ClockFit"]], data_dir: Path) -> str:
    """Return the fits as text: a line for each recording, and below them one for each lab with a lag, and its correction."""
    lines = [f"{'lab':<20} {'recording':<24} {'fps':>6} {'bouts':>6}  lag in frames (95 % interval), clock"]
    lags: dict[str, list[int]] = defaultdict(list)
    clear: dict[str, int] = defaultdict(int)
    for recording, fit in found:
        clear[recording.lab_id] += fit.clear
        if fit.lags and not fit.other_clock:
            lags[recording.lab_id].append(fit.lag_frames)
        lines.append(f"{recording.lab_id:<20} {recording.shown:<24} {fit.fps:>6g} {fit.bouts:>6}  {_told(fit)}")
    for lab, own in sorted(lags.items()):
        lines.append(
            f"{lab}: {len(own)} of {clear[lab]} annotations that can be measured lag or lead, by {min(own):+d} to {max(own):+d} frames"
        )
        files, shift = data_dir / "train_annotation" / lab / "*.parquet", -round(statistics.median(own))
        command = f"python aws_pipeline/import_annotations.py {files} --data-dir {data_dir} --shift-frames {shift}"
        lines.append(f"  to correct all of its annotations by the median, if you choose to: {command}")
    return "\n".join(lines)


def _told(fit: "ClockFit") -> str:
    if not fit.clear:
        return "cannot be measured: it agrees with the motion no better than by chance"
    if fit.other_clock:
        return f"fits {fit.clock_gain:.1f} times better at {fit.clock_fps:g} frames a second (--annotation-fps {fit.clock_fps:g})"
    low, high = fit.interval
    words = (
        f"{'late' if fit.lag_frames > 0 else 'early'}, fits {fit.gain:.2f} times better there" if fit.lags else "not clearly other than 0"
    )
    return f"{fit.lag_frames:+d} ({low:+d} to {high:+d}): {words}"


def _main() -> int:
    """Parse the command line, measure, and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("data_dir", metavar="DIR", type=Path, nargs="?", help="recordings (default: MABE_DATA_DIR, else data/)")
    parser.add_argument("--recordings", nargs="+", default=[], metavar="NAME", help="only these, by name or number")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    data_dir = arguments.data_dir or settings().data_dir
    found, faults = measure(data_dir, arguments.recordings)
    if arguments.json:
        print(json.dumps({"recordings": [_as_json(recording, fit) for recording, fit in found], "faults": faults}))
    else:
        print(in_words(found, data_dir))
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return EXIT_OK


def _as_json(recording: "Recording", fit: "ClockFit") -> dict[str, Any]:
    own = {"lab": recording.lab_id, "video_id": recording.video_id, "recording": recording.shown}
    return {**own, **asdict(fit), "lags": fit.lags, "other_clock": fit.other_clock}


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
