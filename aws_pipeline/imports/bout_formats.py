"""Which program wrote a file of annotations, by its content and never by its ending, and its reader."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aws_pipeline.imports import boris_bouts, jabs_bouts
from aws_pipeline.imports.bento_bouts import is_annotation, read_annot
from aws_pipeline.imports.bout_table import is_bout_table, read_bout_csv, read_bout_parquet
from aws_pipeline.imports.elan_bouts import is_elan, read_elan
from aws_pipeline.imports.foreign_bouts import Observation
from aws_pipeline.imports.foreign_pose import damage_is_a_fault, unreadable
from aws_pipeline.imports.frame_table_bouts import is_frame_table, read_frame_table
from aws_pipeline.imports.nwb_bouts import read_nwb_bouts
from aws_pipeline.imports.sleap_bouts import read_slp_events
from behavior.contract import ContractError, Fault, UsageError

_HDF5 = b"\x89HDF\r\n\x1a\n"
_KINDS = (
    "a file of annotations: BORIS (project, exported events), SLEAP events (slp), ELAN (eaf), NWB (ndx-ethogram), BENTO or Caltech "
    "(annot), JABS (json), SimBA or DeepEthogram (csv with a row for each frame), or a table with a row for each bout (csv, Parquet)"
)


def read_observations(path: Path, chosen: Sequence[str] = (), unit: str | None = None, stop_included: bool = False) -> list[Observation]:
    """Return the observations of a file. `chosen` are names of behaviors, which say the columns of a table with other columns too.

    Raises ContractError for a file that cannot be used, UsageError if there is none or if something must be said about it.
    """
    if not path.is_file():
        raise UsageError(f"Expected a file of annotations, but got {path}. Name an existing file.")
    where = path.name
    with damage_is_a_fault(where, "a file of annotations"):
        return _observations(path, where, chosen, unit, stop_included)


def _observations(path: Path, where: str, chosen: Sequence[str], unit: str | None, stop_included: bool) -> list[Observation]:
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if not head:
        raise ContractError(Fault("file-unreadable", where, "Expected a file of annotations, but got an empty one.", "Copy it again."))
    if head.startswith(_HDF5):
        return _hdf5(path, where)
    if head.startswith(b"PAR1"):
        return read_bout_parquet(path, where, unit, stop_included)
    if is_elan(head):
        return read_elan(path, where)
    if b"\0" in head:
        raise unreadable(where, _KINDS, "another binary file", "Name the file with the annotations.")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return _json(path, where)
    return _text(path, where, chosen, unit, stop_included)


def _hdf5(path: Path, where: str) -> list[Observation]:
    import h5py

    try:
        with h5py.File(path) as file:
            keys, attributes = set(file), set(file.attrs)
    except OSError as error:
        raise unreadable(where, "an HDF5 file", str(error), "Copy it again.") from None
    if "nwb_version" in attributes:
        return read_nwb_bouts(path, where)
    if "metadata" in keys and "videos_json" in keys:
        return read_slp_events(path, where)
    raise unreadable(where, _KINDS, f"HDF5 with {', '.join(sorted(keys)[:5]) or 'nothing'}", "Import poses with import_pose.py.")


def _json(path: Path, where: str) -> list[Observation]:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise unreadable(where, "json", str(error), "Copy it again: it may be cut off.") from None
    if boris_bouts.is_project(content):
        return boris_bouts.read_project(content, where)
    if jabs_bouts.is_jabs(content):
        return jabs_bouts.read_jabs_labels(path, content)
    raise unreadable(where, _KINDS, "json of another program", "Import poses with import_pose.py.")


def _text(path: Path, where: str, chosen: Sequence[str], unit: str | None, stop_included: bool) -> list[Observation]:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252")  # what Excel writes on Windows
    first = next((line for line in text.splitlines() if line.strip()), "")
    if is_annotation(first):
        return read_annot(path, where)
    if boris_bouts.is_events(first):
        return boris_bouts.read_events(path, where)
    if is_bout_table(text):
        return read_bout_csv(path, text, where, unit, stop_included)
    if is_frame_table(text, chosen):
        return read_frame_table(path, text, where, chosen)
    mend = "If some of its columns are behaviors of 0 and 1, name them with --annotated." if first.count(",") else "Export it again."
    raise unreadable(where, _KINDS, f"a text that begins with {first[:40]!r}", mend)
