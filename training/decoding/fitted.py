"""A decoding by itself in a JSON file: what training/cross_validate.py writes and training/train.py --decoding puts into a checkpoint."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from behavior.contract import ContractError
from behavior.whole_file import write_json
from recognizers.recognizer import Decoding

DECODING_FILE = "decoding.json"
FORMAT, VERSION = "mouse-behavior-decoding", 1


@dataclass(frozen=True)
class FittedDecoding:
    """A decoding with what it was fitted on."""

    behaviors: tuple[str, ...]
    """Names along axis C of the decoding."""
    decoding: Decoding
    """What was fitted."""
    videos: tuple[int, ...]
    """On the scores and the labels of these recordings, which therefore count as seen."""

    def over(self, behaviors: tuple[str, ...], occurring: Mapping[str, frozenset[str]]) -> Decoding:
        """Return the decoding of a recognizer of these behaviors, some of which `occurring` saw in other labs or recordings.

        Raises ContractError for a behavior it was not fitted on.
        """
        decoding = self.decoding.over(self.behaviors, behaviors)
        labs = {*decoding.occurring, *occurring}
        return replace(
            decoding, occurring={lab: decoding.occurring.get(lab, frozenset()) | occurring.get(lab, frozenset()) for lab in labs}
        )

    def to_json_dict(self) -> dict[str, Any]:
        """Return what the file holds."""
        told = {"format": FORMAT, "version": VERSION, "behaviors": list(self.behaviors), "videos": list(self.videos)}
        return {**told, "decoding": self.decoding.to_json_dict()}

    def write(self, path: Path) -> None:
        """Write the file."""
        write_json(path, self.to_json_dict())


def read_decoding(path: Path) -> FittedDecoding:
    """Read the file, or `DECODING_FILE` of a folder. Raises ContractError if there is none."""
    path = path / DECODING_FILE if path.is_dir() else path
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        got = (value["format"], value["version"])
        fitted = FittedDecoding(tuple(value["behaviors"]), Decoding.from_json_dict(value["decoding"]), tuple(value["videos"]))
    except OSError:
        raise ContractError([f"Expected a decoding at {path}, but got no such file. Write one with training/cross_validate.py."]) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ContractError([f"Expected {path} to be a decoding, but got something else. Name a decoding.json."]) from None
    if got != (FORMAT, VERSION):
        raise ContractError([f"{path}: Expected {FORMAT}, version {VERSION}, but got {got[0]}, version {got[1]}. Cross-validate again."])
    return fitted
