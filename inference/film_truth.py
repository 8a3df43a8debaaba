"""What experts wrote in the films of a data directory, for scoring."""

from pathlib import Path

import pandas as pd

from behavior.contract import UsageError, refuse
from behavior.film_labels import read_labels
from behavior.policy import STANDARD
from films.film_file import FilmFile
from films.film_sources import find_films

COLUMNS = ("video_id", "action", "start_frame", "stop_frame")


def labelled_films(data_dir: Path, without: set[int]) -> tuple[pd.DataFrame, dict[int, str]]:
    """Return the true bouts (`COLUMNS`) of the labelled films that are not among `without`, and their labs.

    Each of these films is decoded, because labels are compared with its length. Raises UsageError if there are none, ContractError with
    the faults of all labels that cannot be used.
    """
    found = find_films(data_dir)
    parts, labs, faults = [], dict[int, str](), []
    for one in found.films:
        if one.labels is None or one.video_id in without:
            continue
        facts = FilmFile(one.path).facts
        read = read_labels(one.labels.read_bytes(), str(one.labels), facts.frames, facts.fps, found.rules.labels, found.rules.labels_fps)
        faults += STANDARD.rejecting(read.faults)
        if len(read.bouts):
            parts.append(read.bouts.assign(video_id=one.video_id)[list(COLUMNS)])
            labs[one.video_id] = one.lab
    refuse(faults)
    if not parts:
        got = f"none of {sum(one.labels is not None for one in found.films)} labelled films" if found.films else "no film"
        raise UsageError(f"Expected labelled films in {data_dir} that the checkpoint never saw, but got {got}. Label more films.")
    return pd.concat(parts, ignore_index=True), labs
