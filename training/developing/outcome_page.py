"""The outcome of a development as a page in plain words, and as the card of its recognizer."""

from reports.charts import growth_chart
from reports.estimates import Estimate
from reports.figures import svg
from reports.page import Cell, FigureBlock, Headline, Page, Section, TableBlock, Text
from training.developing.developed_outcome import Outcome
from training.developing.running import minutes_text
from training.developing.words import curve_lines, data_lines, finding_lines, lag_lines, part_lines
from training.judging.run_summary import choice_text

_HONEST = (
    "Every recording was scored by recognizers that never saw it, nor another recording of its group. For each fold, the run and the way "
    "to decode were chosen and fitted on the scores of the other folds. So what chose is never what is reported here."
)
_NO_CURVE = "There was no time for a learning curve, or there are too few recordings. Give more --minutes and start the command again."
_NO_HUMAN = "No film in this zone was annotated by a second human. Two annotations of the same film would show what can be reached."


def outcome_page(outcome: Outcome) -> Page:
    """Return the page."""
    headline = {name: Estimate(**one) for name, one in outcome.report["headline"].items()}
    facts: list[tuple[str, Cell]] = [
        ("Frame F1, thresholds of the other folds", headline["frame_f1"]),
        ("Frame PR-AUC", headline["average_precision"]),
        ("Bout F1, overlap 0.3", headline["bout_f1_at_0.3"]),
    ]
    return Page(
        f"Recognizer of {', '.join(outcome.facts.labs[:4])}",
        f"{outcome.report['date']} · seed {outcome.report['seed']} · {outcome.minutes:.1f} minutes",
        [
            Headline(headline["competition_score"], outcome.report["score_name"], facts),
            Text(_HONEST),
            Section("What it finds", [Text(line) for line in finding_lines(outcome.report, outcome.agreed)]),
            Section("More labels", [*(Text(line) for line in curve_lines(outcome.curve) or [_NO_CURVE]), *_curve(outcome)]),
            Section("A second human", [Text(line) for line in _human_lines(outcome)]),
            Section("The recordings", [Text(line) for line in data_lines(outcome.facts)]),
            Section("The labels", [Text(line) for line in _label_lines(outcome)]),
            Section("What was tried", [Text(_use(outcome)), _runs(outcome), *_left_out(outcome)]),
            Section("Details", [Text("chosen/report.html has all numbers: curves, calibration, confusion, decoding and folds.")]),
        ],
    )


def card(outcome: Outcome, file: str) -> str:
    """Return the card of the recognizer in Markdown: what it is for, how good it is, on what, and how to use it."""
    headline = {name: Estimate(**one) for name, one in outcome.report["headline"].items()}
    lines = [
        f"# {file}",
        "",
        f"Recognizes {', '.join(outcome.facts.bouts)} in recordings like those of {', '.join(outcome.facts.labs)}.",
        "",
        f"- In use: {outcome.best}; seed {outcome.report['seed']}; {outcome.report['date']}"
        + (f"; commit {outcome.report['commit']}" if outcome.report["commit"] else ""),
        f"- {outcome.report['score_name'].capitalize()}: {headline['competition_score']}",
        f"- Frame F1, thresholds of the other folds: {headline['frame_f1']}",
        f"- Frame PR-AUC: {headline['average_precision']}",
        f"- {_HONEST}",
        "",
        "## What it finds",
        "",
        *(f"- {line}" for line in finding_lines(outcome.report, outcome.agreed)),
        "",
        "## The recordings it learned from",
        "",
        *(f"- {line}" for line in [*data_lines(outcome.facts), *_label_lines(outcome)]),
        "",
        "## Use",
        "",
        "```bash",
        f"python inference/recognize.py --data-dir DATA --checkpoint {file} --output bouts.csv",
        "```",
        "",
        "Other strains, arenas, cameras or trackers than in these recordings may lower the scores: check some bouts by eye first.",
        "",
    ]
    return "\n".join(lines)


def _label_lines(outcome: Outcome) -> list[str]:
    return [*lag_lines(outcome.lag, outcome.labels_late_s), *part_lines(outcome.part, outcome.part_only)]


def _use(outcome: Outcome) -> str:
    folds = [outcome.choice.names[run] for run in outcome.choice.of_fold]
    same = folds.count(outcome.best)
    decoding = choice_text(outcome.report["decoding_choice"]) if outcome.report["decoding_choice"] else "the best class"
    return f"In use: {outcome.best}; {same} of {len(folds)} folds chose the same. Decoding: {decoding}."


def _runs(outcome: Outcome) -> TableBlock:
    seconds = {one.candidate.recipe.name: one.seconds for one in outcome.tried}
    chosen = [outcome.choice.names[run] for run in outcome.choice.of_fold]
    rows: list[list[Cell]] = [
        [
            name,
            Estimate(**outcome.reports[name]),
            f"{chosen.count(name)} of {len(chosen)}",
            minutes_text(seconds[name]) if name in seconds else "",
        ]
        for name in outcome.choice.names
    ]
    return TableBlock(["run", "PR-AUC, out of fold", "chosen by\nfolds", "trained in"], rows)


def _left_out(outcome: Outcome) -> list[Text]:
    return [Text(f"{one.candidate.recipe.name} was left out: {one.left_out}.") for one in outcome.tried if one.left_out]


def _human_lines(outcome: Outcome) -> list[str]:
    if not outcome.agreed:
        return [_NO_HUMAN]
    behaviors = outcome.report["behaviors"]
    return [
        f"{name}: two humans agree with F1 {one.f1:.2f} on {one.recordings} films ({', '.join(one.others)}); "
        f"this recognizer has {behaviors[name]['competition_f1'] or 0:.2f}."
        for name, one in outcome.agreed.items()
        if name in behaviors
    ]


def _curve(outcome: Outcome) -> list[FigureBlock]:
    if len(outcome.curve) < 2:
        return []
    recordings = [point.recordings for point in outcome.curve]
    means = [Estimate(**point.to_json_dict()["mean"]) for point in outcome.curve]
    single = {name: [float(point.series[name][0]) for point in outcome.curve] for name in outcome.curve[-1].series}
    chart = growth_chart(recordings, means, single, "training recordings", "PR-AUC")
    return [FigureBlock(svg(chart), "PR-AUC over the number of training recordings, all behaviors and each of them.")]
