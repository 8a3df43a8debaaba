"""The whole run as on AWS: another prefix, USE_LOCAL_FS=false, a person with the operator's policy, jobs with the rights of their roles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from aws_pipeline.config import settings
from aws_pipeline.job_code import glue_code
from infra.cloud.operator import operator_document
from infra.deploy import deploy
from infra.local.access.guard import Guard

ROOT = Path(__file__).resolve().parents[3]
HERE = settings({})
FAR = {"USE_LOCAL_FS": "false", "S3_BUCKET": "our-lab", "AWS_DEFAULT_REGION": "us-east-1", "USE_ENDPOINT_URL": "true"}


RARE = {
    "s3:AbortMultipartUpload": "a large upload is interrupted",
    "s3:ListMultipartUploadParts": "a large upload is interrupted",
    "glue:BatchStopJobRun": "Ctrl-C during a run",
    "glue:GetJobRuns": "looking up earlier runs",
    "glue:DeleteTable": "somebody emptied a zone, and its tables are made anew",
    "glue:GetTables": "the notebook lists the tables",
    "glue:GetPartitions": "awswrangler reads tables that are not Iceberg's",
    "glue:GetDatabases": "the notebook lists the databases",
    "athena:StopQueryExecution": "Ctrl-C during a query",
    "athena:GetWorkGroup": "awswrangler looks up where answers go",
    "sagemaker:StopTrainingJob": "a training job is stopped",
    "states:StartExecution": "the cloud's graph is started (test_graph.py)",
    "states:DescribeExecution": "the cloud's graph is followed (test_graph.py)",
    "states:GetExecutionHistory": "the cloud's graph is followed (test_graph.py)",
    "states:ListExecutions": "looking up earlier executions",
    "states:StopExecution": "an execution is stopped",
    **{
        f"sagemaker:{verb}HyperParameterTuningJob": "a recipe is tuned: tests/aws_pipeline/test_sagemaker_tune.py"
        for verb in ("Create", "Describe", "Stop", "ListTrainingJobsFor")
    },
    "sagemaker:InvokeEndpoint": "an endpoint is asked",
    "sagemaker:DescribeModel": "looking into what is served",
    "sagemaker:DescribeEndpointConfig": "looking into what is served",
}
"""Rights of a person that this run does not need -> when they are needed."""


@pytest.fixture
def operator(endpoint: Any, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Deploy as the owner; run scripts as a person who has nothing but the operator's policy."""
    chosen = settings({**FAR, "AWS_ENDPOINT_URL": endpoint.url})
    deploy(chosen, boto3.Session(), glue_code(chosen))
    iam = boto3.client("iam")
    iam.create_user(UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn="arn:aws:iam::123456789012:policy/our-lab-us-east-1-operator")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    person = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"], "AWS_ENDPOINT_URL": endpoint.url}

    def run(path: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MABE_", "S3_", "USE_"))}
        env |= {**FAR, **person, "MABE_DATA_DIR": str(tmp_path / "data"), "AWS_EC2_METADATA_DISABLED": "true", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(ROOT / path), *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False)

    return run


@pytest.mark.spark
@pytest.mark.slow
def test_a_person_with_the_operators_policy_runs_the_whole_pipeline_and_can_do_nothing_else(
    operator: Callable[..., subprocess.CompletedProcess[str]], endpoint: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: dict[str, set[str]] = {}
    require = Guard.require

    def record(self: Guard, principal: Any, asks: Any, service: str) -> None:
        asked = list(asks)
        used.setdefault(principal.arn.rpartition("/")[2], set()).update(ask.action for ask in asked)
        require(self, principal, asked, service)

    monkeypatch.setattr(Guard, "require", record)

    def done(path: str, *arguments: object) -> str:
        told = operator(path, *arguments)
        assert told.returncode == 0, told.stderr + told.stdout
        return told.stdout

    sample = ("--labs", "JovialSwallow", "--videos", 3, "--test-videos", 1, "--seconds", 20)
    done("aws_pipeline/sample_data.py", "--data-dir", tmp_path / "data", *sample)
    assert done("aws_pipeline/s3_upload.py").startswith(f"s3://our-lab-us-east-1-raw-zone at {endpoint.url}: ")
    done("aws_pipeline/glue_etl.py")
    counted = json.loads(done("aws_pipeline/athena.py", "SELECT count(*) AS n FROM metadata_train", "--format", "json"))
    assert counted[0]["n"] > 0
    done("aws_pipeline/sagemaker_train.py", "--recipe", "trees", "--output-dir", tmp_path / "models")
    assert (tmp_path / "models" / "trees.safetensors").is_file()
    job = boto3.client("sagemaker").list_training_jobs()["TrainingJobSummaries"][0]["TrainingJobName"]
    done("aws_pipeline/sagemaker_deploy.py", "register", job)
    done("aws_pipeline/sagemaker_deploy.py", "approve", 1)
    done("inference/pack_requests.py", "--output", tmp_path / "requests")
    done("aws_pipeline/sagemaker_deploy.py", "transform", "--requests", tmp_path / "requests", "--output", tmp_path / "bouts")
    assert len(list((tmp_path / "bouts").glob("*.csv"))) == 1
    done("aws_pipeline/sagemaker_deploy.py", "endpoint", "create", "now")
    done("aws_pipeline/sagemaker_deploy.py", "endpoint", "delete", "now")
    assert {path.name for path in endpoint.root.iterdir() if not path.name.startswith(".")} == {
        f"our-lab-us-east-1-{zone}" for zone in ("raw-zone", "curated-zone", "athena-results", "artifacts")
    }

    granted = {action for each in operator_document(HERE)["Statement"] for action in each["Action"]}
    assert granted - used["ann"] == set(RARE), "what a person is granted beyond that needs a reason"
    refused = operator("infra/deploy.py")
    assert refused.returncode == 5, refused.stderr
    assert "user/ann is not authorized to perform: cloudformation:" in refused.stderr
