"""Deploys the stacks and the code of the job by change sets; shows what would change; removes them.

    python -m infra.deploy                     make everything as declared (the same as `make deploy`)
    python -m infra.deploy diff                show what would change, and change nothing (`make diff`)
    python -m infra.deploy destroy             remove the compute stack; data stay (`make destroy`)
    python -m infra.deploy destroy --delete-data-of NAME
                                               remove everything of the deployment NAME, also all data
    python -m infra.deploy policy              print the policy of people who run the pipeline
    python -m infra.deploy --quicksight-user ARN
                                               make the dashboards as well, on AWS: QuickSight costs a subscription

Near (the default) it deploys to what AWS_ENDPOINT_URL names; AWS on this disk that a script starts for itself has deployed already.
Far (USE_LOCAL_FS=false and S3_BUCKET=<what all names begin with>) it deploys to AWS, with the usual credentials and their region.
Prints a line for each change.

Exit codes: 0 everything is as declared, 1 unexpected, 2 usage, configuration or a full disk, 4 CloudFormation could not do it (its
            reasons are printed, and the stack is as before), 5 AWS refuses.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.job_code import GlueCode, glue_code
from aws_pipeline.terminal import run
from behavior.contract import EXIT_OK, UsageError
from infra.cloud.compute import DEFAULT_BUDGET_USD, compute_parameters, compute_template
from infra.cloud.dashboards import dashboards_template
from infra.cloud.data import data_template
from infra.cloud.graph import graph_parameters, graph_template
from infra.cloud.operator import operator_document
from infra.cloud.ownership import AwsSession, refuse_buckets_of_others


def deploy(
    chosen: Settings,
    session: AwsSession,
    code: GlueCode,
    *,
    adopt: bool = False,
    alarm_email: str | None = None,
    budget_usd: int | None = None,
    start_when_data_land: bool | None = None,
) -> list[str]:
    """Make data, code, compute and the graph as declared, in this order; return one line for each change, none if all was as declared.

    Buckets that exist already must be this deployment's, by their tag, or belong to nobody and be adopted. An alarm address, a budget
    and whether an upload starts the graph stay as they are if they are not given. Raises UsageError and StackFailed.
    """
    from infra.cloud.change_sets import apply

    refuse_buckets_of_others(chosen, session, adopt=adopt)
    client = session.client("cloudformation")
    data, *others = _orders(chosen, client, code, alarm_email, budget_usd, start_when_data_land)
    made = [*apply(client, data), *_upload(session, code.objects)]
    return [*made, *(line for order in others for line in apply(client, order))]


def deploy_dashboards(chosen: Settings, session: AwsSession, user: str) -> list[str]:
    """Make the dashboards of a QuickSight user; return one line for each change. Raises UsageError near: the stand-in has no QuickSight."""
    from infra.cloud.change_sets import StackOrder, apply

    if chosen.local:
        raise UsageError(
            "Expected USE_LOCAL_FS=false with --quicksight-user, but got AWS on this disk, which has no QuickSight. Leave it out."
        )
    names = chosen.names
    order = StackOrder(names.of("dashboards"), names.deployment, dashboards_template(chosen), {"QuickSightUser": user})
    return apply(session.client("cloudformation"), order)


def diff(chosen: Settings, session: AwsSession, code: GlueCode) -> list[str]:
    """Return one line for each thing that `deploy` would change."""
    from infra.cloud.change_sets import show

    client = session.client("cloudformation")
    return [line for order in _orders(chosen, client, code) for line in show(client, order)]


def destroy(chosen: Settings, session: AwsSession, data_of: str | None = None) -> list[str]:
    """Remove all stacks but that of the data, and the data as well if `data_of` names this deployment. Return what was done."""
    from infra.cloud.change_sets import remove

    if data_of not in (None, chosen.names.deployment):
        what = f"Expected --delete-data-of to name this deployment ({chosen.names.deployment}), but got {data_of}"
        raise UsageError(f"{what}. Nothing was removed.")
    client = session.client("cloudformation")
    stacks = [chosen.names.of(what) for what in ("dashboards", "graph", "compute")]
    done = [f"removed stack {stack}" for stack in stacks if remove(client, stack)]
    if data_of is None:
        return done
    from infra.cloud.removal import remove_data

    return [*done, *remove_data(chosen, session)]


def _orders(
    chosen: Settings,
    client: Any,
    code: GlueCode,
    alarm_email: str | None = None,
    budget_usd: int | None = None,
    start_when_data_land: bool | None = None,
) -> tuple[Any, ...]:
    """Return the orders of all stacks, in order."""
    from infra.cloud.change_sets import StackOrder, parameters_of

    names, before = chosen.names, parameters_of(client, chosen.names.of("compute"))
    email = before.get("AlarmEmail", "") if alarm_email is None else alarm_email
    budget = int(before.get("MonthlyBudgetUsd", DEFAULT_BUDGET_USD)) if budget_usd is None else budget_usd
    starts = parameters_of(client, names.of("graph")).get("StartWhenDataLand", "DISABLED")
    if start_when_data_land is not None:
        starts = "ENABLED" if start_when_data_land else "DISABLED"
    return (
        StackOrder(names.of("data"), names.deployment, data_template(chosen), {}),
        StackOrder(names.of("compute"), names.deployment, compute_template(chosen, email), compute_parameters(code, email, budget)),
        StackOrder(names.of("graph"), names.deployment, graph_template(chosen), graph_parameters(code, starts)),
    )


def _upload(session: AwsSession, objects: Mapping[str, bytes]) -> Iterator[str]:
    """Put objects (address -> content) that are not there as they should be; yield a line for each."""
    from botocore.exceptions import ClientError

    s3 = session.client("s3")
    for address, content in objects.items():
        bucket, _, key = address.removeprefix("s3://").partition("/")
        try:
            etag = s3.head_object(Bucket=bucket, Key=key)["ETag"].strip('"')
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
                raise
            etag = ""
        if etag != hashlib.md5(content, usedforsecurity=False).hexdigest():
            s3.put_object(Bucket=bucket, Key=key, Body=content)
            yield f"Code: upload {address}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.deploy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", nargs="?", choices=("deploy", "diff", "destroy", "policy"), default="deploy", help="default: %(default)s")
    parser.add_argument("--adopt", action="store_true", help="take over buckets that exist already and carry no tag")
    parser.add_argument("--alarm-email", metavar="ADDRESS", help="who is told of failed jobs and of costs")
    parser.add_argument("--monthly-budget", type=int, metavar="USD", help=f"budget of a month (default: {DEFAULT_BUDGET_USD})")
    parser.add_argument(
        "--start-when-data-land", action=argparse.BooleanOptionalAction, help="an upload starts the graph, and so training (default: no)"
    )
    parser.add_argument("--quicksight-user", metavar="ARN", help="make the dashboards, too, for this user of QuickSight")
    parser.add_argument("--delete-data-of", metavar="NAME", help="with destroy: delete all data of the deployment NAME as well")
    return parser.parse_args()


def _main() -> int:
    """Parse the command line, do it, report."""
    arguments = _arguments()
    chosen = settings()
    with endpoint(chosen):
        import boto3

        session = boto3.Session(region_name=chosen.region)
        if arguments.action == "policy":
            print(json.dumps(_for_people(operator_document(chosen), chosen, session), indent=2))
            return EXIT_OK
        if arguments.action == "destroy":
            lines = destroy(chosen, session, arguments.delete_data_of)
        elif arguments.action == "diff":
            lines = diff(chosen, session, glue_code(chosen))
        else:
            options = {"alarm_email": arguments.alarm_email, "budget_usd": arguments.monthly_budget}
            options["start_when_data_land"] = arguments.start_when_data_land
            lines = deploy(chosen, session, glue_code(chosen), adopt=arguments.adopt or chosen.local, **options)
            if arguments.quicksight_user:
                lines += deploy_dashboards(chosen, session, arguments.quicksight_user)
    ends = {"deploy": "everything is as declared", "diff": "nothing was changed", "destroy": "the rest stays"}
    print("\n".join([*lines, f"{len(lines)} changes {chosen.place}; {ends[arguments.action]}"]))
    return EXIT_OK


def _for_people(document: Any, chosen: Settings, session: AwsSession) -> Any:
    """Write a policy without references, so that it can be used without a stack."""
    identity = session.client("sts").get_caller_identity()
    values = {"AWS::AccountId": identity["Account"], "AWS::Region": chosen.region, "AWS::Partition": identity["Arn"].split(":")[1]}

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(item) for item in value]
        if isinstance(value, dict) and set(value) == {"Fn::Sub"}:
            text = value["Fn::Sub"]
            for name, known in values.items():
                text = text.replace(f"${{{name}}}", known)
            return text
        return {key: plain(item) for key, item in value.items()} if isinstance(value, dict) else value

    return plain(document)


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
