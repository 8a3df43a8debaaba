"""Write recordings into a data directory: rows of train.csv or test.csv, and one file for each recording and table.

What is there already with the same content is not written again, so that a second run changes nothing.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from behavior.contract import ContractError, Fault, UsageError
from behavior.keys import SPLITS, LakeObject
from behavior.tables import RAW_METADATA, Table
from behavior.whole_file import whole_file

_REQUIRED = [name for name in RAW_METADATA.schema.names if name not in RAW_METADATA.optional]


class MetadataFile:
    """The rows of a train.csv or test.csv as text, with all columns of its own; changes are in memory until `save`."""

    def __init__(self, data_dir: Path, split: str) -> None:
        """Read the file, if there is one. Raises UsageError for one that is no table of recordings."""
        self.path = data_dir / LakeObject(RAW_METADATA, split).file
        self.columns: list[str] = list(_REQUIRED)
        self.rows: list[dict[str, str]] = []
        if self.path.is_file():
            try:
                reader = csv.DictReader(io.StringIO(self.path.read_bytes().decode("utf-8-sig"), newline=""), strict=True)
                self.rows = list(reader)
            except (UnicodeDecodeError, csv.Error) as error:
                raise UsageError(f"Expected {self.path} to be a CSV table, but got: {error}. Correct the file.") from None
            self.columns = list(reader.fieldnames or _REQUIRED)
            if not {"lab_id", "video_id"} <= set(self.columns) or any(None in row for row in self.rows):
                raise UsageError(f"Expected {self.path} to have lab_id, video_id and equally long rows, but got others. Correct it.")
        self._saved = [dict(row) for row in self.rows]

    def row_of(self, video: int) -> dict[str, str] | None:
        """Return the row of a recording, or None."""
        return next((row for row in self.rows if row["video_id"].strip() == str(video)), None)

    def put(self, values: Mapping[str, object]) -> str:
        """Add a recording, or replace its values in these columns; return added, changed or unchanged.

        Other columns keep their values, so that importing poses again does not remove annotations. Raises ContractError if the number
        belongs to another recording.
        """
        texts = {name: _text(value) for name, value in values.items()}
        row = self.row_of(int(texts["video_id"]))
        if row is None:
            self.rows.append(texts)
            return "added"
        for column in ("lab_id", "recording_name"):
            if (row.get(column) or "") != texts.get(column, ""):
                message = f"Expected video {texts['video_id']} to have {column} {row.get(column)!r}, but got {texts.get(column, '')!r}."
                raise ContractError(Fault("video-repeated", self.path.name, message, "Give the new recording another name."))
        return "changed" if self.change(row, texts) else "unchanged"

    def change(self, row: dict[str, str], values: Mapping[str, str]) -> bool:
        """Set values of a row of this file; return whether any of them is new."""
        changed = {name: text for name, text in values.items() if (row.get(name) or "") != text}
        row.update(changed)
        return bool(changed)

    def save(self) -> None:
        """Write the file, whole or not at all, if anything in it has changed."""
        if self.rows == self._saved:
            return
        used = {name for row in self.rows for name, text in row.items() if text}
        order = [name for name in RAW_METADATA.schema.names if name in used and name not in self.columns]
        columns = [*self.columns, *order, *sorted(used.difference(self.columns, order))]
        with whole_file(self.path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        self._saved = [dict(row) for row in self.rows]


class KnownRecordings:
    """All recordings of a data directory, found by name or number."""

    def __init__(self, data_dir: Path) -> None:
        self.files = {split: MetadataFile(data_dir, split) for split in SPLITS}
        self._found: dict[str, list[tuple[str, dict[str, str]]]] = defaultdict(list)
        for split, file in self.files.items():
            for row in file.rows:
                for name in {row.get("recording_name") or "", row["video_id"].strip()} - {""}:
                    self._found[name].append((split, row))

    def find(self, name: str, lab: str | None = None) -> tuple[str, dict[str, str]] | None:
        """Return split and row of a recording; None if there is none. Raises UsageError if several labs have one of this name."""
        found = [(split, row) for split, row in self._found.get(name, ()) if lab in (None, row["lab_id"])]
        if len(found) > 1:
            labs = ", ".join(row["lab_id"] for _, row in found)
            raise UsageError(f"Expected one recording {name}, but got several, of {labs}. Choose with --lab.")
        return found[0] if found else None

    @property
    def names(self) -> list[str]:
        """The names by which recordings are shown."""
        return [row.get("recording_name") or row["video_id"] for file in self.files.values() for row in file.rows]


def write_rows(data_dir: Path, table: Table, split: str, lab: str, video: int, rows: pa.Table) -> bool:
    """Write the rows of a recording in a raw table; return whether the file has changed."""
    path = data_dir / LakeObject(table, split, lab, video).file
    buffer = io.BytesIO()
    rows = table.check(rows, path.name)
    empty = [name for name in table.optional if rows.column(name).null_count == len(rows)]
    pq.write_table(rows.drop_columns(empty), buffer, compression="zstd", write_page_checksum=True)
    content = buffer.getvalue()
    if path.is_file() and path.read_bytes() == content:
        return False
    with whole_file(path) as beside:
        beside.write_bytes(content)
    return True


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
