"""An exported network: one .onnx file with everything that a recognizer needs; onnxruntime runs it on the CPU, without torch.

Its metadata contain the header of the original checkpoint (`recognizers.checkpoint`) and the scaler.

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
"""Names of the inputs: [B, W, F] float32, [B, W] bool, [B, X] float32; some networks have no context."""
HEADER, SCALER = "json", "scaler"
"""Keys of the metadata."""


@dataclass(frozen=True)
class OnnxNetwork:
    """A network that scores windows."""

    session: "InferenceSession" = field(repr=False)
    """The session of onnxruntime."""
    window: int
    """W."""

    def to(self, device: str) -> Self:
        """Return the same. Raises ContractError for another device than the CPU."""
        if device != "cpu":
            raise ContractError([f"Expected the device cpu for an exported network, but got {device}. Use the original checkpoint."])
        return self

    def __call__(self, pieces: "Sequence[Array]", contexts: "Sequence[Array]") -> np.ndarray:
        """Return scores as `recognizers.windowed.Scorer` says."""
        features = np.zeros((len(pieces), self.window, pieces[0].shape[1]), np.float32)
        valid = np.zeros((len(pieces), self.window), bool)
        for number, piece in enumerate(pieces):
            features[number, : len(piece)] = piece
            valid[number, : len(piece)] = True
        inputs = {"features": features, "valid": valid}
        if any(node.name == "context" for node in self.session.get_inputs()):
            inputs["context"] = np.stack(contexts)
        (scores,) = self.session.run(None, inputs)
        return np.asarray(scores)


def read_exported_header(path: Path) -> dict[str, Any]:
    """Return the header of the original checkpoint. Raises ContractError if the file is no exported recognizer."""
    return dict(json.loads(_metadata(_session(path, for_work=False), path)[HEADER]))


def load_exported(path: Path) -> tuple[dict[str, Any], OnnxNetwork, RobustScaler]:
    """Return header, network and scaler of an exported file. Raises ContractError if it is no exported recognizer."""
    session = _session(path, for_work=True)
    metadata = _metadata(session, path)
    scaler = json.loads(metadata[SCALER])
    window = next(node.shape[1] for node in session.get_inputs() if node.name == "features")
    scale = RobustScaler(*(np.array(scaler[name], np.float32) for name in ("median", "iqr")))
    return json.loads(metadata[HEADER]), OnnxNetwork(session, window), scale


def _metadata(session: "InferenceSession", path: Path) -> dict[str, str]:
    metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
    if not {HEADER, SCALER} <= set(metadata):
        raise ContractError(
            [f"Expected {path} to be an exported recognizer, but got another .onnx file. Make one with inference/export_onnx.py."]
        )
    return metadata


def _session(path: Path, for_work: bool) -> "InferenceSession":
    if not path.is_file():
        raise ContractError([f"Expected an exported network at {path}, but got no such file. Make one with inference/export_onnx.py."])
    try:
        import onnxruntime
    except ImportError:
        raise ContractError([f"Expected onnxruntime for {path}, but got no such package. Install it: pip install onnxruntime."]) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # its warnings are about its own optimizations
    if not for_work:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # as for torch: the cores have other work too
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the errors of onnxruntime have no other common class
        reason = " ".join(str(error).split())[:160]
        raise ContractError([f"Expected {path} to be a whole .onnx file, but got: {reason} Copy it again."]) from None
