"""How to tell that a disk is full, whoever says so."""

import errno
import os

from behavior.contract import UsageError

_NUMBERS = {errno.ENOSPC, errno.EDQUOT}
_WORDS = tuple(map(os.strerror, sorted(_NUMBERS)))
"""What libraries say of a full disk when they hand on no error number."""
MEND = "Free some space and start the same command again."


class FullDiskError(UsageError, OSError):
    """A file that found no room: a user's matter (exit code 2), and an error of the operating system for whoever catches those."""


def is_full(error: BaseException) -> bool:
    """Say whether an error is that of a full disk, by its number or by its words."""
    if isinstance(error, OSError) and error.errno in _NUMBERS:
        return True
    return any(words in str(error) for words in _WORDS)
