"""Everything about your recordings in one folder: bouts, statistics, ethograms, a report. For people who do not write code.

    python inference/analyze.py --data-dir data/mine --checkpoint results/sample/cnn_transformer_small.safetensors --output results/mine

Reads   the recordings of test.csv; without test.csv, those of train.csv that nobody annotated. Other programs' files become such a
        data directory with aws_pipeline/import_pose.py.
Writes  into the folder --output: report.html (one page; open it in a browser), statistics.csv and statistics.png (how often, how long
        and how soon, for each animal), bouts.csv (one row for each bout) and bouts.parquet (the same for the other scripts), and
        ethograms/<recording>.png.

First it says whether the recognizer fits your recordings. What it should be used for with care is also on the page. In a recording
without a list of behaviors, it looks for all behaviors that it knows.
Exit codes: 0 written, 1 something unexpected, 2 usage, 3 written, but at least one recording breaks its contract, 4 the input cannot be
used, or the recognizer does not fit, 130 interrupted.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, EXIT_PUT_ASIDE, exit_code, refuse
from inference.bout_statistics import LEVELS
from inference.recording_files import DATA_DIR

_MOST_ETHOGRAMS = 100
"""Of more recordings, the first ones are drawn; show.py draws any of them."""


def main(arguments: list[str] | None = None) -> int:
    """Write the folder as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _analyze(flags))


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    several = "one or more .safetensors or .onnx files; several are averaged"
    parser.add_argument("--checkpoint", type=Path, nargs="+", required=True, help=several)
    default = Path(os.environ.get("MABE_DATA_DIR") or DATA_DIR)
    parser.add_argument("--data-dir", type=Path, default=default, help="raw data directory (or MABE_DATA_DIR; default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("analysis"), help="the folder to write (default: %(default)s)")
    parser.add_argument("--by", choices=LEVELS, default="animal", help="what one row of the statistics is about (default: %(default)s)")
    parser.add_argument("--bin-s", type=float, metavar="SECONDS", help="split the time of the statistics into bins of so many seconds")
    parser.add_argument(
        "--clips", type=int, default=6, help="clips of certain, and of doubtful bouts, in the report (default: %(default)s)"
    )
    parser.add_argument("--batch", type=int, default=64, help="windows per pass through the network (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: %(default)s)")
    return parser


def _analyze(flags: argparse.Namespace) -> int:
    from inference import bout_statistics, export_bouts, recognize, report

    cautions = _cautions(flags)
    folder, bouts = flags.output, flags.output / "bouts.parquet"
    (folder / "ethograms").mkdir(parents=True, exist_ok=True)
    data, network = ("--data-dir", flags.data_dir), ("--checkpoint", *flags.checkpoint, "--device", flags.device, "--batch", flags.batch)
    bins = () if flags.bin_s is None else ("--bin-s", flags.bin_s)
    table = "--by", flags.by, *bins, "--output", folder / "statistics.csv", "--plot", folder / "statistics.png"
    notes = [part for caution in cautions for part in ("--note", caution)]
    title = "--title", flags.data_dir.resolve().name
    steps: tuple[tuple[Callable[[list[str]], int], Sequence[object]], ...] = (
        (recognize.main, (*data, *network, "--output", bouts, "--quiet", "--keep-going")),
        (export_bouts.main, (*data, "--bouts", bouts, "--output", folder / "bouts.csv")),
        (bout_statistics.main, (*data, "--bouts", bouts, *table)),
        (lambda _: _draw_ethograms(flags.data_dir, bouts, folder / "ethograms"), ()),
        (report.main, (*data, *network, *title, *notes, "--clips", flags.clips, "--output", folder / "report.html")),
    )
    for step, arguments in steps:  # each says what it wrote, or why it could not
        code = step([str(argument) for argument in arguments])
        if code not in (EXIT_OK, EXIT_PUT_ASIDE):
            return code
    print(f"Open {folder / 'report.html'} in a browser.")
    return code


def _cautions(flags: argparse.Namespace) -> list[str]:
    """Print whether the recognizer fits; return what readers of the report must know. Raises ContractError if it does not fit."""
    from inference.apply_check import check_recordings, check_table
    from inference.serving import check_checkpoints, check_sees_tracks
    from recognizers.applicability import Verdict

    check_checkpoints(flags)
    check_sees_tracks(flags.checkpoint, "Films go another way: inference/recognize.py --videos.")
    checks = check_recordings(flags.checkpoint, flags.data_dir)
    print(check_table(checks))
    refuse(
        f"{one.name}: Expected a recognizer that fits these recordings, but got: {one.text}. Use another one, or train your own."
        for one in checks
        if one.verdict is Verdict.UNFIT
    )
    looks = [f"{one.name.capitalize()}: {one.text}." for one in checks if one.verdict is Verdict.LOOK]
    return [" ".join(["The recognizer was made for other recordings, so it will make more mistakes here.", *looks])] if looks else []


def _draw_ethograms(data_dir: Path, bouts: Path, folder: Path) -> int:
    """Draw a picture of each recording."""
    from behavior.whole_file import whole_file
    from inference.bout_sources import read_source
    from inference.exports.tidy_bouts import tidy
    from inference.recording_picture import recording_picture
    from inference.viewed_recording import ViewedRecording
    from reports.figures import png
    from reports.progress import progress
    from reports.recording_chart import recording_chart

    source = read_source(bouts, data_dir)
    predicted = source.observed.bouts
    films = dict(list(tidy(source, data_dir).films.items())[:_MOST_ETHOGRAMS])
    for video, film in progress(films.items(), "draw", len(films)):
        viewed = ViewedRecording(data_dir, source.split, source.recordings[video])
        frames, fps = viewed.curated.pose.film_frames, viewed.recording.fps
        own = predicted[predicted["video_id"] == video]
        picture = png(recording_chart(recording_picture(viewed, own, frames.start / fps, frames.stop / fps)))
        with whole_file(folder / f"{film.file_name}.png") as draft:
            draft.write_bytes(picture)
    print(f"Wrote {folder}: {len(films)} pictures.")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
