"""An exported network: one .onnx file that holds all a recognizer needs, run by onnxruntime on the CPU, without torch.

The file's metadata hold the header of the checkpoint it was made of (`recognizers.checkpoint`) and its scaler.

Axes: B batch, W window samples, F features, X context, C behaviors.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from behavior.contract import ContractError
from behavior.views.scaler import RobustScaler

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from recognizers.windowed import Array

SUFFIX = ".onnx"
INPUTS = ("features", "valid", "context")
"""Names of what goes in: [B, W, F] float32, [B, W] bool, [B, X] float32; a network that is told nothing has no context."""
HEADER, SCALER = "json", "scaler"
"""Keys of the metadata."""


@dataclass(frozen=True)
class OnnxNetwork:
    """A network that scores windows."""

    session: "InferenceSession" = field(repr=False)
    """What runs it."""
    window: int
    """W."""

    def to(self, device: str) -> Self:
        """Return the same: it runs on the CPU. Raises ContractError for another device."""
        if device != "cpu":
            raise ContractError([f"Expected the device cpu for an exported network, but got {device}. Use the checkpoint it was made of."])
        return self

    def __call__(self, pieces: "Sequence[Array]", contexts: "Sequence[Array]") -> np.ndarray:
        """Return scores as `recognizers.windowed.Scorer` says."""
        features = np.zeros((len(pieces), self.window, pieces[0].shape[1]), np.float32)
        valid = np.zeros((len(pieces), self.window), bool)
        for number, piece in enumerate(pieces):
            features[number, : len(piece)] = piece
            valid[number, : len(piece)] = True
        given = {"features": features, "valid": valid}
        if any(asked.name == "context" for asked in self.session.get_inputs()):
            given["context"] = np.stack(contexts)
        (scores,) = self.session.run(None, given)
        return np.asarray(scores)


def read_header(path: Path) -> dict[str, Any]:
    """Return the header of the checkpoint that was exported. Raises ContractError if the file is none of ours."""
    return dict(json.loads(_metadata(_session(path, for_work=False), path)[HEADER]))


def load_exported(path: Path) -> tuple[dict[str, Any], OnnxNetwork, RobustScaler]:
    """Return header, network and scaler of an exported file. Raises ContractError if the file is none of ours."""
    session = _session(path, for_work=True)
    metadata = _metadata(session, path)
    scaler = json.loads(metadata[SCALER])
    window = next(given.shape[1] for given in session.get_inputs() if given.name == "features")
    scale = RobustScaler(*(np.array(scaler[name], np.float32) for name in ("median", "iqr")))
    return json.loads(metadata[HEADER]), OnnxNetwork(session, window), scale


def _metadata(session: "InferenceSession", path: Path) -> dict[str, str]:
    metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
    if not {HEADER, SCALER} <= set(metadata):
        raise ContractError([f"Expected {path} to hold what serving needs, but got another .onnx file. Make one with inference/export.py."])
    return metadata


def _session(path: Path, for_work: bool) -> "InferenceSession":
    if not path.is_file():
        raise ContractError([f"Expected an exported network at {path}, but got no such file. Make one with inference/export.py."])
    try:
        import onnxruntime
    except ImportError:
        raise ContractError([f"Expected onnxruntime for {path}, but got no such package. Install it: pip install onnxruntime."]) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # its warnings are about its own fusions
    if not for_work:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # as torch's threads here: other work goes on beside
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors have no common class but this one
        reason = " ".join(str(error).split())[:160]
        raise ContractError([f"Expected {path} to be a whole .onnx file, but got: {reason} Copy it again."]) from None
