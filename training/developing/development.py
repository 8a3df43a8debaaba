"""A whole development: try candidates, combine them, choose, judge, and say what more labels would bring."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from behavior.whole_file import write_json, write_text
from recognizers.recognizer import Head, View
from reports.page import render
from training.combining.combination import How
from training.decoding.decoding_file import FittedDecoding
from training.developing.annotated_part import annotated_part
from training.developing.candidates import MANY_GROUPS, Candidate, candidates
from training.developing.choosing import Choice, choose_run, write_chosen
from training.developing.combinations import CombinedRun, combined_run, save_run, single_run
from training.developing.developed_outcome import Outcome
from training.developing.facts import Facts, facts_of
from training.developing.label_lag import label_lag, lag_sums
from training.developing.learning_curve import CurvePoint, learning_curve
from training.developing.outcome_page import card, outcome_page
from training.developing.running import Clock, Say, Tried, minutes_text, try_candidate
from training.developing.second_human import agreements
from training.developing.words import data_lines, lag_lines, part_lines
from training.fitting.loop import ShowProgress, no_progress
from training.fitting.session import Machine
from training.judging.evaluation import estimate_of, mean_series, precision_series
from training.judging.out_of_fold import OutOfFold, recipe_identity
from training.judging.publishing import publish
from training.judging.run_summary import description
from training.judging.scored_subjects import evaluated_behaviors, fit_decodings, labelling_of_run, subjects_with_scores
from training.judging.tally import tally
from training.material.fold_plan import FoldPlan
from training.recipes.trees_recipe import TreesRecipe

RECOGNIZER, CARD, PAGE, NUMBERS = "recognizer.safetensors", "card.md", "report.html", "report.json"


@dataclass(frozen=True)
class Developed:
    """The configuration of a development; reports have it in place of a recipe."""

    tried: tuple[str, ...]
    """Names of the runs to choose from."""
    name: str = "developed"
    """Its name in reports."""
    view: View = View.PAIR
    """View of its recognizers."""
    head: Head = Head.MULTILABEL
    """Head of its recognizers."""

    def to_json_dict(self) -> dict[str, Any]:
        """Return every field, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Workshop:
    """What all steps of a development need."""

    plan: FoldPlan
    """Recordings in folds."""
    folder: Path
    """All output."""
    seed: int
    """Seed of weights, windows and trees."""
    machine: Machine
    """Device and threads."""
    clock: Clock
    """The time."""
    say: Say
    """Called with a line for each step."""
    show_progress: ShowProgress = no_progress
    """Shows the batches of networks."""


def plan_lines(facts: Facts, tried: tuple[Candidate, ...], plan: FoldPlan, minutes: float) -> list[str]:
    """Return the plan in words, before anything is trained."""
    folds = len(plan.splits)
    lines = [
        *data_lines(facts),
        f"{folds} folds: each recording is scored by recognizers that never saw its group.",
        "To try, in this order:",
    ]
    total = 0.0
    for number, one in enumerate(tried, start=1):
        total += one.fold_s * folds
        lines.append(f"  {number}. {one.recipe.name}: {one.why}; roughly {minutes_text(one.fold_s * folds)}")
    lines.append("Then means of those that are complete, a decoding, and a learning curve.")
    lines.append(f"Rough total {minutes_text(total)}; --minutes {minutes:g}. What does not fit is left out; the first recipe always runs.")
    return lines


def develop(shop: Workshop) -> Outcome:
    """Run the whole development and write its files."""
    facts = facts_of(shop.plan)
    shop.say("Measuring how late the labels are.")
    lag = label_lag(lag_sums(shop.plan), shop.plan)
    part, part_only = annotated_part(shop.plan), shop.plan.zone.annotated_part
    for line in [*lag_lines(lag, shop.plan.zone.labels_late_s), *part_lines(part, part_only)]:
        shop.say(line)
    tried = _try_all(shop, candidates(facts, shop.machine.device))
    complete = [one for one in tried if not one.left_out]
    runs = _runs(shop, complete)
    stores = [run.store for run in runs]
    choice = choose_run(stores, [run.name for run in runs], shop.plan)
    shop.say(f"In use: {choice.names[choice.best]}, PR-AUC {choice.precision[choice.best, 0]:.3f}.")
    report = _judged(shop, choice, stores)
    _save(shop, runs[choice.best])
    outcome = Outcome(
        facts=facts,
        lag=lag,
        labels_late_s=shop.plan.zone.labels_late_s,
        part=part,
        part_only=part_only,
        tried=tried,
        choice=choice,
        reports={run.name: _precision(run.store, shop.plan) for run in runs},
        report=report,
        curve=_curve(shop, complete, choice),
        agreed=agreements(shop.plan),
        minutes=(time.monotonic() - shop.clock.started_s) / 60,
    )
    write_json(shop.folder / NUMBERS, outcome.to_json_dict())
    write_text(shop.folder / PAGE, render(outcome_page(outcome)))
    write_text(shop.folder / CARD, card(outcome, RECOGNIZER))
    return outcome


def _try_all(shop: Workshop, planned: tuple[Candidate, ...]) -> list[Tried]:
    tried: list[Tried] = []
    for number, candidate in enumerate(planned, start=1):
        name = candidate.recipe.name
        shop.say(f"== {number}/{len(planned)} {name}, {minutes_text(max(shop.clock.left_s, 0))} left")
        store = OutOfFold(shop.folder / "runs" / name)
        needed = not any(not one.left_out for one in tried)
        own = try_candidate(candidate, shop.plan, store, shop.seed, shop.machine, shop.clock, needed, shop.say, shop.show_progress)
        if own.left_out:
            shop.say(f"{name} is left out: {own.left_out}. Start the command again with more --minutes to go on with it.")
        tried.append(own)
    return tried


def _runs(shop: Workshop, complete: list[Tried]) -> list[CombinedRun]:
    """Return the complete candidates, then their combinations."""
    runs = [single_run(one.store, one.candidate.recipe.name) for one in complete]
    if len(complete) < 2:
        return runs
    members, groups = tuple(one.store for one in complete), len(set(shop.plan.groups.values()))
    for how in (How.FITTED, How.STACKED) if groups >= MANY_GROUPS else (How.FITTED,):
        shop.say(f"Combining {len(members)} recipes: {how}.")
        names = "+".join(one.folder.name for one in members)
        runs.append(combined_run(members, how, shop.plan, shop.folder / "runs" / f"{how}-{names}", shop.seed))
    return runs


def _judged(shop: Workshop, choice: Choice, stores: list[OutOfFold]) -> dict[str, Any]:
    """Write the scores that the choice gives, evaluate them, and return the content of their report.json."""
    store, developed = OutOfFold(shop.folder / "chosen"), Developed(choice.names)
    of_fold = str([choice.names[run] for run in choice.of_fold])
    (store.folder / "run.json").unlink(missing_ok=True)  # the choice may be another one after more time
    store.claim(
        {**recipe_identity(developed), "recipe name": developed.name, "of folds": str(of_fold), "seed": shop.seed, **shop.plan.identity()}
    )
    records = write_chosen(choice, stores, shop.plan, store)
    publish(store, shop.plan, description(developed, shop.seed, shop.plan, records), None)
    report: dict[str, Any] = json.loads((store.folder / "report.json").read_text(encoding="utf-8"))
    return report


def _save(shop: Workshop, run: CombinedRun) -> None:
    """Write the recognizer, with a decoding that was fitted and chosen on all scores of its run."""
    behaviors = evaluated_behaviors(labelling_of_run(run.store, shop.plan))
    decoding = fit_decodings(run.store, shop.plan)[None].decoding
    videos = tuple(sorted(recording.video_id for recording in shop.plan.recordings))
    save_run(shop.folder / RECOGNIZER, run, shop.plan, FittedDecoding(behaviors, decoding, videos), shop.seed)


def _curve(shop: Workshop, complete: list[Tried], choice: Choice) -> list[CurvePoint]:
    """Return the learning curve of the best trees among the candidates; networks take too long for it."""
    trees = [one for one in complete if isinstance(one.candidate.recipe, TreesRecipe)]
    if not trees:
        return []
    best = max(trees, key=lambda one: choice.precision[choice.names.index(one.candidate.recipe.name), 0])
    shop.say(f"== learning curve of {best.candidate.recipe.name}, {minutes_text(max(shop.clock.left_s, 0))} left")

    def fits(seconds: float) -> bool:
        return seconds <= shop.clock.left_s

    folder = shop.folder / "runs" / f"{best.candidate.recipe.name}-curve"
    return learning_curve(best.candidate, best.store, shop.plan, folder, shop.seed, shop.machine, shop.say, fits)


def _precision(store: OutOfFold, plan: FoldPlan) -> dict[str, float | None]:
    counted = tally(subjects_with_scores(store, plan), evaluated_behaviors(labelling_of_run(store, plan)))
    return estimate_of(mean_series([*precision_series(counted, plan.recordings, plan.fold_of).values()]))
