"""What the checkpoints of all networks share: the fields of the header, and the weights.

Nothing here needs torch: a network and its tensors are given.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from behavior.contract import ContractError
from recognizers.recognizer import Decoding, Head, View
from recognizers.windowed import Windowing

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from torch import Tensor, nn

_PREFIX = "network."


class _Family(Protocol):
    @property
    def name(self) -> str: ...


class _Network(Protocol):
    """A recognizer made of a network; what each field is, its class says."""

    @property
    def family(self) -> _Family: ...
    @property
    def view(self) -> View: ...
    @property
    def head(self) -> Head: ...
    @property
    def network_config(self) -> "DataclassInstance | None": ...
    @property
    def behaviors(self) -> tuple[str, ...]: ...
    @property
    def features(self) -> Any: ...
    @property
    def windowing(self) -> Windowing: ...
    @property
    def decoding(self) -> Decoding: ...
    @property
    def labs(self) -> tuple[str, ...]: ...


def load_weights(network: "nn.Module", tensors: "Mapping[str, Tensor]", where: str) -> "nn.Module":
    """Give a new network the weights of a checkpoint; return it, set to evaluation mode. Raises ContractError for other weights."""
    try:
        network.load_state_dict({name.removeprefix(_PREFIX): value for name, value in tensors.items() if name.startswith(_PREFIX)})
    except RuntimeError as error:
        got = " ".join(str(error).split())[:300]
        raise ContractError([f"{where}: Expected the weights of its own network, but got others: {got} Train again."]) from None
    return network.eval()


def weights_of(network: "nn.Module") -> "dict[str, Tensor]":
    """Return the weights of a network as tensors of a checkpoint."""
    return {f"{_PREFIX}{name}": value for name, value in network.state_dict().items()}


def header_of(one: _Network, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return the header of a checkpoint of a network."""
    assert one.network_config is not None
    return {
        **provenance,
        "family": one.family.name,
        "view": one.view,
        "head": one.head,
        "network": asdict(one.network_config),
        "behaviors": list(one.behaviors),
        "features": asdict(one.features),
        "feature_names": list(one.features.names),
        "window": asdict(one.windowing),
        "decoding": one.decoding.to_json_dict(),
        "labs": list(one.labs),
    }


def fields_of(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a recognizer that are read from the header in the same way for all networks."""
    return {
        "behaviors": tuple(header["behaviors"]),
        "windowing": Windowing(**header["window"]),
        "decoding": Decoding.from_json_dict(header["decoding"]),
        "labs": tuple(header["labs"]),
    }
