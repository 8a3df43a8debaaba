"""Recognizers say what was seen: one file per family, one line here. This file imports no torch, so that `--help` stays fast."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from behavior.contract import ContractError, refuse
from recognizers import checkpoint, onnx_network
from recognizers.recognizer import Head, Recognizer, View

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Family:
    """Where a family's parts are found."""

    view: View
    """What it sees."""
    head: Head
    """How it answers."""
    module: str = ""
    """Module that holds its network; nothing for a family without one."""
    config: str = ""
    """Its frozen dataclass."""
    network: str = ""
    """Its network, called as network(config, n_features, n_behaviors)."""
    features: str = ""
    """Frozen dataclass, module and name, of the settings of what it sees."""
    recognizer: str = "recognizers.pair_view.PairRecognizer"
    """Class, module and name, that opens a checkpoint: `from_checkpoint(header, tensors, where)` and `on(device, batch)`."""


FAMILIES: dict[str, Family] = {
    "cnn_transformer": Family(
        View.PAIR,
        Head.MULTILABEL,
        "recognizers.cnn_transformer",
        "CnnTransformerConfig",
        "CnnTransformer",
        "behavior.views.pair_features.PairFeatures",
    ),
    "cnn_transformer_plus": Family(
        View.PAIR,
        Head.MULTILABEL,
        "recognizers.cnn_transformer_plus",
        "CnnTransformerPlusConfig",
        "CnnTransformerPlus",
        "behavior.views.pair_tracks.PairTracks",
    ),
    "conv_bilstm": Family(
        View.ARENA,
        Head.EXCLUSIVE,
        "recognizers.conv_bilstm",
        "ConvBilstmConfig",
        "ConvBilstm",
        "behavior.views.arena_features.ArenaFeatures",
        "recognizers.arena_view.ArenaRecognizer",
    ),
    "trees": Family(
        View.PAIR,
        Head.MULTILABEL,
        features="behavior.views.pair_statistics.PairStatistics",
        recognizer="recognizers.trees.TreesRecognizer",
    ),
    "ensemble": Family(View.PAIR, Head.MULTILABEL, recognizer="recognizers.ensemble.Ensemble"),
    "stacked": Family(View.PAIR, Head.MULTILABEL, recognizer="recognizers.stacked.Stacked"),
}


def build_network(family: str, config: Mapping[str, Any], n_features: int, n_behaviors: int) -> "tuple[Any, nn.Module]":
    """Return the family's configuration and a fresh network of it. Raises ContractError for an unknown family or field."""
    found = _family(family)
    module = import_module(found.module)
    try:
        built = getattr(module, found.config)(**config)
    except TypeError as error:
        raise ContractError([f"Expected the fields of family {family}, but got others: {error}. Use the code that trained it."]) from None
    return built, getattr(module, found.network)(built, n_features, n_behaviors)


def features_class(family: str) -> Any:
    """Return the frozen dataclass of the settings of what a family sees, with `names` [F]. Raises ContractError if it is unknown."""
    module, _, name = _family(family).features.rpartition(".")
    return getattr(import_module(module), name)


def view_of(header: Mapping[str, Any]) -> View:
    """Return what the recognizer of a checkpoint's header sees. Raises ContractError for an unknown family."""
    return _family(str(header.get("family"))).view


def load_recognizer(paths: Sequence[Path], device: str = "cpu", batch: int = 64) -> Recognizer:
    """Return the recognizer of one checkpoint of any family, or of one exported network (.onnx), or the mean of several.

    Raises ContractError for checkpoints that cannot be used, and for those that do not say who does what to whom.
    """
    from recognizers.ensemble import Ensemble

    headers = {path: checkpoint.read_header(path) for path in paths}  # a fault in the last is told before the first network is read
    refuse(
        f"Expected a checkpoint that says which mouse does what to which, but got {path} of family {header['family']}: it names "
        "a group of behaviors for the whole arena. Use another here; inference/recognize_groups.py asks this one."
        for path, header in headers.items()
        if view_of(header) is View.ARENA
    )
    members = [open_file(path).on(device, batch) for path in paths]
    return members[0] if len(members) == 1 else Ensemble(tuple(members))


def open_file(path: Path) -> Any:
    """Return the recognizer of one checkpoint of any family, or of one exported network (.onnx).

    Raises ContractError, with the difference, for a file that this code cannot use.
    """
    if path.suffix == onnx_network.SUFFIX:
        return _recognizer_class(checkpoint.read_header(path)).load(path)
    return opened(*checkpoint.load(path), str(path))


def opened(header: Mapping[str, Any], tensors: "Mapping[str, Tensor]", where: str) -> Any:
    """Return the recognizer of any family that the parts of a checkpoint describe; errors name `where`.

    Raises ContractError, with the difference, for parts that this code cannot use.
    """
    return _recognizer_class(header).from_checkpoint(header, tensors, where)


def rest_waiting_threads() -> None:
    """Let torch's waiting threads sleep; call it before torch is loaded. It is a default that the environment may overrule.

    They spin otherwise, and on two cores with other work two spinning threads were 2 to 3 times slower than sleeping ones.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def find_device(name: str) -> str:
    """Return cpu, cuda or mps; auto is the best this machine has. Raises ValueError for a device that is not here."""
    import torch

    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, is_here in here.items() if is_here)
    if not here.get(name.partition(":")[0], False):
        present = ", ".join(device for device, is_here in here.items() if is_here)
        raise ValueError(f"Expected a device of this machine (auto, {present}), but got {name}. Choose one of them.")
    return name


def _recognizer_class(header: Mapping[str, Any]) -> Any:
    module, _, name = _family(str(header.get("family"))).recognizer.rpartition(".")
    return getattr(import_module(module), name)


def _family(name: str) -> Family:
    if name not in FAMILIES:
        raise ContractError([f"Expected one of the families {', '.join(FAMILIES)}, but got {name}. Use the code that trained it."])
    return FAMILIES[name]
