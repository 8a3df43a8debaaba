"""What a development found, in plain words."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reports.estimates import Estimate
from training.developing.annotated_part import AnnotatedPart
from training.developing.facts import Facts
from training.developing.label_lag import LabelLag
from training.developing.learning_curve import CurvePoint
from training.developing.second_human import Agreement
from training.judging.evaluation import estimate_of

WELL, IN_PART = 0.7, 0.45
"""Frame F1 from which a behavior is found well, and from which it is found in part."""
FEW_BOUTS = 20
"""With fewer bouts nothing can be said about a behavior."""
_WORTH = 0.02
"""A gain in PR-AUC that is worth labelling twice as many recordings."""


def data_lines(facts: Facts) -> list[str]:
    """Return what the recordings are like."""
    bouts = ", ".join(f"{name} {count:,}" for name, count in facts.bouts.items())
    lines = [
        f"{facts.recordings} recordings in {facts.groups} groups, {_length(facts.hours)}, of {', '.join(facts.labs)}.",
        f"Bouts: {bouts}.",
    ]
    if few := [name for name, count in facts.bouts.items() if count < FEW_BOUTS]:
        lines.append(f"Fewer than {FEW_BOUTS} bouts, so expect little: {', '.join(few)}.")
    if facts.exclusive:
        lines.append("At most one behavior occurs at a time: one softmax may score them together.")
    if facts.one_way:
        lines.append("No pair is annotated in both directions, so the labels may not say which mouse acts: both readings are tried.")
    return lines


def lag_lines(lag: LabelLag | None, late_s: float) -> list[str]:
    """Return what is known about late labels; `late_s` is what was corrected."""
    corrected = f" Labels were moved {late_s:g} s earlier, as asked for with --labels-late." if late_s else ""
    if lag is None:
        return [f"There are too few bouts or recordings to see whether labels are late.{corrected}"]
    seconds = lag.together.value or 0.0
    interval = f"[{lag.together.low:.1f}, {lag.together.high:.1f}]"
    if not lag.is_shown:
        return [f"Labels agree best with the motion at a shift of {seconds:.1f} s {interval}: no lag is shown.{corrected}"]
    direction = "late" if seconds > 0 else "early"
    says = f"Labels are about {abs(seconds):.1f} s {direction} {interval} against the motion of the mice.{corrected}"
    if late_s:
        return [f"{says} The rest is measured after that."]
    return [f"{says} Nothing was moved; the trees also see the moments around a frame. To move them: --labels-late {seconds:.1f}."]


def part_lines(part: AnnotatedPart | None, is_cut: bool) -> list[str]:
    """Return what is known about ends without bouts; `is_cut`: recordings were read from their first to their last bout only."""
    if is_cut:
        return ["Recordings were read from their first to their last bout only, as asked for with --annotated-part."]
    if part is None or not part.is_shown:
        return []
    ends = {"before its first bout": (part.late_starts, part.before_s), "after its last bout": (part.early_ends, part.after_s)}
    where, (count, seconds) = max(ends.items(), key=lambda one: one[1][0])
    return [
        f"In {count} of {part.recordings} recordings the time {where} (median {seconds:.0f} s) is longer than any pause between bouts; "
        f"from the first bout to the last it is {part.part_s:.0f} s (median). Experts may have annotated only this part of each film. "
        "Then the rest is unknown, but here it counts as frames without any behavior, both in training and in the scores. "
        "To leave it out: --annotated-part."
    ]


def finding_lines(report: Mapping[str, Any], agreed: Mapping[str, Agreement]) -> list[str]:
    """Return one sentence about each behavior, the best first; `report` is the report.json of the chosen run."""
    recall, precision = _recall_and_precision(report["confusion"])
    order = sorted(report["behaviors"], key=lambda name: -(report["behaviors"][name]["competition_f1"] or 0))
    return [_finding(name, report["behaviors"][name], recall[name], precision[name], agreed.get(name)) for name in order]


def curve_lines(points: Sequence[CurvePoint]) -> list[str]:
    """Return what more labelled recordings would bring; nothing to say without points."""
    if len(points) < 2:
        return []
    before, now = points[-2], points[-1]
    gain = Estimate(**estimate_of(now.mean - before.mean))
    assert gain.value is not None
    assert gain.low is not None
    assert gain.high is not None
    gained = f"With {now.recordings:.0f} training recordings instead of {before.recordings:.0f}, the mean PR-AUC"
    rises = f"rises from {before.mean[0]:.3f} to {now.mean[0]:.3f} ({gain.value:+.3f} {gain.interval})"
    lines = [f"{gained} {rises}."]
    if gain.low <= 0:
        lines.append("This gain is within the noise: more recordings of the same kind will hardly help on average.")
    else:
        doubled = gain.value / np.log2(now.recordings / before.recordings)
        lines.append(
            f"That is {doubled:+.3f} for twice as many recordings. The next doubling will probably add less: +0.00 to {doubled:+.2f}."
        )
    rising = {name: float(values[0] - before.series[name][0]) for name, values in now.series.items() if np.isfinite(values[0])}
    worth = [name for name, value in sorted(rising.items(), key=lambda item: -item[1]) if value >= _WORTH]
    for name in worth:
        lines.append(f"More bouts of {name} help: {before.bouts[name]:.0f} to {now.bouts[name]:.0f} bouts brought {rising[name]:+.3f}.")
    if flat := [name for name, value in rising.items() if abs(value) < _WORTH / 2]:
        lines.append(f"More bouts of {', '.join(flat)} changed little.")
    return lines


def _length(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.0f} minutes"


def _finding(name: str, one: Mapping[str, Any], recall: float, precision: float, agreed: Agreement | None) -> str:
    f1 = one["competition_f1"] or 0.0
    if not one["bouts"]:
        return f"{name}: no bout in these recordings."
    if one["bouts"] < FEW_BOUTS:
        bouts = "one bout" if one["bouts"] == 1 else f"{one['bouts']} bouts"
        return f"{name}: only {bouts}, so nothing reliable can be said (F1 {f1:.2f})."
    grade = "found well" if f1 >= WELL else "found in part" if f1 >= IN_PART else "not found reliably"
    of_hundred = f"of 100 frames with it {100 * recall:.0f} are found, and of 100 frames called {name} {100 * precision:.0f} are right"
    human = f"; two humans agree with F1 {agreed.f1:.2f} on {agreed.recordings} of these films" if agreed else ""
    return f"{name}: {grade} (F1 {f1:.2f}): {of_hundred}{human}."


def _recall_and_precision(confusion: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, float]]:
    frames = np.array(confusion["frames"], float)
    hits, true, predicted = frames.diagonal(), frames.sum(axis=1), frames.sum(axis=0)
    recall, precision = (np.divide(hits, total, out=np.zeros_like(hits), where=total > 0) for total in (true, predicted))
    names = confusion["names"]
    return dict(zip(names, recall.tolist(), strict=True)), dict(zip(names, precision.tolist(), strict=True))
