"""Merge rows into a table to which others commit at the same time: whoever is overtaken begins anew with what the other one left."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from aws_pipeline.iceberg import CommitConflictError

Done = TypeVar("Done")
_MOST_ATTEMPTS = 20
_ATTEMPTS_TO_READ = 5
"""If an object of a table is not there so many times, nobody is replacing it: somebody has removed it, and its rows are lost."""
_LONGEST_PAUSE_S = 0.5


def merged_at_last(table: str, merge: Callable[[bool], Done]) -> Done:
    """Return what `merge` returns when nobody overtakes it; its argument says whether missing objects count as lost.

    Raises CommitConflictError.
    """
    for attempt in range(_MOST_ATTEMPTS):
        try:
            return merge(attempt >= _ATTEMPTS_TO_READ)
        except (CommitConflictError, FileNotFoundError):  # another commit was faster, and has replaced what this one was about to read
            time.sleep(random.uniform(0, _LONGEST_PAUSE_S))
    raise CommitConflictError(
        f"Expected to commit to {table} within {_MOST_ATTEMPTS} attempts, but got a conflict each time. Start fewer commits at once."
    )
