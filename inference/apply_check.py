"""Does somebody else's recognizer fit your recordings?

    python inference/apply_check.py --data-dir data --checkpoint their.safetensors
    python inference/apply_check.py --data-dir data --checkpoint their.safetensors --reference their_data

It compares bodyparts, frame rate, units, behaviors and labs, and how far the features of your recordings are from those of training: as
the network remembers them, or with --reference from recordings of its training. Nothing is predicted. Each line says fits, look (it works,
but worse) or unfit. What the recognizer gains from your labels, training/reuse.py measures.
Exit codes: 0 checked and nothing is unfit, 1 something unexpected, 2 usage or a missing file, 4 something is unfit, or input breaks its
contract, 130 interrupted.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_CONTRACT, EXIT_OK, ContractError, Fault, UsageError, exit_code, refuse
from inference.recording_files import DATA_DIR

if TYPE_CHECKING:
    from behavior.material import Material
    from recognizers.applicability import Check

MOST_RECORDINGS = 10
"""Of more recordings, so many are checked, evenly over the metadata."""


def main(arguments: list[str] | None = None) -> int:
    """Print the checks as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _check(flags))


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    default = Path(os.environ.get("MABE_DATA_DIR") or DATA_DIR)
    parser.add_argument("--data-dir", type=Path, default=default, help="raw data directory (or MABE_DATA_DIR; default: %(default)s)")
    parser.add_argument("--checkpoint", type=Path, required=True, help="the recognizer: .safetensors or .onnx")
    parser.add_argument("--reference", type=Path, metavar="DIR", help="a data directory with recordings of its training")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    return parser


def _check(flags: argparse.Namespace) -> int:
    from recognizers.applicability import Verdict, as_json

    checks = check_recordings([flags.checkpoint], flags.data_dir, flags.reference)
    if flags.json:
        print(json.dumps({"checkpoint": str(flags.checkpoint), "checks": as_json(checks)}, indent=1))
    else:
        print(check_table(checks))
    return EXIT_CONTRACT if any(one.verdict is Verdict.UNFIT for one in checks) else EXIT_OK


def check_recordings(checkpoints: Sequence[Path], data_dir: Path, reference: Path | None = None) -> "list[Check]":
    """Return all checks of a recognizer, of several files if they are averaged, on some recordings of a data directory.

    Raises UsageError for files that are not there, ContractError for broken ones.
    """
    from inference.serving import check_sees_tracks
    from recognizers.applicability import applicability
    from recognizers.devices import rest_waiting_threads
    from recognizers.families import load_recognizer

    for path in checkpoints:
        if not path.is_file():
            raise UsageError(f"Expected --checkpoint to be a file, but got {path}. Correct the path.")
    check_sees_tracks(checkpoints, "Compare films with those of the training: inference/drift.py --films.")
    rest_waiting_threads()
    return applicability(load_recognizer(list(checkpoints)), _materials(data_dir), _materials(reference) if reference else ())


def check_table(checks: "Sequence[Check]") -> str:
    """Return a line for each check."""
    width = max(len(one.name) for one in checks)
    return "\n".join(f"{one.name:<{width}}  {one.verdict:<7}  {one.text}" for one in checks)


def _materials(data_dir: Path) -> "list[Material]":
    """Return some sound recordings of a data directory with their curated tracks, those of test.csv first.

    Raises ContractError if all of them are broken, UsageError without any.
    """
    from behavior.curation import curate
    from behavior.material import Material
    from inference.bout_sources import read_metadata
    from inference.recording_files import RecordingFiles, TrackingFile

    splits = [split for split in ("test", "train") if (data_dir / f"{split}.csv").is_file()]
    if not splits:
        raise UsageError(f"Expected test.csv or train.csv in {data_dir}, but got neither. Name a data directory.")
    recordings = tuple(read_metadata(data_dir, splits[0])[1].values())
    files = RecordingFiles(recordings, data_dir / f"{splits[0]}_tracking", splits[0])
    every = max(1, -(-len(recordings) // MOST_RECORDINGS))
    materials, faults = list[Material](), list[Fault]()
    for one in recordings[::every]:
        try:
            materials.append(Material.with_tracking(one, curate(TrackingFile(files.file(one)), one)))
        except ContractError as error:
            faults += error.faults
    if not materials:
        refuse(faults)
    return materials


if __name__ == "__main__":
    sys.exit(main())
