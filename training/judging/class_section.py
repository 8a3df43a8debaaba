"""The section of a report about behaviors that exclude each other: precision, recall and F1 of frames, and their confusion."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from reports.charts import dot_chart, matrix_chart
from reports.estimates import Estimate, number_text
from reports.figures import svg
from reports.page import Facts, FigureBlock, Section, TableBlock, Text

CLASS_HEADLINE = {"macro_f1": "Macro F1 of frames", "weighted_f1": "Weighted F1 of frames", "accuracy": "Accuracy of frames"}
"""Numbers of `training.judging.class_evaluation`, in words."""
_EXPLANATION = (
    "In each labelled frame the most probable behavior is predicted, without smoothing and without thresholds. Macro F1 is the mean over "
    "behaviors, so that a rare one counts as much as a common one. Accuracy is high as soon as the most common behavior is recognized."
)
_CONFUSION = "Of 100 frames with a true behavior (row), so many have each predicted behavior (column)."
_PARTS = ("precision", "recall", "f1")


def class_sections(classes: Mapping[str, Any] | None) -> list[Section]:
    """Return the section for the numbers of `evaluate_classes`; none without them."""
    if not classes:
        return []
    facts = [(name, Estimate(**classes["headline"][key])) for key, name in CLASS_HEADLINE.items()]
    rows = [
        [name, f"{one['frames']:,}", *(number_text(one[part]["value"]) for part in _PARTS), Estimate(**one["f1"]).interval]
        for name, one in classes["behaviors"].items()
    ]
    table = TableBlock(["behavior", "frames", "precision", "recall", "F1", "interval of F1"], rows)
    names = list(classes["behaviors"])
    values = np.array([[classes["behaviors"][name][part]["value"] for part in _PARTS] for name in names], float)
    dots = dot_chart(names, values, list(_PARTS), "share", "of frames")
    counts = np.array(classes["confusion"]["frames"], float)
    total = counts.sum(axis=1, keepdims=True)
    matrix = matrix_chart(classes["confusion"]["names"], np.divide(counts, total, out=np.zeros_like(counts), where=total > 0))
    return [
        Section(
            "One behavior per frame",
            [
                Text(_EXPLANATION, quiet=True),
                Facts(facts),
                table,
                FigureBlock(svg(dots), "Precision, recall and F1 of each behavior."),
                Text(_CONFUSION, quiet=True),
                FigureBlock(svg(matrix), "Share of the frames of each true behavior by predicted behavior."),
            ],
        )
    ]
