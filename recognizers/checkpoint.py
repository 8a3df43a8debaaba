"""A checkpoint: one .safetensors file whose header says in JSON what the tensors are; never a pickle.

The header is read without torch: `read_header`. It holds

| key | value |
|---|---|
| format, version | what this file is; refused when they differ |
| family, recipe, network | registry name, recipe name and its whole configuration, network configuration |
| behaviors | names along the last axis of the scores, in order |
| features, feature_names, window | feature settings, the names they gave, window length and step |
| decoding | thresholds, behaviors that occur per lab, decode settings |
| schema | columns and types of the curated tracking it was trained on |
| videos | train, validation, held_out: video ids; a video of the first two was seen |
| metrics, seed | what training measured, and its seed |
"""

import json
import os
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from behavior.contract import ContractError, refuse
from behavior.tables import TRACKING_CURATED

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "mouse-behavior-recognizer"
VERSION = 1
MAX_HEADER_BYTES = 100_000_000
"""The format's own limit: more can only be a file of another kind."""

_REQUIRED = ("family", "recipe", "network", "behaviors", "decoding", "schema", "videos")


def current_schema() -> dict[str, str]:
    """Return columns and types of curated tracking as this code writes them."""
    return {field.name: str(field.type) for field in TRACKING_CURATED.schema}


def save(path: Path, header: Mapping[str, Any], tensors: Mapping[str, "Tensor"]) -> None:
    """Write header and tensors as one file that appears whole or not at all."""
    whole = {"format": FORMAT, "version": VERSION, "schema": current_schema(), **header}
    faults = [f"Expected the header to hold {key}, but got none. Add it." for key in _REQUIRED if key not in whole]
    refuse(faults)
    write_tensors(path, whole, tensors)


def load(path: Path, device: str = "cpu") -> tuple[dict[str, Any], dict[str, "Tensor"]]:
    """Return the checked header and the tensors. Raises ContractError, with the difference, for what this code cannot use."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    header = read_header(path)
    refuse(f"{path}: {fault}" for fault in _faults(header))
    try:
        return header, load_file(path, device=device)
    except SafetensorError as error:
        raise ContractError([f"Expected {path} to be a whole .safetensors checkpoint, but got: {error}. Copy it again."]) from None


def read_header(path: Path) -> dict[str, Any]:
    """Return the header without reading a tensor and without torch. Raises ContractError if this is no checkpoint of ours."""
    header = read_json(path)
    got = (header.get("format"), header.get("version"))
    if got != (FORMAT, VERSION):
        raise ContractError([f"{path}: Expected format {FORMAT}, version {VERSION}, but got {got[0]}, version {got[1]}. Train again."])
    return header


def videos_seen(headers: Iterable[Mapping[str, Any]]) -> set[int]:
    """Return the ids of all videos that at least one of these checkpoints was trained, tuned or chosen on."""
    return {int(video) for header in headers for part in ("train", "validation") for video in header["videos"][part]}


def write_tensors(path: Path, description: Mapping[str, Any], tensors: Mapping[str, "Tensor"]) -> None:
    """Write any tensors with a JSON description, by way of a neighbor file and a rename."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        save_file(flat, beside, metadata={"json": json.dumps(description)})
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON description of a file that `write_tensors` wrote."""
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > MAX_HEADER_BYTES:
                raise ValueError("a header of that length")
            return json.loads(json.loads(file.read(length))["__metadata__"]["json"])
    except FileNotFoundError:
        raise ContractError([f"Expected a checkpoint at {path}, but got no such file. Train one with training/train.py."]) from None
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        raise ContractError(
            [f"Expected {path} to be a whole .safetensors checkpoint, but got something else. Name another file."]
        ) from None


def differences(saved: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """Say in words, key by key, how two flat mappings differ."""
    words = []
    for key in sorted({*saved, *current}):
        if key not in current:
            words.append(f"{key} ({saved[key]}) is gone")
        elif key not in saved:
            words.append(f"{key} ({current[key]}) is new")
        elif saved[key] != current[key]:
            words.append(f"{key} was {saved[key]} and is {current[key]}")
    return words


def _faults(header: Mapping[str, Any]) -> list[str]:
    faults = [f"Expected the header to hold {key}, but got none. Train again." for key in _REQUIRED if key not in header]
    if changed := differences(header.get("schema", {}), current_schema()):
        faults.append(f"Expected the curated tracking of this code, but got a checkpoint of another: {'; '.join(changed)}. Train again.")
    return faults
