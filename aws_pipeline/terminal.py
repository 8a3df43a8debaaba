"""What every script of the pipeline tells a person: errors as one line with an exit code, how far a step is, and sizes."""

import errno
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, TypeVar

from behavior.contract import EXIT_CONTRACT, EXIT_CREDENTIALS, EXIT_USAGE, UsageError, exit_code

T = TypeVar("T")
_SILENCE_S = 10.0
_CREDENTIAL_ERRORS = {"NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError", "ProfileNotFound"}
_CREDENTIAL_CODES = {
    "403",  # all that a HEAD request is told
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_UNREACHABLE = {"EndpointConnectionError", "ConnectTimeoutError"}
_FULL = {errno.ENOSPC, errno.EDQUOT}
_NO_ROOM = "InsufficientStorage"
"""The code with which AWS on this disk says that the disk is full."""
_FULL_WORDS = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT), _NO_ROOM)
"""What libraries and jobs say of a full disk when they hand on no error number."""


class JobFailed(RuntimeError):
    """A job, or a command that a step started, ended without success; `code` is the exit code to end with."""

    def __init__(self, message: str, code: int = EXIT_CONTRACT) -> None:
        self.code = code
        super().__init__(message)


class Progress:
    """How far a step is, told on stderr while the context lasts: a bar on a terminal, a plain line now and then elsewhere."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._state = ""
        self._begun = self._told = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> "Progress":
        if sys.stderr.isatty():
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


def run(main: Callable[[], int]) -> int:
    """Run `main`, returning its exit code, or the documented one for an error the user can mend."""
    try:
        return exit_code(main)
    except Exception as error:  # told apart by name, because --help must not import botocore
        known = known_error(error)
        if known is None:
            raise
        message, code = known
        print(f"error: {message}", file=sys.stderr)
        return code


def known_error(error: Exception) -> tuple[str, int] | None:
    """Return what to say of an error that the user can mend, and the exit code; None for any other error."""
    if isinstance(error, UsageError):
        return str(error), EXIT_USAGE
    reasons = list(_chain(error))
    said = str(error).rstrip(".")
    if full := [reason for reason in reasons if is_full(reason)]:
        if _aws_says(full[-1]).get("Code") == _NO_ROOM:
            return _aws_says(full[-1])["Message"], EXIT_USAGE
        mend = "Free some space and start the same command again."
        if isinstance(error, JobFailed):
            return f"{error} {mend}", EXIT_USAGE
        return f"Expected room on the disk, but got: {str(full[-1]).rstrip('.')}. {mend}", EXIT_USAGE
    if isinstance(error, JobFailed):
        return str(error), error.code
    if any(type(reason).__name__ in _UNREACHABLE for reason in reasons):
        mend = "Check the network, or start what AWS_ENDPOINT_URL names: python -m infra.local serve."
        return f"Expected AWS to answer, but got: {said}. {mend}", EXIT_USAGE
    if any(map(_is_refusal, reasons)):
        return f"Expected AWS to let this through, but got: {said}. Check the credentials and the role's rights.", EXIT_CREDENTIALS
    return None


def is_full(error: BaseException) -> bool:
    """Say whether an error is that of a full disk, by its number or by its words."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return any(words in str(error) for words in _FULL_WORDS)


def size(n_bytes: float) -> str:
    """Return a number of bytes as people read it, such as 3.4 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that led to it: clients wrap what AWS said into errors of their own."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _is_refusal(error: BaseException) -> bool:
    return type(error).__name__ in _CREDENTIAL_ERRORS or _aws_says(error).get("Code") in _CREDENTIAL_CODES


def _aws_says(error: BaseException) -> dict[str, str]:
    """Return the code and message of an error that AWS answered with; nothing for any other error."""
    response = getattr(error, "response", None)
    return response.get("Error", {}) if isinstance(response, dict) else {}
