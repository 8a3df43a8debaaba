"""What all scripts of this folder have in common: the curated zone they are given, what they need, and how they end."""

import argparse
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from behavior.contract import EXIT_UNEXPECTED, UsageError, exit_code


class TrainingDivergedError(RuntimeError):
    """The loss is no number any more; the message names the batch and what is left. It is here, without torch, for scripts to catch."""


def run(work: Callable[[], int]) -> int:
    """Do the work and return the exit code; what the user can mend, and a loss that diverged, are told in plain lines."""
    try:
        return exit_code(work)
    except TrainingDivergedError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_UNEXPECTED


def curated_folder(flags: argparse.Namespace) -> Path:
    """Return what --curated names. Raises UsageError if it is no directory."""
    folder: Path | None = flags.curated
    if folder is None or not folder.is_dir():
        raise UsageError(f"Expected --curated to be the directory of the curated zone, but got {folder}. Name one.")
    return folder


def require_drawing(draws: str) -> None:
    """Raise UsageError if a library of reports/ is missing: better told now than after hours of training. `draws` is what needs it."""
    if missing := [name for name in ("jinja2", "matplotlib") if find_spec(name) is None]:
        got, install = " and no ".join(missing), f"pip install {' '.join(missing)}"
        raise UsageError(f"Expected jinja2 and matplotlib, which draw the {draws}, but got no {got}. Run {install}.")
