"""A checkpoint: one .safetensors file with a JSON header that describes the tensors; never a pickle.

The header is read without torch: `read_header`. It holds

| key | value |
|---|---|
| format, version | kind of file; others are refused |
| family, recipe, network | registry name, recipe name and its whole configuration, network configuration |
| members | headers of the members of an ensemble or a stack; their tensors are `member.<number>.<name>` |
| behaviors | names along the last axis of the scores, in order |
| features, feature_names, window | feature settings, feature names, window length and step |
| decoding | thresholds (also per lab), calibration, weights, durations, behaviors that occur per lab |
| schema | columns and types of the curated tracking in training |
| videos | video ids by use: train, validation, held_out, decoding (for fitting it); the recognizer saw all but held_out |
| metrics, seed | metrics and seed of training |
| curve | of networks: epoch, train_loss, val_loss, val_score of each epoch; older files lack it |
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from behavior.contract import ContractError, refuse
from behavior.tables import TRACKING_CURATED
from recognizers import onnx_network
from recognizers.recognizer import Parts, TrainedRecognizer
from recognizers.tensor_file import read_description, read_tensors, write_tensors

if TYPE_CHECKING:
    from torch import Tensor

CHECKPOINT_FORMAT = "mouse-behavior-recognizer"
CHECKPOINT_VERSION = 2

Made = TypeVar("Made", bound=Any)
_REQUIRED = ("family", "recipe", "network", "behaviors", "decoding", "schema", "videos")


def current_schema() -> dict[str, str]:
    """Return columns and types of curated tracking as this code writes them."""
    return {field.name: str(field.type) for field in TRACKING_CURATED.schema}


def save(path: Path, recognizer: TrainedRecognizer, provenance: Mapping[str, Any]) -> None:
    """Write a recognizer as one file, whole or not at all; `provenance` holds recipe, videos, metrics, seed and the like."""
    save_parts(path, recognizer.parts(provenance))


def save_parts(path: Path, parts: Parts) -> None:
    """Write header and tensors as one file, whole or not at all."""
    whole = _signed(parts[0])
    refuse(f"Expected the header to hold {key}, but got none. Add it." for key in _REQUIRED if key not in whole)
    write_tensors(path, whole, parts[1])


def load_parts(path: Path, device: str = "cpu") -> Parts:
    """Return the checked header and the tensors. Raises ContractError, with the difference, if this code cannot use them."""
    header = read_header(path)
    refuse_unusable(header, path)
    return header, read_tensors(path, device)


def read_header(path: Path) -> dict[str, Any]:
    """Return the header without reading a tensor and without torch. Raises ContractError if the file is no checkpoint.

    An exported network (.onnx) has the header of its checkpoint.
    """
    header = onnx_network.read_exported_header(path) if path.suffix == onnx_network.SUFFIX else read_description(path)
    refuse(f"{path}: {fault}" for fault in _format_faults(header))
    return header


def refuse_unusable(header: Mapping[str, Any], path: Path) -> None:
    """Raise ContractError, with the difference, for a header that this code cannot use."""
    refuse(f"{path}: {fault}" for fault in (*_format_faults(header), *_faults(header)))


def features_of(header: Mapping[str, Any], make: Callable[..., Made], where: str) -> Made:
    """Return the features that a recognizer sees, made from the settings in its header.

    Raises ContractError, with the difference, if this code does not know a setting, or computes others than the recognizer learned from.
    """
    try:
        features = make(**header["features"])
    except TypeError as error:
        raise ContractError(
            [f"{where}: Expected settings of features that this code knows, but got others: {error}. Use the code that trained it."]
        ) from None
    _refuse_other_features(header, features.names, where)
    return features


def _refuse_other_features(header: Mapping[str, Any], names: Sequence[str], where: str) -> None:
    if header["feature_names"] != list(names):
        changed = sorted({*header["feature_names"]} ^ {*names}) or ["another order"]
        fault = f"{where}: Expected the features of this code, but got others: {', '.join(changed[:8])}. Train again."
        raise ContractError([fault])


def videos_seen(headers: Iterable[Mapping[str, Any]]) -> set[int]:
    """Return the ids of all videos that training, validation or decoding of these checkpoints, or of their members, used."""
    seen = set()
    for header in headers:
        seen |= {int(video) for part in ("train", "validation", "decoding") for video in header["videos"].get(part, ())}
        seen |= videos_seen(header.get("members", ()))
    return seen


def with_members(header: Mapping[str, Any], tensors: Mapping[str, "Tensor"], members: Sequence[Parts]) -> Parts:
    """Return header and tensors of a recognizer, with those of its members; members may have members too."""
    inside = {f"member.{number}.{name}": tensor for number, (_, own) in enumerate(members) for name, tensor in own.items()}
    return {**_signed(header), "members": [member for member, _ in members]}, {**tensors, **inside}


def members_of(header: Mapping[str, Any], tensors: Mapping[str, "Tensor"]) -> list[Parts]:
    """Return the parts of each member, the inverse of `with_members`; none for a recognizer without members."""
    parts = []
    for number, member in enumerate(header.get("members", ())):
        prefix = f"member.{number}."
        parts.append((member, {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}))
    return parts


def differences(saved: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """Return texts that say, key by key, how two flat mappings differ."""
    words = []
    for key in sorted({*saved, *current}):
        if key not in current:
            words.append(f"{key} ({saved[key]}) is gone")
        elif key not in saved:
            words.append(f"{key} ({current[key]}) is new")
        elif saved[key] != current[key]:
            words.append(f"{key} was {saved[key]} and is {current[key]}")
    return words


def _signed(header: Mapping[str, Any]) -> dict[str, Any]:
    return {"format": CHECKPOINT_FORMAT, "version": CHECKPOINT_VERSION, "schema": current_schema(), **header}


def _faults(header: Mapping[str, Any]) -> list[str]:
    faults = [f"Expected the header to hold {key}, but got none. Train again." for key in _REQUIRED if key not in header]
    if changed := differences(header.get("schema", {}), current_schema()):
        faults.append(f"Expected the curated tracking of this code, but got a checkpoint of another: {'; '.join(changed)}. Train again.")
    for number, member in enumerate(header.get("members", ()), start=1):
        faults += [f"member {number}: {fault}" for fault in (*_format_faults(member), *_faults(member))]
    return faults


def _format_faults(header: Mapping[str, Any]) -> list[str]:
    got = (header.get("format"), header.get("version"))
    if got == (CHECKPOINT_FORMAT, CHECKPOINT_VERSION):
        return []
    return [f"Expected format {CHECKPOINT_FORMAT}, version {CHECKPOINT_VERSION}, but got {got[0]}, version {got[1]}. Train again."]
