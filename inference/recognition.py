"""From raw tracking to bouts, for every view, with the same curation and features as in training.

Axes: T frames, C behaviors.
"""

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd
import pyarrow as pa

from behavior.bouts import DecodeSettings, bout_table
from behavior.curation import curate
from behavior.material import Material
from behavior.recording import Recording
from recognizers.recognizer import BoutRow, Recognizer, labelling_of


def recognize(
    rows: pa.Table | Iterable[pa.Table], recording: Recording, recognizer: Recognizer, settings: DecodeSettings | None = None
) -> pd.DataFrame:
    """Return the bouts of one recording from its raw tracking rows, which may be in any form that `behavior.tracking.to_pose` takes.

    One row per bout, columns `behavior.bouts.BOUT_COLUMNS`, mice by number, target_id == agent_id for a self behavior, both <NA> where
    the recognizer names no mouse; subject by subject, sorted by start. Bouts are of annotated behaviors only, and those of one
    subject do not overlap. `settings` replaces the recognizer's own decode settings. Raises ContractError for rows that break their
    contract.
    """
    return recognize_material(Material.with_tracking(recording, curate(rows, recording)), recognizer, settings)


def recognize_material(material: Material, recognizer: Recognizer, settings: DecodeSettings | None = None) -> pd.DataFrame:
    """Return the bouts of a curated recording, as `recognize` does."""
    decoding = recognizer.decoding if settings is None else replace(recognizer.decoding, settings=settings)
    labelling, bouts = labelling_of(recognizer), list[BoutRow]()
    for subject, scores in recognizer.scores(material):
        bouts += decoding.bouts(labelling, material.recording, subject, scores)
    return _in_film_frames(bout_table(bouts), material.first_frame)


def _in_film_frames(bouts: pd.DataFrame, first_frame: int) -> pd.DataFrame:
    """Return bouts with the frame numbers of the film: recognizers count from the first frame of a recording, which may be a clip."""
    return bouts.assign(**{name: bouts[name] + first_frame for name in ("start_frame", "stop_frame")}) if first_frame else bouts
