"""A table with what a person knows about recordings: one row each, with columns of train.csv."""

import csv
import difflib
import io
from pathlib import Path

from behavior.contract import UsageError
from behavior.tables import RAW_METADATA

_ALIASES = {
    "fps": "frames_per_second",
    "pix_per_cm": "pix_per_cm_approx",
    "lab": "lab_id",
    "recording": "recording_name",
    "file": "recording_name",
}


def read_table(path: Path) -> dict[str, dict[str, str]]:
    """Return the rows of a --metadata table by recording. Raises UsageError for columns that train.csv does not have."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"Expected --metadata to be a CSV table, but got: {error}. Correct it.") from None
    header = text.splitlines()[0] if text else ""
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
    columns = {name: _ALIASES.get(name.strip().lower(), name.strip()) for name in reader.fieldnames or ()}
    if unknown := [name for name, column in columns.items() if column not in RAW_METADATA.schema.names]:
        near = difflib.get_close_matches(unknown[0], [*RAW_METADATA.schema.names, *_ALIASES], n=1)
        mend = f"Rename it {near[0]}." if near else "Remove it."
        raise UsageError(f"Expected columns of train.csv in {path.name}, but got {', '.join(unknown)}. {mend}")
    if "recording_name" not in columns.values():
        raise UsageError(f"Expected a column recording_name in {path.name}, but got {', '.join(columns)}. Add it.")
    rows = [{columns[name]: (value or "").strip() for name, value in row.items() if name in columns} for row in reader]
    by_name = {row["recording_name"]: {name: text for name, text in row.items() if text and name != "recording_name"} for row in rows}
    return {**{Path(name).stem: row for name, row in by_name.items()}, **by_name}
