"""A session that grows trees.

Axes: S samples, F features, C behaviors.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from behavior.contract import ContractError, refuse
from behavior.labelling import Labelling, tracked_subjects
from behavior.material import Material
from behavior.recording import Recording
from behavior.skeleton import IGNORED, canonical
from behavior.views.pair_statistics import PairStatistics
from behavior.views.sampling import sample_frames
from recognizers.boosted_trees import BoostedTrees, GrownColumn, as_bytes, read_booster
from recognizers.recognizer import LABELLINGS, Decoding
from recognizers.trees import TreesRecognizer
from training.fitting.grown_trees import Trees, grow_trees, read_trees
from training.fitting.judges import ScoredSamples, default_decoding, verdict_of
from training.fitting.loop import ShowProgress, no_progress, nothing
from training.fitting.resume import read_state, write_state
from training.fitting.session import Machine, Session, best_metrics
from training.fitting.track_lesson import occurring_behaviors
from training.fitting.verdict import Verdict
from training.material.curated_zone import CuratedZone
from training.material.datasets import Stream
from training.material.exclusive_labels import exclude_each_other
from training.material.folds import Split
from training.material.tree_rows import TreeRows, tree_rows
from training.recipes.trees_recipe import TreesRecipe

if TYPE_CHECKING:
    from lightgbm import Booster
    from torch import Tensor

ALL_LABS = ""
"""In place of a lab: the trees trained on all labs."""
_BEGUN = "begun."
"""How the names of tensors begin that hold the trees of single behaviors."""
FIRST, AGAIN = "first", "again"
"""The two passes: with training recordings, then also with validation recordings."""


@dataclass
class TreeRunState:
    """The state of a run."""

    models: dict[str, Trees] = field(default_factory=dict)
    """By lab, and by `ALL_LABS`: trees grown so far."""
    grown: list[tuple[str, str]] = field(default_factory=list)
    """Passes and labs with all trees grown."""
    verdict: Verdict | None = None
    """The verdict of validation, after the first pass."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """One entry per behavior, lab and pass."""
    begun: "list[Booster | None]" = field(default_factory=list)
    """Models of the first behaviors of the next pass and lab; None where a behavior could not be learned."""
    saved: tuple[int, bool, int] = (0, False, 0)
    """Content of the saved state: number of passes and labs, whether it has the verdict, and models of the next lab."""


@dataclass(frozen=True, kw_only=True)
class TreeSession(Session):
    """A training run of trees, with its rows."""

    recipe: TreesRecipe
    threads: int
    """Processor threads; 0 for as many as cores."""
    zone: CuratedZone
    """The curated zone of the recordings."""
    validation: tuple[Recording, ...]
    """The validation recordings."""
    bouts: pd.DataFrame
    """Annotated bouts of training and validation recordings."""
    labelling: Labelling
    """Subjects and behaviors that the trees score: behaviors that occur in training recordings."""
    features: PairStatistics
    """Features of the trees."""
    unfitted: Decoding
    """The decoding before thresholds are fitted."""
    rows: TreeRows
    """Training rows."""
    own_models: dict[str, np.ndarray]
    """By lab: behaviors [C] bool with a model of the lab's own."""
    joint: bool
    """Whether one model scores all behaviors, because they exclude each other."""
    run: TreeRunState = field(default_factory=TreeRunState)
    """The state of the run."""

    @property
    def behaviors(self) -> tuple[str, ...]:
        """Names along axis C."""
        return self.labelling.behaviors

    @property
    def summary(self) -> str:
        """One line about recipe and recordings."""
        own = sum(int(chosen.sum()) for chosen in self.own_models.values())
        return (
            f"Recipe {self.recipe.name}: {self.recipe.trees.trees} trees per model, {len(self.features.names)} features, "
            f"{len(self.behaviors)} behaviors, {own} models of single labs beside the shared ones; {len(self.split.train)} training "
            f"recordings ({len(self.rows):,} rows), {len(self.split.validation)} for validation, {len(self.split.held_out)} held out; "
            "device cpu."
        )

    @property
    def has_result(self) -> bool:
        """Whether there is a recognizer to save."""
        return ALL_LABS in self.run.models

    @property
    def progress(self) -> str:
        """The models grown, in words."""
        return f"{len(self.run.history)} models"

    @property
    def busy(self) -> bool:
        """Whether the state cannot be saved; what is saved are whole sets of trees, so it always can."""
        return False

    def fit(
        self, on_step: Callable[[str], None], show_progress: ShowProgress = no_progress, on_batch: Callable[[], None] = nothing
    ) -> None:
        """Grow all trees, fit thresholds, grow the trees again with validation recordings. Trees have no batches."""
        self._grow(FIRST, self.rows, on_step)
        if not self.validation:
            return
        validation_rows: list[TreeRows] = []
        if self.run.verdict is None:
            self.run.verdict = self._judge(validation_rows)
            on_step(f"val_loss={self.run.verdict.loss:.4f} val_score={self.run.verdict.score:.4f}")
        elif self.recipe.refit:  # a run that was resumed after its verdict
            validation_rows = [self._rows_of(self.zone.material(recording)) for recording in self.validation]
        if self.recipe.refit:
            self._grow(AGAIN, TreeRows.concatenate([self.rows, *validation_rows]), on_step)

    def restore(self, folder: Path) -> bool:
        """Continue after the last behavior with its trees grown; return False if there is no state."""
        state = read_state(folder, self.identity())
        if state is None:
            return False
        description, tensors = state
        run = self.run
        run.grown = [(which, lab) for which, lab in description["grown"]]
        done = [entry for entry in description["history"] if (entry["pass"], _lab_of(entry)) in run.grown]
        begun = description["history"][len(done) :][: description.get("begun", 0)]  # earlier versions saved whole labs only
        run.history = [*done, *begun]
        for column in range(len(begun)):
            text, where = tensors.get(f"{_BEGUN}{column}"), f"{folder}, the trees of a behavior"
            run.begun.append(None if text is None else read_booster(bytes(text.numpy()), len(self.features.names), where))
        run.verdict = description["verdict"] and Verdict.from_json_dict(description["verdict"])
        for number, lab in enumerate(description["labs"]):
            own = {name.removeprefix(f"{number}."): tensor for name, tensor in tensors.items() if name.startswith(f"{number}.")}
            where = f"{folder}, trees of {lab or 'all labs'}"
            run.models[lab] = read_trees(own, self.joint, len(self.behaviors), len(self.features.names), where)
        return True

    def save_state(self, folder: Path) -> None:
        """Save all trees grown so far, if there are new ones."""
        run = self.run
        standing = len(run.grown), run.verdict is not None, len(run.begun)
        if standing == run.saved:
            return
        tensors: dict[str, Tensor] = {
            f"{number}.{name}": tensor for number, trees in enumerate(run.models.values()) for name, tensor in trees.to_tensors().items()
        }
        verdict = None if run.verdict is None else asdict(run.verdict)
        tensors |= {f"{_BEGUN}{column}": as_bytes(booster) for column, booster in enumerate(run.begun) if booster is not None}
        whole = {"labs": list(run.models), "grown": run.grown, "verdict": verdict, "history": run.history}
        description = {**whole, "begun": len(run.begun)}
        write_state(folder, self.identity(), description, tensors)
        run.saved = standing

    def recognizer(self) -> TreesRecognizer:
        """Return the trees grown so far as a recognizer."""
        verdict = self.run.verdict
        decoding = self.unfitted if verdict is None else replace(self.unfitted, thresholds=verdict.thresholds)
        labs = {lab: trees for lab, trees in self.run.models.items() if lab != ALL_LABS and isinstance(trees, BoostedTrees)}
        return TreesRecognizer(
            behaviors=self.behaviors,
            features=self.features,
            config=self.recipe.trees,
            shared=self.run.models[ALL_LABS],
            decoding=self.decoding_in_use(decoding),
            smooth_s=self.recipe.smooth_s,
            score_every=self.recipe.score_every,
            labs=labs,
        )

    def report(self) -> dict[str, Any]:
        """Return the history, model by model."""
        return {"recipe": self.recipe.name, "seed": self.seed, "metrics": self.metrics(), "models": self.run.history}

    def result_line(self, path: Path) -> str:
        """Return one line about the result."""
        verdict = self.run.verdict
        score = "without validation" if verdict is None else f"val_score={verdict.score:.4f}"
        return f"Wrote {path}: {len(self.run.history)} models grown, {score}."

    def metrics(self) -> dict[str, Any]:
        """Return the number of models and the metrics of validation."""
        return {"models": len(self.run.history), **best_metrics(self.run.verdict)}

    def identity(self) -> dict[str, Any]:
        """Return the facts that must not change when a run is resumed, including the number of rows."""
        return {**super().identity(), "bodyparts": ", ".join(self.features.bodyparts), "rows": len(self.rows)}

    def _grow(self, which: str, rows: TreeRows, on_step: Callable[[str], None]) -> None:
        """Grow the shared trees, then those of each lab, in place of those of an earlier pass. Restored models are not grown again."""
        for lab in (ALL_LABS, *self.own_models):
            if (which, lab) in self.run.grown:
                continue
            lines = [f"pass={which} lab={lab or 'all'} was grown before"]  # said if a run was stopped after the last behavior of a lab

            def grown(column: GrownColumn, lab: str = lab, lines: list[str] = lines) -> None:
                entry = {"pass": which, "lab": lab or "all", "behavior": self.behaviors[column.column], **asdict(column)}
                del entry["column"]
                self.run.history.append(entry)
                lines.append(" ".join(f"{name}={value:.1f}" if name == "seconds" else f"{name}={value}" for name, value in entry.items()))
                if column.column + 1 < len(self.behaviors):
                    on_step(lines[-1])

            own = rows.of_lab(lab, self.own_models[lab]) if lab else rows
            self.run.models[lab] = grow_trees(own, self.recipe.trees, self.joint, self.seed, self.threads, grown, self.run.begun)
            self.run.begun = []
            self.run.grown.append((which, lab))
            on_step(lines[-1])  # from now on the trees of the lab are part of the saved state

    def _judge(self, validation_rows: list[TreeRows]) -> Verdict:
        """Score what validates, by trees that never saw it; its rows are added to `checked`, if trees are grown again with them."""
        recognizer, scored, losses = self.recognizer(), [], []
        for recording in self.validation:
            material = self.zone.material(recording)
            curated = material.tracking
            sampled = sample_frames(curated.frames, recording.fps, self.recipe.fps)
            for subject in tracked_subjects(self.labelling, recording, curated.mice):
                scores = np.concatenate([*recognizer.sampled_scores(curated, recording, subject)])
                labels = self.labelling.truth(recording, subject, curated.mice, curated.frames, self.bouts).labels[sampled]
                annotated = subject.mask(self.behaviors)
                scored.append(ScoredSamples(Stream(recording, subject, curated.frames, 0, len(scores)), scores, labels, annotated))
                right = np.where(labels, scores, 1 - scores)[:, annotated]
                losses.append(-np.log(np.clip(right, 1e-6, 1)).ravel())
            if self.recipe.refit:
                validation_rows.append(self._rows_of(material))
        loss = float(np.concatenate([*losses, np.zeros(0)]).mean()) if losses else 0.0
        return verdict_of(scored, self.bouts, self.labelling, self.unfitted, self.recipe.fps, loss)

    def _rows_of(self, material: Material) -> TreeRows:
        return tree_rows([material], self.bouts, self.labelling, self.features, self.recipe.trees)


def prepare_trees(zone: CuratedZone, recipe: TreesRecipe, seed: int, split: Split, machine: Machine) -> TreeSession:
    """Read the training recordings, one at a time, and choose their rows. Raises ContractError with all faults of the data."""
    recordings = {recording.video_id: recording for recording in zone.annotated_recordings()}
    train, validation = (tuple(recordings[video] for video in part) for part in (split.train, split.validation))
    refuse(zone.data_faults([*train, *validation]))
    bouts = zone.bouts([*train, *validation])
    labelling = LABELLINGS[recipe.view].of_actions(bouts.loc[bouts["video_id"].isin(split.train), "action"])
    recipe = _thinned(recipe, zone, train)
    features = _features(recipe, zone, train)
    rows = tree_rows(map(zone.material, train), bouts, labelling, features, recipe.trees)
    if not len(rows):
        raise ContractError(["Expected annotated mice in the tracking of the training recordings, but got none. Compare the mouse ids."])
    joint = recipe.joint and exclude_each_other(train, bouts)
    occurring = occurring_behaviors([*train, *validation], bouts, labelling)
    return TreeSession(
        recipe=recipe,
        seed=seed,
        split=split,
        threads=machine.threads or 0,
        zone=zone,
        validation=validation,
        bouts=bouts,
        labelling=labelling,
        features=features,
        unfitted=default_decoding(recipe.head, labelling.behaviors, occurring, recipe.decode),
        rows=rows,
        own_models={} if joint else _own_models(train, bouts, labelling.behaviors, recipe.least_bouts),
        joint=joint,
    )


def _lab_of(entry: dict[str, Any]) -> str:
    return ALL_LABS if entry["lab"] == "all" else str(entry["lab"])


def _thinned(recipe: TreesRecipe, zone: CuratedZone, train: Sequence[Recording]) -> TreesRecipe:
    """Return the recipe with the thinning that gives about as many rows as it asks for: more rows add time, and hardly any accuracy."""
    if not recipe.rows:
        return recipe
    frames = zone.frame_counts()
    samples = sum(frames[one.video_id] / one.fps * recipe.fps * len(one.pairs) for one in train)
    every = max(1, round(samples / recipe.rows))
    return replace(recipe, trees=replace(recipe.trees, every_nth=every, every_nth_positive=every if recipe.joint else max(1, every // 2)))


def _features(recipe: TreesRecipe, zone: CuratedZone, train: Sequence[Recording]) -> PairStatistics:
    """Return the statistics of the recipe over the most tracked bodyparts; of one mouse, if no training recording has annotated pairs."""
    alone = all(agent == target for recording in train for agent, target in recording.pairs)
    return PairStatistics(
        most_tracked(zone.bodyparts(train), recipe.most_bodyparts),
        recipe.fps,
        windows_s=recipe.windows_s,
        symmetric=recipe.symmetric and not alone,
        beside_s=recipe.beside_s,
        place=recipe.place,
        alone=alone,
        fastest_cm_per_s=recipe.fastest_cm_per_s,
    )


def most_tracked(tracked: Sequence[tuple[str, ...]], most: int) -> tuple[str, ...]:
    """Return the canonical bodyparts that most recordings track, `most` of them, sorted by name."""
    counts = Counter(part for parts in tracked for part in {canonical(part) for part in parts if part not in IGNORED})
    return tuple(sorted(sorted(counts, key=lambda part: (-counts[part], part))[:most]))


def _own_models(train: tuple[Recording, ...], bouts: pd.DataFrame, behaviors: tuple[str, ...], least_bouts: int) -> dict[str, np.ndarray]:
    """Return by lab the behaviors [C] bool with a model of its own: those with enough bouts that also occur in another lab."""
    labs = {recording.video_id: recording.lab_id for recording in train}
    training_bouts = bouts[bouts["video_id"].isin(labs)]
    counts = pd.crosstab(training_bouts["video_id"].map(labs), training_bouts["action"]).reindex(columns=behaviors, fill_value=0)
    several = (counts > 0).sum(axis=0).to_numpy() > 1
    chosen = {str(lab): (row >= least_bouts) & several for lab, row in zip(counts.index, counts.to_numpy(), strict=True)}
    return {lab: own for lab, own in chosen.items() if own.any()}
