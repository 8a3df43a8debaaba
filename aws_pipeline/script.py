"""What every script of the pipeline has around its work: errors of AWS turned to exit codes, and progress people can read."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from behavior.contract import EXIT_CREDENTIALS, exit_code

T = TypeVar("T")
_SILENCE_S = 10.0
_CREDENTIAL_ERRORS = {"NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError", "ProfileNotFound"}
_CREDENTIAL_CODES = {
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
}


def run(main: Callable[[], int]) -> int:
    """Run `main`, returning its exit code, or the documented one for an error the user can mend."""
    try:
        return exit_code(main)
    except Exception as error:  # only to tell AWS's refusals from faults of ours, without importing botocore for --help
        if not _is_refusal(error):
            raise
        print(f"error: Expected AWS to let this through, but got: {error}. Check the credentials and the role's rights.", file=sys.stderr)
        return EXIT_CREDENTIALS


def progress(items: Iterable[T], label: str, total: int) -> Iterator[T]:
    """Yield the items and show how far the loop is: a bar on a terminal, a plain line now and then elsewhere (stderr)."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track

        yield from track(items, description=label, total=total, console=Console(stderr=True))
        return
    told = time.monotonic()
    for number, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - told > _SILENCE_S:
            told = time.monotonic()
            print(f"{label}: {number} of {total}", file=sys.stderr, flush=True)


def size(n_bytes: float) -> str:
    """Return a number of bytes as people read it, such as 3.4 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"


def _is_refusal(error: Exception) -> bool:
    response = getattr(error, "response", None) or {}
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return type(error).__name__ in _CREDENTIAL_ERRORS or code in _CREDENTIAL_CODES
