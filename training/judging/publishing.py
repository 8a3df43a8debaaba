"""Judge a complete run out of fold: its decodings and its report, as files in its folder and as words."""

from collections.abc import Mapping
from typing import Any

from behavior.whole_file import write_json, write_text
from reports.page import render
from training.decoding.fitted import DECODING_FILE, FittedDecoding
from training.judging.evaluation import Evaluation, evaluate, gains
from training.judging.out_of_fold import OutOfFold
from training.judging.report_page import report_page
from training.judging.run_summary import experiment_line, terminal_text
from training.judging.scored_subjects import cross_fitted, evaluated_behaviors, labelling_of_run, scored_subjects
from training.judging.tally import tally
from training.material.fold_plan import FoldPlan


def publish(store: OutOfFold, plan: FoldPlan, described: Mapping[str, Any], other: OutOfFold | None) -> FittedDecoding | None:
    """Judge the run, write decodings and reports into its folder, print the summary; return the decoding fitted on all.

    `described` says what was run on what, `other` is a run to compare with. The reports are report.json, report.html, and
    experiment.md, one line to add to docs/experiments.md.
    """
    found, fitted = evaluated(store, plan)
    for place, decoding in fitted.items():
        decoding.write(store.folder / place)
    in_use = DECODING_FILE in fitted and fitted[DECODING_FILE].to_json_dict()
    whole = {**described, **found.numbers, "decoding": in_use or None, "against": other and _compared(found, other, plan)}
    write_json(store.folder / "report.json", whole)
    write_text(store.folder / "report.html", render(report_page(whole)))
    write_text(store.folder / "experiment.md", experiment_line(whole) + "\n")
    print(terminal_text(whole))
    print(f"Wrote {store.folder / 'report.html'}, report.json and experiment.md.")
    return fitted.get(DECODING_FILE)


def evaluated(store: OutOfFold, plan: FoldPlan) -> tuple[Evaluation, dict[str, FittedDecoding]]:
    """Return the numbers, and each decoding by its file in the folder: that of a fold was fitted on all others."""
    behaviors, crossed = evaluated_behaviors(labelling_of_run(store, plan)), cross_fitted(store, plan)
    files = {}
    for fold, fitted in crossed.items():
        videos = tuple(video for video, other in sorted(plan.fold_of.items()) if other != fold)
        files[DECODING_FILE if fold is None else f"fold-{fold}/{DECODING_FILE}"] = FittedDecoding(behaviors, fitted.decoding, videos)
    counted = tally(scored_subjects(store, plan, crossed), behaviors)
    return evaluate(counted, plan.recordings, plan.groups, plan.fold_of), files


def _compared(found: Evaluation, other: OutOfFold, plan: FoldPlan) -> dict[str, Any]:
    """Return who was compared with and what this run gains over it."""
    identity = other.identity()
    return {"recipe": identity["recipe name"], "seed": identity["seed"], "gain": gains(found, evaluated(other, plan)[0])}
