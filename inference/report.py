"""The report of a run as one page that anybody can open: scores, ethograms, time budgets, clips, training, data quality.

    python inference/report.py --data-dir data/sample --checkpoint checkpoints/cnn_transformer_small.safetensors --output report.html

Reads   train.csv and test.csv with their tracking, and the annotations; recognizes every recording that no checkpoint saw.
Writes  one HTML page that needs no other file, whole or not at all. If no recording is annotated, it has no scores.

Exit codes: 0 written, 1 something unexpected, 2 usage, 3 written, but at least one recording breaks its contract, 4 input cannot be
used, 130 interrupted.
"""

import argparse
import hashlib
import os
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, EXIT_PUT_ASIDE, ContractError, UsageError, exit_code
from inference.recording_files import DATA_DIR

if TYPE_CHECKING:
    import pandas as pd

    from behavior.contract import Fault
    from inference.run_report.judged_run import JudgedRun
    from inference.run_report.whole_page import ReportParts
    from inference.viewed_recording import ViewedRecording
    from recognizers.recognizer import Recognizer
    from reports.page import Clip

_MOST_MEASURED = 500
"""Of more recordings, only those are measured that are recognized."""


def main(arguments: list[str] | None = None) -> int:
    """Write the page as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _report(flags))


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    several = "one or more .safetensors or .onnx files; several are averaged"
    parser.add_argument("--checkpoint", type=Path, nargs="+", required=True, help=several)
    default = Path(os.environ.get("MABE_DATA_DIR") or DATA_DIR)
    parser.add_argument("--data-dir", type=Path, default=default, help="raw data directory (or MABE_DATA_DIR; default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("report.html"), help="the page to write (default: %(default)s)")
    parser.add_argument("--recordings", nargs="+", metavar="NAME", help="recordings with an ethogram (default: one of each lab, at most 6)")
    parser.add_argument("--clips", type=int, default=6, help="clips of certain, and of doubtful bouts (default: %(default)s)")
    parser.add_argument("--without-test", action="store_true", help="only recordings of train.csv")
    parser.add_argument("--note", action="append", default=[], metavar="TEXT", help="a warning at the top of the page; may be repeated")
    parser.add_argument("--title", default="Mouse behavior", help="title of the page (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="windows per pass through the network (default: %(default)s)")
    return parser


def _report(flags: argparse.Namespace) -> int:
    from behavior.whole_file import check_place, write_text
    from inference.run_report.whole_page import report_page
    from inference.serving import check_checkpoints, check_sees_tracks
    from reports.page import render

    if not 0 <= flags.clips <= 50:
        raise UsageError(f"Expected --clips from 0 to 50, but got {flags.clips}. Leave it out.")
    check_place(flags.output)
    check_checkpoints(flags)
    check_sees_tracks(flags.checkpoint, "A report about films is written by training/cross_validate.py.")
    parts = _parts(flags)
    write_text(flags.output, render(report_page(parts)))
    print(f"Wrote {flags.output}: {len(parts.run.recordings)} recordings, {flags.output.stat().st_size / 1e6:.1f} MB.")
    return EXIT_PUT_ASIDE if parts.put_aside else EXIT_OK


def _parts(flags: argparse.Namespace) -> "ReportParts":
    """Read everything, recognize and draw."""
    from inference.measured_quality import measured_quality
    from inference.run_report.shown_bouts import most_certain, most_doubtful
    from inference.run_report.whole_page import ReportParts
    from inference.serving import load
    from inference.viewed_recording import viewed_recordings
    from recognizers.checkpoint import read_header, videos_seen
    from reports.progress import progress

    recognizer, headers = load(flags), [read_header(path) for path in flags.checkpoint]
    seen = videos_seen(headers)
    every = [one for one in viewed_recordings(flags.data_dir) if one.split == "train" or not flags.without_test]
    listed = seen | {one.recording.video_id for one in every if one.split == "train"}  # the competition lists a training video as test
    unseen = [one for one in every if one.recording.video_id not in (listed if one.split == "test" else seen)]
    shown = _chosen(flags.recordings, unseen)
    if not unseen:
        raise UsageError(f"Expected recordings in {flags.data_dir} that the checkpoints never saw, but got none. Add some.")
    run, put_aside = _judged(recognizer, unseen)
    measured = every if len(every) <= _MOST_MEASURED else unseen
    quality = list(progress(measured_quality(measured), "measure", len(measured)))
    put_aside = {**put_aside, **dict(why for _, why in quality if why)}
    sound = {one.video_id for one in run.recordings}
    labs = {one.video_id: one.lab_id for one in run.recordings}
    bouts = run.predicted_bouts
    fps = bouts["video_id"].map({one.video_id: one.fps for one in run.recordings}).astype(float)
    bouts = bouts.assign(duration_s=(bouts["stop_frame"] - bouts["start_frame"]) / fps)
    by_video = {one.recording.video_id: one for one in unseen}
    drawn = [_drawn(choose(bouts, labs, flags.clips), by_video, run, recognizer) for choose in (most_certain, most_doubtful)]
    name = flags.data_dir.resolve().name
    return ReportParts(
        flags.title,
        f"{name} · {date.today().isoformat()}",
        run,
        run.lab_series(),
        headers[0],
        [row for row, _ in quality if row],
        list(put_aside.items()),
        [one for one in shown if one.recording.video_id in sound],
        drawn[0],
        drawn[1],
        flags.note,
        [(path.name, f"SHA-256 {_digest(path)[:16]}") for path in flags.checkpoint],
    )


def _chosen(names: list[str] | None, unseen: "list[ViewedRecording]") -> "list[ViewedRecording]":
    """Return the recordings with a name, else the first annotated one of each lab. Raises UsageError for an unknown name."""
    if names is not None:
        by_name = {key: one for one in unseen for key in (one.recording.name, str(one.recording.video_id))}
        if unknown := [name for name in names if name not in by_name]:
            got = ", ".join(unknown)
            raise UsageError(f"Expected --recordings that no checkpoint saw, but got {got}. See the names in the metadata.")
        return [by_name[name] for name in names]
    first: dict[str, ViewedRecording] = {}
    for one in sorted(unseen, key=lambda one: (one.split == "test", not one.recording.annotated)):
        first.setdefault(one.recording.lab_id, one)
    return list(first.values())[:6]


def _judged(recognizer: "Recognizer", unseen: "list[ViewedRecording]") -> "tuple[JudgedRun, dict[str, str]]":
    """Return the run over all sound recordings, and why others are not used. Raises ContractError if none is sound."""
    from behavior.keys import recording_name
    from inference.run_report.judged_run import JudgedRun
    from reports.progress import progress

    run, put_aside, faults = JudgedRun(recognizer), dict[str, str](), list["Fault"]()
    for one in progress(unseen, "recognize", len(unseen)):
        try:
            run.add(one)
        except ContractError as error:
            faults += error.faults
            put_aside[recording_name(one.split, one.recording.video_id)] = str(error).replace("\n", " ")
        one.forget()
    if not run.recordings:
        raise ContractError(faults)
    return run, put_aside


def _drawn(chosen: "pd.DataFrame", by_video: "dict[int, ViewedRecording]", run: "JudgedRun", recognizer: "Recognizer") -> "list[Clip]":
    from inference.run_report.shown_bouts import shown_bouts
    from reports.progress import Progress

    with Progress("draw clips") as shown:
        shown.update(f"{len(chosen)} clips")
        return shown_bouts(chosen, by_video, run.true_bouts, recognizer)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
