"""A decoding in a JSON file: training/cross_validate.py writes it, and training/train.py --decoding puts it into a checkpoint."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from behavior.contract import ContractError
from behavior.whole_file import write_json
from recognizers.recognizer import Decoding

DECODING_FILE = "decoding.json"
DECODING_FORMAT, DECODING_VERSION = "mouse-behavior-decoding", 1


@dataclass(frozen=True)
class FittedDecoding:
    """A decoding with the recordings on which it was fitted."""

    behaviors: tuple[str, ...]
    """Names along axis C of the decoding."""
    decoding: Decoding
    """The fitted values."""
    videos: tuple[int, ...]
    """It was fitted on the scores and the labels of these recordings, so they count as seen."""

    def over(self, behaviors: tuple[str, ...], occurring: Mapping[str, frozenset[str]]) -> Decoding:
        """Return the decoding for a recognizer of these behaviors; `occurring` adds behaviors that occur in its own labs.

        Raises ContractError for a behavior that the decoding does not have.
        """
        decoding = self.decoding.over(self.behaviors, behaviors)
        labs = {*decoding.occurring, *occurring}
        return replace(
            decoding, occurring={lab: decoding.occurring.get(lab, frozenset()) | occurring.get(lab, frozenset()) for lab in labs}
        )

    def to_json_dict(self) -> dict[str, Any]:
        """Return the content of the file."""
        header = {"format": DECODING_FORMAT, "version": DECODING_VERSION, "behaviors": list(self.behaviors), "videos": list(self.videos)}
        return {**header, "decoding": self.decoding.to_json_dict()}

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
    if got != (DECODING_FORMAT, DECODING_VERSION):
        raise ContractError(
            [f"{path}: Expected {DECODING_FORMAT}, version {DECODING_VERSION}, but got {got[0]}, version {got[1]}. Cross-validate again."]
        )
    return fitted
