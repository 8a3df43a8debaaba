"""What recognizers that are one network over windows have in common, whatever their view: their parts, and how they are kept in a file.

Axes: B batch, W window samples, F features, C behaviors.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import recognizers
from behavior.contract import ContractError
from behavior.views.scaler import RobustScaler
from recognizers import checkpoint, onnx_network
from recognizers.recognizer import Decoding, Head, View
from recognizers.windowed import Scorer, Windowing

if TYPE_CHECKING:  # an exported network is served without torch
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class NetworkRecognizer:
    """A network with all that belongs to it."""

    VIEW: ClassVar[View]
    """What all of the class see."""

    family: str
    """Name in `recognizers.FAMILIES`."""
    network: "nn.Module | onnx_network.OnnxNetwork"
    """Maps [B, W, F], valid [B, W] and context [B, 1 + C] to logits [B, W, C]; an exported one to scores."""
    network_config: Any
    """The frozen dataclass the network was built from; None for an exported one."""
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
    device: "torch.device | str" = "cpu"
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

    @property
    def scorer(self) -> Scorer:
        """What scores its windows."""
        if isinstance(self.network, onnx_network.OnnxNetwork):
            return self.network
        from recognizers.torch_windows import ANSWERS, TorchScorer

        return TorchScorer(self.network, self.windowing.window, self.device, ANSWERS[self.head])

    def on(self, device: "torch.device | str", batch: int) -> Self:
        """Return the same recognizer on a device, with another batch size."""
        return replace(self, network=self.network.to(device), device=device, batch=batch)

    def header(self) -> dict[str, Any]:
        """Return what a file tells of the recognizer beside where it comes from."""
        return {
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

    def save(self, path: Path, provenance: dict[str, Any]) -> None:
        """Write a checkpoint; `provenance` holds recipe, videos, metrics, seed and the like."""
        import torch

        assert isinstance(self.network, torch.nn.Module)  # exported ones are written by inference/export.py
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        tensors |= {"scaler.median": torch.from_numpy(self.scaler.median), "scaler.iqr": torch.from_numpy(self.scaler.iqr)}
        checkpoint.save(path, {**provenance, **self.header()}, tensors)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a checkpoint, or an exported network, of any family of this view.

        Raises ContractError, with the difference, for one this code cannot use.
        """
        if path.suffix != onnx_network.SUFFIX:
            return cls.from_checkpoint(*checkpoint.load(path), str(path))
        header, network, scaler = onnx_network.load_exported(path)
        checkpoint.refuse_unusable(header, path)
        cls._refuse_others(header, str(path))
        return cls._assembled(header, network, None, scaler)

    @classmethod
    def from_checkpoint(cls, header: Mapping[str, Any], tensors: "Mapping[str, Tensor]", where: str) -> Self:
        """Return the recognizer that the parts of a checkpoint describe; errors name `where`."""
        cls._refuse_others(header, where)
        config, network = recognizers.build_network(
            header["family"], header["network"], len(header["feature_names"]), len(header["behaviors"])
        )
        prefix = "network."
        try:
            network.load_state_dict({name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)})
        except RuntimeError as error:
            got = " ".join(str(error).split())[:300]
            raise ContractError([f"{where}: Expected the weights of its own network, but got others: {got} Train again."]) from None
        scaler = RobustScaler(tensors["scaler.median"].numpy(), tensors["scaler.iqr"].numpy())
        return cls._assembled(header, network.eval(), config, scaler)

    @classmethod
    def _assembled(cls, header: Mapping[str, Any], network: Any, config: Any, scaler: RobustScaler) -> Self:
        return cls(
            family=header["family"],
            network=network,
            network_config=config,
            behaviors=tuple(header["behaviors"]),
            features=_features(header),
            scaler=scaler,
            windowing=Windowing(**header["window"]),
            decoding=Decoding.from_json_dict(header["decoding"]),
            labs=tuple(header["labs"]),
        )

    @classmethod
    def _refuse_others(cls, header: Mapping[str, Any], where: str) -> None:
        if (view := recognizers.view_of(header)) is not cls.VIEW:
            raise ContractError([f"{where}: Expected a recognizer of the {cls.VIEW} view, but got the {view} view. Name another file."])
        names = _features(header).names
        if header["feature_names"] != list(names):
            changed = sorted(set(header["feature_names"]) ^ set(names)) or ["another order"]
            fault = f"{where}: Expected the features this code makes, but got others: {', '.join(changed[:8])}. Train again."
            raise ContractError([fault])


def _features(header: Mapping[str, Any]) -> Any:
    """Return the settings of what the network sees."""
    return recognizers.features_class(header["family"])(**{name: _hashable(value) for name, value in header["features"].items()})


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value  # JSON knows no tuples
