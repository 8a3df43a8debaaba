"""What is installed, which device and which AWS would be used, is there room, does a small run work, and what to do if not.

    python aws_pipeline/doctor.py [--json]
    python aws_pipeline/doctor.py --run        also simulates a few recordings and runs the whole pipeline on them, on this disk

Writes nothing; --run works in a folder for temporary files and removes it. Never prints a secret.
Exit codes: 0 everything works, 1 unexpected, 4 something does not work (what to do is printed), 130 interrupted.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.terminal import run
from behavior.contract import EXIT_CONTRACT, EXIT_OK

if TYPE_CHECKING:
    from aws_pipeline.health_checks import Check

_MARKS = {"fine": "ok", "look": "look", "broken": "BROKEN"}


def in_words(check: "Check") -> str:
    """Return a check as one or two lines."""
    line = f"{_MARKS[check.state]:<6}  {check.name:<11} {check.says}"
    return f"{line}\n{'':<20}{check.mend}" if check.mend else line


def verdict(checks: "Sequence[Check]") -> str:
    """Return the last line."""
    broken = [check.name for check in checks if check.state == "broken"]
    if broken:
        return f"{len(broken)} of {len(checks)} checks failed: {', '.join(broken)}."
    looks = sum(check.state == "look" for check in checks)
    return "Everything works." if not looks else f"Everything that was checked works; {looks} lines above are worth a look."


def _main() -> int:
    """Parse the command line, check, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--run", action="store_true", help="also run the whole pipeline on a few simulated recordings (1 to 5 minutes)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    flags = parser.parse_args()
    from aws_pipeline.health_checks import State, check_by_running, check_machine
    from reports.progress import Progress

    checks = []
    for check in check_machine():
        checks.append(check)
        if not flags.json:
            print(in_words(check), flush=True)
    if flags.run:
        with Progress("small run") as shown:
            shown.update("simulates recordings and runs the pipeline")
            checks.append(check_by_running())
        if not flags.json:
            print(in_words(checks[-1]), flush=True)
    broken = any(check.state is State.BROKEN for check in checks)
    if flags.json:
        print(json.dumps({"works": not broken, "checks": [asdict(check) for check in checks]}, indent=1))
    else:
        print(verdict(checks))
    return EXIT_CONTRACT if broken else EXIT_OK


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
