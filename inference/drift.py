"""Do new recordings look like those that the recognizer was trained on? Compare them, lab by lab and measure by measure.

    python inference/drift.py --reference data/sample --data-dir data/new --checkpoint checkpoints/cnn_transformer_small.safetensors
    python inference/drift.py --reference data/sample --checkpoint C --save-reference reference.json        for later nights
    python inference/drift.py --reference reference.json --data-dir data/new --checkpoint C

Reads   the reference: a data directory, of which the recordings that the checkpoint saw are used (without a checkpoint all of train.csv),
        or a file that --save-reference wrote; and all recordings of --data-dir that the reference does not have.
Writes  a page (--output) and, with --table, every comparison as CSV.

Compared are tracks (missing keypoints, body length, speed, ...) and, with --checkpoint, scores and time budgets. With --films, or a
checkpoint that sees films, the films of both directories (Videos/, train_video/, test_video/) are compared: their size, light, contrast
and change. The rule is in behavior/drift_rule.py: a median more than 4 robust standard deviations from that of the lab's reference is
drift.
Exit codes: 0 no drift, 1 something unexpected, 2 usage, 3 written, and there is drift or a broken recording, 4 input cannot be used,
130 interrupted.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, EXIT_PUT_ASIDE, ContractError, UsageError, exit_code
from inference.recording_files import DATA_DIR

if TYPE_CHECKING:
    from behavior.drift_rule import Measured
    from inference.drift_sources import DriftSource
    from recognizers.recognizer import Recognizer


def main(arguments: list[str] | None = None) -> int:
    """Compare as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _drift(flags))


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--reference", type=Path, required=True, help="data directory of the training, or a file of --save-reference")
    default = Path(os.environ.get("MABE_DATA_DIR") or DATA_DIR)
    parser.add_argument("--data-dir", type=Path, default=default, help="new recordings (or MABE_DATA_DIR; default: %(default)s)")
    parser.add_argument("--checkpoint", type=Path, nargs="+", default=[], help="also compare scores and time budgets of this recognizer")
    parser.add_argument("--films", action="store_true", help="compare films, also without a checkpoint that sees them")
    parser.add_argument("--output", type=Path, default=Path("drift.html"), help="the page to write (default: %(default)s)")
    parser.add_argument("--table", type=Path, help="also write every comparison as CSV")
    parser.add_argument(
        "--save-reference", type=Path, metavar="FILE", help="write the measures of the reference as JSON, and compare nothing"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="windows per pass through the network (default: %(default)s)")
    return parser


def _drift(flags: argparse.Namespace) -> int:
    from behavior.drift_rule import compare
    from behavior.whole_file import check_place, write_text
    from inference.serving import load
    from reports.drift_page import drift_lines, drift_page
    from reports.page import render

    for path in filter(None, (flags.output, flags.table, flags.save_reference)):
        check_place(path)
    recognizer = load(flags) if flags.checkpoint else None
    flags.films = flags.films or _sees_films(recognizer)
    identity = _identity(flags.checkpoint)
    reference, known = _reference(flags, recognizer, identity)
    if flags.save_reference:
        return _save(reference, identity, flags.save_reference)
    new, broken = _measured(_new(flags, known), recognizer, "measure new recordings")
    compared = compare(reference, new)
    line = f"{flags.data_dir.resolve().name} against {flags.reference.name} · {date.today().isoformat()}"
    write_text(flags.output, render(drift_page(compared, len(reference), len(new), line)))
    if flags.table:
        _write_table(compared, flags.table)
    print("\n".join([*drift_lines(compared), *broken]))
    drifted = sum(one.drifted for one in compared)
    print(f"Wrote {flags.output}: {len(new)} new recordings, {drifted} of {len(compared)} measures drifted.")
    return EXIT_PUT_ASIDE if drifted or broken else EXIT_OK


def _sees_films(recognizer: "Recognizer | None") -> bool:
    from recognizers.recognizer import View

    return recognizer is not None and recognizer.view is View.CLIP


def _reference(flags: argparse.Namespace, recognizer: "Recognizer | None", identity: str) -> "tuple[list[Measured], set[int]]":
    """Return the measures of the reference, and the videos that it has in the directory of new recordings."""
    from inference.drift_sources import sources_of
    from recognizers.checkpoint import read_header, videos_seen

    if flags.reference.is_file():
        return _read(flags.reference, identity), set()
    every = [one for one in sources_of(flags.reference, films=flags.films) if one.split == "train"]
    seen = videos_seen(read_header(path) for path in flags.checkpoint)
    chosen = [one for one in every if one.video_id in seen] if flags.checkpoint else every
    if not chosen:
        raise UsageError(f"Expected recordings in {flags.reference} that the checkpoint saw, but got none. Name its training data.")
    measured, broken = _measured(chosen, recognizer, "measure reference")
    if not measured:
        raise ContractError(broken)
    same = flags.reference.resolve() == flags.data_dir.resolve()
    return measured, {one.video_id for one in chosen} if same else set()


def _new(flags: argparse.Namespace, known: set[int]) -> "list[DriftSource]":
    from inference.drift_sources import sources_of

    new = [one for one in sources_of(flags.data_dir, films=flags.films) if one.split == "test" or one.video_id not in known]
    if not new:
        raise UsageError(f"Expected new recordings in {flags.data_dir}, but got only those of the reference. Name another directory.")
    return new


def _measured(sources: "Sequence[DriftSource]", recognizer: "Recognizer | None", label: str) -> "tuple[list[Measured], list[str]]":
    """Return the measures of sound recordings, and why others have none."""
    from reports.progress import progress

    measured, broken = [], []
    for one in progress(sources, label, len(sources)):
        try:
            measured.append(one.measure(recognizer))
        except (ContractError, UsageError) as error:
            broken.append(f"broken   {one.lab}, recording {one.name}: {error}".replace("\n", " "))
    return measured, broken


def _identity(checkpoints: Sequence[Path]) -> str:
    """Return the digest of the checkpoints: scores of others cannot be compared."""
    digests = []
    for path in checkpoints:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return "+".join(digests)


def _save(reference: "Sequence[Measured]", identity: str, path: Path) -> int:
    from behavior.drift_rule import to_json_list
    from behavior.whole_file import write_json

    write_json(path, {"checkpoint": identity, "recordings": to_json_list(reference)})
    print(f"Wrote {path}: {len(reference)} reference recordings.")
    return EXIT_OK


def _read(path: Path, identity: str) -> "list[Measured]":
    from behavior.drift_rule import from_json_list

    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        measured = from_json_list(content["recordings"])
        checkpoint = content["checkpoint"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ContractError([f"Expected {path} to be a file of --save-reference, but got another one. Write it again."]) from None
    if identity and checkpoint != identity:
        raise UsageError(f"Expected the reference of this checkpoint in {path}, but got that of another. Write it again.")
    return measured


def _write_table(compared: "Sequence[Any]", path: Path) -> None:
    import pandas as pd

    from inference.serving import write_csv

    rows = [
        {
            "lab_id": one.lab,
            "measure": one.measure,
            "against": one.against,
            "reference_recordings": len(one.reference),
            "usual_low": one.usual[0] if one.usual else None,
            "usual_high": one.usual[1] if one.usual else None,
            "new_recordings": len(one.new),
            "new_median": one.new_median,
            "unusual_recordings": len(one.unusual),
            "drifted": one.drifted,
        }
        for one in compared
    ]
    write_csv(pd.DataFrame(rows), path)


if __name__ == "__main__":
    sys.exit(main())
