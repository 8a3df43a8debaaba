"""The report of a cross-validation as a page: all numbers with their meaning and interval."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reports.charts import curve_chart, dot_chart, matrix_chart
from reports.estimates import Estimate, gain_text, number_text
from reports.figures import svg
from reports.page import Cell, Columns, Facts, FigureBlock, Gallery, Headline, Note, Page, Section, TableBlock, Text
from training.judging.calibration_section import calibration_section
from training.judging.class_section import class_sections
from training.judging.decoding_section import decoding_sections

_HEADLINE = {
    "frame_f1": "Frame F1, thresholds of the other folds",
    "frame_f1_optimistic": "Frame F1, thresholds on these scores (optimistic)",
    "average_precision": "Frame PR-AUC",
    "bout_f1_at_0.3": "Bout F1, overlap 0.3",
}
_FEW_BOUTS = 20
"""With fewer true bouts the numbers of a behavior are uncertain."""
_BY_BEHAVIOR = (
    "Score is the F1 of decoded bouts as the competition pools it, with a decoding that was fitted on the other folds; it is the mean over "
    "labs. Frame F1 and PR-AUC are of raw scores. Bout F1 counts bouts at a least overlap (intersection over union)."
)
_CURVES = (
    "Precision goes upward, recall to the right, over all frames in which the behavior was annotated. The number is the area under the "
    "curve; the dotted line is the precision of random scores."
)
_OVERLAP = "A true bout counts as detected if a predicted bout overlaps it at least so much. Each bout counts once."
_CONFUSION = (
    "Of 100 frames with a true behavior (row), so many have each predicted behavior (column), at most one per frame. A frame with two "
    "true behaviors counts in both rows. The last row is for frames without any annotated behavior."
)


def report_page(report: Mapping[str, Any], clips: Sequence[Section] = ()) -> Page:
    """Return the page for the content of report.json, which `training.judging.publishing` writes. `clips` are sections with pictures."""
    behaviors = report["behaviors"]
    headline = {key: Estimate(**one) for key, one in report["headline"].items()}
    facts = [(name, headline[key]) for key, name in _HEADLINE.items()]
    return Page(
        f"{report['recipe']}, {len(report['folds'])} folds out of fold",
        _data_line(report),
        [
            Headline(headline["competition_score"], report["score_name"], facts),
            Text(_reading(report)),
            *_gains(report),
            *class_sections(report["classes"]),
            *clips,
            Section("By behavior", [Text(_BY_BEHAVIOR, quiet=True), _behavior_table(report, headline), *_few_bouts(behaviors)]),
            Section("Precision and recall", [Text(_CURVES, quiet=True), Gallery([*_curves(behaviors)])]),
            Columns([calibration_section(behaviors), _overlap_section(report)]),
            Section("Confusion", [Text(_CONFUSION, quiet=True), _confusion(report["confusion"])]),
            *decoding_sections(report),
            *([Section("By lab", [_lab_table(report["labs"])])] if len(report["labs"]) > 1 else []),
            Section("Folds", [Text(_duplicates(report["data"]), quiet=True), _fold_table(report["folds"])]),
        ],
    )


def _data_line(report: Mapping[str, Any]) -> str:
    data = report["data"]
    labs = ", ".join(data["labs"]) if len(data["labs"]) <= 4 else f"{len(data['labs'])} labs"
    parts = [f"{labs}: {data['recordings']} recordings, {data['hours']:.1f} hours", f"seed {report['seed']}", report["date"]]
    return " · ".join([*parts, *([f"commit {report['commit']}"] if report["commit"] else [])])


def _reading(report: Mapping[str, Any]) -> str:
    return (
        "Every recording was scored by a recognizer that never saw it, nor another recording of its content. Epochs were chosen on "
        "recordings of the training folds; decodings were fitted on the scores of the other folds. Brackets contain 95 % of "
        f"{report['resamples']} bootstrap resamples of whole recordings within labs. Behaviors that were not annotated do not count. "
        "A gain whose interval contains 0 is not significant."
    )


def _gains(report: Mapping[str, Any]) -> list[Section]:
    """Return the gain over another run; nothing without another run."""
    against = report["against"]
    if not against:
        return []
    names = {"competition_score": report["score_name"].capitalize(), **_HEADLINE}
    facts = [(name, gain_text(Estimate(**against["gain"][key]))) for key, name in names.items()]
    if against.get("macro_f1"):
        facts = [("Macro F1 of frames", gain_text(Estimate(**against["macro_f1"]))), *facts]
    return [Section(f"Gain over {against['recipe']}, seed {against['seed']}", [Facts(facts)])]


def _behavior_table(report: Mapping[str, Any], headline: Mapping[str, Estimate]) -> TableBlock:
    overlaps = report["overlaps"]
    head = ["behavior", "share of\nframes", "true\nbouts", "score", "frame\nF1", "optimistic\nframe F1", "frame\nPR-AUC"]
    head += [f"bout F1\nat {overlap:g}" for overlap in overlaps]
    keys = ["frame_f1", "frame_f1_optimistic", "average_precision", *(f"bout_f1_at_{overlap}" for overlap in overlaps)]
    rows = [
        [
            name,
            "-" if one["share"] is None else f"{100 * one['share']:.2f} %",
            f"{one['bouts']:,}",
            number_text(one["competition_f1"]),
            *(number_text(one[key]["value"]) for key in keys),
        ]
        for name, one in report["behaviors"].items()
    ]
    occurring = sum(one["frames"] > 0 for one in report["behaviors"].values())
    score = headline["competition_score"].number if len(report["labs"]) == 1 else ""  # with several labs it is not the mean of this column
    return TableBlock(head, rows, [f"mean of {occurring}", "", "", score, *(headline[key].number for key in keys)])


def _few_bouts(behaviors: Mapping[str, Mapping[str, Any]]) -> list[Note]:
    """Return a warning that names the behaviors with few bouts, if there are any."""
    few = [name for name, one in behaviors.items() if 0 < one["bouts"] < _FEW_BOUTS]
    if not few:
        return []
    return [
        Note(
            f"These behaviors have fewer than {_FEW_BOUTS} true bouts, so a single bout moves their numbers: {', '.join(few)}.",
            warning=True,
        )
    ]


def _curves(behaviors: Mapping[str, Mapping[str, Any]]) -> list[FigureBlock]:
    figures = []
    for name, one in behaviors.items():
        if one["frames"]:
            recall, precision = [0, *one["curve"]["recall"]], [*one["curve"]["precision"][:1], *one["curve"]["precision"]]
            caption = f"{name} {number_text(one['average_precision']['value'])}"
            figures.append(
                FigureBlock(svg(curve_chart((recall, precision), one["share"] or 0)), f"Precision over recall of {name}.", caption)
            )
    return figures


def _overlap_section(report: Mapping[str, Any]) -> Section:
    behaviors, overlaps = report["behaviors"], report["overlaps"]
    values = [[one[f"bout_f1_at_{overlap}"]["value"] for overlap in overlaps] for one in behaviors.values()]
    chart = dot_chart([*behaviors], np.array(values, float), [f"{overlap:g}" for overlap in overlaps], "bout F1", "least overlap")
    return Section("Bouts by overlap", [Text(_OVERLAP, quiet=True), FigureBlock(svg(chart), "Bout F1 of each behavior at each overlap.")])


def _confusion(confusion: Mapping[str, Any]) -> FigureBlock:
    counts = np.array(confusion["frames"], float)
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    return FigureBlock(svg(matrix_chart(confusion["names"], share)), "Share of the frames of each true behavior by predicted behavior.")


def _lab_table(labs: Mapping[str, Any]) -> TableBlock:
    rows: list[list[Cell]] = []
    for name, lab in labs.items():
        order = sorted(lab["actions"], key=lab["actions"].__getitem__)
        ends = [f"{action} {lab['actions'][action]:.3f}" for action in (order[-1], order[0])] if order else ["", ""]
        rows.append([name, Estimate(**lab["score"]), str(len(order)), *ends])
    return TableBlock(["lab", "score", "behaviors", "best", "weakest"], rows)


def _fold_table(folds: Sequence[Mapping[str, Any]]) -> TableBlock:
    head = ["fold", "training\nrecordings", "validation\nrecordings", "held-out\nrecordings", "best epoch", "validation\nscore", "seconds"]
    rows = [
        [
            str(one["fold"]),
            *(str(len(one[part])) for part in ("train", "validation", "held_out")),
            f"{one['best_epoch']} of {one['epochs']}" if one["epochs"] else "-",
            number_text(one["val_score"]),
            f"{one['seconds']:.0f}",
        ]
        for one in folds
    ]
    return TableBlock(head, rows)


def _duplicates(data: Mapping[str, Any]) -> str:
    same = data["same_content"]
    if not same:
        return "No two recordings have the same tracks or the same labels."
    listed = "; ".join(", ".join(map(str, videos)) for videos in same)
    return f"{data['recordings']} recordings of {data['contents']} contents. Of the same content, and always in one fold: {listed}."
