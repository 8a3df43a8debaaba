"""Search good values for fields of a recipe by a SageMaker tuning job: many training jobs, of which the best one is downloaded.

    python aws_pipeline/sagemaker_tune.py --recipe cnn_transformer_small --tune "learning_rate=1e-4..1e-2 log" --tune batch=16,32,64
    python aws_pipeline/sagemaker_tune.py --recipe trees --ranges ranges.json --jobs 20 --parallel 4 --spot --max-hours 1 --max-cost 10
    python aws_pipeline/sagemaker_tune.py --follow NAME | --stop NAME

A range is LOW..HIGH, LOW..HIGH log, or a list of values. ranges.json holds them by field: {"trees.learning_rate": "0.01..0.2 log"}.
Fields are those of the recipe (training/recipes/named.py), with dots for those of its parts: network.dropout. Each training job prints
val_score, its score on validation recordings; the highest wins. Held-out recordings are never opened.

Writes  the best checkpoint, <output-dir>/<recipe>.safetensors, and <output-dir>/<name>.json with all jobs, their values and scores. To
        register it: python aws_pipeline/sagemaker_deploy.py register JOB, with the name of the best training job.

Strategies: random draws values one after the other; grid tries all combinations of lists; bayesian learns from earlier jobs. The
stand-in on this disk has no bayesian.

Exit codes: 0 tuned, 1 unexpected, 2 usage, configuration, a full disk or more than --max-cost, 4 the job failed (its reason is printed),
5 AWS refuses.
"""

import argparse
import json
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.costs import SPOT_PART, TRAINING_HOUR_USD, refuse_above
from aws_pipeline.launching import GPUS
from aws_pipeline.pins import remove_pin, write_pin
from aws_pipeline.sagemaker_train import download, require_curated
from aws_pipeline.terminal import JobFailed, run
from aws_pipeline.training_plan import pinned_snapshot
from aws_pipeline.training_request import TrainingRequest, setting_of
from aws_pipeline.tuning_request import (
    STRATEGIES,
    Tuning,
    longest_hours,
    name_of,
    training_jobs,
    tuning_request,
    upload_code,
    with_seed,
)
from behavior.contract import EXIT_OK, UsageError
from behavior.whole_file import check_place, write_json
from behavior.workplace import WORKPLACE
from reports.progress import Progress

_POLL_S = 2.0
_OBJECTIVE = "FinalHyperParameterTuningJobObjectiveMetric"


def start(tuning: Tuning, request: TrainingRequest, chosen: Settings) -> tuple[str, str]:
    """Start a tuning job; return its name and that of the pin that keeps the objects it reads."""
    import boto3

    run_of_the_etl, name, pin = pinned_snapshot(request, chosen).run, name_of(chosen), f"tuning-{uuid.uuid4().hex}"
    until = datetime.now(UTC) + timedelta(hours=longest_hours(tuning, request))
    write_pin(chosen.uri("curated"), pin, run_of_the_etl, until)
    asked = tuning_request(name, tuning, request, run_of_the_etl, upload_code(chosen), chosen)
    boto3.client("sagemaker").create_hyper_parameter_tuning_job(**asked)
    return name, pin


def follow(name: str) -> dict[str, Any]:
    """Wait until a tuning job is over, show how far it is, and return its description. Raises JobFailed if it failed."""
    import boto3

    client = boto3.client("sagemaker")
    with Progress("tuning job") as shown:
        while True:
            found = dict(client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name))
            counts = found["TrainingJobStatusCounters"]
            best = found.get("BestTrainingJob", {}).get(_OBJECTIVE, {}).get("Value")
            failed = counts["NonRetryableError"] + counts["RetryableError"]
            score = "" if best is None else f", best {best:.4f}"
            shown.update(f"{counts['Completed']} done, {counts['InProgress']} running, {failed} failed{score}")
            if found["HyperParameterTuningJobStatus"] in ("Completed", "Failed", "Stopped"):
                break
            time.sleep(_POLL_S)
    if found["HyperParameterTuningJobStatus"] == "Failed":
        raise JobFailed(
            f"Expected the tuning job {name} to complete, but got: {found.get('FailureReason')} Correct the cause, start again."
        )
    return found


def stop(name: str) -> None:
    """Stop a tuning job and its training jobs. Raises UsageError if it does not run."""
    import boto3

    status = require(name)["HyperParameterTuningJobStatus"]
    if status != "InProgress":
        raise UsageError(f"Expected a tuning job that runs, but got {name}, which is {status}. Take its result: --follow {name}.")
    boto3.client("sagemaker").stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


def require(name: str) -> dict[str, Any]:
    """Return the description of a tuning job. Raises UsageError if there is none."""
    import boto3
    from botocore.exceptions import ClientError

    try:
        return dict(boto3.client("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name))
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ResourceNotFound", "ValidationException"):
            raise
        raise UsageError(f"Expected the name of a tuning job, but got {name}, of which there is none. Correct it.") from None


def results(name: str) -> list[dict[str, Any]]:
    """Return the training jobs of a tuning job: name, status, score (None without one) and values; the best first."""
    import boto3

    pages = boto3.client("sagemaker").get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
    rows = [
        {
            "job": each["TrainingJobName"],
            "status": each["TrainingJobStatus"],
            "score": each.get(_OBJECTIVE, {}).get("Value"),
            "values": {setting_of(key): value for key, value in each["TunedHyperParameters"].items()},
        }
        for page in pages.paginate(HyperParameterTuningJobName=name)
        for each in page["TrainingJobSummaries"]
    ]
    return sorted(rows, key=lambda row: (row["score"] is None, -(row["score"] or 0.0), row["job"]))


def conclude(found: dict[str, Any], output_dir: Path) -> Path:
    """Write the table of a tuning job that is over, download its best checkpoint and return it. Raises JobFailed without one."""
    import boto3

    name = found["HyperParameterTuningJobName"]
    rows = results(name)
    write_json(output_dir / f"{name}.json", {"name": name, "jobs": rows})
    for row in rows:
        score = "without a score" if row["score"] is None else f"{row['score']:.4f}"
        print(f"{score}  {row['job']}  {', '.join(f'{field} = {value}' for field, value in row['values'].items())}")
    best = found.get("BestTrainingJob")
    if not best:
        raise JobFailed(f"Expected a training job of {name} with a score, but got none. See its jobs in {output_dir / name}.json.")
    job = boto3.client("sagemaker").describe_training_job(TrainingJobName=best["TrainingJobName"])
    recipe = found["TrainingJobDefinition"]["StaticHyperParameters"]["recipe"]
    return download(job["ModelArtifacts"]["S3ModelArtifacts"], output_dir / f"{recipe}.safetensors")


def plan(tuning: Tuning, request: TrainingRequest) -> str:
    """Return in one line what a tuning job may cost at most on AWS."""
    jobs, hours = training_jobs(tuning), request.max_hours
    price = TRAINING_HOUR_USD.get(request.instance_type)
    cost = "its price is not known here" if price is None else f"{jobs * hours * price:.2f} US dollars on demand at most"
    spot = "" if price is None else f", about {jobs * hours * price * SPOT_PART:.2f} on spot machines"
    return f"{jobs} training jobs, {tuning.parallel} at once, up to {hours:g} h of {request.instance_type} each: {cost}{spot}"


def read_ranges(file: Path | None, given: list[str]) -> dict[str, str]:
    """Return field -> range from a file and from flags, which come second. Raises UsageError."""
    ranges: dict[str, str] = {}
    if file is not None:
        try:
            held = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"Expected --ranges to be a JSON file of fields and ranges, but got: {error}. Correct it.") from None
        if not isinstance(held, dict) or not all(isinstance(text, str) for text in held.values()):
            raise UsageError(f'Expected {file} to hold texts by field, {{"learning_rate": "1e-4..1e-2 log"}}, but got others. Correct it.')
        ranges |= held
    for text in given:
        field, equals, held_range = text.partition("=")
        if not equals:
            raise UsageError(f"Expected --tune FIELD=RANGE, but got {text}. Write learning_rate='1e-4..1e-2 log'.")
        ranges[field.strip()] = held_range
    return ranges


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="cnn_transformer", help="recipe to tune (default: %(default)s)")
    parser.add_argument("--tune", action="append", default=[], metavar="FIELD=RANGE", help="a field and its range; may be repeated")
    parser.add_argument("--ranges", type=Path, metavar="FILE", help="JSON file of fields and ranges")
    parser.add_argument("--strategy", choices=STRATEGIES, default=Tuning.strategy, help="how values are chosen (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=Tuning.jobs, help="training jobs in all; grid tries all (default: %(default)s)")
    parser.add_argument("--parallel", type=int, default=Tuning.parallel, help="training jobs at once (default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="train this many epochs at most (default: the recipe's)")
    parser.add_argument("--seed", type=int, help="seed of training, the same for all jobs (default: 0)")
    parser.add_argument("--tuning-seed", type=int, default=Tuning.seed, help="seed of the values that are drawn (default: %(default)s)")
    parser.add_argument("--instance-type", default=TrainingRequest.instance_type, help="machine on AWS (default: %(default)s)")
    parser.add_argument("--spot", action="store_true", help="use spot machines on AWS; an interrupted job continues where it was saved")
    parser.add_argument("--max-hours", type=float, default=4.0, help="stop each training job after this time (default: %(default)s)")
    parser.add_argument("--max-cost", type=float, metavar="USD", help="refuse a tuning job that may cost more on AWS")
    parser.add_argument("--snapshot", metavar="RUN", help="the run of the ETL whose tables are read (default: the last one)")
    parser.add_argument("--output-dir", type=Path, default=WORKPLACE / "checkpoints", help="folder for the result (default: checkpoints/)")
    parser.add_argument("--dry-run", action="store_true", help="check, say what it may cost, and start nothing")
    parser.add_argument("--follow", metavar="NAME", help="wait for a tuning job that runs already, and take its result")
    parser.add_argument("--stop", metavar="NAME", help="stop a tuning job and its training jobs")
    return parser


def _request(flags: argparse.Namespace) -> tuple[Tuning, TrainingRequest]:
    """Return what the flags ask for. Raises UsageError."""
    if flags.epochs is not None and flags.epochs < 1:
        raise UsageError(f"Expected --epochs of 1 or more, but got {flags.epochs}. Leave it out for the recipe's.")
    if not flags.max_hours > 0:
        raise UsageError(f"Expected --max-hours above 0, but got {flags.max_hours}. Raise it.")
    if flags.instance_type in GPUS:
        what = f"Expected a machine with one GPU or none, because a tuning job starts one process, but got {flags.instance_type}"
        raise UsageError(f"{what}. Raise --parallel instead.")
    jobs = None if flags.strategy == "grid" else flags.jobs
    tuning = Tuning(read_ranges(flags.ranges, flags.tune), flags.strategy, jobs, flags.parallel, flags.tuning_seed)
    count = training_jobs(tuning)
    refuse_above(flags.max_cost, flags.instance_type, flags.max_hours * count)
    given: dict[str, str | int | float] = {} if flags.epochs is None else {"epochs": flags.epochs}
    request = TrainingRequest(flags.recipe, given, flags.instance_type, spot=flags.spot, max_hours=flags.max_hours, snapshot=flags.snapshot)
    return tuning, with_seed(request, flags.seed)


def _main() -> int:
    """Parse the command line and do it."""
    flags = _flags().parse_args()
    chosen = settings()
    if flags.stop or flags.follow:
        with endpoint(chosen):
            if flags.stop:
                stop(flags.stop)
                print(f"stopping {flags.stop}")
            else:
                require(flags.follow)
                print(conclude(follow(flags.follow), flags.output_dir))
        return EXIT_OK
    tuning, request = _request(flags)
    check_place(flags.output_dir / f"{request.recipe}.safetensors")  # before hours of training
    with endpoint(chosen):
        require_curated(chosen)
        print(plan(tuning, request))
        if flags.dry_run:
            print("nothing was started (--dry-run)")
            return EXIT_OK
        name, pin = start(tuning, request, chosen)
        print(f"started {name}; if this command ends, it goes on: --follow {name}, --stop {name}", flush=True)
        print(conclude(follow(name), flags.output_dir))
        remove_pin(chosen.uri("curated"), pin)
    return EXIT_OK


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
