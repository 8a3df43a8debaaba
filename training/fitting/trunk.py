"""The trunk: weights of a network over tracks that learned to forecast, as a file from which training runs start."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from behavior.contract import ContractError
from behavior.views.pair_tracks import PairTracks
from recognizers.checkpoint import differences
from recognizers.tensor_file import read_description, read_tensors, write_tensors

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

TRUNK_FORMAT = "mouse-behavior-trunk"
_OF_THE_HEAD = ("joint",)
"""Settings of a network that are about its outputs, which no trunk decides."""


@dataclass(frozen=True)
class Trunk:
    """The weights of a network that learned to forecast motion."""

    family: str
    """Name in `recognizers.families.FAMILIES`."""
    network: "DataclassInstance"
    """Configuration of the network."""
    features: PairTracks
    """Its features; runs that start from it must have the same."""
    videos: tuple[int, ...]
    """Its training recordings; none of them has labels."""
    skill: float
    """How much better it forecasts than "mice do not move", at most 1."""
    weights: Mapping[str, Tensor]
    """By name, including those of the outputs."""

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        header = {
            "format": TRUNK_FORMAT,
            "family": self.family,
            "network": asdict(self.network),
            "features": asdict(self.features),
            "videos": list(self.videos),
            "skill": self.skill,
        }
        write_tensors(path, header, self.weights)

    @classmethod
    def load(cls, path: Path, family: str, network: "DataclassInstance") -> "Trunk":
        """Read a file for networks of this family and configuration. Raises ContractError, with the difference, for any other."""
        header = read_description(path)
        if header.get("format") != TRUNK_FORMAT:
            raise ContractError([f"Expected {path} to be a trunk, but got {header.get('format')}. Make one with training/pretrain.py."])
        known = {**asdict(type(network)()), **header["network"]}  # a trunk of older code lacks newer settings
        saved, expected = ({"family": name, **_trunk_of(config)} for name, config in ((header["family"], known), (family, asdict(network))))
        if changed := differences(
            saved, {**expected, **{name: list(value) for name, value in expected.items() if isinstance(value, tuple)}}
        ):
            raise ContractError([f"Expected {path} to fit the recipe, but got another network: {'; '.join(changed)}. Make it again."])
        return cls(family, network, PairTracks(**header["features"]), tuple(header["videos"]), header["skill"], read_tensors(path))


def _trunk_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings without those of the outputs."""
    return {name: value for name, value in config.items() if name not in _OF_THE_HEAD}
