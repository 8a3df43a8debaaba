"""When the state of a session is saved, and how a signal ends the session: between two batches, with its state saved.

SageMaker takes a spot machine away two minutes after SIGTERM. An epoch may last hours, one batch hardly a minute.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from training.fitting.peers import ALONE, Peers
from training.fitting.session import Session


class Keeper:
    """Saves the state of a session in `folder`: after each step, within a step every `every_s` seconds, and when a signal ends it.

    Without a folder nothing is saved, and a signal ends the session at once.
    """

    def __init__(self, session: Session, folder: Path | None, every_s: float, peers: Peers = ALONE) -> None:
        self.session, self.folder, self.every_s, self.peers = session, folder, every_s, peers
        self._asked = False
        self._saved_s = time.monotonic()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Let SIGTERM and Ctrl-C raise KeyboardInterrupt when the state is saved. A second one does not wait for that."""
        numbers = (signal.SIGTERM, signal.SIGINT) if self.folder is not None else (signal.SIGTERM,)
        before = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            yield
        except KeyboardInterrupt:
            if not self.session.busy:  # in the middle of a batch, what would be saved is neither the one state nor the other
                self.save()
            raise
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def after_batch(self) -> None:
        """Save the state if it is time, or if a signal came. Raises KeyboardInterrupt after a signal."""
        due = self.folder is not None and self.peers.leads and time.monotonic() - self._saved_s >= self.every_s
        asked, due = self.peers.anyone(self._asked, due)  # peers leave after the same batch
        if asked or due:
            self.save()
        if asked:
            raise KeyboardInterrupt

    def after_step(self) -> None:
        """Save the state. Raises KeyboardInterrupt after a signal."""
        self.save()
        (asked,) = self.peers.anyone(self._asked)
        if asked:
            raise KeyboardInterrupt

    def save(self) -> None:
        """Save the state."""
        if self.folder is not None and self.peers.leads:
            self.session.save_state(self.folder)
        self._saved_s = time.monotonic()

    def _on_signal(self, number: int, frame: FrameType | None) -> Any:
        if self._asked or self.folder is None or not self.session.busy:
            raise KeyboardInterrupt
        self._asked = True
