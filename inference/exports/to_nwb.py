"""Bouts for NWB: one file for each recording, with the extension ndx-ethogram.

Each bout is a row of an EthogramBouts table, with agent, target and confidence as further columns. The Ethogram lists every behavior that
was looked for, also those that never occurred.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from behavior.whole_file import whole_file
from inference.exports.tidy_bouts import Film, TidyBout, TidyBouts

if TYPE_CHECKING:
    from hdmf.common import VectorData

UNKNOWN_DATE = datetime(1970, 1, 1, tzinfo=UTC)
"""NWB needs a date, and the metadata have none."""
METHODS = {True: "manual", False: "automated"}
"""Labeling method: people or a recognizer."""


def write_nwb(tidy: TidyBouts, folder: Path) -> list[Path]:
    """Write <folder>/<recording>.nwb for each recording."""
    written = []
    for video, film in tidy.films.items():
        path = folder / f"{film.file_name}.nwb"
        with whole_file(path) as draft:
            _write_session(tidy, video, film, draft)
        written.append(path)
    return written


def _write_session(tidy: TidyBouts, video: int, film: Film, path: Path) -> None:
    from ndx_ethogram import Ethogram, EthogramBouts
    from pynwb import NWBHDF5IO, NWBFile

    session = NWBFile(
        session_description=f"Behavior bouts of recording {film.name} of lab {film.lab_id}. The date of the recording is not known.",
        identifier=f"{film.lab_id}/{video}",
        session_start_time=UNKNOWN_DATE,
        session_id=film.name,
        lab=film.lab_id,
    )
    bouts = tidy.of(video)
    catalog = Ethogram(name="ethogram", description="all behaviors that were looked for", exclusive=False)
    for behavior in sorted({triple.split(",")[-1] for triple in film.looked_for}):
        catalog.add_row(behavior=behavior, definition="as the lab defines it")
    about = {"looked_for": list(film.looked_for), "frames_per_second": film.fps, "frames": film.frames}
    source = bouts[0].source if bouts else "unknown"
    columns = _columns(bouts)
    table = EthogramBouts(
        name="bouts",
        description="behavior bouts, seconds of the film; stop_time is the time of the frame after the last",
        labeling_method=METHODS[tidy.by_person],
        parameters=json.dumps(about, ensure_ascii=False),
        ethogram=catalog,
        columns=columns,
        colnames=[column.name for column in columns],
        **({"annotator": source} if tidy.by_person else {"source_software": source}),
    )
    module = session.create_processing_module("behavior", "behavior bouts")
    module.add(catalog)
    module.add(table)
    with NWBHDF5IO(path, "w") as file:
        file.write(session)


def _columns(bouts: list[TidyBout]) -> "list[VectorData]":
    """Return the columns of the table. They are arrays, because a list without bouts does not tell that it is of texts."""
    import numpy as np
    from hdmf.common import VectorData

    parts: dict[str, tuple[str, type, list[object]]] = {
        "start_time": ("first frame, s", float, [bout.start_s for bout in bouts]),
        "stop_time": ("frame after the last, s", float, [bout.stop_s for bout in bouts]),
        "label": ("behavior", str, [bout.behavior for bout in bouts]),
        "agent": ("mouse that acts", str, [bout.agent or "" for bout in bouts]),
        "target": ("mouse acted upon, or self", str, [bout.target or "" for bout in bouts]),
        "confidence": ("mean score, NaN if there is none", float, [bout.confidence for bout in bouts]),
    }
    return [VectorData(name=name, description=about, data=np.array(values, kind)) for name, (about, kind, values) in parts.items()]
