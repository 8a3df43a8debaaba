"""The section of a report about decoding: the fit, its gain, and the fitted values."""

from collections.abc import Mapping
from typing import Any

from reports.estimates import Estimate, gain_text, number_text
from reports.page import Cell, Section, TableBlock, Text
from training.judging.run_summary import DECODING_NAMES, choice_text

_EXPLANATION = (
    "Smoothing, calibration, thresholds, weights and durations were fitted on out-of-fold scores: for the score above, on the scores of "
    "the other folds only (fold-1/decoding.json and so on); for use, on all scores (decoding.json). The tables show the decoding for use. "
    "A fitted value replaces the default only where the scores of the other folds show a gain. "
    "The values of a rare behavior are shrunk toward those of the same behavior in all labs, and these toward those of all behaviors."
)
_BY_LAB = (
    "Thresholds by lab, on calibrated scores, for behaviors that occur in several labs. A lab that is not listed uses the threshold above."
)


def decoding_sections(report: Mapping[str, Any]) -> list[Section]:
    """Return the section; none for a run without a fitted decoding."""
    if not report["decoding"]:
        return []
    chosen = f"In use: {choice_text(report['decoding_choice'])}."
    blocks: list[Text | TableBlock] = [Text(_EXPLANATION, quiet=True), Text(chosen), _gain_table(report), _by_behavior(report["decoding"])]
    if labs := report["decoding"]["decoding"]["lab_thresholds"]:
        blocks += [Text(_BY_LAB, quiet=True), _by_lab(report["decoding"]["behaviors"], labs)]
    return [Section("From scores to bouts", blocks)]


def _gain_table(report: Mapping[str, Any]) -> TableBlock:
    rows: list[list[Cell]] = [["fitted and chosen on the other folds", Estimate(**report["headline"]["competition_score"]), ""]]
    for name, one in report["other_decodings"].items():
        rows.append([DECODING_NAMES[name], Estimate(**one["score"]), gain_text(Estimate(**one["gain"]))])
    return TableBlock(["decoding", "score", "gain of the chosen decoding"], rows)


def _by_behavior(fitted: Mapping[str, Any]) -> TableBlock:
    decoding = fitted["decoding"]
    settings = decoding["settings"]
    rows = []
    for place, name in enumerate(fitted["behaviors"]):
        slope, offset = decoding["calibration"][place] if decoding["calibration"] else (1.0, 0.0)
        weight = decoding["weights"][place] if decoding["weights"] else 1.0
        durations = (settings[key] for key in ("smooth_s", "max_gap_s", "min_length_s"))
        seconds = [f"{value[place] if isinstance(value, list) else value:.2f}" for value in durations]
        rows.append([name, number_text(decoding["thresholds"][place]), f"{weight:.3f}", f"{slope:.2f}", f"{offset:+.2f}", *seconds])
    return TableBlock(["behavior", "threshold", "weight", "slope", "offset", "smoothing\ns", "gap closed\ns", "shortest\ns"], rows)


def _by_lab(behaviors: list[str], labs: Mapping[str, Mapping[str, float]]) -> TableBlock:
    shared = [name for name in behaviors if any(name in own for own in labs.values())]
    rows = [[name, *(number_text(own[name]) if name in own else "" for own in labs.values())] for name in shared]
    return TableBlock(["behavior", *labs], rows)
