"""How to tell that a disk is full, whoever says so."""

import errno
import os

_NUMBERS = {errno.ENOSPC, errno.EDQUOT}
_WORDS = tuple(map(os.strerror, sorted(_NUMBERS)))
"""What libraries say of a full disk when they hand on no error number."""
MEND = "Free some space and start the same command again."


def is_full(error: BaseException) -> bool:
    """Say whether an error is that of a full disk, by its number or by its words."""
    if isinstance(error, OSError) and error.errno in _NUMBERS:
        return True
    return any(words in str(error) for words in _WORDS)
