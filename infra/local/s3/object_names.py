"""Which names are lawful in S3, and under which file name a key is kept when a directory tree cannot hold it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

from infra.local.errors import ServiceError

LAST = chr(0x10FFFF)  # sorts behind every character, so `key + LAST` sorts behind everything that starts with `key`

_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
_LONGEST_KEY_BYTES = 1024
_LONGEST_FILE_NAME_BYTES = 255
_PIECE = 200
_END = "="  # quote() never leaves this character in a name, so a file's last piece cannot be taken for a directory


def is_bucket_name(name: str) -> bool:
    """Say whether S3 would allow this bucket name; such a name is also one harmless directory name."""
    return _BUCKET.fullmatch(name) is not None


def check_key(key: str) -> None:
    """Refuse what S3 refuses: an empty key, one of more than 1,024 bytes, or one that is not UTF-8."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise ServiceError("InvalidURI", "Expected a key in UTF-8, but got other bytes. Encode the key as UTF-8.") from None
    if not 0 < size <= _LONGEST_KEY_BYTES:
        raise ServiceError("KeyTooLongError", f"Expected a key of 1 to {_LONGEST_KEY_BYTES} bytes, but got {size}. Use a shorter key.")


def fits_tree(key: str) -> bool:
    """Say whether every `/`-separated part of a key is a plain file name, so that the key can be a path below its bucket."""
    return all(_is_file_name(part) for part in key.split("/"))


def flat_path(directory: Path, key: str) -> Path:
    """Return the file in `directory` that stands for any key at all: percent-encoded, in pieces, and never outside `directory`."""
    return Path(flat_name(str(directory), key))


def flat_name(directory: str, key: str) -> str:
    """Return the same as text: listings ask for thousands of them."""
    quoted = quote(key, safe="") + _END
    return "/".join((directory, *(quoted[i : i + _PIECE] for i in range(0, len(quoted), _PIECE))))


def flat_keys(directory: Path) -> Iterator[str]:
    """Yield, in no order, the keys whose `flat_path` exists in `directory`."""
    for file in directory.rglob(f"*{_END}"):
        if file.is_file():
            yield unquote("".join(file.relative_to(directory).parts).removesuffix(_END))


def _is_file_name(part: str) -> bool:
    return part not in ("", ".", "..") and "\x00" not in part and len(part.encode()) <= _LONGEST_FILE_NAME_BYTES
