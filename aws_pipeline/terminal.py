"""Messages of the pipeline's scripts: errors as one line with an exit code, and sizes."""

import gc
import sys
from collections.abc import Callable, Iterable, Iterator

from behavior.contract import EXIT_CONTRACT, EXIT_CREDENTIALS, EXIT_USAGE, UsageError, exit_code
from behavior.full_disk import MEND, is_full

_CREDENTIAL_ERRORS = {"NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError", "ProfileNotFound"}
_CREDENTIAL_CODES = {
    "403",  # the only code in the answer to a HEAD request
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
_BROKEN_OFF = {"ConnectionClosedError", "ReadTimeoutError", "ResponseStreamingError", "IncompleteReadError"}
_BUSY_CODES = {"SlowDown", "InternalError", "InternalFailure", "ServiceUnavailable", "RequestTimeout", "Throttling", "ThrottlingException"}
_BUSY_CODES |= {"500", "502", "503", "504"}
"""Codes with which AWS asks to be tried again later; a number is the only code in the answer to a HEAD request."""
_BUSY_WORDS = ("SLOW_DOWN", "SERVICE_UNAVAILABLE", "INTERNAL_FAILURE", "NETWORK_CONNECTION", "REQUEST_TIMEOUT", "status 50")
_REFUSAL_WORDS = ("ACCESS_DENIED", "ExpiredToken", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "UNRECOGNIZED_CLIENT", "status 403")
"""What Arrow writes behind "AWS Error" for the same; its errors have no codes."""
_NO_ROOM = "InsufficientStorage"
"""Error code of the stand-in for a full disk."""


_OBJECTS_TO_COLLECT = 100_000
"""A command makes a few small objects for each file, and most of them live until it ends: looking through them as often as Python does
takes a sixth of its time."""


class JobFailed(RuntimeError):
    """A job or command of a step failed; `code` is the exit code for the script."""

    def __init__(self, message: str, code: int = EXIT_CONTRACT) -> None:
        self.code = code
        super().__init__(message)


def run(main: Callable[[], int]) -> int:
    """Run `main` and return its exit code, or the documented one for an error that the user can mend."""
    gc.set_threshold(_OBJECTS_TO_COLLECT)
    try:
        return exit_code(main)
    except Exception as error:  # compared by name, because --help must not import botocore
        known = known_error(error)
        if known is None:
            raise
        message, code = known
        print(f"error: {message}", file=sys.stderr)
        return code


def known_error(error: Exception) -> tuple[str, int] | None:
    """Return message and exit code of an error that the user can mend; None for any other error."""
    if isinstance(error, UsageError):
        return str(error), EXIT_USAGE
    reasons = list(_chain(error))
    text = str(error).rstrip(".")
    if full := [reason for reason in reasons if is_full(reason) or _NO_ROOM in str(reason)]:
        if _aws_says(full[-1]).get("Code") == _NO_ROOM:
            return _aws_says(full[-1])["Message"], EXIT_USAGE
        if isinstance(error, JobFailed):
            return f"{error} {MEND}", EXIT_USAGE
        return f"Expected room on the disk, but got: {str(full[-1]).rstrip('.')}. {MEND}", EXIT_USAGE
    if isinstance(error, JobFailed):
        return str(error), error.code
    if any(type(reason).__name__ in _UNREACHABLE for reason in reasons):
        mend = "Check the network, or start what AWS_ENDPOINT_URL names: python -m infra.local serve."
        return f"Expected AWS to answer, but got: {text}. {mend}", EXIT_USAGE
    if any(map(_is_busy, reasons)):
        return f"Expected AWS to answer, but got, after several attempts: {text}. Try again later; what is done stays done.", EXIT_USAGE
    if any(map(_is_refusal, reasons)):
        return f"Expected AWS to let this through, but got: {text}. Check the credentials and the role's rights.", EXIT_CREDENTIALS
    return None


def size(n_bytes: float) -> str:
    """Return a number of bytes as text, such as 3.4 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its causes, because clients wrap errors of AWS into errors of their own."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _is_busy(error: BaseException) -> bool:
    return type(error).__name__ in _BROKEN_OFF or _aws_says(error).get("Code") in _BUSY_CODES or _arrow_says(error, _BUSY_WORDS)


def _is_refusal(error: BaseException) -> bool:
    known = type(error).__name__ in _CREDENTIAL_ERRORS or _aws_says(error).get("Code") in _CREDENTIAL_CODES
    return known or _arrow_says(error, _REFUSAL_WORDS)


def _arrow_says(error: BaseException, words: Iterable[str]) -> bool:
    """Return whether Arrow raised an error for an answer of AWS with one of these words."""
    text = str(error)
    return isinstance(error, OSError) and "AWS Error" in text and any(word in text for word in words)


def _aws_says(error: BaseException) -> dict[str, str]:
    """Return code and message of an error that AWS returned; nothing for any other error."""
    response = getattr(error, "response", None)
    return response.get("Error", {}) if isinstance(response, dict) else {}
