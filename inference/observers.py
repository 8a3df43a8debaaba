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
    from behavior.observed import Observed
    from behavior.recording import Recording, Triple

ANNOTATORS = "annotators"
"""Folder of a data directory with second opinions, one folder for each annotator."""
LOOKED_FOR = "looked_for.csv"


@dataclass(frozen=True)
class Observer:
    """Somebody who looked at recordings."""

    observed: "Observed"
    split: str = "train"
    """Whose numbers the recordings have: the same number in train.csv and test.csv may be two recordings."""
    data_dir: Path | None = None
    """Where the tracks are; None for predictions."""
    recordings: "tuple[Recording, ...]" = ()


def read_observer(text: str) -> Observer:
    """Return the observer of a command line. Raises UsageError for a text that names none."""
    path, _, name = (text, "", "") if Path(text).exists() else text.rpartition("@")
    place = Path(path or text)
    if place.is_file():
        observed, split, _ = read_predictions(place)
        return Observer(observed, split)
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
    if first.split != second.split:
        got = f"some of {first.split}.csv and some of {second.split}.csv"
        mend = "Predict annotated recordings with inference/recognize.py --held-out"
        raise ContractError([f"Expected two observers of the same recordings, but got {got}. {mend}."])
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

    looked_for = _looked_for(folder / LOOKED_FOR)
    recordings = [
        replace(one, annotated=looked_for.get(one.video_id, one.annotated))
        for one in read_metadata(data_dir, "train")[1].values()
        if folder.parent.name != ANNOTATORS or (folder / one.lab_id / f"{one.video_id}.parquet").is_file()
    ]
    chosen = [one for one in recordings if one.annotated and lab in (None, one.lab_id)]
    if not chosen:
        labs = ", ".join(sorted({one.lab_id for one in recordings})) or "none"
        opinions = ", ".join(sorted(path.name for path in (data_dir / ANNOTATORS).glob("*") if path.is_dir())) or "none"
        what = f"an annotator or lab {lab} in {data_dir}" if lab else f"annotated recordings in {folder}"
        raise UsageError(f"Expected {what}, but got none. Annotators are {opinions}; labs are {labs}.")
    bouts = expert_bouts(folder, chosen)
    observed = annotated_by_experts(chosen, spans_of(data_dir / "train_tracking", chosen), bouts)
    return Observer(observed, "train", data_dir, tuple(chosen))


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
