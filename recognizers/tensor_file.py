"""Tensors and a JSON description in one .safetensors file, with a digest of both: a flipped byte is found when the file is read."""

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from behavior.checkpoint_header import checkpoint_header
from behavior.contract import ContractError
from behavior.whole_file import whole_file

if TYPE_CHECKING:
    from torch import Tensor

_SHA256 = "sha256"


def write_tensors(path: Path, description: Mapping[str, Any], tensors: Mapping[str, "Tensor"]) -> None:
    """Write tensors with a JSON description, whole or not at all."""
    from safetensors.torch import save_file

    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # one value in the metadata, because safetensors writes several in an order of chance, and equal runs write equal files
    text = json.dumps({**description, _SHA256: _digest(json.dumps(description), flat)})
    with whole_file(path) as beside:
        beside.touch()
        mode = beside.stat().st_mode
        save_file(flat, beside, metadata={"json": text})
        beside.chmod(mode)  # safetensors writes files that only their owner may read


def read_description(path: Path) -> dict[str, Any]:
    """Return the description without reading a tensor and without torch. Raises ContractError for a file of another kind."""
    try:
        return {key: value for key, value in checkpoint_header(path).items() if key != _SHA256}
    except FileNotFoundError:
        raise ContractError([f"Expected a checkpoint at {path}, but got no such file. Train one with training/train.py."]) from None
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        raise ContractError(
            [f"Expected {path} to be a whole .safetensors checkpoint, but got something else. Name another file."]
        ) from None


def read_tensors(path: Path, device: str = "cpu") -> dict[str, "Tensor"]:
    """Return the tensors. Raises ContractError for a file that is broken, or not what was written."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    description = checkpoint_header(path)
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise ContractError([f"Expected {path} to be a whole .safetensors checkpoint, but got: {error}. Copy it again."]) from None
    written = description.pop(_SHA256, None)  # older files have none
    if written and written != _digest(json.dumps(description), tensors):
        raise ContractError([f"Expected {path} to hold what was written, but got other bytes. Copy it again from where it came."])
    return {name: tensor.to(device) for name, tensor in tensors.items()}


def _digest(text: str, tensors: Mapping[str, "Tensor"]) -> str:
    """Return the SHA-256 of a description, and of names, types, shapes and values of tensors."""
    import torch

    total = hashlib.sha256(text.encode())
    for name, tensor in sorted(tensors.items()):
        total.update(f"\0{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
