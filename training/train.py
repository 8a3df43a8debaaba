"""Step 4: train a recognizer from the curated zone, on this machine or in a SageMaker training container.

    python training/train.py --curated s3_mock/curated-zone --recipe cnn_transformer_small --model-dir checkpoints

    torchrun --standalone --nproc-per-node=4 training/train.py --curated s3_mock/curated-zone      # one process for each of 4 GPUs

It reads a directory of curated tables; a recipe that sees films reads the films in it. It writes <model-dir>/<recipe>.safetensors and,
with --output-dir, report.json and events/ for TensorBoard. With --checkpoint-dir, the state is saved after each epoch, every
--checkpoint-minutes, and when SIGTERM or Ctrl-C ends the run; the same command continues from there. In a container the folders come from
SM_CHANNEL_CURATED, SM_MODEL_DIR, SM_OUTPUT_DATA_DIR and SM_CHECKPOINT_DIR, all other flags are hyperparameters; recipe__network__dropout
is --set network.dropout.
Exit codes: 0 trained, 1 the loss diverged or something unexpected, 2 usage or a full disk, 4 the curated data break their contract, 130
interrupted.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_CONTRACT, EXIT_INTERRUPTED, EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE, ContractError, UsageError
from behavior.full_disk import MEND, is_full
from behavior.whole_file import check_place, write_json
from training.command_line import add_machine_flags, add_recipe_flags, batch_progress, chosen_machine, chosen_recipe, curated_folder
from training.fitting.divergence import TrainingDivergedError
from training.recipes.changes import changes_in

if TYPE_CHECKING:
    from training.fitting.keeper import Keeper
    from training.fitting.session import Machine, Session
    from training.recipes.named import AnyRecipe

REPORT_FILE = "report.json"


def main(arguments: list[str] | None = None) -> int:
    """Train as the flags say; return the exit code. SIGTERM, with which SageMaker takes a machine away, ends it like Ctrl-C."""
    flags, others = _flags().parse_known_args(arguments)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _exit_code(flags, others)
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit_code(flags: argparse.Namespace, others: list[str]) -> int:
    try:
        flags.changes = [*flags.changes, *changes_in(others)]
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
    except Exception as error:
        if is_full(error):
            return _fail(f"Expected room on the disk, but got: {str(error).rstrip('.')}. {MEND}", EXIT_USAGE)
        _write_failure(f"{type(error).__name__}: {error}")  # SageMaker reads the reason from a file; the traceback is printed too
        raise


def _train(flags: argparse.Namespace) -> int:
    curated, recipe = curated_folder(flags), chosen_recipe(flags)
    machine = _together(flags, recipe, chosen_machine(flags))
    from training.fitting.peers import leave

    try:
        return _train_on(machine, recipe, curated, flags)
    finally:
        leave()


def _train_on(machine: "Machine", recipe: "AnyRecipe", curated: Path, flags: argparse.Namespace) -> int:
    from behavior.body_length import unscaled_note
    from training.decoding.decoding_file import read_decoding
    from training.fitting.keeper import Keeper
    from training.fitting.prepare import prepare
    from training.fitting.resume import STATE_FILE
    from training.material.zones import ZONES

    path = flags.model_dir / f"{recipe.name}.safetensors"
    for folder, name in ((flags.model_dir, path.name), (flags.checkpoint_dir, STATE_FILE), (flags.output_dir, REPORT_FILE)):
        if folder is not None:
            check_place(folder / name)  # before hours of training
    fitted = flags.decoding and read_decoding(flags.decoding)  # a wrong file is refused before recordings are read
    session = prepare(curated, recipe, flags.seed, machine)
    zone = ZONES[recipe.view](curated)
    say: Callable[[str], None] = partial(print, flush=True) if machine.peers.leads else lambda line: None
    if not zone.content_groups():
        say(f"{curated} has no content groups: recordings of the same video may be in different folds. Run the ETL job again.")
    if note := unscaled_note(zone.annotated_recordings()):
        say(note)
    if fitted:
        session = session.with_decoding(fitted)
    say(session.summary)
    if flags.checkpoint_dir is not None and session.restore(flags.checkpoint_dir):
        say(f"Resumed after {session.progress} from {flags.checkpoint_dir}.")

    keeper = Keeper(session, flags.checkpoint_dir, 60 * flags.checkpoint_minutes, machine.peers)
    try:
        _fit(session, keeper, flags.output_dir, say)
    finally:
        if session.has_result and machine.peers.leads:  # also if the loss diverged: the best network so far is useful
            session.save_recognizer(path, zone.snapshot.run)
    say(session.result_line(path))
    if flags.output_dir is not None and machine.peers.leads:
        write_json(flags.output_dir / REPORT_FILE, session.report())
    return EXIT_OK


def _fit(session: "Session", keeper: "Keeper", output_dir: Path | None, say: Callable[[str], None]) -> None:
    """Train to the end; after each step say its line, add it to the events and save the state. Of several processes one does so."""
    from training.fitting.events import EVENTS_FOLDER, EventLog
    from training.fitting.loop import no_progress

    events = EventLog(output_dir / EVENTS_FOLDER) if output_dir is not None and keeper.peers.leads else None

    def on_step(line: str) -> None:
        say(line)
        if events is not None:
            events.add(session)
        keeper.after_step()

    try:
        with keeper.listening():
            session.fit(on_step, batch_progress if keeper.peers.leads else no_progress, keeper.after_batch)
    finally:
        if events is not None:
            events.close()


def _together(flags: argparse.Namespace, recipe: "AnyRecipe", machine: "Machine") -> "Machine":
    """Return the machine with the processes that torchrun started, if it did. Raises UsageError for what cannot be trained so."""
    count = int(os.environ.get("WORLD_SIZE", 1))
    if count == 1:
        return machine
    from training.fitting.peers import join
    from training.recipes.network_recipe import Recipe

    if not isinstance(recipe, Recipe):
        raise UsageError(
            f"Expected one process for trees, which use all cores, but got {count}. Start recipe {recipe.name} without torchrun."
        )
    if recipe.batch < count:
        raise UsageError(f"Expected a batch of at least {count} windows, one for each process, but got {recipe.batch}. Raise --batch.")
    peers, device = join(os.environ, machine.device)
    return replace(machine, device=device, peers=peers)


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    folders = {
        "--curated": ("SM_CHANNEL_CURATED", None, "directory of the curated zone"),
        "--model-dir": ("SM_MODEL_DIR", Path("checkpoints"), "folder for the checkpoint"),
        "--output-dir": ("SM_OUTPUT_DATA_DIR", None, "folder for report.json and events/"),
        "--checkpoint-dir": ("SM_CHECKPOINT_DIR", None, "folder for the state, from which an interrupted run continues"),
    }
    for flag, (variable, default, meaning) in folders.items():
        folder = os.environ.get(variable)
        if folder and variable == "SM_CHECKPOINT_DIR" and os.environ.get("SM_CHECKPOINT_PER_JOB"):
            folder = str(Path(folder) / os.environ["TRAINING_JOB_NAME"])  # jobs of a tuning job may share one place in S3
        text = f"{meaning} (default: {variable}{f', or {default}' if default else ''})"
        parser.add_argument(flag, type=Path, default=Path(folder) if folder else default, help=text)
    parser.add_argument("--snapshot", metavar="RUN", help="the run of the ETL whose tables are read (default: the last one)")
    add_recipe_flags(parser)
    parser.add_argument("--batch", type=int, help="windows per step, instead of the recipe's")
    parser.add_argument("--learning-rate", type=float, help="peak, instead of the recipe's")
    parser.add_argument(
        "--checkpoint-minutes",
        type=_minutes,
        default=10.0,
        metavar="M",
        help="with --checkpoint-dir: within an epoch, save the state every M minutes; 0 after every batch (default: %(default)s)",
    )
    decoding = "the decoding of a cross-validation: its folder or decoding.json (default: thresholds fitted on validation recordings)"
    parser.add_argument("--decoding", type=Path, metavar="PATH", help=decoding)
    parser.add_argument("--seed", type=int, default=0, help="seed of weights, windows and dropout (default: %(default)s)")
    add_machine_flags(parser)
    parser.add_argument("--compile", action="store_true", help="train with torch.compile: for long runs on a GPU")
    return parser


def _minutes(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"Expected minutes of 0 or more, but got {text}. Use 10.")
    return value


def _fail(text: str, code: int) -> int:
    if os.environ.get("RANK", "0") == "0" or code != EXIT_INTERRUPTED:  # a signal ends all processes, and one of them says so
        print(text, file=sys.stderr)
        _write_failure(text)
    return code


def _write_failure(text: str) -> None:
    """Write the reason to the file in which SageMaker looks for it. Of several processes, the first that fails knows it."""
    folder = os.environ.get("SM_OUTPUT_DIR")
    with suppress(OSError):  # a disk that is full has no room for the reason either; the log has it
        if folder and Path(folder).is_dir():
            with open(Path(folder) / "failure", "x" if "WORLD_SIZE" in os.environ else "w", encoding="utf-8") as file:
                file.write(text)


if __name__ == "__main__":
    sys.exit(main())
