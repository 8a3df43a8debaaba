"""Deploys the stack and the code of its job: creates what is missing, updates what differs, leaves the rest alone.

    python -m infra.deploy

Near (the default) it deploys to what AWS_ENDPOINT_URL names; AWS on this disk that a script starts for itself has deployed already.
Far (USE_LOCAL_FS=false and S3_BUCKET=<what all bucket names begin with>) it deploys to AWS, with the usual credentials.
Prints a line for each change.

Exit codes: 0 everything is as declared, 1 unexpected, 2 usage, configuration or a full disk, 5 AWS refuses.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import endpoint, settings
from aws_pipeline.job_code import glue_code
from aws_pipeline.terminal import run
from behavior.contract import EXIT_OK
from infra.stack import template

if TYPE_CHECKING:
    from infra.deployment import AwsSession


def deploy(stack: Mapping[str, Any], session: "AwsSession", objects: Mapping[str, bytes]) -> list[str]:
    """Bring a template to life and put objects (address -> content), such as the code of its jobs, into its buckets.

    Return one line for each change, none when everything was as declared. The jobs come last: one that is there has its code.
    """
    from infra.deployment import Deployment

    deployment = Deployment(stack, session)
    return [*deployment.buckets(), *deployment.upload(objects), *deployment.others()]


def main() -> int:
    """Parse the command line, deploy, report."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.deploy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    chosen = settings()
    with endpoint(chosen):
        import boto3

        changes = deploy(template(chosen), boto3.Session(region_name=chosen.region), glue_code(chosen).objects)
    print("\n".join([*changes, f"{len(changes)} changes {chosen.place}; everything is as declared"]))
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run(main))
