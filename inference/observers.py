"""Observers of recordings: the annotations of a data directory, a second opinion in it, one of its labs, or predictions.

The layout of the competition has one annotation for each recording. Second opinions lie beside it, where neither the competition nor the
lake looks: <data directory>/annotators/<name>/<lab>/<video>.parquet, in the columns of train_annotation/. What an annotator looked for is
behaviors_labeled of the metadata, unless annotators/<name>/looked_for.csv (video_id, behaviors_labeled) says otherwise.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from behavior.contract import ContractError, UsageError
from inference.bout_sources import expert_bouts, read_metadata, read_predictions, spans_of

if TYPE_CHECKING:
    from behavior.observed import Observed, Span
    from behavior.recording import Recording, Triple

ANNOTATORS = "annotators"
"""Folder of a data directory with second opinions, one folder for each annotator."""
LOOKED_FOR = "looked_for.csv"


@dataclass(frozen=True)
class Observer:
    """Somebody who looked at recordings."""

    observed: "Observed"
    data_dir: Path | None = None
    """Where the tracks are; None for predictions."""
    recordings: "tuple[Recording, ...]" = ()


def read_observer(text: str) -> Observer:
    """Return the observer of a command line. Raises UsageError for a text that names none."""
    path, _, name = (text, "", "") if Path(text).exists() else text.rpartition("@")
    place = Path(path or text)
    if place.is_file():
        return Observer(read_predictions(place)[0])
    if not place.is_dir():
        raise UsageError(f"Expected a data directory or bouts.parquet, but got {text}. Correct the path.")
    if not name:
        return _annotations(place, place / "train_annotation", None)
    opinions = place / ANNOTATORS / name
    if opinions.is_dir():
        return _annotations(place, opinions, None)
    return _annotations(place, place / "train_annotation", name)


def matched(first: Observer, second: Observer) -> dict[int, int] | None:
    """Return which videos of the first and the second show the same; None if they have the same numbers.

    Raises ContractError for tracks that cannot be read.
    """
    ours, theirs = (set(one.observed.triples["video_id"].tolist()) for one in (first, second))
    if ours & theirs or not (first.data_dir and second.data_dir):
        return None
    by_digest = {digest: video for video, digest in _digests(second).items()}
    found = {video: by_digest[digest] for video, digest in _digests(first).items() if digest in by_digest}
    if not found:
        raise ContractError(
            ["Expected two observers of the same recordings, but got neither equal numbers nor equal tracks. Compare others."]
        )
    return found


def _annotations(data_dir: Path, folder: Path, lab: str | None) -> Observer:
    from behavior.observed import annotated_by_experts

    recordings = []
    for split in ("train", "test"):
        if (data_dir / f"{split}.csv").is_file() and (split == "train" or folder.parent.name == ANNOTATORS):
            recordings += [(split, one) for one in read_metadata(data_dir, split)[1].values()]
    looked_for = _looked_for(folder / LOOKED_FOR)
    recordings = [(split, replace(one, annotated=looked_for.get(one.video_id, one.annotated))) for split, one in recordings]
    if folder.parent.name == ANNOTATORS:
        recordings = [(split, one) for split, one in recordings if (folder / one.lab_id / f"{one.video_id}.parquet").is_file()]
    chosen = [(split, one) for split, one in recordings if one.annotated and lab in (None, one.lab_id)]
    if not chosen:
        labs = ", ".join(sorted({one.lab_id for _, one in recordings})) or "none"
        opinions = ", ".join(sorted(path.name for path in (data_dir / ANNOTATORS).glob("*") if path.is_dir())) or "none"
        what = f"an annotator or lab {lab} in {data_dir}" if lab else f"annotated recordings in {folder}"
        raise UsageError(f"Expected {what}, but got none. Annotators are {opinions}; labs are {labs}.")
    spans: dict[int, Span] = {}
    for split in dict.fromkeys(split for split, _ in chosen):
        spans |= spans_of(data_dir / f"{split}_tracking", [one for own, one in chosen if own == split])
    every = [one for _, one in chosen]
    return Observer(annotated_by_experts(every, spans, expert_bouts(folder, every)), data_dir, tuple(every))


def _looked_for(path: Path) -> "dict[int, tuple[Triple, ...]]":
    import pandas as pd

    from behavior.recording import parse_annotated

    if not path.is_file():
        return {}
    rows = pd.read_csv(path)
    if missing := [name for name in ("video_id", "behaviors_labeled") if name not in rows]:
        raise ContractError([f"Expected columns video_id and behaviors_labeled in {path}, but got none of {', '.join(missing)}. Add them."])
    return {int(video): parse_annotated(listed) for video, listed in rows[["video_id", "behaviors_labeled"]].itertuples(index=False)}


def _digests(observer: Observer) -> dict[int, str]:
    """Return a digest of the tracks of each recording: the same points in the same frames of the same mice."""
    import hashlib

    from behavior.parquet_file import read_rows
    from behavior.tables import RAW_TRACKING

    assert observer.data_dir
    found = {}
    for one in observer.recordings:
        path = observer.data_dir / "train_tracking" / one.lab_id / f"{one.video_id}.parquet"
        if not path.is_file():
            continue
        rows = read_rows(RAW_TRACKING, path, str(path)).to_pandas().astype({"bodypart": str})
        ordered = rows.sort_values(["mouse_id", "bodypart", "video_frame"], ignore_index=True)
        found[one.video_id] = hashlib.blake2s(ordered.to_csv(index=False).encode(), digest_size=16).hexdigest()
    return found
