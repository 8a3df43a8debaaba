"""Step 4: train a recognizer from the curated zone, on this machine or in a SageMaker training container.

    python training/train.py --curated s3_mock/curated-zone --recipe cnn_transformer_small --model-dir checkpoints

It reads a directory of curated tables; a recipe that sees films reads the films in it. It writes
<model-dir>/<recipe>.safetensors and, with --output-dir, report.json and events/ for TensorBoard. In a container the folders come from
SM_CHANNEL_CURATED, SM_MODEL_DIR, SM_OUTPUT_DATA_DIR and SM_CHECKPOINT_DIR, all other flags are hyperparameters.
Exit codes: 0 trained, 1 the loss diverged or something unexpected, 2 usage, 4 the curated data break their contract, 130 interrupted.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_CONTRACT, EXIT_INTERRUPTED, EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE, ContractError, UsageError
from behavior.whole_file import check_place, write_json
from training.command_line import add_machine_flags, add_recipe_flags, batch_progress, chosen_machine, chosen_recipe, curated_folder
from training.fitting.divergence import TrainingDivergedError

REPORT_FILE = "report.json"


def main(arguments: list[str] | None = None) -> int:
    """Train as the flags say; return the exit code. SIGTERM, with which SageMaker takes a machine away, ends it like Ctrl-C."""
    flags = _flags().parse_args(arguments)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _exit_code(flags)
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit_code(flags: argparse.Namespace) -> int:
    try:
        return _train(flags)
    except ContractError as error:
        return _fail(str(error), EXIT_CONTRACT)
    except UsageError as error:
        return _fail(str(error), EXIT_USAGE)
    except KeyboardInterrupt:
        mend = "Continue with the same command." if flags.checkpoint_dir else "Start again; with --checkpoint-dir a run can be continued."
        return _fail(f"Expected to train to the end, but got interrupted. {mend}", EXIT_INTERRUPTED)
    except TrainingDivergedError as error:
        return _fail(str(error), EXIT_UNEXPECTED)
    except Exception as error:  # SageMaker reads the reason from a file; the traceback is printed too
        _write_failure(f"{type(error).__name__}: {error}")
        raise


def _train(flags: argparse.Namespace) -> int:
    curated, machine = curated_folder(flags), chosen_machine(flags)
    from behavior.body_length import unscaled_note
    from training.decoding.decoding_file import read_decoding
    from training.fitting.events import EVENTS_FOLDER, EventLog
    from training.fitting.prepare import prepare
    from training.fitting.resume import STATE_FILE
    from training.material.curated_zone import CuratedZone
    from training.material.zones import ZONES

    recipe = chosen_recipe(flags)
    path = flags.model_dir / f"{recipe.name}.safetensors"
    for folder, name in ((flags.model_dir, path.name), (flags.checkpoint_dir, STATE_FILE), (flags.output_dir, REPORT_FILE)):
        if folder is not None:
            check_place(folder / name)  # before hours of training
    fitted = flags.decoding and read_decoding(flags.decoding)  # a wrong file is refused before recordings are read
    session = prepare(curated, recipe, flags.seed, machine)
    zone = ZONES[recipe.view](curated)
    if not zone.content_groups():
        print(f"{curated} has no content groups: recordings of the same video may be in different folds. Run the ETL job again.")
    if note := unscaled_note(zone.annotated_recordings()):
        print(note, flush=True)
    if fitted:
        session = session.with_decoding(fitted)
    print(session.summary, flush=True)
    if flags.checkpoint_dir is not None and session.restore(flags.checkpoint_dir):
        print(f"Resumed after {session.progress} from {flags.checkpoint_dir}.", flush=True)

    events = None if flags.output_dir is None else EventLog(flags.output_dir / EVENTS_FOLDER)

    def on_step(line: str) -> None:
        print(line, flush=True)
        if events is not None:
            events.add(session)
        if flags.checkpoint_dir is not None:
            session.save_state(flags.checkpoint_dir)

    try:
        session.fit(on_step, batch_progress)
    finally:
        if events is not None:
            events.close()
        if session.has_result:  # also if the loss diverged: the best network so far is useful
            session.save_recognizer(path, zone.snapshot.run if isinstance(zone, CuratedZone) else "")  # films are in no lake
    print(session.result_line(path), flush=True)
    if flags.output_dir is not None:
        write_json(flags.output_dir / REPORT_FILE, session.report())
    return EXIT_OK


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    folders = {
        "--curated": ("SM_CHANNEL_CURATED", None, "directory of the curated zone"),
        "--model-dir": ("SM_MODEL_DIR", Path("checkpoints"), "folder for the checkpoint"),
        "--output-dir": ("SM_OUTPUT_DATA_DIR", None, "folder for report.json and events/"),
        "--checkpoint-dir": ("SM_CHECKPOINT_DIR", None, "folder for the state after each epoch, from which an interrupted run continues"),
    }
    for flag, (variable, default, meaning) in folders.items():
        folder = os.environ.get(variable)
        text = f"{meaning} (default: {variable}{f', or {default}' if default else ''})"
        parser.add_argument(flag, type=Path, default=Path(folder) if folder else default, help=text)
    parser.add_argument("--snapshot", metavar="RUN", help="the run of the ETL whose tables are read (default: the last one)")
    add_recipe_flags(parser)
    parser.add_argument("--batch", type=int, help="windows per step, instead of the recipe's")
    parser.add_argument("--learning-rate", type=float, help="peak, instead of the recipe's")
    decoding = "the decoding of a cross-validation: its folder or decoding.json (default: thresholds fitted on validation recordings)"
    parser.add_argument("--decoding", type=Path, metavar="PATH", help=decoding)
    parser.add_argument("--seed", type=int, default=0, help="seed of weights, windows and dropout (default: %(default)s)")
    add_machine_flags(parser)
    parser.add_argument("--compile", action="store_true", help="train with torch.compile: for long runs on a GPU")
    return parser


def _fail(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    _write_failure(text)
    return code


def _write_failure(text: str) -> None:
    """Write the reason to the file in which SageMaker looks for it."""
    folder = os.environ.get("SM_OUTPUT_DIR")
    if folder and Path(folder).is_dir():
        (Path(folder) / "failure").write_text(text)


if __name__ == "__main__":
    sys.exit(main())
