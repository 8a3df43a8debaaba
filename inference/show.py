"""Look at a recording: a picture of it, or a clip of a bout.

    python inference/show.py 1000000 --data-dir data/sample                           a picture: ethogram, speed, paths
    python inference/show.py 1000000 --data-dir data/sample --bouts bouts.csv         with predicted bouts below those of experts
    python inference/show.py 1000000 --data-dir data/sample --bouts bouts.csv --list  the bouts with their numbers
    python inference/show.py 1000000 --data-dir data/sample --bouts bouts.csv --bout 3 --output attack.mp4

RECORDING is the number or the name of a recording of train.csv or test.csv. The ending of --output decides what is drawn: .png and
.svg are pictures, .mp4, .gif and .webp are clips. A clip shows the mice as skeletons, over the film if the data directory has one
(<split>_video/<lab>/<video>.mp4). Full dots were seen by the tracker, empty ones were not. Writes one file, whole or not at all.
Exit codes: 0 written, 1 something unexpected, 2 usage, 4 input breaks its contract (all faults are listed), 130 interrupted.
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

    from inference.viewed_recording import ViewedRecording

PICTURES = (".png", ".svg")


def main(arguments: list[str] | None = None) -> int:
    """Write the picture or the clip as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _show(flags))


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("recording", metavar="RECORDING", help="number or name of a recording")
    default = Path(os.environ.get("MABE_DATA_DIR") or DATA_DIR)
    parser.add_argument("--data-dir", type=Path, default=default, help="raw data directory (or MABE_DATA_DIR; default: %(default)s)")
    parser.add_argument("--bouts", type=Path, help="predicted bouts, of recognize.py (.csv or .parquet) or a submission")
    parser.add_argument("--list", action="store_true", help="print the bouts with their numbers, and exit")
    parser.add_argument("--bout", type=int, metavar="N", help="show this bout: of --bouts, else of the annotation")
    parser.add_argument("--from", type=float, dest="start_s", metavar="S", help="show the time from here, s (default: the beginning)")
    parser.add_argument("--to", type=float, dest="stop_s", metavar="S", help="show the time to here, s (default: the end)")
    parser.add_argument("--around", type=float, default=1.0, metavar="S", help="time before and after a bout, s (default: %(default)s)")
    parser.add_argument("--output", type=Path, help="the file to write (default: RECORDING.png, or RECORDING-bout-N.mp4)")
    parser.add_argument("--width", type=int, default=640, help="width of a clip, pixels (default: %(default)s)")
    parser.add_argument("--speed", type=float, default=1.0, help="speed of a clip; 0.5 is slow motion (default: %(default)s)")
    parser.add_argument("--whole", action="store_true", help="a clip of the whole picture, not of the mice from near")
    parser.add_argument("--no-film", action="store_true", help="skeletons alone, also if there is a film")
    return parser


def _show(flags: argparse.Namespace) -> int:
    output = flags.output or Path(f"{flags.recording}.png" if flags.bout is None else f"{flags.recording}-bout-{flags.bout}.mp4")
    _check(flags, output)
    from behavior.whole_file import check_place, whole_file
    from inference.bout_files import numbered, read_bouts
    from inference.viewed_recording import find_recording

    check_place(output)
    viewed = find_recording(flags.data_dir, flags.recording)
    predicted = read_bouts(flags.bouts, viewed.recording.video_id) if flags.bouts else None
    bouts = viewed.true_bouts if predicted is None else predicted
    if flags.list:
        print(_listed(viewed, bouts))
        return EXIT_OK
    bout = None if flags.bout is None else numbered(bouts, flags.bout)
    start_s, stop_s = _times(flags, viewed, bout)
    if output.suffix in PICTURES:
        content = _picture(viewed, predicted, start_s, stop_s, output.suffix)
    else:
        content = _clip(flags, viewed, bout, start_s, stop_s, output.suffix)
    with whole_file(output) as beside:
        beside.write_bytes(content)
    print(f"Wrote {output}: {viewed.recording.lab_id}, recording {viewed.recording.shown}, {start_s:.1f} to {stop_s:.1f} s.")
    return EXIT_OK


def _check(flags: argparse.Namespace, output: Path) -> None:
    """Raise UsageError for flags that contradict each other, before anything is read."""
    endings = (*PICTURES, ".mp4", ".gif", ".webp")
    if output.suffix not in endings:
        raise UsageError(f"Expected --output to end with {', '.join(endings)}, but got {output}. Use one of them.")
    if not 64 <= flags.width <= 4096 or not 0.01 <= flags.speed <= 100 or flags.around < 0:
        got = f"{flags.width}, {flags.speed:g} and {flags.around:g}"
        raise UsageError(f"Expected --width from 64 to 4096, --speed from 0.01 to 100, --around of 0 or more, but got {got}. Change them.")


def _listed(viewed: "ViewedRecording", bouts: "pd.DataFrame | None") -> str:
    """Return a line for each bout."""
    from inference.bout_files import in_order
    from inference.ethogram_rows import label_of, who_of

    if bouts is None or bouts.empty:
        return f"No bouts of recording {viewed.recording.shown}."
    fps = viewed.recording.fps
    lines = [f"{'bout':>5} {'start, s':>9} {'stop, s':>9}  behavior"]
    for number, (_, bout) in enumerate(in_order(bouts).iterrows(), start=1):
        sure = f"  confidence {bout['confidence']:.2f}" if "confidence" in bout else ""
        lines.append(f"{number:>5} {bout['start_frame'] / fps:>9.2f} {bout['stop_frame'] / fps:>9.2f}  {label_of(who_of(bout))}{sure}")
    return "\n".join(lines)


def _times(flags: argparse.Namespace, viewed: "ViewedRecording", bout: "pd.Series | None") -> tuple[float, float]:
    """Return the first and the last time to show, s, within the recording. Raises UsageError if nothing is between them."""
    fps, frames = viewed.recording.fps, viewed.curated.pose.film_frames
    first, last = frames.start / fps, frames.stop / fps
    start, stop = flags.start_s, flags.stop_s
    if bout is not None:
        start = bout["start_frame"] / fps - flags.around if start is None else start
        stop = bout["stop_frame"] / fps + flags.around if stop is None else stop
    start, stop = max(first if start is None else start, first), min(last if stop is None else stop, last)
    if not stop - start >= 1 / fps:
        raise UsageError(f"Expected a time from {first:.1f} to {last:.1f} s, but got {start:g} to {stop:g} s. Change --from and --to.")
    return start, stop


def _picture(viewed: "ViewedRecording", predicted: "pd.DataFrame | None", start_s: float, stop_s: float, ending: str) -> bytes:
    from inference.recording_picture import recording_picture
    from reports.figures import png, svg
    from reports.recording_chart import recording_chart

    figure = recording_chart(recording_picture(viewed, predicted, start_s, stop_s))
    return png(figure) if ending == ".png" else svg(figure).encode()


def _clip(
    flags: argparse.Namespace, viewed: "ViewedRecording", bout: "pd.Series | None", start_s: float, stop_s: float, ending: str
) -> bytes:
    from inference.clips.encoding import encode
    from inference.clips.scenes import Look, scene_of
    from inference.clips.skeletons import pictures
    from reports.progress import progress

    look = Look(flags.width, round(flags.width * 0.75), flags.speed, flags.whole, not flags.no_film)
    scene, fps = scene_of(viewed, start_s, stop_s, bout, look, ending)
    return encode(progress(pictures(scene), "clip", len(scene.frames)), fps, ending)


if __name__ == "__main__":
    sys.exit(main())
