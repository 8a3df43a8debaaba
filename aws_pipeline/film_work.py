"""One film to curate, and all that its curated rows depend on."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from aws_pipeline.lake import digest_of
from aws_pipeline.landed import Landed
from behavior.contract import CONTRACT_VERSION
from behavior.film_keys import FILM, film_number
from behavior.film_rules import STANDARD_RULES, LabelRules
from behavior.keys import recording_name
from behavior.policy import STANDARD, Policy

FILM_CURATION_VERSION = 1
"""Increased when the same film and labels give other rows."""


@dataclass(frozen=True)
class RawObject:
    """An object of the raw zone, or a file of a data directory."""

    key: str
    version: str = ""
    n_bytes: int = 0
    landed: Landed | None = None
    """What the table `landing` says of it."""


@dataclass(frozen=True)
class FilmWork:
    """One film to curate."""

    lab: str
    title: str
    """Its name, without ending."""
    objects: Mapping[str, RawObject]
    """By kind: film, labels, embeddings, and tracks, which are the tracking of a recording of the same lab and number."""
    labelling: LabelRules = STANDARD_RULES
    """Behaviors that its labels may name."""
    labels_fps: float | None = None
    """Frame rate that its labels count at; None for its own."""
    individual: str | None = None
    """The mouse, if it is known."""
    policy: Policy = STANDARD
    """What becomes of its faults."""

    split = FILM

    @property
    def video_id(self) -> int:
        """Its number."""
        return film_number(self.lab, self.title)

    @property
    def name(self) -> str:
        """Its name in quarantine."""
        return recording_name(FILM, self.video_id)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of its own objects in the raw zone."""
        return tuple(one.key for kind, one in self.objects.items() if kind != "tracks")

    @property
    def n_bytes(self) -> int:
        """Bytes of its own objects."""
        return sum(one.n_bytes for kind, one in self.objects.items() if kind != "tracks")

    @property
    def is_recorded(self) -> bool:
        """Whether the table `landing` tells of its objects as they are, as far as it tells of them."""
        return all(one.landed is None or one.landed.version == one.version for one in self.objects.values())

    @property
    def inputs(self) -> dict[str, str]:
        """All that its curated rows depend on, as `Work.inputs`; who is filmed is not among them."""
        return {
            **{kind: f"{one.key} {one.version}" for kind, one in self.objects.items()},
            "labelling": digest_of(repr((self.labelling, self.labels_fps))),
            "rules": digest_of(repr((CONTRACT_VERSION, sorted(self.policy.changed)))),
            "curation": str(FILM_CURATION_VERSION),
            "writer": f"pyarrow {pa.__version__}",
        }
