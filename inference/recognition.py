"""From raw tracking to bouts, for every view, with the same curation and features as in training.

Axes: T frames, C behaviors.
"""

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd
import pyarrow as pa

from behavior.bouts import DecodeSettings, ScoreRows, scored_bout_table
from behavior.curation import curate
from behavior.labelling import Labelling, Subject
from behavior.material import Material
from behavior.predictions import Predictions, triple_table
from behavior.recording import Recording
from recognizers.recognizer import Decoding, Recognizer, ScoredBoutRow, labelling_of


def recognize(
    rows: pa.Table | Iterable[pa.Table], recording: Recording, recognizer: Recognizer, settings: DecodeSettings | None = None
) -> pd.DataFrame:
    """Return the bouts of one recording from its raw tracking rows, which may be in any form that `behavior.tracking.to_pose` takes.

    One row per bout, columns `behavior.bouts.SCORED_COLUMNS`, mice by number, target_id == agent_id for a self behavior, both <NA> where
    the recognizer names no mouse; subject by subject, sorted by start. Bouts are of annotated behaviors only, or of all if the recording
    has no list of them, and those of one subject do not overlap. `settings` replaces the recognizer's own decode settings. Raises
    ContractError for rows that break their contract.
    """
    return recognize_material(Material.with_tracking(recording, curate(rows, recording)), recognizer, settings)


def recognize_material(material: Material, recognizer: Recognizer, settings: DecodeSettings | None = None) -> pd.DataFrame:
    """Return the bouts of a curated recording, as `recognize` does."""
    return predict(material, recognizer, settings).bouts


def predict(material: Material, recognizer: Recognizer, settings: DecodeSettings | None = None) -> Predictions:
    """Return the bouts of a curated recording, as `recognize` does, and which behaviors of which subjects could be predicted."""
    decoding = recognizer.decoding if settings is None else replace(recognizer.decoding, settings=settings)
    return decoded(material, labelling_of(recognizer), decoding, recognizer.scores(material))


def decoded(material: Material, labelling: Labelling, decoding: Decoding, scored: Iterable[tuple[Subject, ScoreRows]]) -> Predictions:
    """Return the predictions of a recording from the scores [T, C] of each of its subjects."""
    recording, bouts, triples = material.recording, list[ScoredBoutRow](), []
    for subject, scores in scored:
        bouts += decoding.scored_bouts(labelling, recording, subject, scores)
        predictable = decoding.predictable(labelling, recording, subject).tolist()
        names = [behavior for behavior, known in zip(labelling.behaviors, predictable, strict=True) if known]
        span = material.first_frame, material.frames
        triples += [(recording.video_id, subject.agent, subject.target, name, *span) for name in names]
    return Predictions(_in_film_frames(scored_bout_table(bouts), material.first_frame), triple_table(triples))


def _in_film_frames(bouts: pd.DataFrame, first_frame: int) -> pd.DataFrame:
    """Return bouts with the frame numbers of the film: recognizers count from the first frame of a recording, which may be a clip."""
    return bouts.assign(**{name: bouts[name] + first_frame for name in ("start_frame", "stop_frame")}) if first_frame else bouts
