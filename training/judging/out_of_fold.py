"""Out-of-fold scores as files: every recording is scored by a recognizer that never saw it.

    <folder>/run.json                                all settings of the run; another run is refused
    <folder>/scores/<video>-<agent>-<target>.npz     scores [T, C] float16, behaviors [C], fold; <video>.npz for a whole arena
    <folder>/fold-<n>/done.json                      decoding and history of a complete fold
    <folder>/fold-<n>/<recipe>.safetensors           its recognizer
    <folder>/fold-<n>/state.safetensors              state of training, until the fold is complete
    <folder>/decoding.json                           fitted on all scores; in fold-<n>/ on those of the other folds

Axes: T frames, C behaviors of the fold's recognizer.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from behavior.contract import ContractError, refuse
from behavior.labelling import Subject
from behavior.recording import Recording
from behavior.whole_file import whole_file, write_json
from recognizers.checkpoint import differences
from recognizers.families import load_recognizer
from recognizers.recognizer import Decoding, Head, View, whole_scores
from training.fitting.keeper import Keeper
from training.fitting.loop import ShowProgress, no_progress
from training.fitting.prepare import prepare
from training.fitting.resume import STATE_FILE
from training.fitting.session import Machine
from training.material.fold_plan import FoldPlan
from training.material.folds import Split
from training.material.zones import Zone
from training.recipes.configuration import Configuration
from training.recipes.named import AnyRecipe

_SAVE_EVERY_S = 600.0
"""Within an epoch, the state of training is saved so often."""


@dataclass(frozen=True)
class FoldRecord:
    """A complete fold."""

    fold: int
    """From 1."""
    split: Split
    """Which recordings were for training, for validation, and held out (and scored)."""
    behaviors: tuple[str, ...]
    """Names along axis C: behaviors that occur in training recordings."""
    decoding: Decoding
    """The decoding of the checkpoint: its thresholds were fitted on validation recordings."""
    history: Mapping[str, Any]
    """History of training, epoch by epoch."""
    seconds: float
    """Time for training and scoring."""


@dataclass(frozen=True)
class OutOfFold:
    """A folder of scores."""

    folder: Path
    """Path of the folder."""

    def claim(self, identity: Mapping[str, Any]) -> None:
        """Use the folder for this run. Raises ContractError, with the difference, if it has another run."""
        path = self.folder / "run.json"
        if not path.is_file():
            write_json(path, identity)
            return
        if changed := differences(_read_json(path), json.loads(json.dumps(identity))):
            got = f"another: {'; '.join(text if len(text) < 200 else text[:200] + '...' for text in changed)}"
            raise ContractError([f"Expected {self.folder} to have this run, but got {got}. Empty it or name another with --output-dir."])

    def identity(self) -> dict[str, Any]:
        """Return the identity that `claim` stored."""
        return _read_json(self.folder / "run.json")

    @property
    def view(self) -> View:
        """View of the recognizers of this run."""
        return View(self.identity()["view"])

    @property
    def head(self) -> Head:
        """Head of the recognizers of this run."""
        return Head(self.identity()["head"])

    def refuse_unlike(self, plan: FoldPlan, view: View) -> None:
        """Raise ContractError unless this is a complete run with the same recordings, folds and view."""
        expected, own = plan.identity(), self.identity()
        faults = [
            f"Expected {self.folder} to be a run on the same {name}, but got others. Cross-validate that recipe again."
            for name in sorted(expected)
            if own.get(name) != expected[name]
        ]
        if (got := own.get("view", "unknown")) != view:  # runs of older code have no view
            faults.append(f"Expected {self.folder} to be a run of the {view} view, but got the {got} view. Compare runs of one view.")
        open_folds = [fold for fold in range(1, len(plan.splits) + 1) if not self.is_done(fold)]
        if open_folds and not faults:
            faults.append(f"Expected {self.folder} to be complete, but got no fold {open_folds[0]}. Run it to the end first.")
        refuse(faults)

    def is_done(self, fold: int) -> bool:
        """Return whether a fold is complete."""
        return self._done(fold).is_file()

    def train(
        self,
        fold: int,
        split: Split,
        zone: Zone,
        recipe: AnyRecipe,
        seed: int,
        machine: Machine,
        on_step: Callable[[str], None],
        show_progress: ShowProgress = no_progress,
    ) -> FoldRecord:
        """Train on the recordings of the fold, then score those that it held out. An interrupted fold continues."""
        started = time.perf_counter()
        own = self._done(fold).parent
        session = prepare(zone, recipe, seed, machine, split)
        session.restore(own)

        keeper = Keeper(session, own, _SAVE_EVERY_S)

        def saving(line: str) -> None:
            keeper.after_step()
            on_step(line)

        session.fit(saving, show_progress, keeper.after_batch)
        checkpoint = own / f"{recipe.name}.safetensors"
        session.save_recognizer(checkpoint)
        recognizer = load_recognizer([checkpoint], machine.device)  # as in serving: the file itself is scored
        for recording in zone.annotated_recordings():
            if recording.video_id in split.held_out:
                for subject, scores in whole_scores(recognizer, zone.material(recording)):
                    self.write_scores(recording, subject, scores, recognizer.behaviors, fold)
        seconds = time.perf_counter() - started
        done = FoldRecord(fold, session.split, recognizer.behaviors, recognizer.decoding, session.report(), seconds)
        self.complete(done)
        (own / STATE_FILE).unlink(missing_ok=True)
        return done

    def complete(self, done: FoldRecord) -> None:
        """Write the record of a fold when all its scores are written."""
        write_json(self._done(done.fold), {**asdict(done), "decoding": done.decoding.to_json_dict()})

    def record(self, fold: int) -> FoldRecord:
        """Return the record of a complete fold."""
        value = _read_json(self._done(fold))
        return FoldRecord(
            fold=value["fold"],
            split=Split(**{part: tuple(videos) for part, videos in value["split"].items()}),
            behaviors=tuple(value["behaviors"]),
            decoding=Decoding.from_json_dict(value["decoding"]),
            history=value["history"],
            seconds=value["seconds"],
        )

    def scores(self, recording: Recording, subject: Subject) -> np.ndarray | None:
        """Return the scores [T, C] float16 of an annotated subject; None if one of its mice is not tracked."""
        path = self._scores(recording, subject)
        if not path.is_file():
            return None
        with np.load(path) as file:
            return file["scores"]

    def write_scores(self, recording: Recording, subject: Subject, scores: np.ndarray, behaviors: Sequence[str], fold: int) -> None:
        """Write the scores [T, C] of a subject."""
        path = self._scores(recording, subject)
        with whole_file(path) as beside:
            np.savez_compressed(beside, scores=scores.astype(np.float16), behaviors=np.array(behaviors), fold=np.int64(fold))

    def _scores(self, recording: Recording, subject: Subject) -> Path:
        mice = f"-{subject.agent}-{subject.target}" if subject.mice else ""
        return self.folder / "scores" / f"{recording.video_id}{mice}.npz"

    def _done(self, fold: int) -> Path:
        return self.folder / f"fold-{fold}" / "done.json"


def recipe_identity(recipe: Configuration) -> dict[str, str]:
    """Return all fields of a recipe, as a flat mapping, with view and head: runs with equal ones are of the same recipe."""
    return {**{f"recipe {name}": str(value) for name, value in recipe.to_json_dict().items()}, "view": recipe.view, "head": recipe.head}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        what = f"Expected {path.parent} to have the {path.name} of a cross-validation, but got no such file"
        raise ContractError([f"{what}. Name another folder."]) from None
    except (OSError, ValueError) as error:
        raise ContractError([f"Expected {path} to be JSON of an earlier run, but got: {error}. Remove it and run again."]) from None
