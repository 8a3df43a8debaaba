"""Description of a cross-validation, and its results as text: for a terminal, and as one line of a table of experiments."""

import subprocess
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from behavior.content import content_groups, together
from recognizers.recognizer import View
from reports.estimates import Estimate, gain_text
from training.decoding.choice import ALL, DEFAULT, SCORES, THRESHOLDS
from training.judging.class_section import CLASS_HEADLINE
from training.judging.out_of_fold import FoldRecord
from training.judging.scored_subjects import FITTED_WAY, NO_LABS_WAY, PLAIN_WAY, VALIDATION_WAY
from training.material.fold_plan import FoldPlan
from training.recipes.configuration import Configuration

ROOT = Path(__file__).resolve().parents[2]
SCORE_NAMES = {
    View.PAIR: "the competition's score",
    View.ARENA: "F1 of groups, as the competition pools it",
    View.CLIP: "F1 of behaviors, as the competition pools it",
}
"""By view: name of the headline. Recognizers that name no mouse cannot have the competition's score."""
DECODING_NAMES = {
    PLAIN_WAY: "one threshold for all, default durations",
    FITTED_WAY: "all values fitted, also those without a shown gain",
    VALIDATION_WAY: "thresholds of validation recordings, as trained",
    NO_LABS_WAY: "thresholds of behaviors, none of labs",
}
"""Other ways to decode the same scores (`training.judging.scored_subjects`), in words."""
WAY_NAMES = {
    DEFAULT: "one threshold, default durations: nothing else showed a gain",
    THRESHOLDS: "a threshold per behavior, default durations",
    SCORES: "smoothing, calibration, thresholds and weights per behavior, default durations",
    ALL: "all fitted values: smoothing, calibration, thresholds, weights and durations",
}
"""How much of a fitted decoding is used (`training.decoding.choice`), in words."""


def description(recipe: Configuration, seed: int, plan: FoldPlan, records: Sequence[FoldRecord]) -> dict[str, Any]:
    """Return recipe, data and folds for report.json."""
    seconds = sum(content.frames / recording.fps for recording, content in zip(plan.recordings, plan.contents, strict=True))
    return {
        "recipe": recipe.name,
        "score_name": SCORE_NAMES[recipe.view],
        "configuration": recipe.to_json_dict(),
        "seed": seed,
        "date": date.today().isoformat(),
        "commit": _commit(),
        "data": {
            "labs": sorted({recording.lab_id for recording in plan.recordings}),
            "recordings": len(plan.recordings),
            "contents": len(set(content_groups(plan.contents).values())),
            "hours": seconds / 3600,
            "same_content": together(content_groups(plan.contents)),
            "same_fold": together(dict(plan.groups)),
            "labels_late_s": plan.zone.labels_late_s,
            "annotated_part": plan.zone.annotated_part,
        },
        "folds": [_fold_description(record) for record in records],
    }


def terminal_text(report: Mapping[str, Any]) -> str:
    """Return the headline and the behaviors as text of at most 80 columns."""
    headline = report["headline"]
    columns = ("competition_f1", "frame_f1", "frame_f1_optimistic", "average_precision", "bout_f1_at_0.3")
    lines = [f"{'behavior':<24}{'score':>9}{'frame F1':>10}{'optimist.':>11}{'PR-AUC':>9}{'bout F1':>10}"]
    for name, of_behavior in report["behaviors"].items():
        values = [of_behavior[column] for column in columns]
        values = [value["value"] if isinstance(value, dict) else value for value in values]
        shown = ["-" if value is None else f"{value:.3f}" for value in values]
        lines.append(f"{name[:23]:<24}{shown[0]:>9}{shown[1]:>10}{shown[2]:>11}{shown[3]:>9}{shown[4]:>10}")
    names = {"competition_score": report["score_name"].capitalize(), "frame_f1": "Frame F1, thresholds of the other folds"}
    names |= {"frame_f1_optimistic": "Frame F1, thresholds on the same scores (optimistic)", "average_precision": "Frame PR-AUC"}
    names |= {"bout_f1_at_0.3": "Bout F1 at overlap 0.3"}
    lines += [f"{name}: {Estimate(**headline[key])}" for key, name in names.items()]
    if report["classes"]:
        lines += [f"{name}: {Estimate(**report['classes']['headline'][key])}" for key, name in CLASS_HEADLINE.items()]
    for name, one in report["other_decodings"].items():
        score, gain = Estimate(**one["score"]), gain_text(Estimate(**one["gain"]))
        lines.append(f"Decoded with {DECODING_NAMES[name]}: {score}; the chosen gains {gain}")
    if report["decoding_choice"]:
        lines.append(f"Chosen decoding: {choice_text(report['decoding_choice'])}")
    if report["against"]:
        lines.append(f"Gain over {report['against']['recipe']}, seed {report['against']['seed']}:")
        lines += [f"  {name}: {gain_text(Estimate(**report['against']['gain'][key]))}" for key, name in names.items()]
        if report["against"]["macro_f1"]:
            lines.append(f"  {CLASS_HEADLINE['macro_f1']}: {gain_text(Estimate(**report['against']['macro_f1']))}")
    return "\n".join(lines)


def choice_text(choice: Mapping[str, Any]) -> str:
    """Return in words how much of the fitted decoding is used, and how often folds chose the same."""
    folds = [*choice["folds"].values()]
    return f"{WAY_NAMES[choice['way']]} (so did {folds.count(choice['way'])} of {len(folds)} folds)"


def experiment_line(report: Mapping[str, Any]) -> str:
    """Return one row of the table of experiments (docs/experiments.md): date, recipe, data, seed, score, note."""
    headline, data = {key: Estimate(**one) for key, one in report["headline"].items()}, report["data"]
    plain = [gain_text(Estimate(**one["gain"])) for name, one in report["other_decodings"].items() if name == PLAIN_WAY]
    note = [
        f"frame F1 {headline['frame_f1']}, optimistic {headline['frame_f1_optimistic']}",
        f"PR-AUC {headline['average_precision']}",
        *([f"macro F1 {Estimate(**report['classes']['headline']['macro_f1'])}"] if report["classes"] else []),
        *(f"{gain} over {DECODING_NAMES[PLAIN_WAY]}" for gain in plain),
        *_gain_note(report["against"]),
        *([f"commit {report['commit']}"] if report["commit"] else []),
    ]
    cells = [
        report["date"],
        report["recipe"] + (f", {epochs} epochs" if (epochs := report["configuration"].get("epochs")) else ""),
        f"{', '.join(data['labs'])} ({data['recordings']} recordings, {len(report['folds'])} folds out of fold)",
        str(report["seed"]),
        str(headline["competition_score"]),
        "; ".join(note),
    ]
    return f"| {' | '.join(cells)} |"


def _gain_note(against: Mapping[str, Any] | None) -> list[str]:
    if not against:
        return []
    return [f"score {gain_text(Estimate(**against['gain']['competition_score']))} against {against['recipe']}, seed {against['seed']}"]


def _fold_description(record: FoldRecord) -> dict[str, Any]:
    videos = {part: list(getattr(record.split, part)) for part in ("train", "validation", "held_out")}
    metrics = record.history["metrics"]
    return {
        "fold": record.fold,
        **videos,
        "best_epoch": metrics.get("best_epoch"),
        "epochs": metrics.get("epochs"),
        "val_score": metrics.get("val_score"),
        "seconds": record.seconds,
    }


def _commit() -> str | None:
    """Return the commit of this code, marked if files differ from it; None outside a repository."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip() or None
    except (OSError, subprocess.SubprocessError):
        return None
