"""Step Functions on this disk, by an unmodified client: what is executed, what is refused, and in whose name."""

from __future__ import annotations

import json
import time
from typing import Any

import boto3
import pytest

from infra.local.control.moto_app import ACCOUNT
from infra.local.errors import ServiceError
from infra.local.states.machine_language import read_definition
from infra.local.states.machine_paths import PathError, filled
from infra.local.states.machine_run import MachineRun
from infra.local.states.machine_tasks import TaskFailedError

GROUP = "/aws/vendedlogs/states/notes"
PUT = "arn:aws:states:::aws-sdk:s3:putObject"
ALLOW_NOTES = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::lab/notes/*"}
RULE = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"


def machine_of(*states: tuple[str, dict[str, Any]], **more: Any) -> str:
    """Return a definition that goes through states in order."""
    named = dict(states)
    for (name, state), following in zip(states, [*list(named)[1:], None], strict=True):
        if state["Type"] in ("Pass", "Task"):
            named[name] = {**state, **({"Next": following} if following else {"End": True})}
    return json.dumps({"StartAt": states[0][0], "States": named, **more})


def note(key: str) -> dict[str, Any]:
    return {"Type": "Task", "Resource": PUT, "Parameters": {"Bucket": "lab", "Key": key, "Body": {"mice.$": "$.mice"}}, "ResultPath": None}


@pytest.fixture
def states(endpoint: Any, make_role: Any) -> Any:
    make_role("machine", "states", ALLOW_NOTES)
    boto3.client("s3").create_bucket(Bucket="lab")
    return boto3.client("stepfunctions")


def create(states: Any, definition: str, role: str = "machine") -> str:
    group = {"logGroupArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{GROUP}:*"}
    logging = {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": group}]}
    role_arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    made = states.create_state_machine(name="notes", definition=definition, roleArn=role_arn, loggingConfiguration=logging)
    return str(made["stateMachineArn"])


def ended(states: Any, execution: str) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = states.describe_execution(executionArn=execution)
        if found["status"] != "RUNNING":
            return dict(found)
        time.sleep(0.05)
    raise AssertionError("the execution did not end")


def test_an_execution_writes_what_its_machine_says_and_tells_its_history(states: Any, endpoint: Any) -> None:
    decide = {"Type": "Choice", "Choices": [{"Variable": "$.asleep", "BooleanEquals": True, "Next": "rest"}], "Default": "write"}
    machine = create(states, machine_of(("decide", decide), ("write", note("notes/a.json")), ("rest", {"Type": "Succeed"})))
    done = ended(
        states, states.start_execution(stateMachineArn=machine, name="first", input='{"asleep": false, "mice": 2}')["executionArn"]
    )

    assert done["status"] == "SUCCEEDED"
    assert json.loads(done["output"]) == {"asleep": False, "mice": 2}
    assert json.loads((endpoint.root / "lab" / "notes" / "a.json").read_text()) == {"mice": 2}
    events = states.get_execution_history(executionArn=done["executionArn"])["events"]
    assert [event["type"] for event in events] == [
        *("ExecutionStarted", "ChoiceStateEntered", "ChoiceStateExited", "TaskStateEntered", "TaskScheduled", "TaskSucceeded"),
        *("TaskStateExited", "SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded"),
    ]
    assert events[3]["stateEnteredEventDetails"]["name"] == "write"
    (listed,) = states.list_executions(stateMachineArn=machine, statusFilter="SUCCEEDED")["executions"]
    assert listed["name"] == "first"
    logs = boto3.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    lines = logs.get_log_events(logGroupName=GROUP, logStreamName=stream["logStreamName"])
    assert json.loads(lines["events"][0]["message"])["type"] == "ExecutionStarted"


def test_a_task_has_the_rights_of_the_machines_role_and_no_more(states: Any, endpoint: Any) -> None:
    machine = create(states, machine_of(("write", note("secrets/a.json"))))
    done = ended(states, states.start_execution(stateMachineArn=machine, input='{"mice": 2}')["executionArn"])

    assert (done["status"], done["error"]) == ("FAILED", "S3.AccessDeniedException")
    assert "role/machine is not authorized to perform: s3:PutObject" in done["cause"]
    assert not (endpoint.root / "lab" / "secrets").exists()


def test_a_fail_state_ends_with_its_error_and_the_cause_that_a_path_leads_to(states: Any) -> None:
    machine = create(states, machine_of(("stop", {"Type": "Fail", "Error": "QualityGate", "CausePath": "$.reason"})))
    done = ended(states, states.start_execution(stateMachineArn=machine, input='{"reason": "The mice are asleep."}')["executionArn"])
    assert (done["status"], done["error"], done["cause"]) == ("FAILED", "QualityGate", "The mice are asleep.")


def test_a_name_is_taken_once_and_input_must_be_json(states: Any) -> None:
    machine = create(states, machine_of(("rest", {"Type": "Succeed"})))
    ended(states, states.start_execution(stateMachineArn=machine, name="one")["executionArn"])
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(stateMachineArn=machine, name="one")
    with pytest.raises(states.exceptions.InvalidExecutionInput):
        states.start_execution(stateMachineArn=machine, input="mice")
    with pytest.raises(states.exceptions.ExecutionDoesNotExist):
        states.describe_execution(executionArn=f"arn:aws:states:us-east-1:{ACCOUNT}:execution:notes:two")


def test_a_role_that_step_functions_cannot_assume_is_refused(states: Any, make_role: Any) -> None:
    make_role("other", "glue", ALLOW_NOTES)
    with pytest.raises(states.exceptions.ClientError, match=r"nor the regional one is authorized to assume the provided role"):
        create(states, machine_of(("rest", {"Type": "Succeed"})), "other")


def test_a_machine_that_waits_for_training_jobs_needs_rights_for_their_rule(states: Any, make_role: Any) -> None:
    train = {"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync", "Parameters": {}}
    with pytest.raises(states.exceptions.ClientError, match=r"not authorized to create managed-rule"):
        create(states, machine_of(("train", train)))
    make_role(
        "hears", "states", {"Effect": "Allow", "Action": ["events:PutRule", "events:PutTargets", "events:DescribeRule"], "Resource": RULE}
    )
    assert create(states, machine_of(("train", train)), "hears")


def test_a_stopped_execution_stops_its_job(states: Any, endpoint: Any, make_role: Any) -> None:
    make_role("runs", "states")
    make_role("trains", "sagemaker")
    patient = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print('ready', flush=True); time.sleep(60)"
    specification = {"TrainingImage": "i", "TrainingInputMode": "File", "ContainerEntrypoint": ["python3", "-c", patient]}
    request = {
        "TrainingJobName": "long",
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/trains",
        "AlgorithmSpecification": specification,
        "OutputDataConfig": {"S3OutputPath": "s3://lab/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    train = {"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync", "Parameters": request}
    execution = states.start_execution(stateMachineArn=create(states, machine_of(("train", train)), "runs"))["executionArn"]
    sagemaker, log = boto3.client("sagemaker"), endpoint.root / ".aws" / "runs" / "sagemaker" / "long.log"
    deadline = time.monotonic() + 60
    while not (log.exists() and "ready" in log.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    states.stop_execution(executionArn=execution)
    assert ended(states, execution)["status"] == "ABORTED"
    while sagemaker.describe_training_job(TrainingJobName="long")["TrainingJobStatus"] in ("InProgress", "Stopping"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert sagemaker.describe_training_job(TrainingJobName="long")["TrainingJobStatus"] == "Stopped"


@pytest.mark.parametrize(
    ("definition", "fault"),
    [
        ("mice", "Expected JSON"),
        (machine_of(("wait", {"Type": "Wait", "Seconds": 1})), "executed on AWS only"),
        (machine_of(("a", {"Type": "Pass", "InputPath": "$.x"})), "InputPath: not executed here"),
        (machine_of(("a", {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke"})), "executed on AWS only"),
        (machine_of(("a", {"Type": "Pass", "Parameters": {"x.$": "States.Hash($.a, 'MD5')"}})), "executed on AWS only"),
        (machine_of(("a", {"Type": "Pass", "Parameters": {"x.$": "$..a"}})), "is not executed here"),
        (json.dumps({"StartAt": "b", "States": {"a": {"Type": "Succeed"}}}), "MISSING_TRANSITION_TARGET"),
        (json.dumps({"StartAt": "a", "States": {"a": {"Type": "Pass"}}}), "expected either Next or End"),
        (machine_of(("a", {"Type": "Pass"}), QueryLanguage="JSONata"), "only JSONPath"),
        (machine_of(("a", {"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericEquals": 1, "Next": "a"}]})), "NumericEquals"),
    ],
)
def test_what_is_not_executed_here_is_refused_when_the_machine_is_made(definition: str, fault: str) -> None:
    with pytest.raises(ServiceError, match="Invalid State Machine Definition") as refused:
        read_definition(definition)
    assert refused.value.code == "InvalidDefinition"
    assert fault in refused.value.message


def test_functions_and_paths_fill_a_template_as_aws_does() -> None:
    data, context = {"a": {"b": [1, {"c": "x"}]}, "half": 0.5}, {"Execution": {"Name": "e"}}
    template = {
        "deep.$": "$.a.b[1].c",
        "text.$": "States.Format('{}-{} \\'{}\\'', $$.Execution.Name, $.half, $.a.b[0])",
        "list.$": "States.Array('x', States.Format('{}', true), 2)",
        "merged.$": "States.JsonMerge($.a, $.a, false)",
        "inner": [{"plain": "$.a", "path.$": "$.half"}],
    }
    assert filled(template, data, context) == {
        "deep": "x",
        "text": "e-0.5 '1'",
        "list": ["x", "true", 2],
        "merged": data["a"],
        "inner": [{"plain": "$.a", "path": 0.5}],
    }
    with pytest.raises(PathError, match="was not found"):
        filled({"x.$": "$.none"}, data, context)


def run(definition: str, run_task: Any) -> Any:
    return MachineRun(json.loads(definition), {"Execution": {}}, run_task, lambda kind, details: None, lambda: True).to_end({})


def test_a_task_is_tried_again_as_often_as_its_state_says_and_only_after_its_errors() -> None:
    tries: list[str] = []

    def busy(task: str, request: Any, wait: Any) -> Any:
        tries.append(task)
        raise TaskFailedError("Glue.ConcurrentRunsExceededException" if len(tries) < 3 else "Glue.OtherException", "busy")

    rule = {"ErrorEquals": ["Glue.ConcurrentRunsExceededException"], "IntervalSeconds": 0, "MaxAttempts": 5}
    state = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Parameters": {}, "Retry": [rule]}
    failed = run(machine_of(("run", state)), busy)
    assert (failed.status, failed.error, len(tries)) == ("FAILED", "Glue.OtherException", 3)


def test_data_that_are_too_large_for_step_functions_fail_here_as_well() -> None:
    state = {"Type": "Task", "Resource": PUT, "Parameters": {}}
    failed = run(machine_of(("write", state)), lambda *_: {"text": "x" * 300_000})
    assert (failed.status, failed.error) == ("FAILED", "States.DataLimitExceeded")


def test_an_execution_over_its_time_is_timed_out() -> None:
    state = {"Type": "Task", "Resource": PUT, "Parameters": {}}

    def slow(task: str, request: Any, wait: Any) -> Any:
        while wait():
            time.sleep(0.01)
        raise TaskFailedError("States.Aborted", "")

    assert run(machine_of(("write", state), TimeoutSeconds=0.05), slow).status == "TIMED_OUT"
