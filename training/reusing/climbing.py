"""Climb the ladder: score and judge each rung on held-out recordings, and write its checkpoint."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from behavior.contract import ContractError
from recognizers.applicability import applicability, as_json
from recognizers.checkpoint import read_header, videos_seen
from recognizers.families import load_recognizer
from recognizers.network_recognizer import NetworkRecognizer
from recognizers.recognizer import Head, Recognizer
from training.fitting.loop import ShowProgress, no_progress
from training.judging.evaluation import Evaluation, gains
from training.material.curated_zone import CuratedZone
from training.material.fold_plan import FoldPlan, plan_folds
from training.reusing.fine_tuning import FineTuning, fine_tuned
from training.reusing.reused_file import save_reused
from training.reusing.rungs import Rung, decodings, judged, scored, shared_labelling

RATES = {Rung.HEAD: 3e-3, Rung.WHOLE: 5e-4}
"""Peak learning rates: the last layer starts near its goal and has few weights; all weights must not be torn from what they know."""


@dataclass(frozen=True)
class Climb:
    """What to climb, and how."""

    checkpoint: Path
    """The recognizer to reuse."""
    rungs: tuple[Rung, ...]
    """In the order of the ladder."""
    epochs: int
    """Passes over the windows when weights are trained."""
    seed: int
    """Seed of windows and dropout."""
    device: str
    """Device of training."""
    output_dir: Path
    """Folder for the checkpoints of the rungs."""


@dataclass(frozen=True)
class Ladder:
    """The result."""

    evaluations: dict[Rung, Evaluation]
    """By rung, all on the same held-out recordings."""
    chosen: Rung
    """The last rung that gains more than the noise over the one chosen before it."""
    facts: dict[str, Any]
    """Recordings, behaviors and checks, for the report."""


def plan_reuse(checkpoint: Path, zone: CuratedZone, labs: Sequence[str] | None, folds: int) -> FoldPlan:
    """Return the folds over the recordings. Raises ContractError if the recognizer was trained on some of them."""
    recordings = [one for one in zone.annotated_recordings() if labs is None or one.lab_id in labs]
    plan = plan_folds(zone, labs, max(2, min(folds, len(recordings))))
    header = read_header(checkpoint)
    own_labs, seen = set(header["decoding"]["occurring"]), videos_seen([header])
    if again := [one.video_id for one in plan.recordings if one.lab_id in own_labs and one.video_id in seen]:
        got = f"{len(again)} that it was trained on, such as {again[0]}"
        raise ContractError([f"Expected recordings that the recognizer never saw, but got {got}. Choose other labs with --labs."])
    return plan


def climb(how: Climb, plan: FoldPlan, on_step: Callable[[str], None], show_progress: ShowProgress = no_progress) -> Ladder:
    """Climb all rungs. Raises ContractError if recognizer and recordings share no behavior."""
    recognizer = load_recognizer([how.checkpoint])
    labelling = shared_labelling(recognizer, plan)
    checks = applicability(recognizer, [plan.zone.material(one) for one in plan.recordings[:10]])
    on_step("\n".join(f"{one.name}: {one.verdict}, {one.text}" for one in checks))
    subjects, evaluations = scored(lambda fold: recognizer, plan, labelling), dict[Rung, Evaluation]()
    chosen, videos = how.rungs[0], [one.video_id for one in plan.recordings]
    for rung in _possible(how.rungs, recognizer, on_step):
        started, adapted = time.perf_counter(), recognizer
        if rung in RATES:
            of_fold = _trained_folds(recognizer, rung, how, plan, on_step, show_progress)
            subjects = scored(lambda fold, trained=of_fold: trained[fold], plan, labelling)  # type: ignore[misc]
            adapted = of_fold[0]
        fitted = decodings(rung, recognizer, subjects, plan)
        evaluations[rung] = judged(subjects, fitted, plan, labelling)
        save_reused(
            how.output_dir / f"{rung}.safetensors", how.checkpoint, adapted, rung, labelling.behaviors, fitted[None], videos, how.seed
        )
        chosen = _better(chosen, rung, evaluations)
        score = evaluations[rung].numbers["headline"]["competition_score"]["value"]
        on_step(f"{rung}: score={score:.3f} seconds={time.perf_counter() - started:.1f}")
    facts = {
        "checkpoint": how.checkpoint.name,
        "recordings": len(plan.recordings),
        "contents": len(set(plan.groups.values())),
        "folds": len(plan.splits),
        "behaviors": [behavior for behavior in labelling.behaviors if behavior != labelling.background],
        "checks": as_json(checks),
    }
    return Ladder(evaluations, chosen, facts)


def _possible(rungs: Sequence[Rung], recognizer: Recognizer, on_step: Callable[[str], None]) -> list[Rung]:
    """Return the rungs that this recognizer has; say which it lacks."""
    lacking = dict[Rung, str]()
    if recognizer.head is Head.EXCLUSIVE:
        lacking |= dict.fromkeys((Rung.THRESHOLDS, Rung.CALIBRATION), "its classes exclude each other: the best class is predicted")
    if not isinstance(recognizer, NetworkRecognizer) or recognizer.network_config is None:
        lacking |= dict.fromkeys((Rung.HEAD, Rung.WHOLE), "only a single network can be trained further; train one of your own instead")
    for rung in rungs:
        if rung in lacking:
            on_step(f"{rung}: left out, {lacking[rung]}.")
    return [rung for rung in rungs if rung not in lacking]


def _trained_folds(
    recognizer: Recognizer, rung: Rung, how: Climb, plan: FoldPlan, on_step: Callable[[str], None], show_progress: ShowProgress
) -> dict[int, NetworkRecognizer]:
    """Return by fold the network trained without it, and as number 0 the one trained on all recordings."""
    assert isinstance(recognizer, NetworkRecognizer)
    tuning = FineTuning(rung is Rung.HEAD, how.epochs, RATES[rung])
    trained = {}
    for fold in range(len(plan.splits) + 1):
        own = [one for one in plan.recordings if plan.fold_of[one.video_id] != fold]
        name = f"{rung}, fold {fold} of {len(plan.splits)}" if fold else f"{rung}, all recordings"

        def say(line: str, name: str = name) -> None:
            on_step(f"{name}: {line}")

        trained[fold] = fine_tuned(recognizer, plan.zone, own, plan.bouts, tuning, how.seed, how.device, say, show_progress)
    return {fold: replace(one, batch=recognizer.batch) for fold, one in trained.items()}


def _better(chosen: Rung, rung: Rung, evaluations: dict[Rung, Evaluation]) -> Rung:
    """Return the new rung if it gains more than the noise over the chosen one."""
    if chosen not in evaluations or rung == chosen:
        return rung
    low = gains(evaluations[rung], evaluations[chosen])["competition_score"]["low"]
    return rung if low is not None and low > 0 else chosen
