"""Step 4: train a recognizer from the curated zone, on this machine or in a SageMaker training container.

    python training/train.py --curated s3_mock/curated-zone --recipe cnn_transformer_small --model-dir checkpoints

Reads a directory of curated tables, writes <model-dir>/<recipe>.safetensors and, with --output-dir, report.json. In a container
the folders come from SM_CHANNEL_CURATED, SM_MODEL_DIR, SM_OUTPUT_DATA_DIR and SM_CHECKPOINT_DIR, the rest from hyperparameters.
Exit codes: 0 trained, 1 the loss diverged or something unexpected, 2 usage, 4 the curated data break their contract, 130 interrupted.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_CONTRACT, EXIT_INTERRUPTED, EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE, ContractError, UsageError
from training.script import TrainingDivergedError, curated_folder

if TYPE_CHECKING:
    from training.fitting.network_session import Running
    from training.material.datasets import Batch
    from training.recipes.named import AnyRecipe


def main(arguments: list[str] | None = None) -> int:
    """Train as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    try:
        return _train(flags)
    except ContractError as error:
        return _fail(str(error), EXIT_CONTRACT)
    except UsageError as error:
        return _fail(str(error), EXIT_USAGE)
    except KeyboardInterrupt:
        return _fail("Expected to train to the end, but got interrupted. Go on with the same --checkpoint-dir.", EXIT_INTERRUPTED)
    except TrainingDivergedError as error:
        return _fail(str(error), EXIT_UNEXPECTED)
    except Exception as error:  # whatever it is: the container wants the reason in a file, and the traceback stays
        _tell_container(f"{type(error).__name__}: {error}")
        raise


def _train(flags: argparse.Namespace) -> int:
    curated = curated_folder(flags)
    from recognizers import rest_waiting_threads

    rest_waiting_threads()
    from training.decoding.fitted import read_decoding
    from training.fitting.network_session import prepare
    from training.material.curated_zone import CuratedZone

    recipe = chosen_recipe(flags)
    fitted = flags.decoding and read_decoding(flags.decoding)  # refused before anything is read
    session = prepare(curated, recipe, flags.seed, chosen_device(flags.device), flags.threads, compiled=flags.compile)
    if not CuratedZone(curated).content_groups():
        print(f"{curated} does not say which recordings show the same video; each counts by itself. Run the ETL job again.")
    if fitted:
        session = session.decoded_by(fitted)
    print(session.summary, flush=True)
    if flags.checkpoint_dir is not None and session.restore(flags.checkpoint_dir):
        print(f"Resumed after {session.standing} from {flags.checkpoint_dir}.", flush=True)

    def on_epoch(done: "Running") -> None:
        print(epoch_line(done), flush=True)
        if flags.checkpoint_dir is not None:
            session.save_state(flags.checkpoint_dir)

    path = flags.model_dir / f"{recipe.name}.safetensors"
    try:
        session.fit(on_epoch, watch_batches if sys.stdout.isatty() else None)
    finally:
        if session.has_result:  # also when the loss diverged: the last good network is worth keeping
            session.save_recognizer(path)
    print(session.closing(path), flush=True)
    if flags.output_dir is not None:
        _write_json(flags.output_dir / "report.json", session.report())
    return EXIT_OK


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    folders = {
        "--curated": ("SM_CHANNEL_CURATED", None, "directory of the curated zone"),
        "--model-dir": ("SM_MODEL_DIR", Path("checkpoints"), "where the checkpoint goes"),
        "--output-dir": ("SM_OUTPUT_DATA_DIR", None, "where report.json goes"),
        "--checkpoint-dir": ("SM_CHECKPOINT_DIR", None, "saved after each epoch, resumed from there"),
    }
    for flag, (variable, default, meaning) in folders.items():
        given = os.environ.get(variable)
        text = f"{meaning} (default: {variable}{f', or {default}' if default else ''})"
        parser.add_argument(flag, type=Path, default=Path(given) if given else default, help=text)
    parser.add_argument("--recipe", default="cnn_transformer", help="name of a function in training/recipes (default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--batch", type=int, help="windows per step, instead of the recipe's")
    parser.add_argument("--trunk", metavar="FILE", help="start from what training/pretrain.py learned of recordings without labels")
    parser.add_argument("--learning-rate", type=float, help="peak, instead of the recipe's")
    decoding = "decode with what a cross-validation fitted: its folder or decoding.json (default: thresholds of validation recordings)"
    parser.add_argument("--decoding", type=Path, metavar="PATH", help=decoding)
    parser.add_argument("--seed", type=int, default=0, help="of weights, windows and dropout (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="processor threads (default: as many as cores)")
    parser.add_argument("--compile", action="store_true", help="train through torch.compile: for long runs on a GPU")
    return parser


def chosen_recipe(flags: argparse.Namespace) -> "AnyRecipe":
    """Return the recipe that the flags name, with what they change in it. Raises UsageError.

    What a recipe does not know (epochs and batches of trees) is left aside with a word about it: a job may pass one set of flags to all.
    """
    from training.recipes.named import RECIPES

    if flags.recipe not in RECIPES:
        raise UsageError(f"Expected --recipe to be one of {', '.join(sorted(RECIPES))}, but got {flags.recipe}. Choose one of them.")
    recipe = RECIPES[flags.recipe]()
    given = {name: value for name in ("epochs", "batch", "learning_rate", "trunk") if (value := getattr(flags, name, None)) is not None}
    unknown = [name for name in given if not hasattr(recipe, name)]
    if unknown:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in unknown)
        print(f"Recipe {recipe.name} has no such setting: {named} is left aside.", file=sys.stderr)
    try:
        return replace(recipe, **{name: value for name, value in given.items() if name not in unknown})
    except ValueError as error:
        raise UsageError(str(error)) from None


def chosen_device(name: str) -> str:
    """Return the device by its name. Raises UsageError if it is not here."""
    from recognizers import find_device

    try:
        return find_device(name)
    except ValueError as error:
        raise UsageError(str(error)) from None


def epoch_line(done: "Running") -> str:
    """Return what a session says of its last step."""
    return done.line


def watch_batches(batches: "Iterable[Batch]", total: int) -> "Iterable[Batch]":
    """Show a bar over the batches of one epoch, where rich is installed."""
    try:
        from rich.progress import track
    except ImportError:
        return batches
    return track(batches, description="training", total=total, transient=True)


def _fail(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    _tell_container(text)
    return code


def _tell_container(text: str) -> None:
    """Leave the reason where SageMaker looks for it."""
    folder = os.environ.get("SM_OUTPUT_DIR")
    if folder and Path(folder).is_dir():
        (Path(folder) / "failure").write_text(text)


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
