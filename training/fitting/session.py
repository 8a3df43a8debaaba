"""A training session: a recipe, opened material and, in the end, a recognizer; what sessions of networks and of trees have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from recognizers import checkpoint
from recognizers.recognizer import Decoding, TaughtRecognizer
from training.decoding.fitted import FittedDecoding
from training.fitting.loop import Watch, unwatched
from training.fitting.verdict import Verdict
from training.material.folds import Split
from training.recipes.described import Described


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a session computes on."""

    device: str = "cpu"
    """cpu, cuda or mps; trees know the processor only."""
    threads: int | None = None
    """Processor threads; None for as many as cores."""
    compiled: bool = False
    """Train through torch.compile: for long runs on a GPU."""


@dataclass(frozen=True, kw_only=True)
class Session(ABC):
    """A prepared run: data read and split."""

    recipe: Described
    """What is run."""
    seed: int
    """Of all that is drawn by chance."""
    split: Split
    """Who teaches, validates, is held out."""
    fitted: FittedDecoding | None = None
    """Decodes the recognizer's scores, in place of what validation fitted."""

    @property
    @abstractmethod
    def behaviors(self) -> tuple[str, ...]:
        """Names along axis C."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """Say in one line what is trained on what."""

    @property
    @abstractmethod
    def standing(self) -> str:
        """Say how far it is."""

    @property
    @abstractmethod
    def has_result(self) -> bool:
        """Whether there is something to save."""

    @abstractmethod
    def fit(self, on_step: Callable[[str], None], watch: Watch = unwatched) -> None:
        """Train to the end. `on_step` is given a line about each step done; `watch` wraps batches, where there are any."""

    @abstractmethod
    def restore(self, folder: Path) -> bool:
        """Go on from the state in `folder`; return False if there is none. Raises ContractError for the state of another run."""

    @abstractmethod
    def save_state(self, folder: Path) -> None:
        """Save the state of the run, in place of the one before."""

    @abstractmethod
    def recognizer(self) -> TaughtRecognizer:
        """Return the best recognizer so far, with all that belongs to it."""

    @abstractmethod
    def report(self) -> dict[str, Any]:
        """Return what happened, step by step, with recipe, seed and metrics."""

    @abstractmethod
    def closing(self, path: Path) -> str:
        """Say in one line what came out."""

    @abstractmethod
    def metrics(self) -> dict[str, Any]:
        """Return what training measured."""

    def described_recipe(self) -> dict[str, Any]:
        """Return the whole configuration as a checkpoint holds it."""
        return self.recipe.to_json_dict()

    def decoded_by(self, fitted: FittedDecoding) -> Self:
        """Return the session with another decoding. Raises ContractError for one that was not fitted on all its behaviors."""
        fitted.over(self.behaviors, {})
        return replace(self, fitted=fitted)

    def decoding_in_use(self, own: Decoding) -> Decoding:
        """Return how the recognizer's scores become bouts; `own` is what validation fitted."""
        return own if self.fitted is None else self.fitted.over(self.behaviors, own.occurring)

    def save_recognizer(self, path: Path) -> None:
        """Write the checkpoint."""
        videos = {part: list(videos) for part, videos in asdict(self.split).items()}
        if self.fitted is not None:
            videos["decoding"] = list(self.fitted.videos)
        provenance = {"recipe": self.described_recipe(), "videos": videos, "metrics": self.metrics(), "seed": self.seed}
        checkpoint.save(path, self.recognizer(), provenance)

    def identity(self) -> dict[str, Any]:
        """Return a flat description of what must be the same for a run to go on."""
        recipe = {f"recipe {name}": str(value) for name, value in self.recipe.to_json_dict().items()}
        videos = {f"{part} videos": str(list(ids)) for part, ids in asdict(self.split).items()}
        return {**recipe, **videos, "seed": self.seed, "behaviors": ", ".join(self.behaviors)}


def best_metrics(verdict: Verdict | None) -> dict[str, Any]:
    """Return what validation says, as a checkpoint holds it; nothing if no recording validates."""
    return {} if verdict is None else {"val_score": verdict.score, "val_loss": verdict.loss, "labs": verdict.labs}
