"""How far a loop is, for people who wait: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
_SILENCE_S = 10.0


def progress(items: Iterable[T], label: str, total: int, transient: bool = False) -> Iterator[T]:
    """Yield the items and show on stderr how many of them are done; a transient bar leaves no trace."""
    if sys.stderr.isatty():
        try:
            from rich.console import Console
            from rich.progress import track
        except ImportError:  # a training container has no rich
            yield from items
            return
        yield from track(items, description=label, total=total, console=Console(stderr=True), transient=transient)
        return
    shown = time.monotonic()
    for number, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - shown > _SILENCE_S:
            shown = time.monotonic()
            print(f"{label}: {number} of {total}", file=sys.stderr, flush=True)
