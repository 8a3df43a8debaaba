"""The cloud's graph: made from the steps that pipeline.py runs, and executed by the stand-in for an unmodified client."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import boto3
import pytest

from aws_pipeline import s3_upload, start_graph
from aws_pipeline.config import settings
from aws_pipeline.job_code import glue_code
from aws_pipeline.launching import LAUNCHER
from aws_pipeline.steps import STEPS, cloud_needs, cloud_steps, needs, step
from aws_pipeline.training_request import TrainingRequest, command_of
from infra.cloud.graph import definition, graph_template
from infra.cloud.images import training_image
from infra.deploy import deploy
from infra.local.states.machine_run import MachineRun

ROOT = Path(__file__).resolve().parents[3]
HERE = settings({})
STATES: dict[str, Any] = definition(HERE)["States"]


def path_to(name: str) -> list[str]:
    """Return the states from the first one to one of them, along Next and, behind the gate, to what trains."""
    passed, at = [], "defaults"
    while at != name:
        passed.append(at)
        at = STATES[at]["Choices"][-1]["Next"] if STATES[at]["Type"] == "Choice" else STATES[at]["Next"]
    return passed


def test_every_step_with_an_action_is_one_task_with_this_action_and_no_other_task_is_a_step() -> None:
    for one in cloud_steps():
        assert STATES[one.name]["Resource"] == f"arn:${{AWS::Partition}}:states:::{one.action}"
        assert STATES[one.name]["Comment"] == one.does
    for one in STEPS:
        assert bool(one.action) != bool(one.only_here), f"{one.name} either has an action or a reason for none"
        assert (one.name in STATES) == bool(one.action)


def test_a_step_of_the_graph_comes_behind_all_that_it_needs() -> None:
    for one in cloud_steps():
        assert {other.name for other in cloud_needs(one)} <= set(path_to(one.name))
    assert [one.name for one in cloud_steps()] == ["etl", "gate", "train", "score", "register"]
    assert [one.name for one in cloud_needs(step("score"))] == ["train"], "recognizing has no action there: what it needs counts"


def test_the_declared_order_is_one_in_which_everything_is_written_before_it_is_read() -> None:
    done: set[str] = set()
    for one in STEPS:
        assert {other.name for other in needs(one)} <= done
        done.add(one.name)
    assert len({one.name for one in STEPS}) == len(STEPS) == len({one.writes for one in STEPS})


def test_every_command_of_a_step_is_a_script_of_this_repository() -> None:
    for one in STEPS:
        assert (ROOT / one.command[0]).is_file()


def test_names_of_jobs_fit_into_what_sagemaker_takes() -> None:
    far = settings({"USE_LOCAL_FS": "false", "S3_BUCKET": "x" * 33, "AWS_DEFAULT_REGION": "ap-southeast-2"})
    names = definition(far)["States"]["order"]["Parameters"]["names"]
    for text in names.values():
        prefix = re.fullmatch(r"States.Format\('(.*)\{\}', States.UUID\(\)\)", text)
        assert prefix
        assert len(prefix[1]) + 36 <= 63


def test_the_accounts_of_images_are_those_that_the_sdk_knows() -> None:
    core = find_spec("sagemaker.core")  # found, not imported: that takes seconds
    assert core
    assert core.submodule_search_locations
    listed = json.loads(Path(core.submodule_search_locations[0], "image_uri_config", "pytorch-amzn2023.json").read_text())
    registries = listed["training"]["versions"]["2.13"]["registries"]
    ordinary = {
        region: account for region, account in registries.items() if not region.startswith(("cn-", "us-gov", "us-iso", "eu-iso", "eusc"))
    }
    assert {region: training_image(region).split(".")[0] for region in ordinary} == ordinary
    assert training_image("eu-central-1").endswith(f"/pytorch:2.13-{listed['training']['versions']['2.13']['container_version']['gpu']}")


def going_through(is_new: str, order: dict[str, Any]) -> tuple[str, list[str]]:
    """Execute the graph with tasks that answer at once; return its status and the tasks that ran."""
    row = {"Data": [{"VarCharValue": text} for text in ("true", "The data are within all limits.", "r1", is_new, "2026-12-01T00:00:00Z")]}
    job = {"TrainingJobName": "j", "ModelArtifacts": {"S3ModelArtifacts": "s3://m"}, "FinalMetricDataList": [{"Value": 0.5}]}
    answers = {
        "glue:startJobRun.sync": {"Id": "jr_1"},
        "athena:startQueryExecution.sync": {"QueryExecution": {"QueryExecutionId": "q"}},
        "athena:getQueryResults": {"ResultSet": {"Rows": [{"Data": []}, row]}},
        "sagemaker:createTrainingJob.sync": job,
        "aws-sdk:sagemaker:describeTrainingJob": job,
        "aws-sdk:sagemaker:createModelPackage": {"ModelPackageArn": "arn:1"},
    }
    ran: list[str] = []
    asked: list[dict[str, Any]] = []

    def run_task(task: str, request: dict[str, Any], wait: Any) -> dict[str, Any]:
        ran.append(task)
        asked.append(request)
        return answers.get(task, {})

    resolved = json.loads(json.dumps(definition(HERE)).replace("${AWS::Partition}", "aws"))
    context = {"Execution": {"Name": "e", "Input": order, "StartTime": "2026-11-30T00:00:00Z"}}
    ended = MachineRun(resolved, context, run_task, lambda kind, details: None, lambda: True).to_end(order)
    REQUESTS[:] = asked
    return ended.status, ran


REQUESTS: list[dict[str, Any]] = []
"""What the tasks were asked for, in order."""


def test_without_a_new_run_of_the_etl_an_execution_that_an_upload_started_trains_nothing() -> None:
    assert going_through("false", {"only_if_new": True}) == (
        "SUCCEEDED",
        ["glue:startJobRun.sync", "athena:startQueryExecution.sync", "athena:getQueryResults"],
    )
    for is_new, order in (("true", {"only_if_new": True}), ("false", {})):
        status, ran = going_through(is_new, order)
        assert status == "SUCCEEDED"
        assert ran.count("sagemaker:createTrainingJob.sync") == 2


def test_an_order_changes_what_it_names_and_leaves_the_rest() -> None:
    spot = {"spot": True, "stopping": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 90}, "max_missing_share": 0.25}
    going_through("true", {"recipe": "trees", "arguments": ["--epochs", "3"], **spot})
    etl, gate, _, pin, train, score, *_ = REQUESTS
    assert (etl["NumberOfWorkers"], etl["Arguments"]["--SUMMARY_URI"]) == (2, "s3://artifacts/glue/runs/e.json")
    assert gate["ExecutionParameters"] == ["0.5", "0.25", "60.0", "2", "'2026-11-30T00:00:00Z'", "30"]
    assert (pin["Key"], pin["Body"]) == ("pins/e.json", {"run": "r1", "until": "2026-12-01T00:00:00Z"})
    words = train["AlgorithmSpecification"]["ContainerEntrypoint"]
    assert words[:5] == ["sh", "/opt/ml/input/data/code/start.sh", "1", "training/train.py", "--curated"]
    assert words[words.index("--snapshot") + 1] == "r1"
    assert words[words.index("--recipe") + 1] == "trees"
    assert train["AlgorithmSpecification"]["ContainerArguments"] == ["--epochs", "3"]
    assert (train["EnableManagedSpotTraining"], train["StoppingCondition"]) == (True, spot["stopping"])
    assert "EnableManagedSpotTraining" not in score
    assert [channel["ChannelName"] for channel in score["InputDataConfig"]] == ["curated", "code", "model"]
    assert all(len(word) <= 256 for word in [*words, *score["AlgorithmSpecification"]["ContainerEntrypoint"]])


def test_a_machine_with_several_gpus_gets_the_processes_that_sagemaker_train_starts_there() -> None:
    for name, processes in {"ml.g5.12xlarge": "4", "ml.p5.48xlarge": "8", "ml.c5.2xlarge": "1"}.items():
        going_through("true", {"instance_type": name})
        _, _, _, _, train, score, *_ = REQUESTS
        assert train["AlgorithmSpecification"]["ContainerEntrypoint"][2:4] == [processes, "training/train.py"]
        assert score["AlgorithmSpecification"]["ContainerEntrypoint"][2:4] == ["1", "training/score_held_out.py"]
        alone = command_of(TrainingRequest("cnn_transformer", instance_type=name))
        assert (f"{LAUNCHER}{processes} " in f"{alone} ") == (processes != "1")


def test_trees_are_not_sent_to_a_machine_with_several_gpus(start: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = start("--recipe", "trees", "--instance-type", "ml.g5.12xlarge")
    assert code == 2
    assert "Trees use processors only" in err


def test_an_upload_starts_the_graph_only_where_the_stack_says_so() -> None:
    template = graph_template(HERE)
    resources = template["Resources"]
    assert resources["DataLanded"]["Properties"]["State"] == {"Ref": "StartWhenDataLand"}
    assert template["Parameters"]["StartWhenDataLand"]["Default"] == "DISABLED"
    event = {
        "source": "aws.glue",
        "detail-type": "Glue Data Catalog Table State Change",
        "detail": {"databaseName": "mabe", "changedPartitions": [], "typeOfChange": "UpdateTable", "tableName": "landing"},
    }
    pattern = resources["DataLanded"]["Properties"]["EventPattern"]
    assert all(event[key] in wanted for key, wanted in pattern.items() if key != "detail")
    assert all(event["detail"][key] in wanted for key, wanted in pattern["detail"].items())  # type: ignore[index]


def test_the_lint_reads_the_definition_and_finds_nothing() -> None:
    from cfnlint.api import ManualArgs, lint

    resolved = re.sub(r"\$\{[\w:.]+\}", "aws", json.dumps(definition(HERE)))
    machines = {"Right": resolved, "Wrong": resolved.replace('"Resource"', '"Resorce"')}
    role = "arn:aws:iam::123456789012:role/r"
    properties = {name: {"StateMachineName": name, "RoleArn": role, "DefinitionString": text} for name, text in machines.items()}
    resources = {name: {"Type": "AWS::StepFunctions::StateMachine", "Properties": each} for name, each in properties.items()}
    found = lint(json.dumps({"Resources": resources}), config=ManualArgs(regions=["us-east-1"]))
    assert {match.path[1] for match in found} == {"Wrong"}


@pytest.fixture
def landed(endpoint: Any, tmp_path: Path) -> str:
    """Deploy the stacks and upload four recordings; return the ARN of the state machine."""
    chosen = settings({"AWS_ENDPOINT_URL": endpoint.url})
    deploy(chosen, boto3.Session(), glue_code(chosen))
    make = [sys.executable, ROOT / "aws_pipeline/sample_data.py", "--data-dir", tmp_path / "data", "--labs", "JovialSwallow"]
    subprocess.run([*make, "--videos", "4", "--test-videos", "0", "--seconds", "20"], check=True, capture_output=True, timeout=120)
    s3_upload.upload(tmp_path / "data", chosen)
    (machine,) = boto3.client("stepfunctions").list_state_machines()["stateMachines"]
    return str(machine["stateMachineArn"])


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Start the graph as a person does; return exit code, stdout and stderr."""

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["start_graph.py", *arguments])
        code = start_graph.main()
        return code, *capsys.readouterr()

    return command


@pytest.mark.spark
@pytest.mark.slow
def test_an_execution_ends_with_a_registered_version_and_one_whose_data_are_bad_with_the_reason(
    landed: str, endpoint: Any, start: Callable[..., tuple[int, str, str]]
) -> None:
    states, sagemaker = boto3.client("stepfunctions"), boto3.client("sagemaker")
    code, _, err = start("--limit", "min_annotated=99")
    assert code == 4
    reason = "The data are not good enough to learn from: 4 recordings have annotated bouts, fewer than 99."
    assert f"got FAILED: {reason}" in err
    (first,) = states.list_executions(stateMachineArn=landed)["executions"]
    stopped = states.describe_execution(executionArn=first["executionArn"])
    assert (stopped["status"], stopped["error"], stopped["cause"]) == ("FAILED", "QualityGate", reason)
    assert sagemaker.list_training_jobs()["TrainingJobSummaries"] == []

    code, out, err = start("--recipe", "trees")
    assert code == 0, err
    done = states.describe_execution(executionArn=states.list_executions(stateMachineArn=landed)["executions"][0]["executionArn"])
    made = json.loads(done["output"])
    assert (done["status"], made["order"]["recipe"]) == ("SUCCEEDED", "trees")
    assert out.startswith(f"run {made['data']['run']}: version 1 of mabe-recognizers, score ")
    package = sagemaker.describe_model_package(ModelPackageName=made["register"]["version"])
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    card = package["CustomerMetadataProperties"]
    assert (card["recipe"], card["job"], card["run"]) == ("trees", made["train"]["job"], made["data"]["run"])
    archive = endpoint.root / package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"].removeprefix("s3://")
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        told = tar.extractfile("card.md")
        assert told
        assert f"- run of the ETL that scored it: {card['run']}" in told.read().decode()
        content = tar.extractfile("score.json")
        assert content
        score = json.load(content)
    assert {"trees.safetensors", "code/inference/handler.py", "code/behavior/curation.py"} <= set(names)
    assert float(card["score"]) == pytest.approx(score["score"], abs=1e-5)
    assert not list((endpoint.root / "curated-zone" / "pins").glob("*")), "the run was released"

    history = states.get_execution_history(executionArn=done["executionArn"], maxResults=1000)["events"]
    entered = [event["stateEnteredEventDetails"]["name"] for event in history if event["type"] == "TaskStateEntered"]
    assert entered == ["etl", "gate", "answer", "keep", "train", "score", "read_score", "release", "register"]


def test_without_a_graph_the_stack_is_to_be_deployed_first(endpoint: Any, start: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = start()
    assert code == 2
    assert "Deploy the stack first: python -m infra.deploy" in err


def test_what_may_cost_too_much_is_not_started(start: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = start("--max-hours", "10", "--max-cost", "14")
    assert code == 2
    assert "Expected training (10 h of ml.g5.xlarge on demand) of at most 14 US dollars on AWS, but got up to 14.08" in err


def test_objects_are_kept_for_longer_than_the_jobs_that_read_them_can_last(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, endpoint: Any
) -> None:
    orders: list[dict[str, Any]] = []
    monkeypatch.setattr(start_graph, "start", lambda order, chosen: orders.append(order) or "arn")
    for flags in (["--max-hours", "10"], ["--max-hours", "10", "--spot"]):
        monkeypatch.setattr("sys.argv", ["start_graph.py", "--no-wait", *flags])
        assert start_graph.main() == 0
    assert [order["keep_hours"] for order in orders] == [16, 26]
    assert orders[1]["stopping"] == {"MaxRuntimeInSeconds": 36_000, "MaxWaitTimeInSeconds": 72_000}


def test_the_reason_of_a_failed_job_is_found_in_its_description() -> None:
    job = json.dumps({"TrainingJobName": "j", "FailureReason": "AlgorithmError: no mice", "Tags": []})
    assert start_graph._reason({"cause": job}) == "AlgorithmError: no mice"
    assert start_graph._reason({"cause": "The mice are asleep."}) == "The mice are asleep."
    assert start_graph._reason({"error": "States.Timeout"}) == "States.Timeout"
