"""The common part of training sessions of networks and of trees: from a recipe and opened material to a recognizer."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from recognizers import checkpoint
from recognizers.recognizer import Decoding, TrainedRecognizer
from training.decoding.decoding_file import FittedDecoding
from training.fitting.loop import ShowProgress, no_progress, nothing
from training.fitting.peers import ALONE, Peers
from training.fitting.verdict import Verdict
from training.material.folds import Split
from training.recipes.configuration import Configuration


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Device and threads of a session."""

    device: str = "cpu"
    """cpu, cuda or mps; trees always use the CPU."""
    threads: int | None = None
    """Processor threads; None for as many as cores."""
    compiled: bool = False
    """Train with torch.compile: for long runs on a GPU."""
    peers: Peers = ALONE
    """The processes that train one network together."""


@dataclass(frozen=True, kw_only=True)
class Session(ABC):
    """A training run, with opened material."""

    recipe: Configuration
    """The recipe."""
    seed: int
    """Seed of all random numbers."""
    split: Split
    """Which recordings are for training, for validation, and held out."""
    fitted_decoding: FittedDecoding | None = None
    """A decoding that replaces the one fitted on validation recordings."""

    @property
    @abstractmethod
    def behaviors(self) -> tuple[str, ...]:
        """Names along axis C."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """One line about recipe and recordings."""

    @property
    @abstractmethod
    def progress(self) -> str:
        """How much is done, in words."""

    @property
    @abstractmethod
    def has_result(self) -> bool:
        """Whether there is a recognizer to save."""

    @property
    @abstractmethod
    def busy(self) -> bool:
        """Whether the state is changing, so that it cannot be saved at this moment."""

    @abstractmethod
    def fit(
        self, on_step: Callable[[str], None], show_progress: ShowProgress = no_progress, on_batch: Callable[[], None] = nothing
    ) -> None:
        """Train to the end.

        `on_step` is called with a line after each step; `show_progress` with the batches, and `on_batch` after each, if there are any.
        """

    @abstractmethod
    def restore(self, folder: Path) -> bool:
        """Continue from the state in `folder`; return False if there is none. Raises ContractError for the state of another run."""

    @abstractmethod
    def save_state(self, folder: Path) -> None:
        """Save the state of the run; it replaces the previous one."""

    @abstractmethod
    def recognizer(self) -> TrainedRecognizer:
        """Return the best recognizer so far."""

    @abstractmethod
    def report(self) -> dict[str, Any]:
        """Return recipe, seed, metrics and the history, step by step."""

    @abstractmethod
    def result_line(self, path: Path) -> str:
        """Return one line about the result."""

    @abstractmethod
    def metrics(self) -> dict[str, Any]:
        """Return the metrics of training."""

    def curve(self) -> list[dict[str, Any]]:
        """Return losses and scores step by step, for a checkpoint and without times, so that equal runs write equal files."""
        return []

    def described_recipe(self) -> dict[str, Any]:
        """Return the whole configuration for a checkpoint."""
        return self.recipe.to_json_dict()

    def with_decoding(self, fitted: FittedDecoding) -> Self:
        """Return the session with another decoding. Raises ContractError unless it has all behaviors of the session."""
        fitted.over(self.behaviors, {})
        return replace(self, fitted_decoding=fitted)

    def decoding_in_use(self, own: Decoding) -> Decoding:
        """Return the decoding of the recognizer; `own` is the one fitted on validation recordings."""
        return own if self.fitted_decoding is None else self.fitted_decoding.over(self.behaviors, own.occurring)

    def save_recognizer(self, path: Path, snapshot: str = "") -> None:
        """Write the checkpoint; `snapshot` is the run of the ETL whose tables it learned from, if they are those of a lake."""
        videos = {part: list(videos) for part, videos in asdict(self.split).items()}
        if self.fitted_decoding is not None:
            videos["decoding"] = list(self.fitted_decoding.videos)
        provenance = {"recipe": self.described_recipe(), "videos": videos, "metrics": self.metrics(), "seed": self.seed}
        provenance |= {"curve": self.curve()} | ({"snapshot": snapshot} if snapshot else {})
        checkpoint.save(path, self.recognizer(), provenance)

    def identity(self) -> dict[str, Any]:
        """Return the facts that must not change when a run is resumed, as a flat mapping."""
        recipe = {f"recipe {name}": str(value) for name, value in self.recipe.to_json_dict().items()}
        videos = {f"{part} videos": str(list(ids)) for part, ids in asdict(self.split).items()}
        return {**recipe, **videos, "seed": self.seed, "behaviors": ", ".join(self.behaviors)}


def best_metrics(verdict: Verdict | None) -> dict[str, Any]:
    """Return the metrics of validation for a checkpoint; nothing without validation."""
    return {} if verdict is None else {"val_score": verdict.score, "val_loss": verdict.loss, "labs": verdict.labs}
