"""Logs of runs, read as CloudWatch gives them to any client."""

import boto3
import pytest

from infra.local.jobs.runs import RunStore
from infra.local.jobs.sagemaker import LOG_GROUP


def test_a_training_jobs_log_is_read_line_by_line_as_it_grows(endpoint):
    runs = RunStore(endpoint.root / ".aws" / "runs" / "sagemaker")
    runs.create("job-1", {}, "RUNNING")
    runs.log("job-1").write_text("epoch=1\nepoch=2\nhalf a li")
    logs = boto3.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix="job-1/")["logStreams"]
    assert stream["logStreamName"] == "job-1/algo-1"
    place = {"logGroupName": LOG_GROUP, "logStreamName": "job-1/algo-1"}
    first = logs.get_log_events(**place, startFromHead=True)
    assert [event["message"] for event in first["events"]] == ["epoch=1", "epoch=2"]
    with runs.log("job-1").open("a") as log:
        log.write("ne\n")
    second = logs.get_log_events(**place, nextToken=first["nextForwardToken"])
    assert [event["message"] for event in second["events"]] == ["half a line"]


def test_a_stream_nobody_writes_is_refused_and_other_groups_are_the_control_planes(endpoint):
    logs = boto3.client("logs")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.get_log_events(logGroupName=LOG_GROUP, logStreamName="../../etc/passwd/algo-1")
    logs.create_log_group(logGroupName="mine")
    assert logs.describe_log_streams(logGroupName="mine")["logStreams"] == []
