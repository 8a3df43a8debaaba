"""What a request asks of IAM: each action with its resource; AWS lets a request through only if all of them are allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from infra.local.access.policies import Ask
from infra.local.control.moto_app import ACCOUNT, REGION

if TYPE_CHECKING:
    from infra.local.s3.wire import Request

FREE = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken"})
"""Actions that need no permission."""
_BUCKET_WORDS = {
    "policy": "BucketPolicy", "policyStatus": "BucketPolicyStatus", "lifecycle": "LifecycleConfiguration",
    "encryption": "EncryptionConfiguration", "publicAccessBlock": "BucketPublicAccessBlock", "versioning": "BucketVersioning",
    "tagging": "BucketTagging", "acl": "BucketAcl",
    "cors": "BucketCORS", "logging": "BucketLogging", "website": "BucketWebsite", "notification": "BucketNotification",
    "replication": "ReplicationConfiguration", "accelerate": "AccelerateConfiguration", "ownershipControls": "BucketOwnershipControls",
    "requestPayment": "BucketRequestPayment", "object-lock": "BucketObjectLockConfiguration", "analytics": "AnalyticsConfiguration",
    "inventory": "InventoryConfiguration", "metrics": "MetricsConfiguration", "intelligent-tiering": "IntelligentTieringConfiguration",
}  # fmt: skip
_DELETED_BY_PUT = frozenset({"lifecycle", "encryption", "publicAccessBlock", "tagging", "cors", "ownershipControls"})
"""Sub-resources that a principal may delete who may put them: IAM has no action of its own for it."""


def arn(service: str, path: str, account: str = ACCOUNT) -> str:
    """Return the ARN of something of this account."""
    return f"arn:aws:{service}:{REGION}:{account}:{path}"


def role_arn(name: str) -> str:
    """Return the ARN of a role; an ARN stays as it is."""
    return name if name.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:role/{name}"


def asked_of_s3(request: Request) -> list[Ask]:
    """Return what a request to S3 asks for; DeleteObjects asks for each key by itself."""
    bucket, _, key = request.path.removeprefix("/").partition("/")
    method, query = request.method, request.query
    if method == "POST" and "delete" in query and not key:
        return []
    if not bucket:
        return [Ask("s3:ListAllMyBuckets")]
    if not key:
        return [_asked_of_bucket(method, query, f"arn:aws:s3:::{bucket}")]
    asks = [Ask(f"s3:{_object_action(method, query)}", f"arn:aws:s3:::{bucket}/{key}")]
    if source := request.header("x-amz-copy-source"):
        asks.append(Ask("s3:GetObject", f"arn:aws:s3:::{unquote(source.partition('?')[0]).removeprefix('/')}"))
    return asks


def asked_of_json(service: str, operation: str, request: Mapping[str, Any]) -> list[Ask]:
    """Return what an operation of a JSON service asks for."""
    action = f"{service}:{operation}"
    resources = _RESOURCES.get(service, _no_resource)(operation, request)
    asks = [Ask(action, resource) for resource in resources]
    given = [request.get(name) for name in ("Role", "RoleArn", "ExecutionRoleArn", "roleArn")]
    for value in [*given, (request.get("TrainingJobDefinition") or {}).get("RoleArn")]:
        if isinstance(value, str) and operation.startswith(("Create", "Update")):
            asks.append(Ask("iam:PassRole", role_arn(value), {"iam:passedtoservice": f"{service}.amazonaws.com"}))
    if service == "sagemaker" and request.get("Tags") and operation.startswith("Create"):
        asks += [Ask("sagemaker:AddTags", resource) for resource in resources]
    return asks


def asked_by_query(request: Mapping[str, Any], workgroup: Mapping[str, Any]) -> list[Ask]:
    """Return what Athena does in the name of who starts a query, beside reading objects: it looks up tables and writes the answer."""
    configuration = workgroup.get("Configuration") or {}
    asked = (request.get("ResultConfiguration") or {}).get("OutputLocation")
    own = (configuration.get("ResultConfiguration") or {}).get("OutputLocation")
    output = (own if configuration.get("EnforceWorkGroupConfiguration") else asked or own) or ""
    bucket, _, folder = output.removeprefix("s3://").partition("/")
    database = (request.get("QueryExecutionContext") or {}).get("Database") or "default"
    tables = [arn("glue", path) for path in ("catalog", f"database/{database}", f"table/{database}/*")]
    results = [Ask("s3:GetBucketLocation", f"arn:aws:s3:::{bucket}"), Ask("s3:PutObject", f"arn:aws:s3:::{bucket}/{folder}*")]
    return [*results, *(Ask("glue:GetTable", table) for table in tables), *(Ask("glue:GetDatabase", each) for each in tables[:2])]


def asked_of_form(service: str, form: Mapping[str, str]) -> list[Ask]:
    """Return what a request of a query service (IAM, STS, CloudFormation, SNS) asks for."""
    action = f"{service}:{form.get('Action', '')}"
    if service in ("iam", "sts"):
        for name, kind in (("RoleName", "role"), ("UserName", "user"), ("PolicyName", "policy")):
            if form.get(name):
                return [Ask(action, f"arn:aws:iam::{ACCOUNT}:{kind}/{form[name]}")]
        return [Ask(action, form.get("PolicyArn") or form.get("RoleArn") or form.get("PolicySourceArn") or "*")]
    if service == "cloudformation":
        name = form.get("StackName") or ""
        stack = name if name.startswith("arn:") else arn(service, f"stack/{name}/*") if name else "*"
        return [Ask(action, stack)]
    if service == "sns":
        topic = form.get("TopicArn") or form.get("ResourceArn") or (arn("sns", form["Name"]) if form.get("Name") else "*")
        return [Ask(action, topic)]
    return [Ask(action)]


def _asked_of_bucket(method: str, query: Mapping[str, str], bucket: str) -> Ask:
    for name, word in _BUCKET_WORDS.items():
        if name in query:
            verb = "Get" if method == "GET" else "Delete" if method == "DELETE" and name not in _DELETED_BY_PUT else "Put"
            return Ask(f"s3:{verb}{word}", bucket)
    if method in ("PUT", "DELETE"):
        return Ask("s3:CreateBucket" if method == "PUT" else "s3:DeleteBucket", bucket)
    if "location" in query:
        return Ask("s3:GetBucketLocation", bucket)
    if "uploads" in query:
        return Ask("s3:ListBucketMultipartUploads", bucket)
    if "versions" in query:
        return Ask("s3:ListBucketVersions", bucket, {"s3:prefix": query.get("prefix", "")})
    return Ask("s3:ListBucket", bucket, {"s3:prefix": query.get("prefix", "")})


def _object_action(method: str, query: Mapping[str, str]) -> str:
    if "tagging" in query:
        return f"{'Get' if method == 'GET' else 'Delete' if method == 'DELETE' else 'Put'}ObjectTagging"
    if "uploadId" in query and method in ("DELETE", "GET"):
        return "AbortMultipartUpload" if method == "DELETE" else "ListMultipartUploadParts"
    version = "Version" if query.get("versionId") else ""
    return {"GET": f"GetObject{version}", "HEAD": f"GetObject{version}", "DELETE": f"DeleteObject{version}"}.get(method, "PutObject")


def _no_resource(operation: str, request: Mapping[str, Any]) -> list[str]:
    return [str(request.get("ResourceArn") or request.get("ResourceARN") or "*")]


def _glue(operation: str, request: Mapping[str, Any]) -> list[str]:
    if request.get("ResourceArn"):
        return [request["ResourceArn"]]
    if "Job" in operation:
        return [arn("glue", f"job/{request.get('JobName') or request.get('Name') or '*'}")]
    about_tables = any(word in operation for word in ("Table", "Partition"))
    database = request.get("DatabaseName") or (request.get("DatabaseInput") or {}).get("Name") or (not about_tables and request.get("Name"))
    resources = [arn("glue", "catalog"), arn("glue", f"database/{database or '*'}")]
    if about_tables:
        table = request.get("TableName") or (request.get("TableInput") or {}).get("Name") or request.get("Name") or "*"
        resources.append(arn("glue", f"table/{database}/{table}"))
    return resources


def _athena(operation: str, request: Mapping[str, Any]) -> list[str]:
    if request.get("ResourceARN"):
        return [request["ResourceARN"]]
    if "Catalog" in operation and request.get("CatalogName", request.get("Name")):
        return [arn("athena", f"datacatalog/{request.get('CatalogName') or request.get('Name')}")]
    name = request.get("WorkGroup") or (request.get("Name") if "WorkGroup" in operation else None)
    if operation in ("ListWorkGroups", "ListDataCatalogs", "ListEngineVersions"):
        return ["*"]
    return [arn("athena", f"workgroup/{name or 'primary'}")]


_SAGEMAKER_KINDS = {
    "HyperParameterTuningJob": "hyper-parameter-tuning-job", "TrainingJob": "training-job",
    "TransformJob": "transform-job", "ProcessingJob": "processing-job", "EndpointConfig": "endpoint-config",
    "Endpoint": "endpoint", "ModelPackageGroup": "model-package-group", "ModelPackage": "model-package", "Model": "model",
    "Pipeline": "pipeline",
}  # fmt: skip


def _sagemaker(operation: str, request: Mapping[str, Any]) -> list[str]:
    if request.get("ResourceArn"):
        return [request["ResourceArn"]]
    if operation.startswith(("List", "Search")) and operation != "ListTrainingJobsForHyperParameterTuningJob":
        return ["*"]
    if operation == "CreateModelPackage":
        return [arn("sagemaker", f"model-package/{str(request.get('ModelPackageGroupName')).lower()}/*")]
    for kind, path in _SAGEMAKER_KINDS.items():
        if kind in operation:
            name = str(request.get(f"{kind}Name") or request.get(f"{kind}Arn") or "*")
            return [name if name.startswith("arn:") else arn("sagemaker", f"{path}/{name.lower()}")]
    return ["*"]


def _logs(operation: str, request: Mapping[str, Any]) -> list[str]:
    group = request.get("logGroupName") or request.get("logGroupNamePrefix") or "*"
    stream = request.get("logStreamName")
    return [arn("logs", f"log-group:{group}:log-stream:{stream}" if stream else f"log-group:{group}")]


def _states(operation: str, request: Mapping[str, Any]) -> list[str]:
    name = request.get("name")
    machine = request.get("stateMachineArn") or request.get("resourceArn") or request.get("executionArn")
    return [machine or (arn("states", f"stateMachine:{name}") if name else "*")]


_RESOURCES: dict[str, Callable[[str, Mapping[str, Any]], list[str]]] = {
    "glue": _glue, "athena": _athena, "sagemaker": _sagemaker, "logs": _logs, "states": _states,
}  # fmt: skip
