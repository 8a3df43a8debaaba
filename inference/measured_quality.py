"""The quality of all recordings of a data directory: a row for each, and what breaks its contract."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from behavior.annotations import enrich, sound_bouts
from behavior.contract import ContractError, UsageError
from behavior.keys import file_of, recording_name
from behavior.parquet_file import read_rows
from behavior.quality import quality_of
from behavior.tables import DATA_QUALITY, RAW_ANNOTATION
from inference.viewed_recording import ViewedRecording


def measured_quality(recordings: Sequence[ViewedRecording]) -> Iterator[tuple[dict[str, object] | None, tuple[str, str] | None]]:
    """Yield for each recording its row of `DATA_QUALITY` and None, or None and its name and why it cannot be used."""
    for one in recordings:
        try:
            yield quality_of(one.recording, one.split, one.curated, _bouts(one)), None
        except (ContractError, UsageError) as error:
            faults = error.faults if isinstance(error, ContractError) else (error,)
            yield None, (recording_name(one.split, one.recording.video_id), " ".join(map(str, faults)))
        finally:
            one.forget()


def quality_table(rows: Sequence[dict[str, object]]) -> pa.Table:
    """Return rows as a table in the schema of `DATA_QUALITY`."""
    return pa.Table.from_pylist(list(rows), schema=DATA_QUALITY.schema)


def _bouts(one: ViewedRecording) -> pa.Table | None:
    path = one.data_dir / file_of(RAW_ANNOTATION, one.split, one.recording) if one.split == "train" else None
    if path is None or not path.is_file():
        return None
    sound, _ = sound_bouts(read_rows(RAW_ANNOTATION, path, str(path)), one.curated.pose.film_frames, str(path))
    return enrich(sound, one.recording, str(path))
