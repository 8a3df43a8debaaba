"""Check a data directory before an upload: every row of its metadata, every file, every value that the ETL checks.

    python aws_pipeline/validate.py DIR [--policy FILE] [--json]
    python aws_pipeline/validate.py --codes              all codes of faults, and how a policy may change them

Reads   DIR/train.csv, DIR/train_tracking/<lab>/<video>.parquet, DIR/train_annotation/<lab>/<video>.parquet, and the same of test.
Writes  nothing.

The check is that of the ETL, with the same result for every recording, except decisions about single recordings.

Exit codes: 0 every recording would be accepted, 1 unexpected, 2 usage or configuration, 3 some would be put aside,
            4 the ETL would refuse the whole data set.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import add_policy_flag, policy_text, settings, with_policy
from aws_pipeline.terminal import run
from behavior.contract import CONTRACT_VERSION, EXIT_CONTRACT, EXIT_OK, EXIT_PUT_ASIDE, ContractError, Fault, Severity, UsageError
from behavior.policy import STANDARD, Policy, codes_table, parse_policy

_MOST_NAMES = 10


@dataclass(frozen=True)
class Finding:
    """One code of faults, and the recordings with it."""

    code: str
    severity: Severity
    """Under the policy."""
    count: int
    """Number of rows, points, bouts or files with it."""
    names: tuple[str, ...]
    """Recordings with it, sorted."""
    first: str
    """The first fault of the code, in full."""


@dataclass(frozen=True)
class Report:
    """The result that the ETL would have for a data directory."""

    findings: tuple[Finding, ...]
    """Rejecting ones first, then by code."""
    refused: str
    """Why the ETL would refuse the data set as a whole; empty if it would not."""
    balances: tuple[str, ...]
    accepted: int
    put_aside: tuple[str, ...]
    titles: Mapping[str, str] = field(default_factory=dict)
    """Names that labs gave their recordings, by name in quarantine."""

    @property
    def exit_code(self) -> int:
        """Return the exit code that the ETL would have."""
        return EXIT_CONTRACT if self.refused else EXIT_PUT_ASIDE if self.put_aside else EXIT_OK


def validate(data_dir: Path, policy: Policy = STANDARD, workers: int | None = None) -> Report:
    """Check a data directory as the ETL does. Raises UsageError if it is none."""
    from aws_pipeline.curation_plan import plan_work
    from aws_pipeline.outcome import refuse_nothing_accepted, settle
    from behavior.keys import DATA_DIRECTORY, recording_name
    from behavior.verdicts import Rules
    from films.film_sources import has_films

    if not (data_dir / "train.csv").is_file() and not has_films(data_dir):
        raise UsageError(f"Expected a data directory with train.csv or Videos/, but got {data_dir}. Name such a folder.")
    zone = data_dir.resolve().as_uri()
    plan = plan_work(zone, Rules(policy), DATA_DIRECTORY)
    results = sorted(_check(plan.all_work, zone, workers), key=lambda result: (result.split, result.video_id))
    outcome = settle(plan, results, zone, DATA_DIRECTORY)
    faults = [(one.name, fault) for one in outcome.put_aside for fault in one.faults]
    faults += [(recording_name(one.split, one.video_id), note) for one in outcome.all_accepted for note in one.notes]
    faults += [("", fault) for fault in (*plan.notes, *plan.faults)]
    refused = ""
    try:
        refuse_nothing_accepted(plan, outcome, str(data_dir))
    except ContractError as error:
        refused = "\n".join(str(fault) for fault in error.faults if fault in plan.faults or fault.where == str(data_dir))
    names = tuple(one.name for one in outcome.put_aside)
    titles = {one.name: one.recording.name for one in plan.work if one.recording.name} | {one.name: one.title for one in plan.films}
    return Report(_findings(faults, policy), refused, tuple(map(str, outcome.balances)), len(outcome.all_accepted), names, titles)


def _check(work: Sequence[Any], zone: str, workers: int | None) -> Iterator[Any]:
    """Yield the result of each recording when it is ready, without its content, which only the ETL needs."""
    from reports.progress import progress

    n_workers = min(workers or os.cpu_count() or 1, max(len(work), 1))
    with ThreadPoolExecutor(n_workers) as pool:  # Arrow and numpy release Python's lock, and processes would have to import them first
        waiting = [pool.submit(_check_one, one, zone) for one in sorted(work, key=lambda one: -one.n_bytes)]
        for future in progress(as_completed(waiting), "check", len(work)):
            yield future.result()


def _check_one(work: Any, zone: str) -> Any:
    """Return the result that the ETL would have for one recording."""
    from aws_pipeline.curation_task import CurationResult, curate_part

    (result,) = curate_part([work], zone, "", "", None)
    return replace(result, content=None, bouts={}) if isinstance(result, CurationResult) else result


def _findings(faults: Sequence[tuple[str, Fault]], policy: Policy) -> tuple[Finding, ...]:
    order = list(Severity)
    findings = []
    for code in {fault.code for _, fault in faults}:
        own = sorted((name, str(fault)) for name, fault in faults if fault.code == code)
        count = sum(fault.count for _, fault in faults if fault.code == code)
        names = tuple(sorted({name for name, _ in own if name}))
        findings.append(Finding(code, policy.severity(code), count, names, own[0][1]))
    return tuple(sorted(findings, key=lambda one: (order.index(one.severity), one.code)))


def in_words(report: Report, data_dir: Path, seconds: float) -> str:
    """Return the report as text."""
    lines = []
    for one in report.findings:
        more = f" and {len(one.names) - _MOST_NAMES} more" if len(one.names) > _MOST_NAMES else ""
        names = [f"{name} ({report.titles[name]})" if name in report.titles else name for name in one.names[:_MOST_NAMES]]
        recordings = f" in {len(one.names)} recordings: {', '.join(names)}{more}" if names else ""
        lines += [f"{one.severity:<7} {one.code:<20} {one.count:,}{recordings}", f"{'':<28} {one.first}"]
    lines += report.balances
    if report.refused:
        lines.append(f"{data_dir}: the ETL would refuse the whole data set. {report.refused}")
    else:
        lines.append(f"{data_dir}: {report.accepted} recordings would be accepted, {len(report.put_aside)} put aside; {seconds:.1f} s")
    return "\n".join(lines)


def _main() -> int:
    """Parse the command line, check, and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument(
        "data_dir", metavar="DIR", type=Path, nargs="?", help="recordings (default: MABE_DATA_DIR, else data/ in the repository)"
    )
    add_policy_flag(parser)
    parser.add_argument("--codes", action="store_true", help="list the codes of faults and how a policy may change them, and exit")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    arguments = parser.parse_args()
    if arguments.codes:
        print(codes_table())
        return EXIT_OK
    chosen = with_policy(settings(), arguments.policy)
    text, data_dir, started = policy_text(chosen), arguments.data_dir or chosen.data_dir, time.monotonic()
    report = validate(data_dir, parse_policy(text, str(chosen.policy)) if text else STANDARD)
    seconds = time.monotonic() - started
    print(json.dumps(_as_json(report, seconds)) if arguments.json else in_words(report, data_dir, seconds))
    return report.exit_code


def _as_json(report: Report, seconds: float) -> dict[str, Any]:
    return {
        "contract": CONTRACT_VERSION,
        "accepted": report.accepted,
        "put_aside": report.put_aside,
        "recording_names": report.titles,
        "refused": report.refused,
        "findings": [vars(one) for one in report.findings],
        "balances": report.balances,
        "seconds": round(seconds, 2),
    }


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
