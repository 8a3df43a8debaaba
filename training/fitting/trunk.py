"""What forecasting has taught a network over tracks, as a file from which training runs start."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from behavior.contract import ContractError
from behavior.views.pair_tracks import PairTracks
from recognizers.checkpoint import differences, read_json, write_tensors
from recognizers.families import network_family

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FORMAT = "mouse-behavior-trunk"


@dataclass(frozen=True)
class Trunk:
    """Weights that have seen motion."""

    family: str
    """Name in `recognizers.families.FAMILIES`."""
    network: "DataclassInstance"
    """Configuration of the network."""
    features: PairTracks
    """What it sees: a run that starts from it sees the same."""
    videos: tuple[int, ...]
    """Recordings it learned from; none of them is labelled."""
    skill: float
    """How much better it forecasts than "they stay where they are", at most 1."""
    weights: Mapping[str, Tensor]
    """By name, those of outputs among them."""

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        told = {
            "format": FORMAT,
            "family": self.family,
            "network": asdict(self.network),
            "features": asdict(self.features),
            "videos": list(self.videos),
            "skill": self.skill,
        }
        write_tensors(path, told, self.weights)

    @classmethod
    def load(cls, path: Path, family: str, network: "DataclassInstance") -> "Trunk":
        """Read a file for networks of this family and configuration. Raises ContractError, with the difference, for another."""
        from safetensors.torch import load_file

        told = read_json(path)
        if told.get("format") != FORMAT:
            raise ContractError([f"Expected {path} to be a trunk, but got {told.get('format')}. Make one with training/pretrain.py."])
        kept, wanted = ({"family": name, **config} for name, config in ((told["family"], told["network"]), (family, asdict(network))))
        if changed := differences(kept, {**wanted, **{name: list(value) for name, value in wanted.items() if isinstance(value, tuple)}}):
            raise ContractError([f"Expected {path} to fit the recipe, but got another network: {'; '.join(changed)}. Learn it again."])
        config, _ = network_family(family).build(asdict(network), 6, 1)
        return cls(family, config, PairTracks(**told["features"]), tuple(told["videos"]), told["skill"], load_file(path))
