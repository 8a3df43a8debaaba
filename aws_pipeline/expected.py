"""What one step would do, before it is run: objects, bytes, rows, time here, and dollars on AWS; and limits that refuse more.

Times here are worked out from rates that `make bench` measures; prices are those of aws_pipeline/costs.py.
"""

import argparse
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aws_pipeline.costs import PRICES_OF, glue_minutes, glue_usd, refuse_cost, requests_usd, scan_usd
from aws_pipeline.glue_workers import workers_for
from aws_pipeline.terminal import size
from behavior.contract import UsageError

FILES_PER_S, SENT_BYTES_PER_S = 300.0, 200e6
"""New files that are checked and sent here in a second, and their bytes."""
JOB_S, ROWS_PER_CORE_S = 4.0, 2.2e6
"""What a run of the ETL takes whatever it does, and rows that a core curates in a second."""
SCAN_BYTES_PER_S = 100e6
"""Bytes that a query reads here in a second."""
QUERY_S = 1.0


@dataclass(frozen=True)
class Expected:
    """What a step would do."""

    objects: int
    n_bytes: int
    here_s: float
    """Time on this disk, s."""
    usd: float
    """Dollars on AWS."""
    rows: int | None = None
    """None if nobody counted them."""
    at_most: bool = False
    """Whether the bytes are a limit that is not reached as a rule."""

    def __str__(self) -> str:
        """Return it as one line for people."""
        rows = "" if self.rows is None else f", about {self.rows:,} rows"
        amount = f"{self.objects:,} objects, {'at most ' if self.at_most else ''}{size(self.n_bytes)}{rows}"
        return f"{amount}; about {self.here_s:,.0f} s on this disk, {self.usd:.4f} US dollars on AWS (prices of {PRICES_OF})"

    def to_json(self) -> dict[str, object]:
        """Return it as a JSON object."""
        amounts = {"objects": self.objects, "bytes": self.n_bytes, "rows": self.rows}
        return {**amounts, "seconds_here": round(self.here_s, 1), "usd": round(self.usd, 6), "prices": PRICES_OF}


@dataclass(frozen=True)
class Allowed:
    """What a user allows a step to do; None is no limit."""

    usd: float | None = None
    n_bytes: int | None = None

    def refuse(self, expected: Expected) -> None:
        """Raise UsageError if a step would do more."""
        if self.n_bytes is not None and expected.n_bytes > self.n_bytes:
            got = f"Expected at most {self.n_bytes:,} bytes, but got {expected.n_bytes:,}"
            raise UsageError(f"{got}. Raise --max-bytes, or do less. Nothing was run.")
        refuse_cost(self.usd, expected.usd, "a step")


ANYTHING = Allowed()


def add_allowed_flags(parser: argparse.ArgumentParser) -> None:
    """Add --max-cost and --max-bytes."""
    parser.add_argument("--max-cost", type=float, metavar="USD", help="refuse (exit code 2) to do what costs more on AWS")
    parser.add_argument("--max-bytes", type=int, metavar="N", help="refuse (exit code 2) to send or read more bytes")


def allowed_of(arguments: argparse.Namespace) -> Allowed:
    """Return the limits of the flags."""
    return Allowed(arguments.max_cost, arguments.max_bytes)


def expected_upload(sizes: Iterable[int]) -> Expected:
    """Return what sending files of these sizes takes; each is also an object of the curated zone later, which is not counted."""
    known = list(sizes)
    return Expected(len(known), sum(known), len(known) / FILES_PER_S + sum(known) / SENT_BYTES_PER_S, requests_usd(len(known)))


def expected_curation(n_objects: int, n_bytes: int, rows: int | None = None) -> Expected:
    """Return what curating so many recordings takes."""
    here_s = JOB_S + (rows or 0) / (ROWS_PER_CORE_S * (os.cpu_count() or 1)) if n_objects else 0.0
    usd = glue_usd(workers_for(n_objects), glue_minutes(n_objects)) if n_objects else 0.0
    return Expected(n_objects, n_bytes, here_s, usd, rows)


def expected_query(objects: Mapping[str, int]) -> Expected:
    """Return what a query takes that reads these objects (bytes by key) whole; it may read less."""
    n_bytes = sum(objects.values())
    return Expected(len(objects), n_bytes, QUERY_S + n_bytes / SCAN_BYTES_PER_S, scan_usd(n_bytes), at_most=True)
