"""Step 4: train a recognizer from the curated zone as a SageMaker training job.

    python aws_pipeline/sagemaker_train.py --recipe cnn_transformer [--epochs 30] [--output-dir checkpoints] [--dry-run]
    python aws_pipeline/sagemaker_train.py --instance-type ml.g5.xlarge --spot --max-hours 24 --max-wait-hours 48
    python aws_pipeline/sagemaker_train.py --plan [--max-cost USD]   only say what the job would read, on which machine, and what it costs

Reads   the curated zone, as the job's channel `curated`: files are opened when the job reads them (FastFile), or all are downloaded
        before it starts (File, onto a volume of their size).
Writes  s3://artifacts/training/<job>/output/model.tar.gz and, unpacked, <output-dir>/<recipe>.safetensors.

It sends training/, recognizers/, reports/ and behavior/ with the job; the program is training/train.py, one process for each GPU of the
machine. On AWS the job runs in the PyTorch container on --instance-type; on this disk the same request runs the same program. Its state
is saved every --checkpoint-minutes and when its machine is taken away.

Exit codes: 0 trained, 1 unexpected, 2 usage, configuration or a full disk, 4 the job failed (its reason is printed), 5 AWS refuses.
"""

import argparse
import sys
import tarfile
import tempfile
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.costs import refuse_above
from aws_pipeline.launching import require_processors
from aws_pipeline.pins import remove_pin, write_pin
from aws_pipeline.terminal import JobFailed, run
from aws_pipeline.training_plan import pinned_snapshot, plan_lines
from aws_pipeline.training_request import TrainingRequest, channel_of, checkpoints_of, hyperparameter_of, staged_code, trainer_of
from behavior.contract import EXIT_OK, ContractError, UsageError
from behavior.tables import CURATED_TABLES, METADATA_TRAIN, VIDEO_MANIFEST
from behavior.whole_file import check_place
from behavior.workplace import WORKPLACE
from reports.progress import Progress

PROGRESS_LINES = ("Recipe", "epoch=", "Wrote")
"""How the lines of the job's log begin that are shown to the user."""
_LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_POLL_S = 2.0


def train(request: TrainingRequest, chosen: Settings, output_dir: Path) -> Path:
    """Run a training job to its end and return the checkpoint, downloaded. Raises JobFailed."""
    target = output_dir / f"{request.recipe}.safetensors"
    check_place(target)  # before hours of training
    job = submit(request, chosen, wait=True)
    return download(job.model_artifacts.s3_model_artifacts, target)


def submit(request: TrainingRequest, chosen: Settings, *, wait: bool, dry_run: bool = False) -> Any:
    """Start a training job and return it; with `wait`, follow it to its end; with `dry_run`, only check the request and return None.

    The job reads the tables of one run of the ETL. A pin keeps their objects while the job lasts, also if the ETL runs again.

    With `wait`, raises JobFailed with the reason of the job if it does not complete.
    """
    channels = [channel_of("curated", chosen.uri("curated"), request.input_mode)]
    run, pin = pinned_snapshot(request, chosen).run, f"training-{uuid.uuid4().hex}"
    hyperparameters = {**request.hyperparameters, "snapshot": run}
    if not dry_run:
        write_pin(chosen.uri("curated"), pin, run, datetime.now(UTC) + timedelta(hours=request.longest_hours))
    with staged_code() as code:
        trainer = trainer_of(replace(request, hyperparameters=hyperparameters), chosen, code)
        trainer.train(input_data_config=channels, wait=False, logs=False, dry_run=dry_run)
    job = trainer._latest_training_job
    if wait and not dry_run:
        try:
            _follow(job)
        finally:
            remove_pin(chosen.uri("curated"), pin)
    return job


def _follow(job: Any) -> None:
    """Wait until a job is over; show its state and the lines of its epochs on stderr."""
    import boto3
    from sagemaker.core.utils.logs import CloudWatchLogsClient, MultiLogStreamHandler

    # The SDK makes its client only once per process, and the endpoint may have changed.
    CloudWatchLogsClient().client = boto3.client("logs")
    log = MultiLogStreamHandler(_LOG_GROUP, job.get_name(), expected_stream_count=1)
    with Progress("training job") as shown:
        while True:
            job.refresh()
            shown.update(str(job.secondary_status).lower())
            for _, event in log.get_latest_log_events():
                if event["message"].startswith(PROGRESS_LINES):
                    shown.say(event["message"])
            if job.training_job_status in ("Completed", "Failed", "Stopped"):
                break
            time.sleep(_POLL_S)
    if job.training_job_status != "Completed":
        reason = job.failure_reason if job.training_job_status == "Failed" else f"{job.secondary_status}."
        raise JobFailed(f"Expected the training job to complete, but got: {reason} Correct the cause and start it again.")


def download(model_uri: str, target: Path) -> Path:
    """Download model.tar.gz and move its checkpoint to `target`, whole or not at all."""
    import boto3

    bucket, _, key = model_uri.removeprefix("s3://").partition("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        archive = Path(folder) / "model.tar.gz"
        boto3.client("s3").download_file(bucket, key, str(archive))
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        (checkpoint,) = Path(folder).rglob("*.safetensors")
        checkpoint.replace(target)
    return target


def require_checkpoints(job: str, chosen: Settings) -> None:
    """Raise UsageError unless an earlier job has checkpoints: otherwise the new job would start from the beginning without a message."""
    import boto3

    folder = checkpoints_of(job)
    if not boto3.client("s3").list_objects_v2(Bucket=chosen.bucket("artifacts"), Prefix=f"{folder}/", MaxKeys=1)["KeyCount"]:
        uri = chosen.uri("artifacts", folder)
        raise UsageError(f"Expected --resume to name a job with checkpoints in {uri}, but got {job}. Name another or leave it out.")


def require_curated(chosen: Settings) -> None:
    """Raise ContractError unless the curated zone has recordings or films."""
    import boto3

    s3, bucket, places = boto3.client("s3"), chosen.bucket("curated"), (METADATA_TRAIN.location, VIDEO_MANIFEST.location)
    if not any(s3.list_objects_v2(Bucket=bucket, Prefix=place, MaxKeys=1)["KeyCount"] for place in places):
        raise ContractError(
            [f"Expected {len(CURATED_TABLES)} tables in {chosen.uri('curated')}, but got none. Run python aws_pipeline/glue_etl.py first."]
        )


def _main() -> int:
    """Parse the command line, submit, follow and download."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="cnn_transformer", help="recipe to train (default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="train this many epochs at most (default: the recipe's)")
    parser.add_argument("--seed", type=int, help="seed of all random numbers (default: 0)")
    parser.add_argument(
        "--set", nargs="+", default=[], metavar="PATH=VALUE", dest="changes", help="other settings, such as network.dropout=0.2"
    )
    parser.add_argument(
        "--output-dir", type=Path, default=WORKPLACE / "checkpoints", help="folder for the checkpoint (default: checkpoints/)"
    )
    parser.add_argument("--instance-type", default=TrainingRequest.instance_type, help="machine on AWS (default: %(default)s)")
    parser.add_argument("--spot", action="store_true", help="use spot machines on AWS; an interrupted job continues where it was saved")
    parser.add_argument(
        "--checkpoint-minutes", type=float, metavar="M", help="save the state every M minutes within an epoch (default: 10)"
    )
    parser.add_argument("--max-hours", type=float, default=TrainingRequest.max_hours, help="stop after this time (default: %(default)s)")
    parser.add_argument("--max-wait-hours", type=float, help="with --spot: stop after this time, waiting included (default: twice as long)")
    parser.add_argument(
        "--input-mode",
        choices=("FastFile", "File"),
        default=TrainingRequest.input_mode,
        help="open the curated files when they are read, or download all before the start (default: %(default)s)",
    )
    parser.add_argument("--plan", action="store_true", help="only say what the job would read, on which machine, and what it costs")
    parser.add_argument("--max-cost", type=float, metavar="USD", help="refuse a job that may cost more on AWS (aws_pipeline/costs.py)")
    parser.add_argument("--resume", metavar="JOB", help="continue from the checkpoints of an earlier job")
    parser.add_argument("--snapshot", metavar="RUN", help="the run of the ETL whose tables are read (default: the last one)")
    parser.add_argument("--dry-run", action="store_true", help="check the request and submit nothing")
    arguments = parser.parse_args()
    if arguments.epochs is not None and arguments.epochs < 1:  # before a machine on AWS costs money
        raise UsageError(f"Expected --epochs of 1 or more, but got {arguments.epochs}. Leave it out for the recipe's.")
    if arguments.checkpoint_minutes is not None and not 0 <= arguments.checkpoint_minutes < float("inf"):
        raise UsageError(f"Expected --checkpoint-minutes of 0 or more, but got {arguments.checkpoint_minutes}. Use 10.")
    if not arguments.max_hours > 0 or (arguments.max_wait_hours is not None and arguments.max_wait_hours < arguments.max_hours):
        what = f"0 < --max-hours <= --max-wait-hours, but got {arguments.max_hours} and {arguments.max_wait_hours}"
        raise UsageError(f"Expected {what}. Waiting for a spot machine counts as well.")
    require_processors(arguments.recipe, arguments.instance_type)
    if not arguments.plan:
        refuse_above(arguments.max_cost, arguments.instance_type, arguments.max_hours)
    given = {"epochs": arguments.epochs, "seed": arguments.seed, "checkpoint-minutes": arguments.checkpoint_minutes}
    hyperparameters = {name: value for name, value in given.items() if value is not None}
    for change in arguments.changes:
        setting, equals, value = change.partition("=")
        if not equals:
            raise UsageError(f"Expected --set PATH=VALUE, but got {change}. Say, for example, --set network.dropout=0.2.")
        hyperparameters[hyperparameter_of(setting)] = value
    request = TrainingRequest(
        arguments.recipe,
        hyperparameters,
        arguments.instance_type,
        spot=arguments.spot,
        max_hours=arguments.max_hours,
        max_wait_hours=arguments.max_wait_hours,
        input_mode=arguments.input_mode,
        resume=arguments.resume,
        snapshot=arguments.snapshot,
    )
    chosen = settings()
    with endpoint(chosen):
        require_curated(chosen)
        if request.resume:
            require_checkpoints(request.resume, chosen)
        if arguments.plan:
            print("\n".join(plan_lines(request, chosen)))
            refuse_above(arguments.max_cost, request.instance_type, request.max_hours)
            return EXIT_OK
        if arguments.dry_run:
            submit(request, chosen, wait=False, dry_run=True)
            print(f"the request for {request.recipe} on {request.instance_type} is valid; nothing was submitted (--dry-run)")
            return EXIT_OK
        print(train(request, chosen, arguments.output_dir))
    return EXIT_OK


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
