"""The whole page of a run: headline, data, training, scores, ethograms, bouts with their clips, and how it was made."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from behavior.lab_scores import LabSeries
from inference.recording_picture import recording_picture
from inference.run_report.judged_run import JudgedRun, overall
from inference.run_report.score_sections import score_sections
from inference.viewed_recording import ViewedRecording
from recognizers.recognizer import View
from reports.charts import training_chart
from reports.ethogram_charts import ethogram_chart
from reports.figures import svg
from reports.page import Block, Cell, Clip, Clips, Facts, FigureBlock, Headline, Note, Page, Section, TableBlock, Text
from reports.quality_page import PutAside, Row, quality_facts, quality_sections
from reports.track_charts import path_chart, speed_chart

_QUALITY_PARTS = ("By lab", "Missing bodyparts", "Flags", "Put aside")
_TRAINING = "Loss on training and validation recordings, and the score on validation recordings, which chose the epoch (dotted line)."
_ETHOGRAMS = "Bouts of experts above those of the recognizer; each behavior of each mouse or pair with a bout is one row."
_MOST_ROWS = 40
_CERTAIN = (
    "The bouts with the highest mean score, first one of each lab and behavior. Gray mice have no part in the bout; empty dots were not "
    "seen by the tracker. The red part of the bar below is the bout."
)
_DOUBTFUL = "The bouts whose mean score is least above the score that they had to reach. A look at these tells most about the recognizer."
_WHY = (
    "The bars say why: what each family of features adds to the score of the bout, in log-odds; +2.3 makes a behavior ten times as likely."
)


@dataclass(frozen=True)
class ReportParts:
    """Everything on the page."""

    title: str
    """Its title."""
    line: str
    """One line below: data, date, recipe."""
    run: JudgedRun
    """The recognizer on recordings that it never saw."""
    series: Sequence[LabSeries]
    """Scores with their resamples; none without annotations."""
    header: Mapping[str, Any]
    """Header of the checkpoint."""
    quality: Sequence[Row]
    """Rows of data quality."""
    put_aside: PutAside
    """Recordings that break their contract, and why."""
    shown: Sequence[ViewedRecording]
    """Recordings with an ethogram of their own."""
    certain: Sequence[Clip]
    """The most certain bouts."""
    doubtful: Sequence[Clip]
    """The most doubtful bouts."""
    notes: Sequence[str] = ()
    """What a reader must know."""
    made_by: Sequence[tuple[str, str]] = ()
    """Files and versions."""


def report_page(parts: ReportParts) -> Page:
    """Return the page."""
    return Page(
        parts.title,
        parts.line,
        [
            _headline(parts),
            *(Note(note, warning=True) for note in parts.notes),
            Text(_reading(parts)),
            *score_sections(parts.run, parts.series),
            *_ethogram_section(parts),
            *_bout_section("Most certain bouts", _CERTAIN, parts.certain),
            *_bout_section("Most doubtful bouts", _DOUBTFUL, parts.doubtful),
            *_training_section(parts.header),
            _data_section(parts),
            *(part for part in quality_sections(parts.quality, parts.put_aside) if part.title in _QUALITY_PARTS),
            Section("How this was made", [Facts([*parts.made_by])]),
        ],
    )


def _headline(parts: ReportParts) -> Headline:
    run = parts.run
    bouts = len(run.predicted_bouts)
    facts: list[tuple[str, Cell]] = [
        ("recordings that training never saw", f"{len(run.recordings):,}"),
        ("of these with an annotation", f"{len(run.annotated):,}"),
        ("minutes", f"{run.recorded_s / 60:,.1f}"),
        ("predicted bouts", f"{bouts:,}"),
        ("behaviors", f"{len(run.behaviors)}"),
        ("recipe", str(parts.header.get("recipe", {}).get("name", "-"))),
    ]
    if parts.series:
        name = "the competition's score" if run.recognizer.view is View.PAIR else "F1 of groups, as the competition pools it"
        return Headline(overall(run, parts.series), f"{name}; 1 is perfect", facts)
    return Headline(f"{bouts:,}", "predicted bouts", facts)


def _reading(parts: ReportParts) -> str:
    if parts.series:
        return (
            "All scores are of recordings that neither training nor the choice of thresholds used. A behavior that experts did not "
            "annotate is unknown, not absent: it does not count."
        )
    return "No recording here has an annotation, so nobody can say how right these bouts are. Look at the clips below."


def _training_section(header: Mapping[str, Any]) -> list[Section]:
    """Return the curves of a network; facts alone for trees and older files."""
    metrics, curve = header.get("metrics", {}), header.get("curve") or []
    facts: list[tuple[str, Cell]] = [("recipe", str(header.get("recipe", {}).get("name", "-"))), ("family", str(header.get("family", "-")))]
    if metrics.get("epochs"):
        facts.append(("best epoch", f"{metrics.get('best_epoch')} of {metrics['epochs']}"))
    if metrics.get("val_score") is not None:
        facts.append(("score on validation recordings", f"{metrics['val_score']:.3f}"))
    facts += [(f"{part.replace('_', '-')} recordings", f"{len(videos)}") for part, videos in header.get("videos", {}).items()]
    blocks: list[Block] = [Facts(facts)]
    if curve:
        losses = {"training": [one["train_loss"] for one in curve], "validation": [one["val_loss"] for one in curve]}
        losses = {name: values for name, values in losses.items() if any(value is not None for value in values)}
        chart = training_chart([one["epoch"] for one in curve], losses, [one["val_score"] for one in curve], metrics.get("best_epoch"))
        blocks += [Text(_TRAINING, quiet=True), FigureBlock(svg(chart), "Loss and score over epochs.")]
    return [Section("Training", blocks)]


def _data_section(parts: ReportParts) -> Section:
    """Return which recordings of each lab were used for what."""
    used = {int(video): part for part, videos in parts.header.get("videos", {}).items() for video in videos}
    uses = ["train", "validation", "held_out"]
    table: list[list[Cell]] = []
    for lab in sorted({row["lab_id"] for row in parts.quality}):
        own = [row for row in parts.quality if row["lab_id"] == lab]
        counts = Counter(used.get(row["video_id"], "") if row["split"] == "train" else "test" for row in own)
        bouts = sum(row["bouts"] or 0 for row in own)
        table.append([lab, *(f"{counts[use]}" for use in uses), f"{counts['test']}", f"{counts['']}", f"{bouts:,}"])
    head = ["lab", "training", "validation", "held out", "test", "other", "annotated\nbouts"]
    return Section("Data", [quality_facts(parts.quality, parts.put_aside), *([TableBlock(head, table)] if table else [])])


def _ethogram_section(parts: ReportParts) -> list[Section]:
    blocks: list[Block] = []
    predicted = parts.run.predicted_bouts
    for viewed in parts.shown:
        blocks += _recording_blocks(viewed, predicted[predicted["video_id"] == viewed.recording.video_id])
        viewed.forget()
    return [Section("Ethograms", [Text(_ETHOGRAMS, quiet=True), *blocks])] if blocks else []


def _recording_blocks(viewed: ViewedRecording, predicted: pd.DataFrame) -> list[Block]:
    recording, frames = viewed.recording, viewed.curated.pose.film_frames
    start_s, stop_s = frames.start / recording.fps, frames.stop / recording.fps
    picture = recording_picture(viewed, predicted, start_s, stop_s, points=500)
    rows = sorted(picture.rows, key=lambda row: -_length(row.true) - _length(row.predicted))[:_MOST_ROWS]
    kept = [row for row in picture.rows if row in rows]
    left_out = len(picture.rows) - len(kept)
    caption = picture.title + (f"; {left_out} rows with the shortest bouts are left out" if left_out else "")
    ethogram = ethogram_chart(kept, start_s, stop_s)
    return [
        FigureBlock(svg(ethogram), f"Ethogram of {picture.title}.", caption),
        FigureBlock(svg(speed_chart(picture.time_s, picture.speeds, picture.unit)), "Speed of each mouse over time."),
        FigureBlock(svg(path_chart(picture.paths, picture.picture_cm, picture.unit)), "Paths of the mice, from above."),
    ]


def _length(bouts: np.ndarray | None) -> float:
    return 0.0 if bouts is None or not len(bouts) else float((bouts[:, 1] - bouts[:, 0]).sum())


def _bout_section(title: str, says: str, clips: Sequence[Clip]) -> list[Section]:
    if not clips:
        return []
    why = [Text(_WHY, quiet=True)] if any(clip.below for clip in clips) else []
    return [Section(title, [Text(says, quiet=True), *why, Clips(clips)])]
