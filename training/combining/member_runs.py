"""Several out-of-fold runs: their scores together, subject by subject, and their checkpoints.

Axes: M members, T frames, C behaviors.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from behavior.contract import refuse
from behavior.labelling import PairLabelling, Subject
from behavior.recording import Recording
from recognizers.recognizer import Decoding, View
from training.fitting.resume import STATE_FILE
from training.judging.out_of_fold import OutOfFold
from training.judging.scored_subjects import subjects_with_scores
from training.material.fold_plan import FoldPlan


@dataclass(frozen=True)
class MemberScores:
    """One annotated subject of one recording with the scores of all members, from recognizers that never saw the recording."""

    recording: Recording
    """The video."""
    subject: Subject
    """Subject of the scores."""
    fold: int
    """The fold that held it out."""
    scores: np.ndarray
    """[M, T, C] float32; NaN where a member has none."""
    labels: np.ndarray
    """[T, C] bool: true labels."""
    annotated: np.ndarray
    """[C] bool: annotated behaviors."""


@dataclass(frozen=True)
class MemberRuns:
    """Complete runs over the same recordings and folds."""

    stores: tuple[OutOfFold, ...]
    """Their folders, in order."""
    plan: FoldPlan
    """The plan of all runs."""

    def refuse_unlike(self) -> None:
        """Raise ContractError for a run that is not complete, or has other recordings, folds or another view."""
        for store in self.stores:
            store.refuse_unlike(self.plan, View.PAIR)

    @cached_property
    def behaviors(self) -> tuple[str, ...]:
        """Names along axis C: all behaviors that occur."""
        return PairLabelling.of_actions(self.plan.bouts["action"]).behaviors

    @property
    def names(self) -> tuple[str, ...]:
        """Recipe and seed of each run."""
        identities = [store.identity() for store in self.stores]
        return tuple(f"{identity['recipe name']}-seed{identity['seed']}" for identity in identities)

    def subjects(self) -> Iterator[MemberScores]:
        """Yield every annotated subject for which any member has scores."""
        for together in zip(*(subjects_with_scores(store, self.plan) for store in self.stores), strict=True):
            first = together[0]
            scores = np.stack([one.scores.astype(np.float32) for one in together])
            for own, one in zip(scores, together, strict=True):
                own[:, ~one.answered] = np.nan
            if not np.isnan(scores).all():
                annotated = first.subject.mask(self.behaviors)
                fold = self.plan.fold_of[first.recording.video_id]
                yield MemberScores(first.recording, first.subject, fold, scores, first.truth.labels, annotated)

    def decodings(self, fold: int) -> list[tuple[tuple[str, ...], Decoding]]:
        """Return behaviors and decoding of each member's recognizer of one fold."""
        records = [store.record(fold) for store in self.stores]
        return [(record.behaviors, record.decoding) for record in records]

    def checkpoints(self) -> list[list[Path]]:
        """Return for each member the checkpoints of its folds. Raises ContractError with all that are missing."""
        by_member, faults = [], []
        for store in self.stores:
            own = []
            for fold in range(1, len(self.plan.splits) + 1):
                folder = store.folder / f"fold-{fold}"
                files = sorted(file for file in folder.glob("*.safetensors") if file.name != STATE_FILE)
                if len(files) != 1:
                    faults.append(f"Expected one checkpoint in {folder}, but got {len(files)}. Cross-validate that recipe again.")
                own += files
            by_member.append(own)
        refuse(faults)
        return by_member
