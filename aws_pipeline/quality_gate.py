"""The gate between curation and training: are the curated data good enough to learn from?

    python aws_pipeline/quality_gate.py [--limit max_missing_share=0.3 ...] [--json]

Reads   the tables runs (the balance of the last run of the ETL) and data_quality, through Athena.
Prints  the verdict with its reasons. The same statement (sql/gates/quality_gate.sql) is the gate of the cloud's graph.

Exit codes: 0 good enough, 1 unexpected, 2 usage, configuration or a full disk, 4 not good enough, or there is no curated zone,
            5 AWS refuses.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.terminal import run
from behavior.contract import EXIT_CONTRACT, EXIT_OK, UsageError

STATEMENT = Path(__file__).resolve().parent / "sql" / "gates" / "quality_gate.sql"


@dataclass(frozen=True)
class Limits:
    """What the training recordings must keep. The defaults stop only what nobody would learn from; choose your own."""

    max_put_aside_share: float = 0.5
    """Recordings in quarantine, as a share of all."""
    max_missing_share: float = 0.6
    """Keypoints that the tracker lost, as a share of all."""
    max_suspects_per_minute: float = 60.0
    """Teleports and suspected exchanges of ids, 1/min."""
    min_annotated: float = 2
    """Training recordings with annotated bouts: with fewer, none can be held out."""

    def __post_init__(self) -> None:
        """Raise UsageError for a limit that is not a number of at least 0."""
        for name, value in asdict(self).items():
            if not value >= 0:
                raise UsageError(f"Expected limit {name} to be 0 or more, but got {value}. Choose another.")


@dataclass(frozen=True)
class Verdict:
    """What the gate says of one run of the ETL."""

    passed: bool
    reason: str
    run: str
    """The run of the ETL that was judged."""


def judge(limits: Limits, chosen: Settings) -> Verdict:
    """Judge the lake as it is. Raises ContractError if there are no tables."""
    from aws_pipeline.athena import query

    since, keep_hours = f"'{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}'", "0"
    row = query(STATEMENT.read_text(encoding="utf-8"), chosen, [*limit_texts(limits), since, keep_hours]).iloc[0]
    return Verdict(row["passed"] == "true", str(row["reason"]), str(row["run"]))


def limit_texts(limits: Limits) -> list[str]:
    """Return the limits as parameters of a query."""
    return [f"{value:g}" for value in asdict(limits).values()]


def limits_of(texts: Iterable[str]) -> Limits:
    """Return the limits of flags such as max_missing_share=0.3. Raises UsageError."""
    known = [each.name for each in fields(Limits)]
    values = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            values[name] = float(value)
        except ValueError:
            values[name] = float("nan")
        if name not in known:
            raise UsageError(f"Expected --limit to be one of {', '.join(known)}, with = and a number, but got {text}. Correct it.")
    return Limits(**values)


def add_limit_flag(parser: argparse.ArgumentParser) -> None:
    """Add --limit."""
    shown = ", ".join(f"{each.name}={each.default:g}" for each in fields(Limits))
    parser.add_argument("--limit", action="append", default=[], metavar="NAME=NUMBER", help=f"a limit of the gate (defaults: {shown})")


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_limit_flag(parser)
    parser.add_argument("--json", action="store_true", help="print the verdict as one JSON object")
    arguments = parser.parse_args()
    limits, chosen = limits_of(arguments.limit), settings()
    with endpoint(chosen):
        verdict = judge(limits, chosen)
    print(json.dumps(asdict(verdict)) if arguments.json else f"run {verdict.run}: {verdict.reason}")
    return EXIT_OK if verdict.passed else EXIT_CONTRACT


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
