"""Register a trained recognizer and serve it: as a batch transform job, or as a serverless endpoint.

    python aws_pipeline/sagemaker_deploy.py register JOB               # a training job -> a version in the group of models
    python aws_pipeline/sagemaker_deploy.py approve VERSION            # a person says that it may be used
    python aws_pipeline/sagemaker_deploy.py list
    python aws_pipeline/sagemaker_deploy.py transform --requests DIR --output DIR [--version N]
    python aws_pipeline/sagemaker_deploy.py endpoint create NAME [--version N] | delete NAME

`register` packs the checkpoint with the code that serves it, and keeps the scores of the job beside it. Requests are files that
python inference/pack_requests.py writes; each answer is CSV, the same bytes as inference/recognize.py writes. Only approved versions are
served; the newest one unless --version says otherwise. On AWS the container is --image (docs/cloud.md says how to make it); on this
disk the same request runs inference/handler.py as a process.

Exit codes: 0 done, 1 unexpected, 2 usage, configuration or a full disk, 4 the job failed (its reason is printed), 5 AWS refuses.
"""

import argparse
import sys
import time
import uuid
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.model_versions import CONTENT_TYPE, approve, find_version, register, serving_image, versions
from aws_pipeline.names import OWNER_TAG
from aws_pipeline.terminal import JobFailed, run
from behavior.contract import EXIT_OK, UsageError
from behavior.whole_file import whole_file
from reports.progress import Progress

SERVERLESS_MB = 3072
"""Memory of a serverless endpoint; PyTorch and a small network need about 1 GB."""
_POLL_S = 1.0


def transform(requests: Path, output: Path, version: int | None, chosen: Settings, instance_type: str) -> int:
    """Answer all requests of a folder by a batch transform job; write <output>/<name>.csv; return how many. Raises JobFailed."""
    import boto3

    client, s3 = boto3.client("sagemaker"), boto3.client("s3")
    sent = sorted(requests.glob("*.parquet"))
    if not sent:
        raise UsageError(f"Expected requests (*.parquet) in {requests}, but got none. Write some: python inference/pack_requests.py")
    name = f"{chosen.names.job_prefix}-transform-{uuid.uuid4().hex[:12]}"
    bucket, folder = chosen.bucket("artifacts"), f"training/transform/{name}"
    for file in sent:
        s3.upload_file(str(file), bucket, f"{folder}/in/{file.name}")
    model = _create_model(name, version, chosen)
    try:
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{folder}/in/"}}
        client.create_transform_job(
            TransformJobName=name,
            ModelName=model,
            MaxPayloadInMB=100,
            BatchStrategy="SingleRecord",
            TransformInput={"DataSource": source, "ContentType": CONTENT_TYPE, "SplitType": "None"},
            TransformOutput={"S3OutputPath": f"s3://{bucket}/{folder}/out", "Accept": "text/csv", "AssembleWith": "None"},
            TransformResources={"InstanceType": instance_type, "InstanceCount": 1},
            Tags=_tags(chosen),
        )
        _follow(client, name)
    finally:
        client.delete_model(ModelName=model)
    for file in sent:
        answer = s3.get_object(Bucket=bucket, Key=f"{folder}/out/{file.name}.out")["Body"].read()
        with whole_file(output / f"{file.stem}.csv") as draft:
            draft.write_bytes(answer)
    return len(sent)


def create_endpoint(name: str, version: int | None, chosen: Settings) -> str:
    """Make a serverless endpoint and wait until it is in service; return its full name. It costs nothing while nobody asks it."""
    import boto3

    client, full = boto3.client("sagemaker"), f"{chosen.names.job_prefix}-{name}"
    _create_model(full, version, chosen)
    serverless = {"MemorySizeInMB": SERVERLESS_MB, "MaxConcurrency": 2}
    variant = {"VariantName": "all", "ModelName": full, "ServerlessConfig": serverless}
    client.create_endpoint_config(EndpointConfigName=full, ProductionVariants=[variant], Tags=_tags(chosen))
    client.create_endpoint(EndpointName=full, EndpointConfigName=full, Tags=_tags(chosen))
    with Progress("endpoint") as shown:
        while (found := client.describe_endpoint(EndpointName=full))["EndpointStatus"] not in ("InService", "Failed"):
            shown.update(found["EndpointStatus"].lower())
            time.sleep(_POLL_S)
    if found["EndpointStatus"] == "Failed":
        raise JobFailed(f"Expected endpoint {full} to be in service, but got: {found.get('FailureReason')} Delete it and read its log.")
    return full


def delete_endpoint(name: str, chosen: Settings) -> str:
    """Remove an endpoint with its configuration and its model; return its full name."""
    import boto3

    client, full = boto3.client("sagemaker"), f"{chosen.names.job_prefix}-{name}"
    client.delete_endpoint(EndpointName=full)
    client.delete_endpoint_config(EndpointConfigName=full)
    client.delete_model(ModelName=full)
    return full


def _create_model(name: str, version: int | None, chosen: Settings) -> str:
    import boto3

    package = find_version(version, chosen, approved=True)
    container = {name: package["InferenceSpecification"]["Containers"][0][name] for name in ("Image", "ModelDataUrl", "Environment")}
    role = boto3.client("iam").get_role(RoleName=chosen.training_role)["Role"]["Arn"]
    boto3.client("sagemaker").create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role, Tags=_tags(chosen))
    return name


def _follow(client: Any, name: str) -> None:
    with Progress("transform job") as shown:
        while (found := client.describe_transform_job(TransformJobName=name))["TransformJobStatus"] in ("InProgress", "Stopping"):
            shown.update(found["TransformJobStatus"].lower())
            time.sleep(_POLL_S)
    if found["TransformJobStatus"] != "Completed":
        raise JobFailed(f"Expected transform job {name} to complete, but got: {found.get('FailureReason') or found['TransformJobStatus']}.")


def _tags(chosen: Settings) -> list[dict[str, str]]:
    return [{"Key": OWNER_TAG, "Value": chosen.names.deployment}]


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    command = actions.add_parser("register", help="make a version of a training job's model")
    command.add_argument("job")
    command.add_argument("--image", help="container image on AWS (default: the repository <deployment>-serving of this account)")
    command = actions.add_parser("approve", help="say that a version may be used")
    command.add_argument("version", type=int)
    actions.add_parser("list", help="list all versions")
    command = actions.add_parser("transform", help="answer many recordings by a batch transform job")
    command.add_argument("--requests", type=Path, default=Path("requests"), help="folder of requests (default: %(default)s)")
    command.add_argument("--output", type=Path, default=Path("bouts"), help="folder for the answers (default: %(default)s)")
    command.add_argument("--version", type=int, help="default: the newest approved one")
    command.add_argument("--instance-type", default="ml.m5.xlarge", help="machine on AWS (default: %(default)s)")
    command = actions.add_parser("endpoint", help="make or remove a serverless endpoint")
    command.add_argument("what", choices=("create", "delete"))
    command.add_argument("name")
    command.add_argument("--version", type=int, help="default: the newest approved one")
    return parser


def _main() -> int:
    """Parse the command line and do it."""
    flags = _flags().parse_args()
    chosen = settings()
    with endpoint(chosen):
        if flags.action == "register":
            print(register(flags.job, chosen, flags.image or serving_image(chosen)))
        elif flags.action == "approve":
            print(approve(flags.version, chosen))
        elif flags.action == "list":
            for each in versions(chosen):
                print(f"{each['ModelPackageVersion']}  {each['ModelApprovalStatus']}  {each.get('ModelPackageDescription', '')}")
        elif flags.action == "transform":
            count = transform(flags.requests, flags.output, flags.version, chosen, flags.instance_type)
            print(f"{flags.output}: bouts of {count} recordings")
        elif flags.what == "create":
            print(create_endpoint(flags.name, flags.version, chosen))
        else:
            print(f"deleted {delete_endpoint(flags.name, chosen)}")
    return EXIT_OK


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
