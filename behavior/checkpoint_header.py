"""The header of a checkpoint, read without any library of networks: a .safetensors file begins with its length and its JSON."""

import json
import struct
from pathlib import Path
from typing import Any

_MOST_HEADER_BYTES = 100_000_000
"""The limit of the .safetensors format: a longer header means another kind of file."""


def checkpoint_header(path: Path) -> dict[str, Any]:
    """Return what a checkpoint says about itself. Raises OSError, or ValueError, KeyError, TypeError or struct.error for another file."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > _MOST_HEADER_BYTES:
            raise ValueError("the header is too long")
        return dict(json.loads(json.loads(file.read(length))["__metadata__"]["json"]))
