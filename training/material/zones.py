"""Zones: where the recordings of a view, their labels and their data come from."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from behavior.content import Content
from behavior.material import Material
from behavior.recording import Recording
from behavior.snapshot import Snapshot
from recognizers.recognizer import View
from training.material.curated_zone import CuratedZone
from training.material.film_zone import FilmZone


class Zone(Protocol):
    """A directory of curated recordings."""

    @property
    def root(self) -> Path:
        """Path of the directory."""
        ...

    @property
    def snapshot(self) -> Snapshot:
        """The list of its objects, with the run of the ETL that published them. Raises ContractError if it cannot be read."""
        ...

    @property
    def labels_late_s(self) -> float:
        """Bouts are read so much earlier than they were written, s."""
        ...

    @property
    def annotated_part(self) -> bool:
        """Whether each recording is read from its first to its last bout only."""
        ...

    def annotated_recordings(self) -> list[Recording]:
        """Return the annotated training recordings, by video id. Raises ContractError if there are none."""
        ...

    def content_groups(self) -> dict[int, int]:
        """Return for each training video the smallest id of its content; nothing for a zone without content groups."""
        ...

    def column(self, name: str) -> dict[int, Any]:
        """Return one column of the metadata by video id, without empty values. Raises UsageError for an unknown column."""
        ...

    def bouts(self, recordings: Iterable[Recording]) -> pd.DataFrame:
        """Return the annotated bouts of these recordings: columns `behavior.bouts.BOUT_COLUMNS`."""
        ...

    def material(self, recording: Recording) -> Material:
        """Return the material of one recording; its data are read when they are first used."""
        ...

    def data_faults(self, recordings: Iterable[Recording]) -> list[str]:
        """Return one fault for each recording whose data are not there."""
        ...

    def contents(self, recordings: Sequence[Recording], bouts: pd.DataFrame) -> tuple[Content, ...]:
        """Return the content of each recording, from which those of the same video are found. `bouts` are theirs."""
        ...


ZONES: dict[View, Callable[..., Zone]] = {View.PAIR: CuratedZone, View.ARENA: CuratedZone, View.CLIP: FilmZone.open}
"""By view: opens the zone of its recordings, from its place, how late its labels are, s, and whether only annotated parts are read."""
