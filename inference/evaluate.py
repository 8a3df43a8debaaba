"""Step 6: score a submission as the competition does.

    python inference/evaluate.py --solution data/train.csv --submission submission.csv

The truth is read from train_annotation/<lab>/<video>.parquet beside train.csv, or from the file itself if it is a solution (one row per
true bout). As in the competition, videos without true bouts do not count, so also those without an annotation file.

    python inference/evaluate.py --films data/films --submission bouts.csv --unseen-by film_tcn.safetensors

scores bouts in films, which recognize.py wrote: macro F1 of the labelled frames in each lab, and the mean over labs.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, ContractError, Fault, UsageError, exit_code, refuse
from inference.recording_files import DATA_DIR

if TYPE_CHECKING:
    import pandas as pd

    from behavior.metric import Score

METADATA_COLUMNS = ("lab_id", "video_id", "behaviors_labeled")
EXIT_CODES = """Exit codes: 0 scored; 1 something unexpected; 2 usage, a missing file or no solution; 4 the competition would refuse the
submission, or an annotation or checkpoint cannot be read (all reasons are listed); 130 interrupted."""
LAB_WIDTH, BEHAVIOR_WIDTH = 30, 36
"""Longer names are cut, so that a line fits 80 columns."""


def main(arguments: list[str] | None = None) -> int:
    """Print the score as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _evaluate(flags))


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Score a submission as the competition does, or bouts in films.", epilog=EXIT_CODES, allow_abbrev=False
    )
    solution = Path(os.environ.get("MABE_DATA_DIR") or DATA_DIR) / "train.csv"
    submission = Path("submission.csv")
    truth = "train.csv beside train_annotation/, or a table of true bouts (default: %(default)s)"
    parser.add_argument("--solution", type=Path, default=solution, help=truth)
    parser.add_argument("--films", type=Path, metavar="DIR", help="score bouts in the labelled films of this data directory instead")
    parser.add_argument("--submission", type=Path, default=submission, help="the submission to score (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    unseen = "score only videos that were not used for training or validation of these .safetensors files"
    parser.add_argument("--unseen-by", type=Path, nargs="+", default=[], metavar="CHECKPOINT", help=unseen)
    parser.add_argument("--videos", type=int, nargs="+", metavar="ID", help="score only these videos")
    return parser


def _evaluate(flags: argparse.Namespace) -> int:
    from behavior.metric import mabe_score

    seen = videos_seen_by(flags.unseen_by)
    submission = _read_csv(flags.submission, "--submission")
    if flags.films:
        score = _score_of_films(flags, submission, seen)
    else:
        score = mabe_score(read_solution(flags.solution, seen, flags.videos), submission)
    print(json.dumps(score.to_json_dict()) if flags.json else table(score))
    return EXIT_OK


def _score_of_films(flags: argparse.Namespace, bouts: "pd.DataFrame", seen: set[int]) -> "Score":
    """Return the score of bouts in films. Raises UsageError for a table of other things, or without labelled films."""
    from behavior.bouts import BOUT_COLUMNS
    from behavior.film_score import film_score
    from inference.film_truth import labelled_films

    if missing := sorted(set(BOUT_COLUMNS) - set(bouts)):
        raise UsageError(f"Expected bouts in {flags.submission}, but got a table without {', '.join(missing)}. Write it with recognize.py.")
    true, labs = labelled_films(flags.films, seen)
    if flags.videos is not None:
        true = true[true["video_id"].isin(flags.videos)]
        if true.empty:
            raise UsageError("Expected --videos to be labelled films, but got none. recognize.py names the films of all numbers.")
    return film_score(true, bouts, labs)


def videos_seen_by(checkpoints: Iterable[Path]) -> set[int]:
    """Return the videos used for training or validation of at least one checkpoint. Raises UsageError for a missing file."""
    from recognizers.checkpoint import read_header, videos_seen

    checkpoints = list(checkpoints)
    missing = [str(path) for path in checkpoints if not path.is_file()]
    if missing:
        raise UsageError(f"Expected --unseen-by to name checkpoints, but got no such file: {', '.join(missing)}. Correct the path.")
    return videos_seen(map(read_header, checkpoints))


def read_solution(path: Path, without: set[int], only: list[int] | None = None) -> "pd.DataFrame":
    """Return the true bouts in the columns of `behavior.metric.SOLUTION_COLUMNS`.

    `path` is a train.csv, whose bouts lie in train_annotation/ beside it, or a table of bouts. Videos `without` are left out, and with
    `only`, all other videos too. Raises UsageError if the file is neither, or without bouts, ContractError for broken annotations.
    """
    import pandas as pd

    try:
        rows = _read_csv(path, "--solution")
    except ContractError as error:
        raise UsageError(str(error)) from None
    if missing := [column for column in METADATA_COLUMNS if column not in rows]:
        raise UsageError(f"Expected a solution in {path}, but got a table without {', '.join(missing)}. Name the train.csv.")
    if not pd.api.types.is_integer_dtype(rows["video_id"]):
        raise UsageError(f"Expected whole numbers as video_id in {path}, but got something else. Correct the metadata.")
    if unknown := sorted(set(only or ()).difference(rows["video_id"])):
        raise UsageError(f"Expected --videos to be in {path}, but got {', '.join(map(str, unknown))}. Look up their ids there.")

    rows = rows[~rows["video_id"].isin(without)]
    rows = rows if only is None else rows[rows["video_id"].isin(only)]
    solution = rows if {"action", "start_frame"} <= set(rows) else annotated_bouts(rows, path.parent / "train_annotation")
    if solution.empty:
        raise UsageError(f"Expected true bouts in the chosen videos of {path}, but got none. Choose videos that have an annotation.")
    return solution


def annotated_bouts(metadata: "pd.DataFrame", folder: Path) -> "pd.DataFrame":
    """Return the bouts in <folder>/<lab>/<video>.parquet as solution rows; a video without a file has none.

    Raises UsageError if there is no such folder, ContractError with the faults of all files.
    """
    import pandas as pd

    from behavior.metric import SOLUTION_COLUMNS
    from behavior.parquet_file import read_rows
    from behavior.recording import lab_fault
    from behavior.tables import RAW_ANNOTATION
    from recognizers.competition import submission_rows

    if not folder.is_dir():
        raise UsageError(f"Expected annotations in {folder}, but got no such folder. Name the train.csv of a data directory.")
    parts, faults = [], list[Fault | str]()
    for lab, video, listed in metadata[list(METADATA_COLUMNS)].itertuples(index=False):
        path = folder / str(lab) / f"{video}.parquet"
        if fault := lab_fault(lab):
            faults.append(f"video {video}: {fault}")
        elif path.is_file():
            try:
                bouts = submission_rows(read_rows(RAW_ANNOTATION, path, str(path)).to_pandas())
            except ContractError as error:
                faults += error.faults
                continue
            parts.append(bouts.assign(lab_id=lab, video_id=video, behaviors_labeled=listed))
    refuse(faults)
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True)[SOLUTION_COLUMNS] if filled else pd.DataFrame(columns=SOLUTION_COLUMNS)


def table(score: "Score") -> str:
    """Return the score of each lab and behavior as a table of at most 80 columns."""
    lines = [("lab", "behavior", "F1")]
    for lab, of_lab in score.labs.items():
        lines.append((_cut(lab, LAB_WIDTH), f"mean of {len(of_lab.actions)}", f"{of_lab.score:.4f}"))
        lines += [("", _cut(action, BEHAVIOR_WIDTH), f"{value:.4f}") for action, value in of_lab.actions.items()]
    lines.append((f"mean of {len(score.labs)} labs", "", f"{score.score:.4f}"))
    lab_width, behavior_width = (max(len(line[column]) for line in lines) for column in (0, 1))
    return "\n".join(f"{lab:<{lab_width}}  {behavior:<{behavior_width}}  {value:>6}" for lab, behavior, value in lines)


def _read_csv(path: Path, flag: str) -> "pd.DataFrame":
    import pandas as pd

    if not path.is_file():
        raise UsageError(f"Expected {flag} to be a file, but got {path}. Correct the path.")
    try:
        return pd.read_csv(path, dtype={"lab_id": str}, low_memory=False)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ContractError([f"Expected {path} to be a CSV table, but got: {error}. Write it again."]) from None


def _cut(name: str, width: int) -> str:
    return name if len(name) <= width else f"{name[: width - 1]}…"


if __name__ == "__main__":
    sys.exit(main())
