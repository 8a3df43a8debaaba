"""Recognize errors that mean a full disk, from Python or from a library."""

import errno
import os

from behavior.contract import UsageError

_NUMBERS = {errno.ENOSPC, errno.EDQUOT}
_WORDS = tuple(map(os.strerror, sorted(_NUMBERS)))
"""Texts of libraries that pass on no error number."""
MEND = "Free some space and start the same command again."


class FullDiskError(UsageError, OSError):
    """A file that found no room: a user's matter (exit code 2), and an error of the operating system for whoever catches those."""


def is_full(error: BaseException) -> bool:
    """Return whether an error means a full disk, by its number or its text."""
    if isinstance(error, OSError) and error.errno in _NUMBERS:
        return True
    return any(words in str(error) for words in _WORDS)
