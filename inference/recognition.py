"""Raw tracking in, bouts out: the serving path, with the same curation and features as training.

Axes: T frames, C behaviors or groups.
"""

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd
import pyarrow as pa

from behavior.bouts import BOUT_COLUMNS, DecodeSettings
from behavior.curation import Curated, curate
from behavior.groups import group_bouts
from behavior.recording import Recording
from recognizers.arena_view import ArenaRecognizer
from recognizers.recognizer import Bout, Recognizer
from recognizers.windowed import Flowing

GROUP_BOUT_COLUMNS = ("video_id", "group", "start_frame", "stop_frame")


def recognize(
    rows: pa.Table | Iterable[pa.Table], recording: Recording, recognizer: Recognizer, settings: DecodeSettings | None = None
) -> pd.DataFrame:
    """Return the bouts in raw tracking rows of one recording, given as `behavior.tracking.to_pose` takes them.

    One row per bout, columns `BOUT_COLUMNS`, mice by number, target_id == agent_id for a self behavior; sorted by pair and start.
    Only triples of `recording.annotated` are given, and no two bouts of a pair overlap. `settings` replaces the recognizer's own
    decode settings. Raises ContractError for rows that break their contract.
    """
    return recognize_curated(curate(rows, recording), recording, recognizer, settings)


def recognize_curated(
    curated: Curated, recording: Recording, recognizer: Recognizer, settings: DecodeSettings | None = None
) -> pd.DataFrame:
    """Return the bouts of a curated recording, as `recognize` does."""
    decoding = recognizer.decoding if settings is None else replace(recognizer.decoding, settings=settings)
    found: list[Bout] = []
    scores_of = recognizer.flowing_scores if isinstance(recognizer, Flowing) else recognizer.scores
    for pair, scores in scores_of(curated, recording):
        found += decoding.bouts(recognizer.behaviors, recording, pair, scores)
    return _in_film_frames(pd.DataFrame(found, columns=list(BOUT_COLUMNS)), curated)


def recognize_groups(
    rows: pa.Table | Iterable[pa.Table], recording: Recording, recognizer: ArenaRecognizer, settings: DecodeSettings | None = None
) -> pd.DataFrame:
    """Return the bouts of groups of behaviors in raw tracking rows of one recording, whoever does them.

    One row per bout, columns `GROUP_BOUT_COLUMNS`, sorted by start, none overlapping, the background left out. Only groups that
    somebody annotated are given; all of them for an unlabelled recording. `settings` as in `recognize`. Raises ContractError for
    rows that break their contract.
    """
    return recognize_curated_groups(curate(rows, recording), recording, recognizer, settings)


def recognize_curated_groups(
    curated: Curated, recording: Recording, recognizer: ArenaRecognizer, settings: DecodeSettings | None = None
) -> pd.DataFrame:
    """Return the bouts of groups in a curated recording, as `recognize_groups` does."""
    scores = recognizer.group_scores(curated, recording)
    found = group_bouts(scores, recording.fps, settings or recognizer.decoding.settings)
    rows = [(recording.video_id, recognizer.behaviors[group], start, stop) for group, start, stop in found]
    return _in_film_frames(pd.DataFrame(rows, columns=list(GROUP_BOUT_COLUMNS)), curated)


def _in_film_frames(bouts: pd.DataFrame, curated: Curated) -> pd.DataFrame:
    """Return bouts with the film's frame numbers: recognizers count from the first frame, and the recording may be a clip."""
    if not curated.first_frame:
        return bouts
    return bouts.assign(start_frame=bouts["start_frame"] + curated.first_frame, stop_frame=bouts["stop_frame"] + curated.first_frame)
