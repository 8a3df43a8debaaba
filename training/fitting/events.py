"""TensorBoard events: the numbers of each step of a training run, for those who like to watch curves."""

from importlib.util import find_spec
from pathlib import Path

from training.fitting.session import Session

EVENTS_FOLDER = "events"


class EventLog:
    """Writes the numbers of the newest step of a session; does nothing if tensorboard is not installed."""

    def __init__(self, folder: Path) -> None:
        self._writer = None
        if find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder))

    def add(self, session: Session) -> None:
        """Write the newest entry of the session's history."""
        history = session.report().get("epochs")
        if self._writer is None or not history:
            return
        newest = history[-1]
        for name, value in newest.items():
            if isinstance(value, int | float) and name != "epoch":
                self._writer.add_scalar(name, value, newest["epoch"])
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
