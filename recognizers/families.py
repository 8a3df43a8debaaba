"""The registry: every family of recognizers by name, one line each. It imports no torch, so that `--help` stays fast."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from behavior.contract import ContractError
from behavior.views.arena_features import ArenaFeatures
from behavior.views.film_views import FilmEmbeddings, FilmPictures
from behavior.views.pair_features import PairFeatures
from behavior.views.pair_tracks import PairTracks
from recognizers import checkpoint, onnx_network
from recognizers.film_recognizer import FilmFamily
from recognizers.network_recognizer import NetworkFamily
from recognizers.recognizer import Head, Recognizer, View

if TYPE_CHECKING:
    from torch import Tensor

_NETWORKS = (
    NetworkFamily("cnn_transformer", View.PAIR, Head.MULTILABEL, PairFeatures, "recognizers.cnn_transformer.CnnTransformer"),
    NetworkFamily("cnn_transformer_plus", View.PAIR, Head.MULTILABEL, PairTracks, "recognizers.cnn_transformer_plus.CnnTransformerPlus"),
    NetworkFamily("conv_bilstm", View.ARENA, Head.EXCLUSIVE, ArenaFeatures, "recognizers.conv_bilstm.ConvBilstm"),
    FilmFamily("pain_cnn3d", View.CLIP, Head.EXCLUSIVE, FilmPictures, "recognizers.pain_cnn3d.PainCnn3d"),
    FilmFamily("film_tcn", View.CLIP, Head.EXCLUSIVE, FilmPictures, "recognizers.film_tcn.FilmTcn"),
    FilmFamily("embedding_tcn", View.CLIP, Head.EXCLUSIVE, FilmEmbeddings, "recognizers.film_tcn.EmbeddingTcn"),
)
_OTHERS = {"trees": "recognizers.trees", "ensemble": "recognizers.ensemble", "stacked": "recognizers.stacked"}
"""By name: the module with the family, which is its `FAMILY`."""
FAMILIES = (*(network.name for network in _NETWORKS), *_OTHERS)
"""All names."""


class Family(Protocol):
    """One kind of recognizer."""

    @property
    def name(self) -> str:
        """Its name in checkpoints and recipes."""
        ...

    def open(self, header: Mapping[str, Any], tensors: "Mapping[str, Tensor]", where: str, members: tuple[Recognizer, ...]) -> Recognizer:
        """Return the recognizer from the parts of a checkpoint, with its members, if it has any.

        Raises ContractError, which names `where` and the difference, for parts that this code cannot use.
        """
        ...


def family(name: str) -> Family:
    """Return a family by its name. Raises ContractError for any other name."""
    if name not in FAMILIES:
        raise ContractError([f"Expected one of the families {', '.join(FAMILIES)}, but got {name}. Use the code that trained it."])
    if name in _OTHERS:
        other: Family = import_module(_OTHERS[name]).FAMILY
        return other
    return network_family(name)


def network_family(name: str) -> NetworkFamily:
    """Return a family of networks. Raises ContractError for any other name."""
    known = {network.name: network for network in _NETWORKS}
    if name not in known:
        raise ContractError([f"Expected one of the networks {', '.join(known)}, but got {name}. Choose one of them."])
    return known[name]


def load_recognizer(paths: Sequence[Path], device: str = "cpu", batch: int = 64) -> Recognizer:
    """Return the recognizer of one checkpoint of any family, or of one exported network (.onnx), or the mean of several.

    Raises ContractError for files that cannot be used.
    """
    from recognizers.ensemble import Ensemble

    for path in paths:
        checkpoint.read_header(path)  # so that a broken file is reported before any network is read
    members = tuple(open_file(path).on(device, batch) for path in paths)
    return members[0] if len(members) == 1 else Ensemble(members)


def open_file(path: Path) -> Recognizer:
    """Return the recognizer of one checkpoint of any family, or of one exported network (.onnx).

    Raises ContractError, with the difference, for a file that this code cannot use.
    """
    if path.suffix == onnx_network.SUFFIX:
        return network_family(str(checkpoint.read_header(path).get("family"))).open_exported(path)
    return open_parts(*checkpoint.load_parts(path), str(path))


def open_parts(header: Mapping[str, Any], tensors: "Mapping[str, Tensor]", where: str) -> Recognizer:
    """Return the recognizer of any family from the parts of a checkpoint, with its members.

    Raises ContractError, which names `where` and the difference, for parts that this code cannot use.
    """
    parts = enumerate(checkpoint.members_of(header, tensors), start=1)
    members = tuple(open_parts(*own, f"{where}, member {number}") for number, own in parts)
    return family(str(header.get("family"))).open(header, tensors, where, members)
