"""What each step of aws_pipeline/steps.py is in the cloud's graph: its task, and the states around it.

Paths in the data of an execution: $.order is what was asked for, over the defaults; $.names, names of jobs; $.data, the gate's verdict;
$.processes, how many processes train; $.train, $.score and $.register, what these steps made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aws_pipeline.config import Settings
from aws_pipeline.launching import GPUS
from aws_pipeline.names import OWNER_TAG
from aws_pipeline.quality_gate import STATEMENT, Limits
from aws_pipeline.steps import Step
from infra.cloud.images import serving_image, training_image

State = dict[str, Any]
States = dict[str, State]
SCORING_S = 1800
"""What the scoring job may take."""
SCORE_METRIC = {"Name": "score", "Regex": "score=([0-9.]+) labs="}
_BUSY = {"ErrorEquals": ["Glue.ConcurrentRunsExceededException"], "IntervalSeconds": 60, "MaxAttempts": 8, "BackoffRate": 1.5}
"""A run that a person started goes first: the job runs once at a time."""


def states_of(step: Step, settings: Settings) -> States:
    """Return the states of a step in order, without the transition of the last one."""
    return _MAKERS[step.name](step, settings)


def _task(step: Step, parameters: State, **more: Any) -> State:
    return {"Type": "Task", "Comment": step.does, "Resource": _resource(step.action), "Parameters": parameters, **more}


def _resource(action: str) -> str:
    return f"arn:${{AWS::Partition}}:states:::{action}"


def _etl(step: Step, settings: Settings) -> States:
    arguments = {
        "--SUMMARY_URI.$": f"States.Format('{settings.uri('artifacts', 'glue/runs')}/{{}}.json', $$.Execution.Name)",
        "--KEEP_DAYS.$": "States.Format('{}', $.order.keep_days)",
        "--DUE_BYTES": "0",  # nobody planned this run: Spark starts only when there turns out to be much to do
        "--conf.$": "States.Format('spark.default.parallelism={}', $.order.parallelism)",
    }
    request = {"JobName": settings.glue_job, "NumberOfWorkers.$": "$.order.workers", "Arguments": arguments}
    run = _task(step, {**request, "WorkerType.$": "$.order.worker_type"}, ResultSelector={"run.$": "$.Id"})
    return {step.name: {**run, "ResultPath": "$.etl", "Retry": [_BUSY]}}


def _gate(step: Step, settings: Settings) -> States:
    """Ask, read the answer, and decide: the reason of a stop is the cause of the execution's failure."""
    limits = ", ".join(f"States.Format('{{}}', $.order.{name})" for name in Limits.__dataclass_fields__)
    since = "States.Format('\\'{}\\'', $$.Execution.StartTime)"
    query = {
        "QueryString": STATEMENT.read_text(encoding="utf-8"),
        "ExecutionParameters.$": f"States.Array({limits}, {since}, States.Format('{{}}', $.order.keep_hours))",
        "QueryExecutionContext": {"Database": settings.database},
        "WorkGroup": settings.workgroup,
    }
    cells = {name: f"$.ResultSet.Rows[1].Data[{place}].VarCharValue" for place, name in enumerate(GATE_COLUMNS)}
    nothing_new = [{"Variable": "$.order.only_if_new", "BooleanEquals": True}, {"Variable": "$.data.is_new", "StringEquals": "false"}]
    asked = _task(step, query, ResultSelector={"id.$": "$.QueryExecution.QueryExecutionId"}, ResultPath="$.query")
    answer = {
        "Type": "Task",
        "Resource": _resource("athena:getQueryResults"),
        "Parameters": {"QueryExecutionId.$": "$.query.id"},
        "ResultSelector": {f"{name}.$": path for name, path in cells.items()},
        "ResultPath": "$.data",
    }
    decide = {
        "Type": "Choice",
        "Choices": [
            {"And": nothing_new, "Next": "nothing_new"},
            {"Variable": "$.data.passed", "StringEquals": "true", "Next": "keep"},
        ],
        "Default": "stopped_by_the_gate",
    }
    pin = {
        "Bucket": settings.bucket("curated"),
        "Key.$": "States.Format('pins/{}.json', $$.Execution.Name)",
        "Body": {"run.$": "$.data.run", "until.$": "$.data.kept_until"},
    }
    keep = {"Type": "Task", "Comment": "keep the objects that the jobs read", "Resource": _resource("aws-sdk:s3:putObject")}
    return {step.name: asked, "answer": answer, "decide": decide, "keep": {**keep, "Parameters": pin, "ResultPath": None}}


GATE_COLUMNS = ("passed", "reason", "run", "is_new", "kept_until")
"""Columns of the gate's answer."""


def _train(step: Step, settings: Settings) -> States:
    flags = "'--snapshot', $.data.run, '--recipe', $.order.recipe, '--model-dir', '/opt/ml/model'"
    more = "'--output-dir', '/opt/ml/output/data', '--checkpoint-dir', '/opt/ml/checkpoints'"
    request = {
        **_job(settings, "train", f"$.processes, 'training/train.py', '--curated', '/opt/ml/input/data/curated', {flags}, {more}"),
        "InputDataConfig": [_curated(settings), _code()],
        "CheckpointConfig": {"S3Uri.$": f"States.Format('{settings.uri('artifacts', 'training')}/{{}}/checkpoints', $.names.train)"},
        "EnableManagedSpotTraining.$": "$.order.spot",
        "StoppingCondition.$": "$.order.stopping",
    }
    request["AlgorithmSpecification"]["ContainerArguments.$"] = "$.order.arguments"
    return {**_processes(step.name), step.name: _task(step, request, ResultSelector=_MADE, ResultPath="$.train")}


def _processes(following: str) -> States:
    """Count the GPUs of the machine that was asked for: a process trains for each."""
    machines = [{"Variable": "$.order.instance_type", "StringEquals": name, "Next": f"gpus_{count}"} for name, count in GPUS.items()]
    counted = {
        f"gpus_{count}": {"Type": "Pass", "Result": str(count), "ResultPath": "$.processes", "Next": following}
        for count in sorted({1, *GPUS.values()})
    }
    return {"machine": {"Type": "Choice", "Choices": machines, "Default": "gpus_1"}, **counted}


_MADE = {"job.$": "$.TrainingJobName", "model.$": "$.ModelArtifacts.S3ModelArtifacts"}


def _score(step: Step, settings: Settings) -> States:
    """Score in a training job, not in a processing job: only training jobs have metrics, and an archive that can be served as it is."""
    flags = "'--snapshot', $.data.run, '--model', '/opt/ml/input/data/model', '--model-dir', '/opt/ml/model'"
    request = {
        **_job(settings, "score", f"'1', 'training/score_held_out.py', '--curated', '/opt/ml/input/data/curated', {flags}"),
        "InputDataConfig": [_curated(settings), _code(), _channel("model", {"S3Uri.$": "$.train.model"}, "File")],
        "StoppingCondition": {"MaxRuntimeInSeconds": SCORING_S},
    }
    request["AlgorithmSpecification"]["MetricDefinitions"] = [SCORE_METRIC]
    look = {
        "Type": "Task",
        "Resource": _resource("aws-sdk:sagemaker:describeTrainingJob"),
        "Parameters": {"TrainingJobName.$": "$.score.job"},
        "ResultSelector": {**_MADE, "score.$": "$.FinalMetricDataList[0].Value"},
        "ResultPath": "$.score",
    }
    release = {
        "Type": "Task",
        "Resource": _resource("aws-sdk:s3:deleteObject"),
        "Parameters": {"Bucket": settings.bucket("curated"), "Key.$": "States.Format('pins/{}.json', $$.Execution.Name)"},
        "ResultPath": None,
    }
    return {step.name: _task(step, request, ResultSelector=_MADE, ResultPath="$.score"), "read_score": look, "release": release}


def _register(step: Step, settings: Settings) -> States:
    container = {
        "Image": serving_image(settings),
        "ModelDataUrl.$": "$.score.model",
        "Environment": {"SAGEMAKER_PROGRAM": "inference/handler.py"},
    }
    card = {
        "job.$": "$.train.job",
        "recipe.$": "$.order.recipe",
        "run.$": "$.data.run",
        "score.$": "States.Format('{}', $.score.score)",
        "card": "card.md and decoding.csv in the archive of the model",
    }
    kinds = {"SupportedContentTypes": ["application/vnd.apache.parquet"], "SupportedResponseMIMETypes": ["text/csv"]}
    request = {
        "ModelPackageGroupName": settings.names.of("recognizers"),
        "ModelPackageDescription.$": "States.Format('{}, trained by {}', $.order.recipe, $.train.job)",
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {"Containers": [container], **kinds},
        "CustomerMetadataProperties": card,
    }
    return {step.name: _task(step, request, ResultSelector={"version.$": "$.ModelPackageArn"}, ResultPath="$.register")}


def _job(settings: Settings, name: str, words: str) -> State:
    """Return what both jobs have in common; `words` are the number of processes, the script and its flags, as arguments of States.Array."""
    entry = f"States.Array('sh', '/opt/ml/input/data/code/start.sh', {words})"
    return {
        "TrainingJobName.$": f"$.names.{name}",
        "RoleArn": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{settings.training_role}",
        "AlgorithmSpecification": {
            "TrainingImage": training_image(settings.region),
            "TrainingInputMode": "File",
            "ContainerEntrypoint.$": entry,
        },
        "Environment": {"SM_OUTPUT_DIR": "/opt/ml/output"},  # where the program writes why it failed
        "OutputDataConfig": {"S3OutputPath": settings.uri("artifacts", "training")},
        "ResourceConfig": {"InstanceType.$": "$.order.instance_type", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "Tags": [{"Key": OWNER_TAG, "Value": settings.names.deployment}],
    }


def _channel(name: str, place: Mapping[str, str], mode: str) -> State:
    source = {"S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated", **place}
    return {"ChannelName": name, "InputMode": mode, "DataSource": {"S3DataSource": source}}


def _curated(settings: Settings) -> State:
    return _channel("curated", {"S3Uri": settings.uri("curated")}, "FastFile")


def _code() -> State:
    return _channel("code", {"S3Uri": "${JobCodeUri}"}, "File")


_MAKERS: Mapping[str, Callable[[Step, Settings], States]] = {
    "etl": _etl, "gate": _gate, "train": _train, "score": _score, "register": _register,
}  # fmt: skip
