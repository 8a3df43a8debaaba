"""The common part of the scripts that recognize behaviors: flags, loading the recognizer, and the bouts of many recordings."""

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from behavior.contract import ContractError, Fault, UsageError, refuse
from inference.recording_files import DATA_DIR, new_recordings, recordings_held_out
from reports.progress import progress

if TYPE_CHECKING:
    import pandas as pd

    from behavior.material import Material
    from behavior.predictions import Predictions, Source
    from behavior.recording import Recording
    from recognizers.recognizer import Recognizer


class Recordings(Protocol):
    """Recordings with the data that the recognizers of one view see."""

    @property
    def recordings(self) -> "tuple[Recording, ...]":
        """In a fixed order."""
        ...

    @property
    def split(self) -> str:
        """Train or test."""
        ...

    def material(self, recording: "Recording") -> "Material":
        """Return the material of one recording. Raises ContractError if its data break their contract."""
        ...

    def faults(self) -> "list[Fault]":
        """Return the faults that show before the data are read."""
        ...


def add_flags(parser: argparse.ArgumentParser, output: str) -> None:
    """Add the flags of all these scripts."""
    several = "one or more .safetensors or .onnx files; several are averaged"
    parser.add_argument("--checkpoint", type=Path, nargs="+", required=True, help=several)
    default = Path(os.environ.get("MABE_DATA_DIR") or DATA_DIR)
    parser.add_argument("--data-dir", type=Path, default=default, help="raw data directory (or MABE_DATA_DIR; default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path(output), help="the file to write (default: %(default)s)")
    parser.add_argument(
        "--held-out", action="store_true", help="predict the videos of train.csv that no checkpoint saw, instead of test.csv"
    )
    parser.add_argument("--tta", action="store_true", help="test-time augmentation: average over each recording and its mirror image")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="windows per pass through the network (default: %(default)s)")
    parser.add_argument("--quiet", action="store_true", help="no line per video")


def check_checkpoints(flags: argparse.Namespace) -> None:
    """Raise UsageError for checkpoints that are no files, and for an impossible batch."""
    for path in flags.checkpoint:
        if not path.is_file():
            raise UsageError(f"Expected --checkpoint to be a file, but got {path}. Train one with training/train.py.")
    if flags.batch < 1:
        raise UsageError(f"Expected --batch of 1 or more, but got {flags.batch}. Leave it out.")


def check_sees_tracks(checkpoints: Sequence[Path], mend: str) -> None:
    """Raise UsageError for a recognizer that sees films; `mend` says how films go."""
    from recognizers.checkpoint import read_header
    from recognizers.recognizer import View

    if films := [path for path in checkpoints if read_header(path).get("view") == View.CLIP]:
        raise UsageError(f"Expected a recognizer that sees tracks, but got {films[0]}, which sees films. {mend}")


def load(flags: argparse.Namespace) -> "Recognizer":
    """Return the recognizer of the flags checkpoint, device and batch. Raises UsageError or ContractError for files of another kind."""
    check_checkpoints(flags)
    from recognizers.devices import rest_waiting_threads
    from recognizers.families import load_recognizer

    rest_waiting_threads()
    return load_recognizer(flags.checkpoint, _device(flags), flags.batch)


def begin(flags: argparse.Namespace) -> "tuple[Recordings, Recognizer]":
    """Return the recordings and the recognizer. Raises UsageError or ContractError for wrong flags or files, before a network is read."""
    check_checkpoints(flags)
    from behavior.whole_file import check_place
    from recognizers.checkpoint import read_header, videos_seen
    from recognizers.devices import rest_waiting_threads
    from recognizers.families import load_recognizer
    from recognizers.recognizer import View

    check_place(flags.output)
    rest_waiting_threads()
    headers = [read_header(path) for path in flags.checkpoint]
    open_recordings = _films if headers[0].get("view") == View.CLIP else _tracks
    files = open_recordings(flags, videos_seen(headers))
    if not getattr(flags, "keep_going", False):  # else each is told when it is read
        refuse(files.faults())
    recognizer = load_recognizer(flags.checkpoint, _device(flags), flags.batch)
    if not flags.tta:
        return files, recognizer
    mirrored = recognizer.mirrored()
    if mirrored is None:
        raise ContractError(["Expected a recognizer with mirror images, but got one without. Leave out --tta."])
    return files, mirrored


def _tracks(flags: argparse.Namespace, seen: set[int]) -> Recordings:
    if getattr(flags, "videos", None):
        raise UsageError("Expected a recognizer that sees films with --videos, but got one that sees tracks. Leave out --videos.")
    return recordings_held_out(flags.data_dir, seen) if flags.held_out else new_recordings(flags.data_dir, seen)


def _films(flags: argparse.Namespace, seen: set[int]) -> Recordings:
    from inference.film_files import films_of_data_dir, films_of_places

    videos = getattr(flags, "videos", None)
    return films_of_places(videos) if videos else films_of_data_dir(flags.data_dir, seen if flags.held_out else None)


def recognize_all(
    files: Recordings,
    recognizer: "Recognizer",
    quiet: bool = False,
    predict_one: "Callable[[Material, Recognizer], Predictions] | None" = None,
    put_aside: "list[Fault] | None" = None,
) -> "tuple[Predictions, float]":
    """Return the predictions in all recordings, and their duration in seconds. Raises ContractError with the faults of all.

    `predict_one` recognizes one recording; if it is not given, `inference.recognition.predict`. If a list `put_aside` is given, faults of
    broken recordings are added to it, and nothing is raised unless all are broken.
    """
    from behavior.predictions import Predictions
    from inference.recognition import predict

    parts, recorded_s = list[Predictions](), 0.0
    faults: list[Fault] = []
    count = len(files.recordings)
    shown = files.recordings if quiet or not sys.stderr.isatty() else progress(files.recordings, "recognizing", count)
    for number, recording in enumerate(shown, start=1):
        started = time.perf_counter()
        try:
            material = files.material(recording)
            parts.append((predict_one or predict)(material, recognizer))
        except ContractError as error:
            faults += error.faults
            continue
        duration_s = material.frames / recording.fps
        recorded_s += duration_s
        if not quiet and not sys.stdout.isatty():
            seconds = time.perf_counter() - started
            print(
                f"video={recording.shown} lab={recording.lab_id} {number}/{count} bouts={len(parts[-1].bouts)} "
                f"minutes={duration_s / 60:.1f} seconds={seconds:.2f}",
                flush=True,
            )
    if put_aside is None or not parts:
        refuse(faults)
    else:
        put_aside += faults
    return Predictions.joined(parts), recorded_s


def source_of(flags: argparse.Namespace, files: Recordings) -> "Source":
    """Return where predictions come from: the split, and digests and recipes of the checkpoints."""
    from behavior.predictions import Source
    from recognizers.checkpoint import read_header

    digests = []
    for path in flags.checkpoint:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    recipes = [recipe_name(read_header(path)) for path in flags.checkpoint]
    return Source(files.split, "+".join([*digests, *["tta"] * flags.tta]), "+".join(recipes))


def recipe_name(header: Mapping[str, Any]) -> str:
    """Return the name of the recipe in the header of a checkpoint; without one, its family."""
    recipe = header["recipe"]
    return str(recipe.get("name") or header["family"]) if isinstance(recipe, dict) else str(recipe)


def write_csv(rows: "pd.DataFrame", path: Path) -> None:
    """Write a table, whole or not at all."""
    from behavior.whole_file import whole_file

    with whole_file(path) as beside:
        rows.to_csv(beside, index=False)


def write_predictions(predictions: "Predictions", files: Recordings, source: "Source", path: Path) -> None:
    """Write the rows of both prediction tables as Parquet, each whole or not at all; the bouts last."""
    import pyarrow.parquet as pq

    from behavior.predictions import beside
    from behavior.whole_file import whole_file

    bouts, triples = predictions.tables(files.recordings, source)
    for rows, target in ((triples, beside(path)), (bouts, path)):
        with whole_file(target) as draft:
            pq.write_table(rows, draft, compression="zstd", write_page_checksum=True)


def summary_line(path: Path, bouts: int, files: Recordings, recorded_s: float, seconds: float) -> str:
    """Return one line about the result and the speed."""
    return (
        f"Wrote {path}: {bouts} bouts in {len(files.recordings)} videos of {recorded_s / 60:.1f} minutes; "
        f"{seconds:.1f} s of work, {recorded_s / max(seconds, 1e-9):.0f} times real time."
    )


def _device(flags: argparse.Namespace) -> str:
    from recognizers.devices import find_device
    from recognizers.onnx_network import SUFFIX

    if flags.device in ("auto", "cpu") and all(path.suffix == SUFFIX for path in flags.checkpoint):
        return "cpu"  # without torch
    try:
        return find_device(flags.device)
    except ValueError as error:
        raise UsageError(str(error)) from None
