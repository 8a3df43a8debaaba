"""How far a step is, for people who wait: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")
_SILENCE_S = 10.0


class Progress:
    """How far a step is, told on stderr while the context lasts: a bar on a terminal, a plain line now and then elsewhere."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._state = ""
        self._begun = self._told = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> "Progress":
        if sys.stderr.isatty() and find_spec("rich"):  # a training container has no rich
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[count]}"), TimeElapsedColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.add_task(self._label, total=None, count="")
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def tell(self, state: str = "", done: int = 0, total: int = 0) -> None:
        """Show the state, and how much is done; a `total` of 0 is not known yet. Call it as often as you like."""
        count = f"{done} of {total}" if total else ""
        if self._bar is not None:
            words = f"{self._label}: {state}" if state else self._label
            self._bar.update(self._bar.task_ids[0], description=words, completed=done, total=total or None, count=count)
            return
        now = time.monotonic()
        if state == self._state and now - self._told < _SILENCE_S:
            return
        self._state, self._told = state, now
        self.say(f"{self._label}: {', '.join(filter(None, (state, count, f'{now - self._begun:.0f} s')))}")

    def say(self, line: str) -> None:
        """Print a line that stays."""
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=sys.stderr, flush=True)


def progress(items: Iterable[T], label: str, total: int) -> Iterator[T]:
    """Yield the items and show how far the loop is."""
    with Progress(label) as shown:
        for number, item in enumerate(items, start=1):
            yield item
            shown.tell(done=number, total=total)
