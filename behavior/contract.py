"""What happens when input breaks its contract: one error type with all faults, and the exit codes every script shares."""

import sys
from collections.abc import Callable, Iterable

EXIT_OK = 0
EXIT_UNEXPECTED = 1
EXIT_USAGE = 2
EXIT_PUT_ASIDE = 3
EXIT_CONTRACT = 4
EXIT_CREDENTIALS = 5
EXIT_INTERRUPTED = 130


class ContractError(ValueError):
    """The input breaks its contract; `faults` holds every fault found, sorted."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults: tuple[str, ...] = tuple(sorted(set(faults)))
        super().__init__("\n".join(self.faults))


class UsageError(ValueError):
    """The command line, the environment or a place on disk is not what the command needs (exit code 2)."""


def refuse(faults: Iterable[str]) -> None:
    """Raise one `ContractError` if there is any fault at all."""
    faults = tuple(faults)
    if faults:
        raise ContractError(faults)


def exit_code(main: Callable[[], int]) -> int:
    """Run a script's `main` and return its exit code; what the user can mend is told in plain lines on stderr, without a traceback."""
    try:
        return main()
    except ContractError as error:
        print("\n".join(f"error: {fault}" for fault in error.faults), file=sys.stderr)
        return EXIT_CONTRACT
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
