"""One walk over a template by plain boto3 calls: creates what is missing, updates what differs, leaves the rest alone."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from botocore.exceptions import ClientError

from behavior.contract import UsageError

Properties = dict[str, Any]
_ORDER = ("AWS::S3::Bucket", "AWS::IAM::Role", "AWS::Glue::Database", "AWS::Glue::Table", "AWS::Glue::Job", "AWS::Athena::WorkGroup")
_MISSING = frozenset({"404", "NoSuchBucket", "NoSuchEntity", "EntityNotFoundException", "NoSuchLifecycleConfiguration"})
_MISSING |= {"NoSuchPublicAccessBlockConfiguration", "ServerSideEncryptionConfigurationNotFoundError"}
_MISSING |= {"InvalidRequestException"}  # what Athena says of a workgroup that is not there


class AwsSession(Protocol):
    """What deploying needs of a boto3 session."""

    @property
    def region_name(self) -> str | None:
        """The region that clients go to."""

    def client(self, service_name: str) -> Any:
        """Make a client."""


class Deployment:
    """The resources of one template. Raises ValueError for a type that it cannot make."""

    def __init__(self, template: Mapping[str, Any], session: AwsSession) -> None:
        self.resources: dict[str, dict[str, Any]] = template["Resources"]
        unknown = sorted({resource["Type"] for resource in self.resources.values()} - set(_ORDER))
        if unknown:
            what = f"Expected resources of {', '.join(_ORDER)}, but got {', '.join(unknown)}"
            raise ValueError(f"{what}. Teach infra.deployment how to make them.")
        self.s3, self.iam, self.glue, self.athena = (session.client(name) for name in ("s3", "iam", "glue", "athena"))
        identity = session.client("sts").get_caller_identity()
        self.pseudo = {
            "AWS::AccountId": identity["Account"],
            "AWS::Region": session.region_name or self.s3.meta.region_name,
            "AWS::Partition": identity["Arn"].split(":")[1],
        }

    def buckets(self) -> Iterator[str]:
        """Bring the buckets in line; yield a line for each change."""
        return self._walk(_ORDER[:1])

    def upload(self, objects: Mapping[str, bytes]) -> Iterator[str]:
        """Put objects (address -> content) that are not there as they should be; yield a line for each."""
        for address, content in objects.items():
            bucket, _, key = address.removeprefix("s3://").partition("/")
            found = _found(self.s3.head_object, Bucket=bucket, Key=key)
            if found is None or found["ETag"].strip('"') != hashlib.md5(content, usedforsecurity=False).hexdigest():
                self.s3.put_object(Bucket=bucket, Key=key, Body=content)
                yield f"Code: uploaded {address}"

    def others(self) -> Iterator[str]:
        """Bring everything but the buckets in line; yield a line for each change."""
        return self._walk(_ORDER[1:])

    def _walk(self, kinds: Sequence[str]) -> Iterator[str]:
        named = [(kinds.index(each["Type"]), name, each) for name, each in self.resources.items() if each["Type"] in kinds]
        for _, name, resource in sorted(named, key=lambda item: item[:2]):
            change = self._apply(resource["Type"], self._resolved(resource["Properties"]))
            if change:
                yield f"{name}: {change}"

    def _apply(self, kind: str, properties: Properties) -> str | None:
        """Bring one resource in line; return what was done."""
        actions: dict[str, Callable[[Properties], str | None]] = {
            "AWS::S3::Bucket": self._bucket,
            "AWS::IAM::Role": self._role,
            "AWS::Glue::Database": self._database,
            "AWS::Glue::Table": self._table,
            "AWS::Glue::Job": self._job,
            "AWS::Athena::WorkGroup": self._workgroup,
        }
        return actions[kind](properties)

    def _resolved(self, value: Any) -> Any:
        """Replace Ref, Fn::GetAtt and Fn::Sub by what they stand for."""
        if isinstance(value, list):
            return [self._resolved(item) for item in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Ref"}:
            return self.pseudo.get(value["Ref"]) or self._physical_name(value["Ref"])
        if set(value) == {"Fn::GetAtt"}:
            name, attribute = value["Fn::GetAtt"]
            if self.resources[name]["Type"] != "AWS::IAM::Role" or attribute != "Arn":
                raise ValueError(
                    f"Expected Fn::GetAtt of a role's Arn, but got {name}.{attribute}. Teach infra.deployment what it stands for."
                )
            return f"arn:{self.pseudo['AWS::Partition']}:iam::{self.pseudo['AWS::AccountId']}:role/{self._physical_name(name)}"
        if set(value) == {"Fn::Sub"}:
            return re.sub(r"\$\{([^}]+)\}", lambda match: self.pseudo.get(match[1]) or self._physical_name(match[1]), value["Fn::Sub"])
        return {key: self._resolved(item) for key, item in value.items()}

    def _physical_name(self, logical: str) -> str:
        properties = self.resources[logical]["Properties"]
        named = {**properties, **properties.get("DatabaseInput", {}), **properties.get("TableInput", {})}
        return str(next(named[key] for key in ("BucketName", "RoleName", "Name") if key in named))

    def _bucket(self, wanted: Properties) -> str | None:
        bucket = {"Bucket": wanted["BucketName"]}
        created = self._is_free(wanted["BucketName"])
        if created:
            region = self.pseudo["AWS::Region"]
            place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            self.s3.create_bucket(**bucket, **place)
        access = wanted["PublicAccessBlockConfiguration"]
        encryption = {"Rules": [_encryption_rule(rule) for rule in wanted["BucketEncryption"]["ServerSideEncryptionConfiguration"]]}
        lifecycle = {"Rules": [_lifecycle_rule(rule) for rule in wanted["LifecycleConfiguration"]["Rules"]]}
        changed = []
        if not _covers(_found(self.s3.get_public_access_block, **bucket), {"PublicAccessBlockConfiguration": access}):
            self.s3.put_public_access_block(**bucket, PublicAccessBlockConfiguration=access)
            changed.append("public access")
        if not _covers(_found(self.s3.get_bucket_encryption, **bucket), {"ServerSideEncryptionConfiguration": encryption}):
            self.s3.put_bucket_encryption(**bucket, ServerSideEncryptionConfiguration=encryption)
            changed.append("encryption")
        if not _covers(_found(self.s3.get_bucket_lifecycle_configuration, **bucket), lifecycle):
            self.s3.put_bucket_lifecycle_configuration(**bucket, LifecycleConfiguration=lifecycle)
            changed.append("lifecycle")
        return _told("bucket", wanted["BucketName"], created, changed)

    def _is_free(self, bucket: str) -> bool:
        """Say whether nobody has a bucket. Raises UsageError for one that we may not use: bucket names are unique in all of AWS."""
        try:
            return _found(self.s3.head_bucket, Bucket=bucket) is None
        except ClientError as error:
            if error.response["Error"]["Code"] != "403":
                raise
            got = "one of another account, or one that these credentials may not see"
            raise UsageError(
                f"Expected bucket {bucket} to be ours or free, but got {got}. Choose another S3_BUCKET, or check the credentials."
            ) from None

    def _role(self, wanted: Properties) -> str | None:
        name = wanted["RoleName"]
        trust = wanted["AssumeRolePolicyDocument"]
        found = _found(self.iam.get_role, RoleName=name)
        changed = []
        if found is None:
            self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        elif _document(found["Role"]["AssumeRolePolicyDocument"]) != trust:
            self.iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
            changed.append("trust")
        for policy in wanted["Policies"]:
            there = _found(self.iam.get_role_policy, RoleName=name, PolicyName=policy["PolicyName"])
            if there is None or _document(there["PolicyDocument"]) != policy["PolicyDocument"]:
                document = json.dumps(policy["PolicyDocument"])
                self.iam.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)
                changed.append(f"policy {policy['PolicyName']}")
        return _told("role", name, found is None, changed)

    def _database(self, wanted: Properties) -> str | None:
        declared = wanted["DatabaseInput"]
        found = _found(self.glue.get_database, Name=declared["Name"])
        if found is None:
            self.glue.create_database(DatabaseInput=declared)
        elif not _covers(found["Database"], declared):
            self.glue.update_database(Name=declared["Name"], DatabaseInput=declared)
            return _told("database", declared["Name"], False, ["description"])
        return _told("database", declared["Name"], found is None, [])

    def _table(self, wanted: Properties) -> str | None:
        declared, database = wanted["TableInput"], wanted["DatabaseName"]
        name = f"{database}.{declared['Name']}"
        found = _found(self.glue.get_table, DatabaseName=database, Name=declared["Name"])
        if found is None:
            self.glue.create_table(DatabaseName=database, TableInput=declared)
        elif not _covers(found["Table"], declared):
            self.glue.update_table(DatabaseName=database, TableInput=declared)
            return _told("table", name, False, ["columns or storage"])
        return _told("table", name, found is None, [])

    def _job(self, wanted: Properties) -> str | None:
        found = _found(self.glue.get_job, JobName=wanted["Name"])
        if found is None:
            self.glue.create_job(**wanted)
        elif not _covers(found["Job"], wanted):
            self.glue.update_job(JobName=wanted["Name"], JobUpdate={key: value for key, value in wanted.items() if key != "Name"})
            return _told("job", wanted["Name"], False, ["definition"])
        return _told("job", wanted["Name"], found is None, [])

    def _workgroup(self, wanted: Properties) -> str | None:
        name, configuration = wanted["Name"], wanted["WorkGroupConfiguration"]
        about = {"Name": name, "Description": wanted["Description"]}
        answer = _found(self.athena.get_work_group, WorkGroup=name)
        if answer is None:
            self.athena.create_work_group(**about, Configuration=configuration)
            return _told("workgroup", name, True, [])
        found = answer["WorkGroup"]
        if _covers(found, {**about, "State": wanted["State"], "Configuration": configuration}):
            return None
        update = {"WorkGroup": name, "Description": wanted["Description"], "State": wanted["State"]}
        self.athena.update_work_group(**update, ConfigurationUpdates=_configuration_updates(configuration))
        return _told("workgroup", name, False, ["configuration"])


def _found(read: Callable[..., dict[str, Any]], **request: Any) -> dict[str, Any] | None:
    """Return what a read says, or None when there is no such thing."""
    try:
        return read(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return None
        raise


def _covers(actual: Any, wanted: Any) -> bool:
    """Say whether `actual` holds everything that is wanted; AWS adds fields of its own, and leaves empty ones out."""
    if isinstance(wanted, Mapping):
        return isinstance(actual or {}, Mapping) and all(_covers((actual or {}).get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        there = actual or []
        return len(there) == len(wanted) and all(_covers(one, other) for one, other in zip(there, wanted, strict=True))
    return bool(actual == wanted or (not wanted and wanted is not False and not actual))


def _document(policy: Any) -> Any:
    return json.loads(policy) if isinstance(policy, str) else policy


def _encryption_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Write a rule as S3's API has it; CloudFormation spells expiration differently."""
    days = {"Expiration": {"Days": rule["ExpirationInDays"]}} if "ExpirationInDays" in rule else {}
    kept = {key: value for key, value in rule.items() if key in ("Status", "AbortIncompleteMultipartUpload")}
    return {"ID": rule["Id"], "Filter": {"Prefix": ""}, **kept, **days}


def _configuration_updates(configuration: Mapping[str, Any]) -> dict[str, Any]:
    updates = {key: value for key, value in configuration.items() if key != "ResultConfiguration"}
    return {**updates, "ResultConfigurationUpdates": configuration["ResultConfiguration"]}


def _told(kind: str, name: str, created: bool, changed: list[str]) -> str | None:
    if created:
        return f"created {kind} {name}"
    return f"updated {', '.join(changed)} of {kind} {name}" if changed else None
