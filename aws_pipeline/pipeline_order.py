"""What is asked of a run of the pipeline, and what each of its steps did."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aws_pipeline.quality_gate import Limits
from aws_pipeline.steps import FILM_RECIPES, HELD_OUT, MODEL, QUALITY, REPORT, SCORE, SUBMISSION
from behavior.contract import UsageError
from behavior.film_keys import VIDEOS
from films.film_sources import has_films


@dataclass
class StepResult:
    """What a step did."""

    name: str
    """Its name in the README."""
    did: str
    """A few words about the work."""
    rows: int | None = None
    """Rows written or read, if the step has rows."""
    n_bytes: int | None = None
    """Bytes written."""
    seconds: float = 0.0
    """Wall time in this run."""
    reused: bool = False
    """Whether it was up to date and not run."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Facts for the summary."""
    lines: list[str] = field(default_factory=list)
    """Other lines for the user."""


@dataclass(frozen=True)
class PipelineOrder:
    """Data, recipe and output folder of a run."""

    data_dir: Path
    results: Path
    recipe: str
    hyperparameters: dict[str, str | int | float]
    force: bool
    limits: Limits = field(default_factory=Limits)
    """Limits of the gate."""

    def refuse_unfit(self) -> None:
        """Raise UsageError if the data directory has nothing that the recipe sees."""
        films, tracks = has_films(self.data_dir), (self.data_dir / "train.csv").is_file()
        if self.recipe in FILM_RECIPES and not films:
            what = f"Expected films in {self.data_dir / VIDEOS} for recipe {self.recipe}, but got none"
            raise UsageError(f"{what}. Add films, or choose a recipe of tracks, such as cnn_transformer_small.")
        if self.recipe not in FILM_RECIPES and films and not tracks:
            what = f"Expected recordings (train.csv) in {self.data_dir} for recipe {self.recipe}, but got films only"
            raise UsageError(f"{what}. Choose a recipe of films: --recipe film_tcn.")

    @property
    def places(self) -> dict[str, Path]:
        """Files that steps leave in the output folder, by what they are."""
        named = {HELD_OUT: "held_out.csv", SUBMISSION: "submission.csv", SCORE: "score.json", REPORT: "report.html"}
        named[QUALITY] = "quality.html"
        return {MODEL: self.results / f"{self.recipe}.safetensors", **{what: self.results / name for what, name in named.items()}}
