"""Step 6 in the cloud's graph: score a trained recognizer on recordings that it never saw, and pack it with the code that serves it.

    python training/score_held_out.py --curated s3_mock/curated-zone --model checkpoints --model-dir served

It reads the annotated recordings of the curated zone that were neither used for training nor for validation of the recognizer in the
folder --model (a .safetensors file, or the model.tar.gz of a training job). It prints score=..., the score of the competition, the same
as inference/make_submission.py --held-out and inference/evaluate.py find; of a recognizer of films that of evaluate.py --films. It writes
to --model-dir the recognizer, its card (card.md, and decoding.csv: how scores become bouts), score.json, and in code/ what
inference/handler.py needs: what was scored is what is served.
Exit codes: 0 scored, 1 something unexpected, 2 usage, or no recording was held out, 4 the curated data or the model break their
contract, 130 interrupted.
"""

import argparse
import os
import shutil
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, ContractError, UsageError
from behavior.model_card import card_files
from behavior.whole_file import whole_file, write_json
from training.command_line import curated_folder, run_script

if TYPE_CHECKING:
    from behavior.metric import Score

SERVING = ("behavior", "films", "reports", "recognizers", "inference")
"""Folders that a served model needs."""
SCORE_FILE = "score.json"
_SUFFIX = ".safetensors"


def score_held_out(place: Path, checkpoint: Path, device: str = "auto") -> "Score":
    """Return the score of a checkpoint over the held-out recordings of a curated zone. Raises UsageError if there are none."""
    from behavior.bouts import bout_table
    from behavior.film_score import film_score
    from behavior.metric import mabe_score
    from recognizers.checkpoint import read_header, videos_seen
    from recognizers.competition import refuse_nameless, solution_rows, submission_rows
    from recognizers.devices import find_device
    from recognizers.families import load_recognizer
    from recognizers.recognizer import View, labelling_of
    from training.material.zones import ZONES

    header = read_header(checkpoint)
    view = View(header.get("view", View.PAIR))
    zone, seen = ZONES[view](place), videos_seen([header])
    recordings = [recording for recording in zone.annotated_recordings() if recording.video_id not in seen]
    true = zone.bouts(recordings)
    if true.empty:
        got = f"{len(recordings)} recordings with none" if recordings else "no such recording"
        raise UsageError(f"Expected held-out recordings with annotated bouts in {zone.root}, but got {got}. Curate more recordings.")
    recognizer = load_recognizer([checkpoint], find_device(device))
    if view is not View.CLIP:
        refuse_nameless(recognizer, str(checkpoint))
    labelling, decoding, found = labelling_of(recognizer), recognizer.decoding, []
    for recording in recordings:
        for subject, scores in recognizer.scores(zone.material(recording)):
            found += decoding.bouts(labelling, recording, subject, scores)
    if view is View.CLIP:
        return film_score(true, bout_table(found), {recording.video_id: recording.lab_id for recording in recordings})
    return mabe_score(solution_rows(recordings, true), submission_rows(bout_table(found)))


def main(arguments: list[str] | None = None) -> int:
    """Score as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return run_script(lambda: _score(flags))


def _score(flags: argparse.Namespace) -> int:
    try:
        curated = curated_folder(flags)
        with TemporaryDirectory() as folder:
            checkpoint = _checkpoint(flags.model, Path(folder))
            score = score_held_out(curated, checkpoint, flags.device)
            _pack(checkpoint, score, flags.snapshot or "the last one", flags.model_dir)
    except (ContractError, UsageError) as error:
        _tell_sagemaker(str(error))
        raise
    print(f"score={score.score:.6f} labs={len(score.labs)}", flush=True)
    return EXIT_OK


def _checkpoint(place: Path, folder: Path) -> Path:
    """Return the one checkpoint in a folder; that of an archive is unpacked to another `folder`, and nothing else of it.

    Raises UsageError unless there is exactly one.
    """
    for archive in sorted(place.glob("*.tar.gz")):
        with tarfile.open(archive) as tar:
            for member in tar.getmembers():
                if member.isfile() and member.name.endswith(_SUFFIX) and (content := tar.extractfile(member)):
                    with content, (folder / Path(member.name).name).open("wb") as target:
                        shutil.copyfileobj(content, target)
    found = [*sorted(place.glob(f"*{_SUFFIX}")), *sorted(folder.glob(f"*{_SUFFIX}"))]
    if len(found) != 1:
        got = ", ".join(path.name for path in found) or "none"
        raise UsageError(f"Expected one {_SUFFIX} file in {place}, or in a .tar.gz there, but got {got}. Name the folder of one model.")
    return found[0]


def _pack(checkpoint: Path, score: "Score", run: str, target: Path) -> None:
    """Write the recognizer, its card, its score, and the code that serves it."""
    from recognizers.checkpoint import read_header

    with whole_file(target / checkpoint.name) as draft:
        shutil.copyfile(checkpoint, draft)
    facts = {"score on recordings that it never saw": f"{score.score:.4f}", "run of the ETL that scored it": run}
    for name, content in card_files(read_header(checkpoint), checkpoint.stem, facts).items():
        with whole_file(target / name) as draft:
            draft.write_bytes(content)
    write_json(target / SCORE_FILE, score.to_json_dict())
    root = Path(__file__).resolve().parents[1]
    for folder in SERVING:
        shutil.copytree(root / folder, target / "code" / folder, ignore=shutil.ignore_patterns("__pycache__", ".*"), dirs_exist_ok=True)


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--curated", type=Path, required=True, help="directory of the curated zone")
    parser.add_argument("--snapshot", metavar="RUN", help="the run of the ETL whose tables are read (default: the last one)")
    parser.add_argument("--model", type=Path, default=Path("checkpoints"), help="folder with one recognizer (default: %(default)s)")
    parser.add_argument("--model-dir", type=Path, default=Path("served"), help="folder for what is served (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: %(default)s)")
    return parser


def _tell_sagemaker(text: str) -> None:
    """Write the reason of a failure to the file in which SageMaker looks for it."""
    folder = os.environ.get("SM_OUTPUT_DIR")
    if folder and Path(folder).is_dir():
        (Path(folder) / "failure").write_text(text)


if __name__ == "__main__":
    sys.exit(main())
