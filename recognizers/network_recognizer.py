"""What recognizers that are one network over windows have in common, whatever their view: their parts, and how they are kept in a file.

Axes: B batch, W window samples, F features, C behaviors.
"""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import nn

import recognizers
from behavior.contract import ContractError
from behavior.features import RobustScaler
from recognizers import checkpoint
from recognizers.recognizer import Decoding, Head, View
from recognizers.windowed import Windowing


@dataclass(frozen=True)
class NetworkRecognizer:
    """A network with all that belongs to it."""

    VIEW: ClassVar[View]
    """What all of the class see."""

    family: str
    """Name in `recognizers.FAMILIES`."""
    network: nn.Module
    """Maps [B, W, F], valid [B, W] and context [B, 1 + C] to logits [B, W, C]."""
    network_config: Any
    """The frozen dataclass the network was built from."""
    behaviors: tuple[str, ...]
    """Names along axis C."""
    features: Any
    """What the network sees: the settings of its family, with `names` [F]."""
    scaler: RobustScaler
    """Fitted on training videos only."""
    windowing: Windowing
    """How recordings are cut."""
    decoding: Decoding
    """How scores become bouts."""
    labs: tuple[str, ...] = ()
    """Labs that training knew, in the order of their numbers."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Where the network lies."""
    batch: int = 64
    """Windows per forward pass."""

    @property
    def view(self) -> View:
        """What it sees."""
        return self.VIEW

    @property
    def head(self) -> Head:
        """How it answers."""
        return recognizers.FAMILIES[self.family].head

    def on(self, device: torch.device, batch: int) -> Self:
        """Return the same recognizer on a device, with another batch size."""
        return replace(self, network=self.network.to(device), device=device, batch=batch)

    def save(self, path: Path, provenance: dict[str, Any]) -> None:
        """Write a checkpoint; `provenance` holds recipe, videos, metrics, seed and the like."""
        header = {
            **provenance,
            "family": self.family,
            "view": self.view,
            "head": self.head,
            "network": asdict(self.network_config),
            "behaviors": list(self.behaviors),
            "features": asdict(self.features),
            "feature_names": list(self.features.names),
            "window": asdict(self.windowing),
            "decoding": self.decoding.to_json_dict(),
            "labs": list(self.labs),
        }
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        tensors |= {"scaler.median": torch.from_numpy(self.scaler.median), "scaler.iqr": torch.from_numpy(self.scaler.iqr)}
        checkpoint.save(path, header, tensors)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a checkpoint of any family of this view. Raises ContractError, with the difference, for one this code cannot use."""
        header, tensors = checkpoint.load(path)
        if (view := recognizers.view_of(header)) is not cls.VIEW:
            raise ContractError([f"{path}: Expected a recognizer of the {cls.VIEW} view, but got the {view} view. Name another file."])
        features = recognizers.features_class(header["family"])(**{name: _hashable(value) for name, value in header["features"].items()})
        if header["feature_names"] != list(features.names):
            changed = sorted(set(header["feature_names"]) ^ set(features.names)) or ["another order"]
            fault = f"{path}: Expected the features this code makes, but got others: {', '.join(changed[:8])}. Train again."
            raise ContractError([fault])
        config, network = recognizers.build_network(header["family"], header["network"], len(features.names), len(header["behaviors"]))
        prefix = "network."
        network.load_state_dict({name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)})
        return cls(
            family=header["family"],
            network=network.eval(),
            network_config=config,
            behaviors=tuple(header["behaviors"]),
            features=features,
            scaler=RobustScaler(tensors["scaler.median"].numpy(), tensors["scaler.iqr"].numpy()),
            windowing=Windowing(**header["window"]),
            decoding=Decoding.from_json_dict(header["decoding"]),
            labs=tuple(header["labs"]),
        )


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value  # JSON knows no tuples
