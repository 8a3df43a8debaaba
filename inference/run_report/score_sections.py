"""The sections of a report about how right a recognizer is: scores with intervals, confusion, calibration, time budgets."""

from collections.abc import Sequence

import numpy as np

from behavior.frame_scores import reliability
from behavior.lab_scores import LabSeries
from inference.run_report.judged_run import LEAST_RECORDINGS, JudgedRun, estimate
from reports.charts import calibration_chart, matrix_chart
from reports.ethogram_charts import budget_chart
from reports.figures import svg
from reports.page import Cell, FigureBlock, Gallery, Note, Section, TableBlock, Text

_SCORES = (
    "F1 of the frames of each behavior, as the competition pools it: over all recordings of a lab. Brackets contain 95 % of 1,000 "
    "resamples of whole recordings. Found: true bouts that a predicted one overlaps by 30 % or more."
)
_CONFUSION = (
    "Of 100 frames with a true behavior (row), so many have each predicted behavior (column). The last row is for frames without any "
    "annotated behavior."
)
_CALIBRATION = "Below the dotted line scores are too high, above it too low. Larger dots hold more frames."
_UNJUDGED_BUDGETS = (
    "Share of the time that the recognizer gives to each behavior, summed over the mice or pairs that it looked at. "
    "Other behaviors are unknown."
)
_BUDGETS = (
    "Share of the annotated time that each behavior takes, summed over the mice or pairs for which it was annotated. A behavior that "
    "was not annotated is unknown, and has no bar for experts."
)


def score_sections(run: JudgedRun, series: Sequence[LabSeries]) -> list[Section]:
    """Return the sections of recordings that experts annotated; only time budgets without any."""
    if not series:
        return [_budget_section(run)]
    return [_score_section(run, series), _confusion_section(run), _calibration_section(run), _budget_section(run)]


def _score_section(run: JudgedRun, series: Sequence[LabSeries]) -> Section:
    rows: list[list[Cell]] = []
    for lab in series:
        judged = run.judged_of(lab.lab)
        rows.append([lab.lab, "mean", estimate(lab.score, judged), "", "", ""])
        for place, action in enumerate(lab.actions):
            matched, predicted, true = run.bouts.get((lab.lab, action), np.zeros(3)).tolist()
            found = f"{int(matched)} of {int(true)}" if true else "-"
            rows.append(["", action, estimate(lab.f1[:, place], judged), f"{int(true):,}", f"{int(predicted):,}", found])
    head = ["lab", "behavior", "F1", "true\nbouts", "predicted\nbouts", "found"]
    few = [one.lab for one in series if run.judged_of(one.lab) < LEAST_RECORDINGS]
    says = f"Fewer than {LEAST_RECORDINGS} annotated recordings, so without intervals: {', '.join(few)}."
    notes = [Note(says)] if few else []
    return Section("Scores", [Text(_SCORES, quiet=True), *notes, TableBlock(head, rows, text_columns=(0, 1))])


def _confusion_section(run: JudgedRun) -> Section:
    used = [place for place in range(len(run.behaviors)) if run.confusion[place].any() or run.confusion[:, place].any()]
    chosen = [*used, len(run.behaviors)]
    counts = run.confusion[np.ix_(chosen, chosen)].astype(float)
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    names = [*(run.behaviors[place] for place in used), "nothing"]
    figure = FigureBlock(svg(matrix_chart(names, share)), "Share of the frames of each true behavior by predicted behavior.")
    return Section("Confusion", [Text(_CONFUSION, quiet=True), figure])


def _calibration_section(run: JudgedRun) -> Section:
    if not run.levels:
        return Section("Calibration", [Text("No behavior was annotated.")])
    single = {behavior: reliability(counts) for behavior, counts in run.levels.items()}
    together = reliability(np.sum([*run.levels.values()], axis=0))
    curves = [(one.score.tolist(), one.share.tolist()) for one in single.values()]
    chart = calibration_chart(curves, (together.score.tolist(), together.share.tolist()), together.frames.tolist())
    says = f"{_CALIBRATION} The mean distance from the line is {together.error:.3f}."
    figure = FigureBlock(svg(chart), "Share of frames with the behavior over their mean score.")
    return Section("Calibration", [Text(says, quiet=True), figure])


def _budget_section(run: JudgedRun) -> Section:
    figures = []
    judged = {lab for lab, _ in run.budget}
    for lab in sorted(judged | {lab for lab, _ in run.unjudged_budget}):
        budget = run.budget if lab in judged else run.unjudged_budget  # experts and recognizer are compared on the same recordings
        spent = {name: seconds for (own, name), seconds in budget.items() if own == lab}
        names = sorted(spent, key=lambda name: -max(spent[name][1:] / spent[name][0]))
        shares = {name: (100 * spent[name][1:] / spent[name][0]).tolist() for name in names}
        true = [shares[name][0] if lab in judged else None for name in names]
        figures.append(FigureBlock(svg(budget_chart(names, true, [shares[name][1] for name in names])), f"Time budget of {lab}.", lab))
    if not figures:
        return Section("Time budgets", [Text("No behavior could be predicted in these recordings.")])
    return Section("Time budgets", [Text(_BUDGETS if judged else _UNJUDGED_BUDGETS, quiet=True), Gallery(figures, wide=True)])
