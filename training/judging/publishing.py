"""Evaluate a complete out-of-fold run: write its decodings and its report, and print a summary."""

from collections.abc import Mapping
from typing import Any

from behavior.whole_file import write_json, write_text
from recognizers.recognizer import Head, View
from reports.page import render
from training.decoding.choice import ChosenDecoding
from training.decoding.decoding_file import DECODING_FILE, FittedDecoding
from training.judging.class_evaluation import ClassTally, class_tally, evaluate_classes, macro_gain
from training.judging.clip_gallery import clip_sections, notable_clips
from training.judging.evaluation import Evaluation, evaluate, gains
from training.judging.out_of_fold import OutOfFold
from training.judging.report_page import report_page
from training.judging.run_summary import experiment_line, terminal_text
from training.judging.scored_subjects import (
    evaluated_behaviors,
    fit_decodings,
    labelling_of_run,
    subjects_with_bouts,
    subjects_with_scores,
)
from training.judging.tally import tally
from training.material.fold_plan import FoldPlan


def publish(store: OutOfFold, plan: FoldPlan, description: Mapping[str, Any], other: OutOfFold | None) -> FittedDecoding | None:
    """Evaluate the run, write decodings and reports into its folder, print the summary; return the decoding fitted on all scores.

    `description` is about recipe and data, `other` is a run to compare with. The reports are report.json, report.html, and
    experiment.md, one line to add to docs/experiments.md.
    """
    evaluation, fitted = evaluate_run(store, plan)
    for place, decoding in fitted.items():
        decoding.write(store.folder / place)
    classes = _class_tally(store, plan)
    certain, doubtful = notable_clips(subjects_with_scores(store, plan)) if store.view is View.CLIP else ([], [])
    in_use = DECODING_FILE in fitted and fitted[DECODING_FILE].to_json_dict()
    against = other and _comparison(evaluation, classes, other, plan)
    numbers = classes and evaluate_classes(classes)
    whole = {**description, **evaluation.numbers, "classes": numbers, "decoding": in_use or None, "against": against}
    write_json(store.folder / "report.json", whole)
    write_text(store.folder / "report.html", render(report_page(whole, clip_sections(certain, doubtful, plan.zone.material))))
    write_text(store.folder / "experiment.md", experiment_line(whole) + "\n")
    print(terminal_text(whole))
    print(f"Wrote {store.folder / 'report.html'}, report.json and experiment.md.")
    return fitted.get(DECODING_FILE)


def evaluate_run(store: OutOfFold, plan: FoldPlan) -> tuple[Evaluation, dict[str, FittedDecoding]]:
    """Return the evaluation, and the decodings by file in the folder; that of a fold was fitted on all other folds."""
    behaviors, crossed = evaluated_behaviors(labelling_of_run(store, plan)), fit_decodings(store, plan)
    files = {}
    for fold, fitted in crossed.items():
        videos = tuple(video for video, other in sorted(plan.fold_of.items()) if other != fold)
        files[DECODING_FILE if fold is None else f"fold-{fold}/{DECODING_FILE}"] = FittedDecoding(behaviors, fitted.decoding, videos)
    counted = tally(subjects_with_bouts(store, plan, crossed), behaviors)
    evaluation = evaluate(counted, plan.recordings, plan.groups, plan.fold_of)
    evaluation.numbers["decoding_choice"] = _choice(crossed)
    return evaluation, files


def _choice(crossed: Mapping[int | None, ChosenDecoding]) -> dict[str, Any] | None:
    """Return which way to decode was chosen, for use and for each fold, and what each way gained; None without a fitted decoding."""
    if not crossed:
        return None
    ways = {str(fold): one.way for fold, one in crossed.items() if fold is not None}
    gains = {way: {"gain": gain, "sure": sure} for way, (gain, sure) in crossed[None].gains.items()}
    return {"way": crossed[None].way, "folds": ways, "gains": gains}


def _class_tally(store: OutOfFold, plan: FoldPlan) -> ClassTally | None:
    """Return the counts of behaviors that exclude each other; None for a run whose behaviors do not."""
    if store.head is not Head.EXCLUSIVE:
        return None
    return class_tally(subjects_with_scores(store, plan), labelling_of_run(store, plan).behaviors)


def _comparison(evaluation: Evaluation, classes: ClassTally | None, other: OutOfFold, plan: FoldPlan) -> dict[str, Any]:
    """Return recipe and seed of the other run, and the gain over it."""
    identity, theirs = other.identity(), _class_tally(other, plan)
    return {
        "recipe": identity["recipe name"],
        "seed": identity["seed"],
        "gain": gains(evaluation, evaluate_run(other, plan)[0]),
        "macro_f1": macro_gain(classes, theirs) if classes and theirs else None,
    }
