"""Where bouts come from: the annotations of experts in a data directory, or the predictions that recognize.py wrote as Parquet."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from behavior.contract import ContractError, Fault, UsageError, refuse

if TYPE_CHECKING:
    import pandas as pd

    from behavior.observed import Observed, Span
    from behavior.recording import Recording

EXPERTS = "experts"
"""The source of bouts that experts annotated."""


@dataclass(frozen=True)
class BoutSource:
    """Bouts with what was looked for, and the metadata of their recordings."""

    observed: "Observed"
    """Triples and bouts; predicted bouts have confidence and threshold too."""
    metadata: "tuple[Mapping[str, Any], ...]"
    """Rows of train.csv or test.csv."""
    recordings: "Mapping[int, Recording]"
    """By video."""
    name: str
    """`EXPERTS`, or the recipe of the recognizer."""
    split: str
    """train or test."""


def read_source(bouts: Path | None, data_dir: Path) -> BoutSource:
    """Return the bouts of a Parquet file of recognize.py, or without one the annotations in a data directory.

    Raises UsageError for files that are not there or of another kind, ContractError with the faults of broken ones.
    """
    return _annotations(data_dir) if bouts is None else _predictions(bouts, data_dir)


def _annotations(data_dir: Path) -> BoutSource:
    from behavior.observed import annotated_by_experts

    metadata, recordings = read_metadata(data_dir, "train")
    annotated = [one for one in recordings.values() if one.annotated]
    if not annotated:
        raise UsageError(f"Expected annotated recordings in {data_dir / 'train.csv'}, but got none. Name predictions with --bouts.")
    bouts = expert_bouts(data_dir / "train_annotation", annotated)
    observed = annotated_by_experts(annotated, spans_of(data_dir / "train_tracking", annotated), bouts)
    return BoutSource(observed, metadata, recordings, EXPERTS, "train")


def _predictions(path: Path, data_dir: Path) -> BoutSource:
    observed, split, recipe = read_predictions(path)
    metadata, recordings = read_metadata(data_dir, split)
    if missing := sorted(set(observed.triples["video_id"]) - set(recordings)):
        got = f"no row for {', '.join(map(str, missing[:5]))}"
        raise UsageError(f"Expected the recordings of {path} in {data_dir / f'{split}.csv'}, but got {got}. Name their data directory.")
    return BoutSource(observed, metadata, recordings, recipe, split)


def read_predictions(path: Path) -> "tuple[Observed, str, str]":
    """Return the predictions in a Parquet file of recognize.py, their split and their recipe. Raises as `read_source` does."""
    from behavior.observed import predicted_by_recognizer
    from behavior.parquet_file import read_rows
    from behavior.predictions import beside
    from behavior.tables import PREDICTABLE_TRIPLES, PREDICTED_BOUTS

    if not path.is_file():
        raise UsageError(f"Expected --bouts to be a file, but got {path}. Write it with inference/recognize.py --output bouts.parquet.")
    if path.suffix != ".parquet" or not beside(path).is_file():
        got = f"{path} without {beside(path).name} beside it" if path.suffix == ".parquet" else str(path)
        mend = "Write both with inference/recognize.py --output bouts.parquet: without the second, absent and unknown look the same"
        raise UsageError(f"Expected --bouts to be Parquet of inference/recognize.py, but got {got}. {mend}.")
    rows = read_rows(PREDICTED_BOUTS.with_partition(), path, str(path))
    triples = read_rows(PREDICTABLE_TRIPLES.with_partition(), beside(path), str(beside(path)))
    split, recipe = (str(triples.column(name)[0]) if len(triples) else "" for name in ("split", "recipe"))
    return predicted_by_recognizer(rows, triples), split or "test", recipe or "recognizer"


def read_metadata(data_dir: Path, split: str) -> "tuple[tuple[Mapping[str, Any], ...], dict[int, Recording]]":
    """Return the rows of train.csv or test.csv, and the recordings by video. Raises UsageError if there is no such file."""
    from behavior.recording import recordings_from_rows
    from behavior.tables import parse_metadata

    path = data_dir / f"{split}.csv"
    if not path.is_file():
        raise UsageError(f"Expected {path}, but got no such file. Name a data directory with --data-dir.")
    rows = parse_metadata(path.read_bytes(), path.name).to_pylist()
    return tuple(rows), {one.video_id: one for one in recordings_from_rows(rows, path.name)}


def spans_of(folder: Path, recordings: "list[Recording]") -> "dict[int, Span]":
    """Return first frame and number of frames of each recording, from its tracking file. Raises ContractError with all faults."""
    from behavior.observed import Span
    from behavior.parquet_file import read_rows
    from behavior.tables import RAW_TRACKING
    from behavior.tracking import first_of_film

    spans, faults = dict[int, Span](), list[Fault]()
    for one in recordings:
        path = folder / one.lab_id / f"{one.video_id}.parquet"
        try:
            frames = read_rows(RAW_TRACKING.only("video_frame"), path, str(path)).column("video_frame").to_numpy()
        except ContractError as error:
            faults += error.faults
            continue
        first = first_of_film(int(frames.min()), one.fps) if len(frames) else 0
        spans[one.video_id] = first, int(frames.max()) + 1 - first if len(frames) else 0
    refuse(faults)
    return spans


def expert_bouts(folder: Path, recordings: "list[Recording]") -> "pd.DataFrame":
    """Return the bouts in <folder>/<lab>/<video>.parquet with their video_id; a recording without a file has none."""
    import pandas as pd

    from behavior.bouts import BOUT_COLUMNS, bout_table
    from behavior.parquet_file import read_rows
    from behavior.tables import RAW_ANNOTATION

    parts, faults = [bout_table([])], list[Fault]()
    for one in recordings:
        path = folder / one.lab_id / f"{one.video_id}.parquet"
        if path.is_file():
            try:
                rows = read_rows(RAW_ANNOTATION, path, str(path)).to_pandas()
            except ContractError as error:
                faults += error.faults
                continue
            parts.append(
                rows.drop_duplicates().assign(video_id=one.video_id)[list(BOUT_COLUMNS)].astype({"agent_id": "Int64", "target_id": "Int64"})
            )
    refuse(faults)
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
