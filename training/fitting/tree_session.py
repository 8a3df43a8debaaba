"""One session of growing trees: curated zone in, trees out; what `training.fitting.network_session` is for networks, with the same surface.

Axes: S samples, F features, C behaviors.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from behavior.contract import ContractError, refuse
from behavior.ethogram import ethogram
from behavior.recording import Recording
from behavior.skeleton import IGNORED, canonical
from behavior.views.pair_statistics import PairStatistics
from behavior.views.sampling import sample_frames
from recognizers.boosted_trees import BoostedTrees, GrownColumn
from recognizers.recognizer import Decoding, annotated_pairs
from recognizers.trees import TreesRecognizer
from training.decoding.fitted import FittedDecoding
from training.decoding.thresholds import DEFAULT_THRESHOLD
from training.fitting.loop import Verdict
from training.fitting.pair_lesson import occurring_behaviors
from training.fitting.validation import ScoredSamples, verdict_of
from training.material.curated_zone import CuratedZone
from training.material.datasets import Stream, pair_labels
from training.material.folds import Split
from training.material.tree_rows import TreeRows, tree_rows
from training.recipes.trees_recipe import TreesRecipe

ALL_LABS = ""
"""Stands for the trees that all labs teach."""


@dataclass
class TreeRun:
    """Where a run stands."""

    models: dict[str, BoostedTrees] = field(default_factory=dict)
    """By lab, and by `ALL_LABS`: trees grown so far in this pass."""
    verdict: Verdict | None = None
    """What validation says, once the first pass is done."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """One entry per behavior, lab and pass."""
    line: str = ""
    """What was done last, in words; SageMaker's metric definitions read the name=value parts."""


@dataclass(frozen=True)
class TreeSession:
    """A prepared run: data read, rows chosen."""

    recipe: TreesRecipe
    """What is run."""
    seed: int
    """Of the choice of rows and features."""
    threads: int
    """Processor threads; 0 for as many as cores."""
    split: Split
    """Who teaches, validates, is held out."""
    zone: CuratedZone
    """Where they lie."""
    check: tuple[Recording, ...]
    """The recordings that validate."""
    bouts: pd.DataFrame
    """What experts saw in those that teach and validate."""
    behaviors: tuple[str, ...]
    """Names along axis C: what occurs in the recordings that teach."""
    features: PairStatistics
    """What the trees see."""
    decoding: Decoding
    """Without fitted thresholds yet."""
    rows: TreeRows
    """What teaches."""
    own_models: dict[str, np.ndarray]
    """By lab: behaviors [C] bool for which it has a model of its own."""
    run: TreeRun = field(default_factory=TreeRun)
    """Where it stands."""
    fitted: FittedDecoding | None = None
    """Decodes the recognizer's scores, in place of the thresholds that validation found."""

    @property
    def summary(self) -> str:
        """Say in one line what is grown on what."""
        own = sum(int(chosen.sum()) for chosen in self.own_models.values())
        return (
            f"Recipe {self.recipe.name}: {self.recipe.trees.trees} trees per model, {len(self.features.names)} features, "
            f"{len(self.behaviors)} behaviors, {own} models of single labs beside the shared ones; {len(self.split.train)} recordings "
            f"teach ({len(self.rows):,} rows), {len(self.split.validation)} validate, {len(self.split.held_out)} are held out; device cpu."
        )

    @property
    def has_result(self) -> bool:
        """Whether there is something to save."""
        return ALL_LABS in self.run.models

    @property
    def standing(self) -> str:
        """Say how far it is."""
        return f"{len(self.run.history)} models"

    def fit(self, on_step: Callable[[TreeRun], None], watch: object = None) -> None:
        """Grow all trees, fit thresholds, grow them again with what validated; `on_step` is told of each. There are no batches to watch."""
        self._grow("first", self.rows, on_step)
        if not self.check:
            return
        self.run.verdict = self._judge()
        self.run.line = f"val_loss={self.run.verdict.loss:.4f} val_score={self.run.verdict.score:.4f}"
        on_step(self.run)
        if self.recipe.refit:
            tracks = ((recording, self.zone.tracking(recording)) for recording in self.check)
            checked = tree_rows(tracks, self.bouts, self.behaviors, self.features, self.recipe.trees)
            self._grow("again", TreeRows.joined([self.rows, checked]), on_step)

    def restore(self, folder: Path) -> bool:
        """Return False: growing takes minutes, and nothing of it is kept on the way."""
        return False

    def save_state(self, folder: Path) -> None:
        """Save nothing: see `restore`."""

    def decoded_by(self, fitted: FittedDecoding) -> "TreeSession":
        """Return the session with another decoding. Raises ContractError for one that was not fitted on all its behaviors."""
        fitted.over(self.behaviors, {})
        return replace(self, fitted=fitted)

    def recognizer(self) -> TreesRecognizer:
        """Return the trees as they stand, with all that belongs to them."""
        thresholds = self.decoding.thresholds if self.run.verdict is None else self.run.verdict.thresholds
        decoding = replace(self.decoding, thresholds=thresholds)
        if self.fitted is not None:
            decoding = self.fitted.over(self.behaviors, decoding.occurring)
        labs = {lab: trees for lab, trees in self.run.models.items() if lab != ALL_LABS}
        shared, smooth_s = self.run.models[ALL_LABS], self.recipe.smooth_s
        return TreesRecognizer(self.behaviors, self.features, self.recipe.trees, shared, decoding, smooth_s, labs)

    def save_recognizer(self, path: Path) -> None:
        """Write the checkpoint."""
        videos = {part: list(videos) for part, videos in asdict(self.split).items()}
        if self.fitted is not None:
            videos["decoding"] = list(self.fitted.videos)
        provenance = {"recipe": self.recipe.to_json_dict(), "videos": videos, "metrics": self._metrics(), "seed": self.seed}
        self.recognizer().save(path, provenance)

    def report(self) -> dict[str, Any]:
        """Return what happened, model by model."""
        return {"recipe": self.recipe.name, "seed": self.seed, "metrics": self._metrics(), "models": self.run.history}

    def closing(self, path: Path) -> str:
        """Say in one line what came out."""
        verdict = self.run.verdict
        score = "no recording validates" if verdict is None else f"val_score={verdict.score:.4f}"
        return f"Wrote {path}: {len(self.run.history)} models grown, {score}."

    def _grow(self, which: str, rows: TreeRows, on_step: Callable[[TreeRun], None]) -> None:
        """Grow the shared trees, then those of each lab, in place of what was grown before."""
        for lab in (ALL_LABS, *self.own_models):

            def told(grown: GrownColumn, lab: str = lab) -> None:
                entry = {"pass": which, "lab": lab or "all", "behavior": self.behaviors[grown.column], **asdict(grown)}
                del entry["column"]
                self.run.history.append(entry)
                self.run.line = " ".join(f"{name}={value:.1f}" if name == "seconds" else f"{name}={value}" for name, value in entry.items())
                on_step(self.run)

            own = rows.of_lab(lab, self.own_models[lab]) if lab else rows
            data = (own.features, own.labels, own.mask)
            self.run.models[lab] = BoostedTrees.fit(*data, self.recipe.trees, self.seed, self.threads, told)

    def _judge(self) -> Verdict:
        """Score what validates, by trees that never saw it."""
        recognizer, scored, losses = self.recognizer(), [], []
        for recording in self.check:
            curated = self.zone.tracking(recording)
            sampled = sample_frames(curated.frames, recording.fps, self.recipe.fps)
            for pair in annotated_pairs(curated, recording):
                scores = np.concatenate([*recognizer.sampled_scores(curated, recording, pair)])
                labels = pair_labels(recording, pair, curated.frames, self.bouts, self.behaviors)[sampled]
                annotated = np.isin(self.behaviors, recording.behaviors_of(*pair))
                scored.append(ScoredSamples(Stream(recording, pair, curated.frames, 0, len(scores)), scores, labels, annotated))
                right = np.where(labels, scores, 1 - scores)[:, annotated]
                losses.append(-np.log(np.clip(right, 1e-6, 1)).ravel())
        loss = float(np.concatenate([*losses, np.zeros(0)]).mean()) if losses else 0.0
        return verdict_of(scored, self.bouts, self.behaviors, self.decoding, self.recipe.fps, loss)

    def _metrics(self) -> dict[str, Any]:
        verdict = self.run.verdict
        best = {} if verdict is None else {"val_score": verdict.score, "val_loss": verdict.loss, "labs": verdict.labs}
        return {"models": len(self.run.history), **best}


def prepare_trees(zone: CuratedZone, recipe: TreesRecipe, seed: int, threads: int | None, split: Split) -> TreeSession:
    """Read what teaches and choose its rows. Raises ContractError with all faults of the data."""
    recordings = {recording.video_id: recording for recording in zone.annotated_recordings()}
    teach, check = (tuple(recordings[video] for video in part) for part in (split.train, split.validation))
    refuse(zone.missing([*teach, *check]))
    bouts = zone.bouts([*teach, *check])
    behaviors = ethogram(bouts.loc[bouts["video_id"].isin(split.train), "action"])
    if not behaviors:
        raise ContractError(["Expected bouts in the training recordings, but got none. Annotate some, or correct behaviors_labeled."])
    bodyparts = _most_tracked([zone.tracking(recording).bodyparts for recording in teach], recipe.most_bodyparts)
    features = PairStatistics(bodyparts, recipe.fps, windows_s=recipe.windows_s, symmetric=recipe.symmetric)
    tracks: Iterator[Any] = ((recording, zone.tracking(recording)) for recording in teach)
    rows = tree_rows(tracks, bouts, behaviors, features, recipe.trees)
    if not len(rows):
        raise ContractError(["Expected annotated mice in the tracking of the training recordings, but got none. Compare the mouse ids."])
    occurring = occurring_behaviors([*teach, *check], bouts, behaviors)
    decoding = Decoding((DEFAULT_THRESHOLD,) * len(behaviors), occurring, recipe.decode)
    own = _own_models(teach, bouts, behaviors, recipe.least_bouts)
    return TreeSession(recipe, seed, threads or 0, split, zone, check, bouts, behaviors, features, decoding, rows, own)


def _most_tracked(tracked: list[tuple[str, ...]], most: int) -> tuple[str, ...]:
    """Return so many canonical bodyparts that most recordings track, sorted by name."""
    counts = Counter(part for parts in tracked for part in {canonical(part) for part in parts if part not in IGNORED})
    return tuple(sorted(sorted(counts, key=lambda part: (-counts[part], part))[:most]))


def _own_models(teach: tuple[Recording, ...], bouts: pd.DataFrame, behaviors: tuple[str, ...], least_bouts: int) -> dict[str, np.ndarray]:
    """Return by lab the behaviors [C] bool it has a model of its own for: enough bouts, and another lab that has the behavior too."""
    labs = {recording.video_id: recording.lab_id for recording in teach}
    taught = bouts[bouts["video_id"].isin(labs)]
    counts = pd.crosstab(taught["video_id"].map(labs), taught["action"]).reindex(columns=behaviors, fill_value=0)
    several = (counts > 0).sum(axis=0).to_numpy() > 1
    chosen = {str(lab): (row >= least_bouts) & several for lab, row in zip(counts.index, counts.to_numpy(), strict=True)}
    return {lab: own for lab, own in chosen.items() if own.any()}
