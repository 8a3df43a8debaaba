"""The common part of the scripts in this folder: flags, folders, recipes, machines, and exit codes."""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from behavior.contract import EXIT_UNEXPECTED, UsageError, exit_code
from behavior.keys import snapshot_key
from reports.progress import progress
from training.fitting.divergence import TrainingDivergedError

if TYPE_CHECKING:
    from behavior.recording import Recording
    from training.fitting.session import Machine
    from training.material.zones import Zone
    from training.recipes.named import AnyRecipe

T = TypeVar("T")


def run_script(work: Callable[[], int]) -> int:
    """Do the work and return the exit code; errors that the user can mend, and a diverged loss, are printed in plain lines."""
    try:
        return exit_code(work)
    except TrainingDivergedError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_UNEXPECTED


def add_recipe_flags(parser: argparse.ArgumentParser, recipe: str = "cnn_transformer") -> None:
    """Add the flags that choose a recipe and change it."""
    parser.add_argument("--recipe", default=recipe, help="name of a function in training/recipes (default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument(
        "--set",
        nargs="+",
        default=[],
        metavar="PATH=VALUE",
        dest="changes",
        help="other settings, such as augmentation.mixup=0.2",
    )
    parser.add_argument(
        "--trunk", metavar="FILE", help="start from the weights that training/pretrain.py learned from recordings without labels"
    )


def add_machine_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `chosen_machine` reads."""
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="processor threads (default: as many as cores)")


def add_fold_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say which recordings stay together in one fold, what is left out, and how late labels are."""
    parser.add_argument(
        "--group-by",
        metavar="WHAT",
        help="recordings of one group stay in one fold: animal (the ids of the mice in the metadata), a column of the metadata, or "
        "FILE:COLUMN of a CSV file with a column video_id",
    )
    parser.add_argument("--group-pattern", default="", metavar="REGEX", help="the group is what this matches in the value of --group-by")
    parser.add_argument("--exclude", type=int, nargs="+", default=(), metavar="VIDEO", help="leave these recordings out")
    parser.add_argument(
        "--labels-late", type=float, default=0.0, metavar="S", help="read all bouts so many seconds earlier than experts wrote them"
    )
    parser.add_argument(
        "--annotated-part",
        action="store_true",
        help="read each recording from its first to its last bout only: for experts who annotated a part of each film",
    )


def chosen_grouping(flags: argparse.Namespace, zone: "Zone") -> "Callable[[Sequence[Recording]], Mapping[int, str]]":
    """Return the function from recordings to the groups of the flags; no groups without --group-by. Raises UsageError."""
    from training.material.fold_grouping import grouping_of

    if not flags.group_by:
        if flags.group_pattern:
            raise UsageError("Expected --group-by with --group-pattern, but got none. Say in which column the pattern is to be found.")
        return lambda recordings: {}
    return lambda recordings: grouping_of(zone, recordings, flags.group_by, flags.group_pattern)


def curated_folder(flags: argparse.Namespace) -> Path:
    """Return the folder of --curated, or the list of a run in it that pins what is read. Raises UsageError if it is neither."""
    folder: Path | None = flags.curated
    if folder is None or not (folder.is_dir() or (folder.is_file() and folder.suffix == ".json")):
        raise UsageError(f"Expected --curated to be the directory of the curated zone, but got {folder}. Name one.")
    run = getattr(flags, "snapshot", None)
    if not run:
        return folder
    pinned = folder / snapshot_key(run)
    if not pinned.is_file():
        got = f"no list {pinned}"
        raise UsageError(f"Expected the objects of run {run}, but got {got}. Its objects were removed, or it never was; see table runs.")
    return pinned


def chosen_recipe(flags: argparse.Namespace) -> "AnyRecipe":
    """Return the recipe of the flags, with the values that they change. Raises UsageError.

    Settings that a recipe does not have (epochs and batches of trees) are ignored with a message: a job may use the same flags for all.
    """
    from training.recipes.changes import changed
    from training.recipes.named import RECIPES

    if flags.recipe not in RECIPES:
        raise UsageError(f"Expected --recipe to be one of {', '.join(sorted(RECIPES))}, but got {flags.recipe}. Choose one of them.")
    recipe = RECIPES[flags.recipe]()
    overrides = {name: value for name in ("epochs", "batch", "learning_rate", "trunk") if (value := getattr(flags, name, None)) is not None}
    unknown = [name for name in overrides if not hasattr(recipe, name)]
    if unknown:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in unknown)
        print(f"Recipe {recipe.name} has no such setting: {named} is ignored.", file=sys.stderr)
    recipe = changed(recipe, getattr(flags, "changes", []))
    try:
        return replace(recipe, **{name: value for name, value in overrides.items() if name not in unknown})
    except ValueError as error:
        raise UsageError(str(error)) from None


def chosen_machine(flags: argparse.Namespace) -> "Machine":
    """Return device, threads and compilation from the flags. Raises UsageError for what this machine does not have, and for a bad seed."""
    require_seed(flags)
    if flags.threads is not None and flags.threads < 1:
        raise UsageError(f"Expected --threads of 1 or more, but got {flags.threads}. Leave it out.")
    from recognizers.devices import find_device, rest_waiting_threads

    rest_waiting_threads()
    from training.fitting.session import Machine

    try:
        device = find_device(flags.device)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return Machine(device=device, threads=flags.threads, compiled=getattr(flags, "compile", False))


def require_seed(flags: argparse.Namespace) -> None:
    """Raise UsageError for a seed that a library would refuse."""
    if not 0 <= flags.seed < 2**31:
        raise UsageError(f"Expected --seed from 0 to {2**31 - 1}, but got {flags.seed}. Choose another.")


def batch_progress(batches: Iterable[T], total: int) -> Iterable[T]:
    """Show a bar over the batches of one epoch on a terminal; elsewhere only the line after each epoch is printed."""
    return progress(batches, "training", total) if sys.stderr.isatty() else batches


def require_drawing(draws: str) -> None:
    """Raise UsageError if a library of reports/ is missing, before hours of training. `draws` is the output that needs it."""
    if missing := [name for name in ("jinja2", "matplotlib") if find_spec(name) is None]:
        got, install = " and no ".join(missing), f"pip install {' '.join(missing)}"
        raise UsageError(f"Expected jinja2 and matplotlib, which draw the {draws}, but got no {got}. Run {install}.")
