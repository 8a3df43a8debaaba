"""What a serving endpoint is sent, and what it answers: one recording as one Parquet file in, its bouts as CSV out.

The file is raw tracking, as in train_tracking/. Its own metadata hold the recording: the key `recording`, with the header and the one row
that test.csv would have.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from behavior.contract import ContractError, Fault
from behavior.curation import curate
from behavior.material import Material
from behavior.parquet_file import footer_faults, read_batches
from behavior.recording import Recording, recordings_from_rows
from behavior.tables import RAW_TRACKING, parse_metadata
from inference.recognition import predict
from inference.recording_files import ROWS_AT_ONCE
from recognizers.recognizer import Recognizer

CONTENT_TYPE = "application/vnd.apache.parquet"
ACCEPTED = (CONTENT_TYPE, "application/x-parquet", "application/octet-stream")
"""Content types of a request; batch transform sends whatever the job says."""
MOST_ROWS = 20_000_000
"""Tracking rows of a request: three hours of two mice with 18 bodyparts at 50 frames a second. A small file can hold far more."""
_KEY = b"recording"
_WHERE = "the request"


class TooLargeError(Exception):
    """A request asks for more work than the endpoint does at once."""


@dataclass(frozen=True)
class _Rows:
    """The tracking rows of a request, as tables; it can be iterated several times."""

    data: pa.Buffer

    def __iter__(self) -> Iterator[pa.Table]:
        yield from read_batches(RAW_TRACKING, self.data, _WHERE, ROWS_AT_ONCE, mend="Send the file again.")


def pack(metadata: str, tracking: Path | pa.Table) -> bytes:
    """Return the request for one recording: `metadata` is a header and one row of test.csv, `tracking` its raw tracking."""
    rows = pq.read_table(tracking, partitioning=None) if isinstance(tracking, Path) else tracking
    target = io.BytesIO()
    pq.write_table(rows.replace_schema_metadata({_KEY: metadata.encode()}), target, compression="zstd")
    return target.getvalue()


def answer(body: bytes, recognizer: Recognizer) -> bytes:
    """Return the bouts of the recording in a request, the same bytes as recognize.py writes.

    Raises ContractError for a request that breaks its contract, TooLargeError for too many rows.
    """
    data = pa.py_buffer(body)
    recording = _recording(data)
    predictions = predict(Material.with_tracking(recording, curate(_Rows(data), recording)), recognizer)
    return csv_of(predictions.bouts)


def csv_of(bouts: pd.DataFrame) -> bytes:
    """Return bouts as CSV."""
    return bouts.to_csv(index=False).encode()


def _recording(data: pa.Buffer) -> Recording:
    if faults := footer_faults(RAW_TRACKING, data, _WHERE, mend="Send the file again."):
        raise ContractError(faults)
    footer = pq.read_metadata(pa.BufferReader(data))
    if footer.num_rows > MOST_ROWS:
        raise TooLargeError(f"Expected at most {MOST_ROWS:,} tracking rows, but got {footer.num_rows:,}. Cut the recording into clips.")
    text = (footer.metadata or {}).get(_KEY)
    if text is None:
        mend = "Write header and row of test.csv there (inference/request_body.py, pack)."
        raise ContractError([Fault("value-missing", _WHERE, "Expected the key `recording` in the file's metadata, but got none.", mend)])
    recordings = recordings_from_rows(parse_metadata(text, "the request's recording").to_pylist(), "the request's recording")
    if len(recordings) != 1:
        what = f"Expected one recording, but got {len(recordings)}."
        raise ContractError([Fault("video-repeated", _WHERE, what, "Send each recording in a request of its own.")])
    return recordings[0]
