"""Progress of a step: a bar on a terminal, elsewhere a plain line from time to time."""

import sys
import time
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")
_SILENCE_S = 10.0


class Progress:
    """Show the progress of a step on stderr while the context lasts: a bar on a terminal, else a plain line from time to time."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._state = ""
        self._started_s = self._last_line_s = time.monotonic()
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

    def update(self, state: str = "", done: int = 0, total: int = 0) -> None:
        """Show the state, and how much is done; a `total` of 0 means unknown. It may be called often."""
        count = f"{done} of {total}" if total else ""
        if self._bar is not None:
            words = f"{self._label}: {state}" if state else self._label
            self._bar.update(self._bar.task_ids[0], description=words, completed=done, total=total or None, count=count)
            return
        now = time.monotonic()
        if state == self._state and now - self._last_line_s < _SILENCE_S:
            return
        self._state, self._last_line_s = state, now
        self.say(f"{self._label}: {', '.join(filter(None, (state, count, f'{now - self._started_s:.0f} s')))}")

    def say(self, line: str) -> None:
        """Print a line that stays on the terminal."""
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=sys.stderr, flush=True)


def progress(items: Iterable[T], label: str, total: int) -> Iterator[T]:
    """Yield the items and show the progress of the loop."""
    with Progress(label) as shown:
        for number, item in enumerate(items, start=1):
            yield item
            shown.update(done=number, total=total)
