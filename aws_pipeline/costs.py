"""What a run costs on AWS, from a dated table of prices: before anything is started.

    python aws_pipeline/costs.py --data-dir data/sample [--instance-type ml.g5.xlarge] [--train-hours 1] [--max-cost 5]

Reads   the sizes of the files in the data directory.
Prints  a line for each part of a first run: what is counted, and US dollars, on demand and on spot machines. On this disk a run
        costs nothing.

Exit codes: 0 printed, 2 usage, or more than --max-cost.
"""

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import settings
from aws_pipeline.glue_workers import workers_for
from aws_pipeline.terminal import run, size
from behavior.contract import EXIT_OK, UsageError

PRICES_OF = "us-east-1, list prices of 2025"
"""Where and when the prices below hold. Other regions cost up to half as much again; AWS's pricing pages have the last word."""
DPU_HOUR_USD = 0.44
"""Glue: a G.1X worker is one DPU. A run is billed by the second, one minute at least."""
SCAN_TB_USD = 5.00
"""Athena: bytes scanned, 10 MB a query at least."""
SCAN_LEAST_BYTES = 10_000_000
STORE_GB_MONTH_USD = 0.023
PUT_1000_USD = 0.005
TRAINING_HOUR_USD = {
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.c5.2xlarge": 0.408,
    "ml.g4dn.xlarge": 0.736,
    "ml.g4dn.12xlarge": 4.89,
    "ml.g5.xlarge": 1.408,
    "ml.g5.2xlarge": 1.515,
    "ml.g5.12xlarge": 7.09,
    "ml.g5.48xlarge": 20.36,
    "ml.p3.2xlarge": 3.825,
}
SPOT_PART = 0.4
"""What a spot machine usually costs, as a part of its price on demand; AWS promises savings of up to 90 % and nothing in particular."""
GLUE_MINUTES = 3.0
"""A run of the job on up to a thousand recordings, with the start of its workers; each further thousand takes as long again."""
CURATED_PART = 1.5
"""Bytes of the curated zone, as a part of those of the raw zone; without compression of positions it would be more."""


@dataclass(frozen=True)
class CostLine:
    """One part of a run."""

    what: str
    counted: str
    usd: float
    spot_usd: float


def hourly_usd(instance_type: str) -> float:
    """Return the price of a machine for training. Raises UsageError for a machine without a price here."""
    if instance_type not in TRAINING_HOUR_USD:
        known = ", ".join(TRAINING_HOUR_USD)
        what = f"Expected a machine with a known price ({known}), but got {instance_type}"
        raise UsageError(f"{what}. Look its price up, or choose one of these.")
    return TRAINING_HOUR_USD[instance_type]


def refuse_cost(most_usd: float | None, usd: float, what: str, mend: str = "do less") -> None:
    """Raise UsageError if something may cost more on AWS than `most_usd`; None is no limit. `what` and `mend` are parts of the message."""
    if most_usd is not None and usd > most_usd:
        got = f"Expected {what} of at most {most_usd:g} US dollars on AWS, but got up to {dollars(usd)} ({PRICES_OF})"
        raise UsageError(f"{got}. Raise --max-cost, or {mend}. Nothing was run.")


def refuse_above(most_usd: float | None, instance_type: str, hours: float) -> None:
    """Raise UsageError if training until its limit of time may cost more than `most_usd`; None is no limit."""
    if most_usd is not None:
        worst = hourly_usd(instance_type) * hours
        refuse_cost(most_usd, worst, f"training ({hours:g} h of {instance_type} on demand)", "lower --max-hours")


def dollars(usd: float) -> str:
    """Return an amount for people; small ones with more digits."""
    return f"{usd:.2f}" if usd >= 0.1 else f"{usd:.4f}"


def glue_minutes(n_recordings: int) -> float:
    """Return how long a run of the job takes on AWS, minutes."""
    return GLUE_MINUTES * max(1, math.ceil(n_recordings / 1000))


def glue_usd(workers: int, minutes: float) -> float:
    """Return what a run of the job costs."""
    return DPU_HOUR_USD * workers * minutes / 60


def scan_usd(n_bytes: float, queries: int = 1) -> float:
    """Return what queries cost that read so many bytes each."""
    return SCAN_TB_USD * queries * max(n_bytes, SCAN_LEAST_BYTES) / 1e12


def requests_usd(n_requests: int) -> float:
    """Return what requests to S3 cost that write."""
    return PUT_1000_USD * n_requests / 1000


def estimate(raw_bytes: int, n_files: int, instance_type: str, train_hours: float, workers: int) -> list[CostLine]:
    """Return what each part of a first run costs, and a month of storage."""
    stored_gb = raw_bytes * (1 + CURATED_PART) / 1e9
    minutes = glue_minutes(n_files)
    train = hourly_usd(instance_type) * train_hours
    scanned = raw_bytes * CURATED_PART
    lines = [
        ("upload and objects", f"{2 * n_files} requests", requests_usd(2 * n_files)),
        ("curation (Glue)", f"{workers} workers, {minutes:.0f} min", glue_usd(workers, minutes)),
        ("ten queries (Athena)", f"{size(10 * scanned)} scanned at most", scan_usd(scanned, 10)),
    ]
    fixed = [CostLine(what, counted, usd, usd) for what, counted, usd in lines]
    training = CostLine("training (SageMaker)", f"{train_hours:g} h of {instance_type}", train, train * SPOT_PART)
    month = STORE_GB_MONTH_USD * stored_gb
    return [*fixed, training, CostLine("storage, a month (S3)", size(stored_gb * 1e9), month, month)]


def table(lines: list[CostLine]) -> str:
    """Return the lines with their sum, as text."""
    total = CostLine("together", "", sum(line.usd for line in lines), sum(line.spot_usd for line in lines))
    rows = [f"{line.what:<24} {line.counted:<28} {line.usd:>10.3f} {line.spot_usd:>10.3f}" for line in [*lines, total]]
    return "\n".join([f"{'US dollars':<24} {'':<28} {'on demand':>10} {'spot':>10}", *rows, f"prices: {PRICES_OF}"])


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="recordings (default: MABE_DATA_DIR, else data/ in the repository)")
    parser.add_argument("--instance-type", default="ml.g5.xlarge", help="machine for training (default: %(default)s)")
    parser.add_argument("--train-hours", type=float, default=1.0, help="hours of training (default: %(default)s)")
    parser.add_argument("--max-cost", type=float, metavar="USD", help="exit with 2 if the run may cost more")
    flags = parser.parse_args()
    folder = (flags.data_dir or settings().data_dir).resolve()
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    if not sizes:
        raise UsageError(f"Expected recordings in {folder}, but got none. Name a data directory with --data-dir.")
    lines = estimate(sum(sizes), len(sizes), flags.instance_type, flags.train_hours, workers_for(len(sizes)))
    print(table(lines))
    refuse_cost(flags.max_cost, sum(line.usd for line in lines), "a run")
    return EXIT_OK


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
