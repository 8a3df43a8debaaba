"""The report of a cross-validation as one HTML page that needs nothing beside itself: no script, no font, no picture file."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from training.judging.report.decoding import decoding_section
from training.judging.report.figures import calibration_error, confusion_figure, overlap_figure, precision_recall_figure, reliability_figure
from training.judging.report.summary import gain_text
from training.judging.report.table import interval, number, table, with_interval

_CSS = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 900px; padding: 2.5rem 1.25rem 4rem; background: #fff; color: #22303c;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.5rem; font-weight: 600; margin: 0; line-height: 1.25; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; font-weight: 600; margin: 2.75rem 0 .25rem; }
p { margin: .25rem 0 .75rem; max-width: 44rem; }
.quiet { color: #5c6a75; font-size: .9rem; }
.headline { margin: 1.75rem 0 1.5rem; display: grid; grid-template-columns: minmax(0, 1.15fr) minmax(0, 2fr);
  gap: 1.25rem 2rem; align-items: end; }
.headline strong { display: block; font-size: 3.6rem; line-height: 1; font-weight: 600; color: #2f6690; letter-spacing: -.02em; }
dl { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .75rem 1.5rem; margin: 0; }
dl div { display: flex; flex-direction: column; justify-content: end; }
dt { color: #5c6a75; font-size: .8rem; line-height: 1.3; }
dd { margin: 0; font-variant-numeric: tabular-nums; font-weight: 600; }
dd span, .interval { color: #5c6a75; font-weight: 400; font-size: .85rem; white-space: nowrap; }
.wide { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th { font-weight: 500; color: #5c6a75; font-size: .8rem; line-height: 1.25; vertical-align: bottom; }
th, td { text-align: right; padding: .38rem .55rem; border-bottom: 1px solid #eceff1; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; position: sticky; left: 0; background: #fff; }
tfoot td { border-bottom: 0; border-top: 1px solid #c9d0d6; font-weight: 600; }
.small { display: grid; grid-template-columns: repeat(auto-fill, minmax(155px, 1fr)); gap: 1rem 1.25rem; margin: .75rem 0; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 0 2.5rem; }
figure { margin: 0; min-width: 0; }
figcaption { font-size: .85rem; }
svg { display: block; width: 100%; height: auto; }
svg text { font-family: inherit !important; }
.confusion { min-width: 430px; max-width: 620px; }
@media (max-width: 560px) { body { padding-top: 1.5rem; } .headline { grid-template-columns: 1fr; } }
"""

_HEADLINE = {
    "frame_f1": "Frame F1, thresholds of the other folds",
    "frame_f1_optimistic": "Frame F1, thresholds on these scores (optimistic)",
    "average_precision": "Frame PR-AUC",
    "bout_f1_at_0.3": "Bout F1, overlap 0.3",
}


def page(report: Mapping[str, Any]) -> str:
    """Return the whole page."""
    behaviors = report["behaviors"]
    title = f"{report['recipe']}, {len(report['folds'])} folds out of fold"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="quiet">{escape(_data_line(report))}</p>',
        _headline(report),
        f"<p>{escape(_reading(report))}</p>",
        *_against(report),
        "<h2>By behavior</h2>",
        '<p class="quiet">Score: F1 of decoded bouts as the competition pools it, decoding fitted on the other folds; of several '
        "labs the mean. Frame F1 and PR-AUC: raw scores. Bouts: F1 at a least overlap (intersection over union).</p>",
        _behavior_table(report),
        "<h2>Precision and recall</h2>",
        '<p class="quiet">Precision upward, recall to the right, over all frames that were annotated the behavior. The number is the '
        "area under the curve, the dotted line what guessing reaches.</p>",
        f'<div class="small">{"".join(_small(name, behavior) for name, behavior in behaviors.items() if behavior["frames"])}</div>',
        f'<div class="two">{_calibration(behaviors)}{_bouts(report)}</div>',
        "<h2>Confusion</h2>",
        '<p class="quiet">Of 100 frames with a true behavior (row): on how many each behavior was found (column). Found are decoded '
        "bouts, one behavior a frame at most. Where two behaviors are true at once, the frame counts in both rows. The last row is "
        "frames on which nothing that was annotated is true.</p>",
        f'<figure class="wide"><div class="confusion">{confusion_figure(**report["confusion"])}</div></figure>',
        *decoding_section(report),
        *(["<h2>By lab</h2>", _lab_table(report["labs"])] if len(report["labs"]) > 1 else []),
        "<h2>Folds</h2>",
        f'<p class="quiet">{escape(_duplicates(report["data"]))}</p>',
        _fold_table(report["folds"]),
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>{_CSS}</style></head>\n<body>\n' + "\n".join(parts) + "\n</body></html>\n"


def _data_line(report: Mapping[str, Any]) -> str:
    data = report["data"]
    labs = ", ".join(data["labs"]) if len(data["labs"]) <= 4 else f"{len(data['labs'])} labs"
    told = [f"{labs}: {data['recordings']} recordings, {data['hours']:.1f} hours", f"seed {report['seed']}", report["date"]]
    return " · ".join([*told, *([f"commit {report['commit']}"] if report["commit"] else [])])


def _headline(report: Mapping[str, Any]) -> str:
    headline = report["headline"]
    score = headline["competition_score"]
    facts = "".join(f"<div><dt>{escape(name)}</dt><dd>{with_interval(headline[key])}</dd></div>" for key, name in _HEADLINE.items())
    return (
        f'<div class="headline"><div><strong>{number(score["value"])}</strong><span class="interval">{interval(score)}</span>'
        f'<div class="quiet">{escape(report["score_name"])}</div></div><dl>{facts}</dl></div>'
    )


def _against(report: Mapping[str, Any]) -> list[str]:
    """Return what is gained over another run; nothing if none was named."""
    against = report["against"]
    if not against:
        return []
    names = {"competition_score": report["score_name"].capitalize(), **_HEADLINE}
    facts = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(gain_text(against['gain'][key]))}</dd></div>" for key, name in names.items())
    return [f"<h2>Gain over {escape(against['recipe'])}, seed {against['seed']}</h2>", f"<dl>{facts}</dl>"]


def _reading(report: Mapping[str, Any]) -> str:
    return (
        "Every recording was scored by a recognizer that never saw it nor another recording of its content. Epochs were chosen on "
        "recordings of the training folds; what turns scores into bouts was fitted on the scores of the other folds. In brackets: 95 % of "
        f"{report['resamples']} bootstrap resamples of whole recordings, drawn within labs. What nobody annotated is counted nowhere. "
        "A difference smaller than the interval is no gain."
    )


def _behavior_table(report: Mapping[str, Any]) -> str:
    overlaps = report["overlaps"]
    head = ["behavior", "share of<br>frames", "true<br>bouts", "score", "frame<br>F1", "F1 opti-<br>mistic", "PR-<br>AUC"]
    head += [f"bouts<br>{overlap:g}" for overlap in overlaps]
    keys = ["frame_f1", "frame_f1_optimistic", "average_precision", *(f"bout_f1_at_{overlap}" for overlap in overlaps)]
    rows = [
        [
            escape(name),
            "-" if one["share"] is None else f"{100 * one['share']:.2f} %",
            f"{one['bouts']:,}",
            number(one["competition_f1"]),
            *(number(one[key]["value"]) for key in keys),
        ]
        for name, one in report["behaviors"].items()
    ]
    occurring = sum(one["frames"] > 0 for one in report["behaviors"].values())
    score = number(report["headline"]["competition_score"]["value"]) if len(report["labs"]) == 1 else ""  # else no mean of this column
    foot = [f"mean of {occurring}", "", "", score, *(number(report["headline"][key]["value"]) for key in keys)]
    return table(head, rows, foot)


def _small(name: str, behavior: Mapping[str, Any]) -> str:
    area = f'<span class="interval">{number(behavior["average_precision"]["value"])}</span>'
    return f"<figure><figcaption>{escape(name)} {area}</figcaption>{precision_recall_figure(name, behavior)}</figure>"


def _calibration(behaviors: Mapping[str, Any]) -> str:
    told = f"Mean distance {calibration_error(behaviors, 'reliability'):.3f}"
    if any(one["reliability_calibrated"] for one in behaviors.values()):
        told += (
            f", and {calibration_error(behaviors, 'reliability_calibrated'):.3f} calibrated on the other folds, which bouts are found with"
        )
    return (
        f'<div><h2>Calibration</h2><p class="quiet">Above the dotted line scores are too shy, below it too bold; larger dots '
        f"hold more frames. {told}.</p><figure>{reliability_figure(behaviors)}</figure></div>"
    )


def _bouts(report: Mapping[str, Any]) -> str:
    return (
        '<div><h2>Bouts by overlap</h2><p class="quiet">A true bout counts as found if one found bout overlaps it at least so much; '
        f"each is counted once.</p><figure>{overlap_figure(report['behaviors'], report['overlaps'])}</figure></div>"
    )


def _lab_table(labs: Mapping[str, Any]) -> str:
    head = ["lab", "score", "95 %", "behaviors", "best", "weakest"]
    rows = []
    for name, lab in labs.items():
        order = sorted(lab["actions"], key=lab["actions"].__getitem__)
        ends = [f"{escape(action)} {lab['actions'][action]:.3f}" for action in (order[-1], order[0])] if order else ["", ""]
        rows.append([escape(name), number(lab["score"]["value"]), interval(lab["score"]), str(len(order)), *ends])
    return table(head, rows)


def _fold_table(folds: Sequence[Mapping[str, Any]]) -> str:
    head = ["fold", "teach", "validate", "scored", "best epoch", "validation score", "seconds"]
    rows = [
        [
            str(one["fold"]),
            *(str(len(one[part])) for part in ("train", "validation", "held_out")),
            f"{one['best_epoch']} of {one['epochs']}" if one["epochs"] else "-",
            number(one["val_score"]),
            f"{one['seconds']:.0f}",
        ]
        for one in folds
    ]
    return table(head, rows)


def _duplicates(data: Mapping[str, Any]) -> str:
    same = data["same_content"]
    if not same:
        return "No two recordings have the same tracks or the same labels."
    listed = "; ".join(", ".join(map(str, videos)) for videos in same)
    return f"{data['recordings']} recordings of {data['contents']} contents. Of the same content, and always in one fold: {listed}."
