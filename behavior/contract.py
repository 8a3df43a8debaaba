"""What happens when input breaks its contract: faults with codes and severities, one error that holds them all, exit codes."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

CONTRACT_VERSION = 2
"""Increased by hand when a code is added, removed or changed; part of every policy and of every entry in quarantine."""

EXIT_OK = 0
EXIT_UNEXPECTED = 1
EXIT_USAGE = 2
EXIT_PUT_ASIDE = 3
EXIT_CONTRACT = 4
EXIT_CREDENTIALS = 5
EXIT_INTERRUPTED = 130


class Severity(StrEnum):
    """What becomes of input with a fault; a user may decide otherwise for some codes (behavior/policy.py)."""

    REJECT = "reject"
    """It is refused, and nothing is written from it. One recording of many goes to quarantine; the others are used."""
    REPAIR = "repair"
    """It is used after a repair that loses no sound data; repairs are counted."""
    FLAG = "flag"
    """It is used without a change, and a person should check it."""


UNFIT = "unfit"
CODES: dict[Severity, dict[str, str]] = {
    Severity.REJECT: {
        UNFIT: "a fault without a code of its own",
        # files and tables
        "file-missing": "a file or object that the metadata names is not there",
        "file-unreadable": "no Parquet or CSV, or a broken one",
        "column-missing": "a column that the table needs",
        "column-repeated": "a column more than once",
        "column-type": "values of another type than the column's",
        "value-missing": "an empty value where none may be",
        "table-empty": "a table without rows",
        "file-changing": "a file that changes while it is uploaded",
        "object-changed": "an object of the raw zone whose bytes are not those that were uploaded",
        # metadata
        "lab-name": "a lab name that cannot be a folder",
        "video-id": "a video id that is no whole number",
        "video-repeated": "two rows or two objects for one video",
        "frame-rate": "frames per second that no camera has",
        "scale": "a scale that no camera over mice has, or none and no body to measure",
        "picture-size": "no size of the picture, or one that no camera has",
        "arena-center": "an arena whose middle is far from the picture",
        "annotated-list": "behaviors_labeled that is no list of triples",
        # tracking
        "frame-negative": "a frame before frame 0",
        "frame-far": "a frame far from all others",
        "mouse-number": "a mouse numbered below 1",
        "place-contradiction": "one keypoint at two places in one frame",
        "curated-rows": "curated rows that are not those of one recording, in order",
        # bouts
        "bout-reversed": "a bout that ends before it begins",
        "bout-negative": "a bout that begins before frame 0",
        "bout-clock": "bouts of which none lies within the tracked frames",
        "bout-overlap": "two behaviors of one pair at one time, where only one may be",
        # films and their labels
        "film-unreadable": "a file that is no film, or has no pictures",
        "film-truncated": "a film that ends before the frames that it states",
        "film-missing": "labels without their film",
        "label-layout": "a table of labels in no layout that is known",
        "label-class": "a behavior that the ethogram does not have",
        "label-beyond": "labels after the last frame of the film",
        "label-clock": "labels that count at another frame rate than the film",
        "label-overlap": "two behaviors in one frame of a film",
        # the lake and its steps
        "key-foreign": "an object whose key names nothing",
        "lab-contradiction": "an object in the folder of another lab",
        "step-failed": "a step of the pipeline that another step needs",
    },
    Severity.REPAIR: {
        "point-far": "a point farther away than any arena reaches counts as lost",
        "row-repeated": "an identical row counts once",
        "bout-beyond": "a bout that goes past the tracked frames is clipped there",
        "bout-empty": "a bout without frames is left out",
        "bout-repeated": "an identical bout counts once",
        "film-rotated": "a film that players turn is turned before it is seen",
    },
    Severity.FLAG: {
        "scale-body": "no scale: the unit is the body length",
        "object-replaced": "an object of the raw zone that something else than the upload wrote",
        "film-clip": "tracking that begins in the middle of a film keeps the frame numbers of the film",
        "film-variable-rate": "frames that are not equally far apart; the mean rate is used",
        "film-unlabelled": "a film without labels",
        "label-partial": "frames without a label are unknown",
        # what behavior/quality.py finds in curated tracking
        "bodypart-unseen": "a bodypart of a mouse that is never seen",
        "point-outside": "many points outside the picture",
        "pose-doubled": "frames in which two mice have the same pose",
        "teleport": "many jumps that no mouse can run",
        "swap-suspect": "many moments in which two mice seem to exchange their ids",
        "body-length": "bodies of a length that no mouse or rat has: the scale is doubtful",
        "frames-stated": "a stated duration that is not that of the tracked frames",
        "bout-short": "bouts too short for a person to see",
    },
}
"""All fault codes by severity, each with its meaning."""
SEVERITY = {code: severity for severity, codes in CODES.items() for code in codes}


@dataclass(frozen=True)
class Fault:
    """One way in which input breaks its contract. As text it is one clear line."""

    code: str
    """One of `CODES`."""
    where: str
    """File, object or row with the fault; empty if the text names it."""
    text: str
    """'Expected <what>, but got <what>.'"""
    mend: str = ""
    """The next thing to do, or what was done; a sentence."""
    count: int = 1
    """How many rows, points or bouts of `where` have it."""

    def __post_init__(self) -> None:
        """Refuse a code without a severity."""
        if self.code not in SEVERITY:
            raise ValueError(f"Expected one of the codes in behavior/contract.py, but got {self.code!r}. Add it there.")

    def __str__(self) -> str:
        """Return '<where>: Expected <what>, but got <what>. <The next thing to do.>'."""
        place = f"{self.where}: " if self.where else ""
        return " ".join(f"{place}{self.text} {self.mend}".split("\n")).rstrip()

    @property
    def severity(self) -> Severity:
        """What becomes of input with this fault, unless a policy says otherwise."""
        return SEVERITY[self.code]


class ContractError(ValueError):
    """The input breaks its contract; `faults` holds all faults, sorted. At least one rejects the input, by the contract or by a policy.

    A plain text becomes a fault with the generic code `unfit`.
    """

    def __init__(self, faults: Fault | str | Iterable[Fault | str]) -> None:
        every = [faults] if isinstance(faults, Fault | str) else faults
        unique = {one if isinstance(one, Fault) else Fault(UNFIT, "", one) for one in every}
        self.faults: tuple[Fault, ...] = tuple(sorted(unique, key=str))
        if not self.faults:
            raise ValueError("Expected a fault, but got none. Go on instead.")
        super().__init__("\n".join(map(str, self.faults)))

    def __reduce__(self) -> tuple[type["ContractError"], tuple[tuple[Fault, ...]]]:
        """Keep the faults when the error crosses to another process."""
        return type(self), (self.faults,)


class UsageError(ValueError):
    """The command line, the environment or a place on disk is not what the command needs (exit code 2)."""


def refuse(faults: Iterable[Fault | str]) -> None:
    """Raise one `ContractError` with all faults that reject, if there are any. Repairs and flags do not reject."""
    rejecting = [fault for fault in faults if isinstance(fault, str) or fault.severity is Severity.REJECT]
    if rejecting:
        raise ContractError(rejecting)


def exit_code(main: Callable[[], int]) -> int:
    """Run a script's `main` and return its exit code; an error that the user can mend is printed to stderr in plain lines, no traceback."""
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
