"""Start the cloud's graph: curate, judge, train, score and register with one command, on AWS's machines, and follow it to its end.

    python aws_pipeline/start_graph.py [--recipe cnn_transformer_small] [--epochs 30] [--spot] [--max-hours 24] [--limit NAME=NUMBER]
    python aws_pipeline/start_graph.py --no-wait               start it and print its address

Reads   the raw zone, as it was uploaded (python aws_pipeline/s3_upload.py).
Writes  the curated zone, a model, and a version of it with its score, which waits for approval.

The graph is a state machine of Step Functions (infra/cloud/graph.py), made from the same steps as pipeline.py. It goes on if this command
is interrupted; on this disk it ends with the stand-in, so keep one running there (python -m infra.local serve), or wait.

Exit codes: 0 registered, or nothing new to learn, 1 unexpected, 2 usage, configuration, or more than --max-cost, 4 the gate stopped it,
            or a job failed (the reason is printed), 5 AWS refuses.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.costs import refuse_above
from aws_pipeline.launching import require_processors
from aws_pipeline.quality_gate import add_limit_flag, limits_of
from aws_pipeline.steps import cloud_steps
from aws_pipeline.terminal import JobFailed, run
from aws_pipeline.training_request import TrainingRequest
from behavior.contract import EXIT_OK, UsageError
from reports.progress import Progress

_POLL_S = 1.0
_MOST_REASON = 1000
_SCORING_HOURS = 6
"""Scoring, and waiting for its machine: so much longer than training the objects are kept that both read."""


def start(order: dict[str, Any], chosen: Settings) -> str:
    """Start an execution and return its address. Raises UsageError if there is no graph."""
    import boto3

    client = boto3.client("stepfunctions")
    account = boto3.client("sts").get_caller_identity()["Arn"].split(":")
    machine = f"arn:{account[1]}:states:{chosen.region}:{account[4]}:stateMachine:{chosen.names.of('graph')}"
    try:
        return str(client.start_execution(stateMachineArn=machine, input=json.dumps(order))["executionArn"])
    except client.exceptions.StateMachineDoesNotExist:
        what = f"Expected a state machine {chosen.names.of('graph')}, but got none"
        raise UsageError(f"{what}. Deploy the stack first: python -m infra.deploy") from None


def follow(execution: str) -> dict[str, Any]:
    """Wait for the end of an execution and return its output. Raises JobFailed with its reason."""
    import boto3

    client = boto3.client("stepfunctions")
    labels = {step.name: step.label for step in cloud_steps()}
    with Progress("graph") as shown:
        while True:
            found = client.describe_execution(executionArn=execution)
            names = [labels[name] for name in _entered(client, execution) if name in labels]
            shown.update(names[0] if names else found["status"].lower())
            if found["status"] != "RUNNING":
                break
            time.sleep(_POLL_S)
    if found["status"] == "SUCCEEDED":
        return dict(json.loads(found["output"]))
    reason = _reason(found)
    raise JobFailed(f"Expected the graph to succeed, but got {found['status']}: {reason} Correct the cause and start it again.")


def _entered(client: Any, execution: str) -> Iterator[str]:
    """Yield the names of the states that an execution entered, the last first."""
    for event in client.get_execution_history(executionArn=execution, reverseOrder=True, maxResults=100)["events"]:
        if event["type"].endswith("StateEntered"):
            yield event["stateEnteredEventDetails"]["name"]


def _reason(found: dict[str, Any]) -> str:
    """Return why an execution failed; the cause of a failed job is its whole description, in which the reason is one field."""
    cause = str(found.get("cause") or found.get("error") or "no reason was given.")
    try:
        job = json.loads(cause)
    except ValueError:
        job = {}
    known = [job[name] for name in ("FailureReason", "ErrorMessage") if isinstance(job, dict) and job.get(name)]
    return str(known[0] if known else cause)[:_MOST_REASON]


def _order_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the input of an execution."""
    seconds = int(arguments.max_hours * 3600)
    longest_hours = (2 if arguments.spot else 1) * arguments.max_hours
    wait = {"MaxWaitTimeInSeconds": 2 * seconds} if arguments.spot else {}
    flags = {"--seed": arguments.seed, **({"--epochs": arguments.epochs} if arguments.epochs else {})}
    return {
        "recipe": arguments.recipe,
        "arguments": [str(word) for pair in flags.items() for word in pair],
        "instance_type": arguments.instance_type,
        "spot": arguments.spot,
        "stopping": {"MaxRuntimeInSeconds": seconds, **wait},
        "keep_hours": math.ceil(longest_hours) + _SCORING_HOURS,
        "only_if_new": arguments.only_if_new,
        **asdict(limits_of(arguments.limit)),
    }


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="cnn_transformer_small", help="recipe to train (default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="train this many epochs at most (default: the recipe's)")
    parser.add_argument("--seed", type=int, default=0, help="seed of all random numbers (default: %(default)s)")
    parser.add_argument("--instance-type", default=TrainingRequest.instance_type, help="machine on AWS (default: %(default)s)")
    parser.add_argument("--spot", action="store_true", help="train on spot machines on AWS")
    parser.add_argument(
        "--max-hours", type=float, default=TrainingRequest.max_hours, help="stop training after this (default: %(default)s)"
    )
    parser.add_argument("--max-cost", type=float, metavar="USD", help="refuse if training may cost more on AWS (aws_pipeline/costs.py)")
    parser.add_argument("--only-if-new", action="store_true", help="train only if this run of the ETL changes the lake")
    parser.add_argument("--no-wait", action="store_true", help="only start it")
    add_limit_flag(parser)
    arguments = parser.parse_args()
    if not arguments.max_hours > 0:
        raise UsageError(f"Expected --max-hours above 0, but got {arguments.max_hours}. Leave it out for the default.")
    require_processors(arguments.recipe, arguments.instance_type)
    refuse_above(arguments.max_cost, arguments.instance_type, arguments.max_hours)
    chosen, order = settings(), _order_of(arguments)
    with endpoint(chosen):
        execution = start(order, chosen)
        if arguments.no_wait:
            print(execution)
            return EXIT_OK
        done = follow(execution)
    if "register" not in done:
        print("nothing new: no run of the ETL has changed the lake, and nothing was trained (--only-if-new)")
        return EXIT_OK
    number = done["register"]["version"].rpartition("/")[2]
    print(f"run {done['data']['run']}: version {number} of {chosen.names.of('recognizers')}, score {done['score']['score']:.3f}")
    print(f"approve it: python aws_pipeline/sagemaker_deploy.py approve {number}")
    return EXIT_OK


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
