"""The request for a tuning job: ranges as data, its training jobs, its limits and names, as SageMaker wants them."""

import gzip
import io
import re
import tarfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aws_pipeline.config import Settings
from aws_pipeline.job_code import TRAINING, digest, for_the_container
from aws_pipeline.names import OWNER_TAG
from aws_pipeline.training_request import ENTRY, METRICS, TrainingRequest, hyperparameter_of, image_of, volume_gb
from behavior.contract import UsageError

OBJECTIVE = "val_score"
"""The metric that a tuning job makes as high as possible."""
STRATEGIES = {"random": "Random", "grid": "Grid", "bayesian": "Bayesian"}
"""Name of a flag -> name on AWS."""
_RANGE = re.compile(r"(?P<low>[^.,\s]+(?:\.\d[^.,\s]*)?)\.\.(?P<high>[^,\s]+)(?P<log>\s+log)?")
_MOST_NAME = 32


@dataclass(frozen=True)
class Tuning:
    """What a tuning job searches, and its limits."""

    ranges: Mapping[str, str]
    """Field of the recipe -> its range, as `range_of` reads it."""
    strategy: str = "random"
    """random, grid (lists of values only), or bayesian (on AWS only)."""
    jobs: int | None = 12
    """Training jobs in all; None for all combinations of a grid search."""
    parallel: int = 2
    """Training jobs at once."""
    seed: int = 0
    """Of the values that are drawn."""


def range_of(field: str, text: str) -> tuple[str, dict[str, Any]]:
    """Return the kind of a range and the range, as SageMaker wants them.

    `1e-4..1e-2 log` is a range of numbers on a logarithmic scale, `2..8` of whole numbers, `0..0.5` of numbers, and `16,32,64` a list of
    values. Raises UsageError for anything else.
    """
    name = hyperparameter_of(field)
    found = _RANGE.fullmatch(text.strip())
    if not found and ".." not in text:
        values = [part.strip() for part in text.split(",")]
        if all(values) and len(set(values)) == len(values) > 1:
            return "CategoricalParameterRanges", {"Name": name, "Values": values}
    try:
        low, high = (float(found[end]) for end in ("low", "high"))  # type: ignore[index]
        scale = "Logarithmic" if found["log"] else "Linear"  # type: ignore[index]
    except (TypeError, ValueError):
        what = f"Expected a range such as 0..0.5, 1e-4..1e-2 log, or 16,32,64 for {field}, but got {text}"
        raise UsageError(f"{what}. Correct it.") from None
    if not low < high or (scale == "Logarithmic" and low <= 0):
        positive = " and above 0 on a logarithmic scale" if scale == "Logarithmic" else ""
        raise UsageError(f"Expected the lower end of {field} first{positive}, but got {text}. Correct it.")
    whole = all(re.fullmatch(r"-?\d+", found[end]) for end in ("low", "high"))  # type: ignore[index]
    kind = "IntegerParameterRanges" if whole else "ContinuousParameterRanges"
    return kind, {"Name": name, "MinValue": found["low"], "MaxValue": found["high"], "ScalingType": scale}  # type: ignore[index]


def training_jobs(tuning: Tuning) -> int:
    """Return how many training jobs there will be. Raises UsageError for what no strategy can search."""
    if not tuning.ranges:
        raise UsageError("Expected a field to tune, but got none. Name one: --tune learning_rate='1e-4..1e-2 log'.")
    kinds = [range_of(field, text) for field, text in tuning.ranges.items()]
    if min(1 if tuning.jobs is None else tuning.jobs, tuning.parallel) < 1:
        raise UsageError(f"Expected --jobs and --parallel of 1 or more, but got {tuning.jobs} and {tuning.parallel}. Raise them.")
    if tuning.strategy != "grid":
        return tuning.jobs or 1
    if any(kind != "CategoricalParameterRanges" for kind, _ in kinds):
        raise UsageError("Expected lists of values for a grid search, but got a range of numbers. Name its values: 0.1,0.2,0.3.")
    count = 1
    for _, each in kinds:
        count *= len(each["Values"])
    return count


def name_of(chosen: Settings) -> str:
    """Return a new name of 32 characters at most that begins with the deployment's."""
    return f"{chosen.names.job_prefix}-tune-{uuid.uuid4().hex}"[:_MOST_NAME].rstrip("-")


def tuning_request(name: str, tuning: Tuning, request: TrainingRequest, run: str, code: str, chosen: Settings) -> dict[str, Any]:
    """Return the request for CreateHyperParameterTuningJob; `run` is that of the ETL, `code` the address of the code.

    A tuning job cannot name the command of its training jobs: the toolkit in SageMaker's image starts the program, as two of the
    hyperparameters say.
    """
    kinds: dict[str, list[dict[str, Any]]] = {}
    for field, text in tuning.ranges.items():
        kind, each = range_of(field, text)
        kinds.setdefault(kind, []).append(each)
    limits = {"MaxParallelTrainingJobs": tuning.parallel}
    if tuning.strategy != "grid":
        limits["MaxNumberOfTrainingJobs"] = training_jobs(tuning)
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": STRATEGIES[tuning.strategy],
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": OBJECTIVE},
            "ResourceLimits": limits,
            "ParameterRanges": kinds,
            "TrainingJobEarlyStoppingType": "Off",
            "RandomSeed": tuning.seed,
        },
        "TrainingJobDefinition": _training_job(name, request, run, code, chosen),
        "Tags": [{"Key": OWNER_TAG, "Value": chosen.names.deployment}],
    }


def _training_job(name: str, request: TrainingRequest, run: str, code: str, chosen: Settings) -> dict[str, Any]:
    import boto3

    static = {"recipe": request.recipe, **request.hyperparameters, "snapshot": run}
    static |= {"sagemaker_program": ENTRY, "sagemaker_submit_directory": code}
    limits = {"MaxRuntimeInSeconds": int(request.max_hours * 3600)}
    if request.spot:
        limits["MaxWaitTimeInSeconds"] = int(request.longest_hours * 3600)
    source = {"S3DataType": "S3Prefix", "S3Uri": chosen.uri("curated"), "S3DataDistributionType": "FullyReplicated"}
    return {
        "StaticHyperParameters": {key: str(value) for key, value in static.items()},
        "AlgorithmSpecification": {
            "TrainingImage": image_of(request, chosen),
            "TrainingInputMode": request.input_mode,
            "MetricDefinitions": [{"Name": metric, "Regex": regex} for metric, regex in METRICS.items()],
        },
        "RoleArn": boto3.client("iam").get_role(RoleName=chosen.training_role)["Role"]["Arn"],
        "InputDataConfig": [{"ChannelName": "curated", "DataSource": {"S3DataSource": source}, "InputMode": request.input_mode}],
        "OutputDataConfig": {"S3OutputPath": chosen.uri("artifacts", "training")},
        "ResourceConfig": {"InstanceType": request.instance_type, "InstanceCount": 1, "VolumeSizeInGB": volume_gb(request, chosen)},
        "StoppingCondition": limits,
        "CheckpointConfig": {"S3Uri": chosen.uri("artifacts", f"training/{name}/checkpoints")},
        "EnableManagedSpotTraining": request.spot,
        # It is not documented whether training jobs of one tuning job share this place in S3: each has a folder of its own in it.
        "Environment": {"SM_CHECKPOINT_DIR": "/opt/ml/checkpoints", "SM_CHECKPOINT_PER_JOB": "true"},
    }


def upload_code(chosen: Settings) -> str:
    """Upload the code of training jobs as one archive, whose address contains its digest; return the address."""
    import boto3

    content = for_the_container(*TRAINING)
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for path, data in content.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    key = f"training/code/{digest(content)}/sourcedir.tar.gz"
    boto3.client("s3").put_object(Bucket=chosen.bucket("artifacts"), Key=key, Body=packed.getvalue())
    return chosen.uri("artifacts", key)


def longest_hours(tuning: Tuning, request: TrainingRequest) -> float:
    """Return how long the tuning job can last."""
    rounds = -(-training_jobs(tuning) // tuning.parallel)
    return rounds * request.longest_hours


def with_seed(request: TrainingRequest, seed: int | None) -> TrainingRequest:
    """Return the request with the seed of training, the same for all jobs."""
    return request if seed is None else replace(request, hyperparameters={**request.hyperparameters, "seed": seed})
