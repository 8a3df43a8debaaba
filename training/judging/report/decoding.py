"""The part of a report's page on how scores become bouts: what was fitted on what, what it is worth, and the values themselves."""

from collections.abc import Mapping
from html import escape
from typing import Any

from training.judging.report.summary import DECODING_NAMES, estimate_text, gain_text
from training.judging.report.table import number, table

_EXPLANATION = (
    "Smoothing, calibration, thresholds, weights and durations were fitted on out-of-fold scores: for the score above, those of the other "
    "folds only (fold-1/decoding.json and so on); for use, on all of them (decoding.json), which the tables show. Where little was seen, "
    "values are drawn toward those of the behavior in all labs, and these toward what suits all behaviors."
)


def decoding_section(report: Mapping[str, Any]) -> list[str]:
    """Return the section; nothing for a run whose scores are decoded without being fitted."""
    if not report["decoding"]:
        return []
    parts = [
        "<h2>From scores to bouts</h2>",
        f'<p class="quiet">{escape(_EXPLANATION)}</p>',
        _worth(report),
        _by_behavior(report["decoding"]),
    ]
    if labs := report["decoding"]["decoding"]["lab_thresholds"]:
        told = (
            "Thresholds by lab, on calibrated scores, of behaviors that occur in several labs; in a lab that is not listed, the one above."
        )
        parts += [f'<p class="quiet">{told}</p>', _by_lab(report["decoding"]["behaviors"], labs)]
    return parts


def _worth(report: Mapping[str, Any]) -> str:
    rows = [["fitted on the other folds", estimate_text(report["headline"]["competition_score"]), ""]]
    for name, one in report["other_decodings"].items():
        rows.append([escape(DECODING_NAMES[name]), estimate_text(one["score"]), gain_text(one["gain"])])
    return table(["decoding", "score", "gain of the fitted one"], rows)


def _by_behavior(fitted: Mapping[str, Any]) -> str:
    decoding = fitted["decoding"]
    settings = decoding["settings"]
    rows = []
    for place, name in enumerate(fitted["behaviors"]):
        slope, offset = decoding["calibration"][place] if decoding["calibration"] else (1.0, 0.0)
        weight = decoding["weights"][place] if decoding["weights"] else 1.0
        durations = (settings[key] for key in ("smooth_s", "max_gap_s", "min_length_s"))
        seconds = [f"{value[place] if isinstance(value, list) else value:.2f}" for value in durations]
        rows.append([escape(name), number(decoding["thresholds"][place]), f"{weight:.3f}", f"{slope:.2f}", f"{offset:+.2f}", *seconds])
    head = ["behavior", "threshold", "weight", "slope", "offset", "smoothing<br>s", "gap closed<br>s", "shortest<br>s"]
    return table(head, rows)


def _by_lab(behaviors: list[str], labs: Mapping[str, Mapping[str, float]]) -> str:
    shared = [name for name in behaviors if any(name in own for own in labs.values())]
    rows = [[escape(name), *(number(own[name]) if name in own else "" for own in labs.values())] for name in shared]
    return table(["behavior", *map(escape, labs)], rows)
