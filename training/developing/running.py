"""Cross-validate candidates one after the other, as long as the time lasts."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from training.developing.candidates import Candidate
from training.fitting.loop import ShowProgress, no_progress
from training.fitting.session import Machine
from training.judging.fold_training import train_folds
from training.judging.out_of_fold import FoldRecord, OutOfFold, recipe_identity
from training.material.fold_plan import FoldPlan

Say = Callable[[str], None]


@dataclass
class Clock:
    """A budget of time."""

    minutes: float
    """All of it, min."""
    started_s: float = field(default_factory=time.monotonic)
    """When it began."""

    @property
    def left_s(self) -> float:
        """What is left, s; below 0 if it is spent."""
        return 60 * self.minutes - (time.monotonic() - self.started_s)


@dataclass(frozen=True)
class Tried:
    """What became of a candidate."""

    candidate: Candidate
    """The candidate."""
    store: OutOfFold
    """Its folder."""
    records: tuple[FoldRecord, ...]
    """Its complete folds."""
    left_out: str
    """Why it is not complete; "" if it is."""

    @property
    def seconds(self) -> float:
        """Time for training and scoring, s."""
        return sum(record.seconds for record in self.records)


def splits_for(candidate: Candidate, plan: FoldPlan) -> FoldPlan:
    """Return the plan in which trees learn from all recordings of the other folds; networks choose their epoch on a fifth of them."""
    if candidate.validates:
        return plan
    return replace(plan, splits=tuple(split.without_validation() for split in plan.splits))


def try_candidate(
    candidate: Candidate,
    plan: FoldPlan,
    store: OutOfFold,
    seed: int,
    machine: Machine,
    clock: Clock,
    is_needed: bool,
    say: Say,
    show_progress: ShowProgress = no_progress,
) -> Tried:
    """Train and score the folds that are not done yet; stop before a fold if the rest would not fit into the time.

    `is_needed`: it is trained to the end in any case, because nothing else is complete.
    """
    store.claim({**recipe_identity(candidate.recipe), "seed": seed, **plan.identity()})
    folds, reason = len(plan.splits), ""

    def fits(records: list[FoldRecord]) -> bool:
        nonlocal reason
        fold_s = max((record.seconds for record in records), default=candidate.fold_s)
        rest_s = fold_s * sum(not store.is_done(fold) for fold in range(1, folds + 1))
        if is_needed or rest_s <= clock.left_s:
            return True
        reason = f"it needs about {minutes_text(rest_s)} more, and {minutes_text(max(clock.left_s, 0))} are left"
        return False

    records = train_folds(store, splits_for(candidate, plan), candidate.recipe, seed, machine, say, show_progress, fits)
    return Tried(candidate, store, tuple(records), reason)


def minutes_text(seconds: float) -> str:
    """Return a length of time in words."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
