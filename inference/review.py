"""The bouts most worth a person's look, for BORIS and as a table.

    python inference/review.py --data-dir data --bouts bouts.parquet --count 50 --output review
    python inference/review.py --data-dir data --bouts stack.parquet plus.parquet trees.parquet --output review

It reads predictions that recognize.py wrote as Parquet. Worth a look are bouts with a score near the threshold and, with predictions of
several recognizers (such as the members of a stack), bouts on which they disagree; the first file is the one to be corrected. Each lab and
behavior gives its best bout in turn.
It writes into <output>: queue.csv, one row for each bout; queue.boris, a project with these bouts only; queue.html, a page with a clip of
each bout; and clips/, the same clips as files, over the film if there is one (not with --no-clips). Look at the page, and correct either
the table or the project:
- in queue.csv, write right, wrong, or the name of the true behavior as verdict, and if need be other corrected_start_frame and
  corrected_stop_frame; rows without a verdict were not reviewed;
- or in BORIS, move, delete or add bouts within the windows that the comments name.
Then python inference/take_corrections.py makes annotations of them, and the next training uses these.
Exit codes: 0 written, 1 something unexpected, 2 usage or a missing file, 4 input breaks its contract (all faults are listed),
130 interrupted.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, UsageError, exit_code
from inference.recording_files import DATA_DIR

if TYPE_CHECKING:
    import pandas as pd

    from inference.bout_sources import BoutSource
    from inference.exports.tidy_bouts import TidyBouts

TABLE, PROJECT, PAGE, CLIPS = "queue.csv", "queue.boris", "queue.html", "clips"
TO_FILL = ("verdict", "corrected_start_frame", "corrected_stop_frame")
"""Columns that a person fills."""


def main(arguments: list[str] | None = None) -> int:
    """Write the queue as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _review(flags))


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    default = Path(os.environ.get("MABE_DATA_DIR") or DATA_DIR)
    parser.add_argument("--data-dir", type=Path, default=default, help="raw data directory (or MABE_DATA_DIR; default: %(default)s)")
    several = "one or more bouts.parquet of recognize.py; the first is the one to be corrected"
    parser.add_argument("--bouts", type=Path, nargs="+", required=True, metavar="FILE", help=several)
    parser.add_argument("--count", type=int, default=50, help="number of bouts (default: %(default)s)")
    parser.add_argument("--margin-s", type=float, default=2.0, help="seconds to look at around a bout (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("review"), help="the folder to write into (default: %(default)s)")
    parser.add_argument("--no-clips", action="store_true", help="only the table and the project for BORIS")
    return parser


def _review(flags: argparse.Namespace) -> int:
    if flags.count < 1 or not 0 <= flags.margin_s < float("inf"):
        raise UsageError(f"Expected --count of 1 and --margin-s of 0 or more, but got {flags.count} and {flags.margin_s}. Correct them.")
    from behavior.review_queue import review_queue
    from behavior.whole_file import check_place
    from inference.bout_sources import read_source
    from inference.exports.tidy_bouts import tidy
    from inference.review_page import clip_name
    from inference.serving import write_csv

    for name in (TABLE, PROJECT):
        check_place(flags.output / name)
    sources = [read_source(path, flags.data_dir) for path in flags.bouts]
    if len({one.split for one in sources}) > 1:
        raise UsageError("Expected predictions of the same recordings, but got some of train.csv and some of test.csv. Choose one.")
    found = review_queue([one.observed for one in sources], flags.count, flags.margin_s)
    if found.empty:
        raise UsageError(f"Expected predicted bouts in {flags.bouts[0]}, but got none. There is nothing to review.")
    if found["agent_id"].isna().any():
        raise UsageError("Expected predictions that name mice, but got bouts of a whole arena. Review those of another recognizer.")
    every = tidy(sources[0], flags.data_dir)
    table = as_table(found, sources, every)
    if not flags.no_clips:
        named = [f"{CLIPS}/{clip_name(item)}" for item in table["item"]]
        table.insert(len(table.columns) - len(TO_FILL), "clip", named)
    write_csv(table, flags.output / TABLE)
    _write_project(table, every, flags.output / PROJECT)
    if not flags.no_clips:
        _write_clips(found, sources[0], every, flags)
    print(f"Wrote {flags.output / TABLE} and {PROJECT}: {len(table)} of {len(sources[0].observed.bouts)} bouts, {_spread(table)}.")
    return EXIT_OK


def _write_clips(found: "pd.DataFrame", source: "BoutSource", every: "TidyBouts", flags: argparse.Namespace) -> None:
    """Write the page and the clips."""
    from datetime import date

    from behavior.whole_file import write_text
    from inference.review_page import draw_queue, review_page, write_clips
    from inference.viewed_recording import ViewedRecording
    from reports.page import render
    from reports.progress import progress

    def viewed(video: int) -> ViewedRecording:
        return ViewedRecording(flags.data_dir, source.split, source.recordings[video])

    clips = list(progress(draw_queue(found, viewed), "draw clips", len(found)))
    write_clips(clips, flags.output / CLIPS)
    names = {video: film.name for video, film in every.films.items()}
    line = f"{flags.bouts[0].name} of {source.name} · {date.today().isoformat()}"
    write_text(flags.output / PAGE, render(review_page(clips, names, line)))
    print(f"Wrote {flags.output / PAGE}: {len(clips)} clips, also in {flags.output / CLIPS}.")


def as_table(found: "pd.DataFrame", sources: "list[BoutSource]", every: "TidyBouts") -> "pd.DataFrame":
    """Return the queue as a person reads it: numbered, with names and seconds, and with empty columns to fill."""
    from inference.exports.tidy_bouts import mouse_text, target_text

    names = {video: film.name for video, film in every.films.items()}
    fps = found["frames_per_second"]
    rows = found.assign(
        item=range(1, len(found) + 1),
        recording=found["video_id"].map(names),
        split=sources[0].split,
        agent=[str(mouse_text(agent)) for agent in found["agent_id"]],
        target=[str(target_text(*pair)) for pair in zip(found["agent_id"], found["target_id"], strict=True)],
        behavior=found["action"],
        start_s=(found["start_frame"] / fps).round(3),
        stop_s=(found["stop_frame"] / fps).round(3),
        source=found["observer"].map(dict(enumerate(one.name for one in sources))),
        **dict.fromkeys(TO_FILL, ""),
    )
    rows[["confidence", "threshold", "doubt", "dispute"]] = rows[["confidence", "threshold", "doubt", "dispute"]].round(3)
    names_of_columns = ["item", "recording", "video_id", "split", "lab_id", "agent", "target", "behavior", "start_s", "stop_s"]
    names_of_columns += ["start_frame", "stop_frame", "window_start_frame", "window_stop_frame", "frames_per_second"]
    return rows[[*names_of_columns, "confidence", "threshold", "doubt", "dispute", "source", *TO_FILL]]


def _write_project(table: "pd.DataFrame", every: "TidyBouts", path: Path) -> None:
    """Write a BORIS project with the bouts of the queue, each with a comment that says its number and its window."""
    from inference.exports.tidy_bouts import TidyBouts
    from inference.exports.to_boris import write_boris_project

    fps = table["video_id"].map({video: film.fps for video, film in every.films.items()})
    windows = [
        f"item {item}: look at {start:.2f} to {stop:.2f} s"
        for item, start, stop in zip(table["item"], table["window_start_frame"] / fps, table["window_stop_frame"] / fps, strict=True)
    ]
    bouts = table.assign(note=windows)[[*every.bouts.columns, "note"]]
    films = {video: film for video, film in every.films.items() if video in set(table["video_id"])}
    write_boris_project(TidyBouts(bouts, films, False), path, "review")


def _spread(table: "pd.DataFrame") -> str:
    columns = {"behavior": "behavior", "recording": "recording", "lab_id": "lab"}
    amounts = ((table[column].nunique(), word) for column, word in columns.items())
    return ", ".join(f"{count} {word}{'s' * (count != 1)}" for count, word in amounts)


if __name__ == "__main__":
    sys.exit(main())
