"""The request for a training job: its image, code, channel, machine, limits and names, as the SageMaker SDK wants them."""

import logging
import math
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aws_pipeline.config import Settings
from aws_pipeline.job_code import TRAINING, for_the_container
from aws_pipeline.launching import LAUNCHER, processes_on
from aws_pipeline.names import OWNER_TAG

METRICS = {"train_loss": r"train_loss=([0-9]+\.[0-9]+)", "val_score": r"val_score=([0-9]+\.[0-9]+)"}
_SETTING, _JOIN = "recipe__", "__"
"""How training/train.py calls a setting of the recipe among its flags."""
ENTRY = "training/train.py"
"""The program that trains."""
_PYTORCH = "2.13"
_VOLUME_GB = 30
_MOST_NAME, _SDK_SUFFIX, _ID_DIGITS = 63, 15, 6


@dataclass(frozen=True)
class TrainingRequest:
    """Recipe, flags and machine of a training job."""

    recipe: str
    """Name of a function in training/recipes/named.py."""
    hyperparameters: dict[str, str | int | float] = field(default_factory=dict)
    """Further flags of training/train.py, without the dashes."""
    instance_type: str = "ml.g5.xlarge"
    """Machine on AWS."""
    spot: bool = False
    """Use spot machines; an interrupted job continues where its state was saved."""
    max_hours: float = 24.0
    """Stop the job after this time of training, hours."""
    max_wait_hours: float | None = None
    """With spot machines: stop after this time, waiting for machines included, hours; None: twice max_hours."""
    input_mode: str = "FastFile"
    """How the curated zone reaches the job: FastFile or File."""
    resume: str | None = None
    """Name of an earlier job that is continued."""
    snapshot: str | None = None
    """Run of the ETL whose tables the job reads; None: the last one."""

    @property
    def longest_hours(self) -> float:
        """How long the job can last, waiting for spot machines included."""
        return (self.max_wait_hours or 2 * self.max_hours) if self.spot else self.max_hours


def trainer_of(request: TrainingRequest, chosen: Settings, code: Path) -> Any:
    """Return the trainer of a request, whose code lies in a folder."""
    import boto3
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.shapes import Tag
    from sagemaker.core.training.configs import (
        CheckpointConfig,
        Compute,
        MetricDefinition,
        OutputDataConfig,
        SourceCode,
        StoppingCondition,
    )
    from sagemaker.train import ModelTrainer

    logging.getLogger("sagemaker.core.utils.utils").addFilter(_no_needless_warning)
    name, hyperparameters = base_name(request.recipe, chosen), {"recipe": request.recipe, **request.hyperparameters}
    seconds = int(request.max_hours * 3600)
    wait_seconds = int((request.max_wait_hours or 2 * request.max_hours) * 3600)
    trainer = ModelTrainer(
        sagemaker_session=Session(boto3.Session(region_name=chosen.region), default_bucket=chosen.bucket("artifacts")),
        role=boto3.client("iam").get_role(RoleName=chosen.training_role)["Role"]["Arn"],
        base_job_name=name,
        input_s3_key_prefix="training/code",
        training_image=image_of(request, chosen),
        source_code=SourceCode(
            source_dir=str(code), command=command_of(request), args=arguments_of(hyperparameters), requirements="requirements.txt"
        ),
        compute=Compute(
            instance_type=request.instance_type,
            instance_count=1,
            volume_size_in_gb=volume_gb(request, chosen),
            enable_managed_spot_training=request.spot or None,
        ),
        stopping_condition=StoppingCondition(
            max_runtime_in_seconds=seconds, **({"max_wait_time_in_seconds": wait_seconds} if request.spot else {})
        ),
        output_data_config=OutputDataConfig(s3_output_path=chosen.uri("artifacts", "training")),
        training_input_mode=request.input_mode,
        tags=[Tag(key=OWNER_TAG, value=chosen.names.deployment)],
        environment={"SM_CHECKPOINT_DIR": "/opt/ml/checkpoints"},
        hyperparameters=hyperparameters,
    )
    folder = checkpoints_of(request.resume) if request.resume else f"training/{name}/checkpoints"
    trainer.with_checkpoint_config(CheckpointConfig(s3_uri=chosen.uri("artifacts", folder)))
    return trainer.with_metric_definitions([MetricDefinition(name=metric, regex=regex) for metric, regex in METRICS.items()])


def _no_needless_warning(record: logging.LogRecord) -> bool:
    """Leave out the SDK's warning that the program does not get the hyperparameters: the request names them as flags."""
    return "are not passed as command-line arguments" not in str(record.msg)


def image_of(request: TrainingRequest, chosen: Settings) -> str:
    """Return the address of SageMaker's PyTorch image for the machine and the region."""
    from sagemaker.core import image_uris

    return str(
        image_uris.retrieve(
            "pytorch-amzn2023", chosen.region, version=_PYTORCH, instance_type=request.instance_type, image_scope="training"
        )
    )


def command_of(request: TrainingRequest) -> str:
    """Return what the container executes: one process, or one for each GPU by torch's own launcher.

    SageMaker sends SIGTERM to the first process of a container only, and a shell does not pass it on. `exec` puts the program in the
    place of the SDK's shell, so that it hears of an interruption and saves its state.
    """
    processes = processes_on(request.instance_type)
    launcher = "" if processes == 1 else f" {LAUNCHER}{processes}"
    return f"exec $SM_PYTHON_CMD{launcher} {ENTRY}"


def hyperparameter_of(setting: str) -> str:
    """Return the hyperparameter that changes a setting of the recipe, such as network.dropout; shells' variables have no dots."""
    return _SETTING + setting.replace(".", _JOIN)


def setting_of(hyperparameter: str) -> str:
    """Return the setting that a hyperparameter changes."""
    return hyperparameter.removeprefix(_SETTING).replace(_JOIN, ".")


def arguments_of(hyperparameters: Mapping[str, str | int | float]) -> list[str]:
    """Return hyperparameters as flags of the program."""
    return [word for name, value in hyperparameters.items() for word in (f"--{name}", str(value))]


def channel_of(name: str, uri: str, input_mode: str) -> Any:
    """Return a channel with its own input mode: the SDK writes File into every channel that is only an address."""
    from sagemaker.core.shapes import Channel, DataSource, S3DataSource

    source = S3DataSource(s3_data_type="S3Prefix", s3_uri=uri, s3_data_distribution_type="FullyReplicated")
    return Channel(channel_name=name, data_source=DataSource(s3_data_source=source), input_mode=input_mode)


def volume_gb(request: TrainingRequest, chosen: Settings) -> int:
    """Return the size of the job's disk: room for code, packages and checkpoints, and in mode File also for the whole zone."""
    if request.input_mode != "File":
        return _VOLUME_GB
    import boto3

    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=chosen.bucket("curated"))
    n_bytes = sum(found["Size"] for page in pages for found in page.get("Contents", []))
    return _VOLUME_GB + math.ceil(n_bytes / 1024**3)


def base_name(recipe: str, chosen: Settings) -> str:
    """Return how a job's name begins: with whose it is, so that policies can tell, and with an end that no other job has.

    SageMaker takes 63 characters, and the SDK appends 15.
    """
    owner = chosen.names.job_prefix
    most = _MOST_NAME - _SDK_SUFFIX - len(owner) - _ID_DIGITS - 2
    return f"{owner}-{recipe.replace('_', '-')[:most].rstrip('-')}-{uuid.uuid4().hex[:_ID_DIGITS]}"


def checkpoints_of(job: str) -> str:
    """Return the folder with the checkpoints of a job, in the artifacts bucket."""
    return f"training/{job.rpartition('-')[0] or job}/checkpoints"  # the SDK appended the time to the name


@contextmanager
def staged_code() -> Iterator[Path]:
    """Copy the files of this repository that the job needs to a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        for path, content in for_the_container(*TRAINING).items():
            target = Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        yield Path(folder)
