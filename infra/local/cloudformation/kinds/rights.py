"""Roles and managed policies."""

from __future__ import annotations

import json
from typing import Any

from infra.local.cloudformation.caller import Caller
from infra.local.cloudformation.kinds.kind import Kind, Properties, global_arn, tag_list


def _role(properties: Properties) -> dict[str, Any]:
    return {"RoleName": properties["RoleName"]}


def _create_role(call: Caller, properties: Properties) -> None:
    trust = json.dumps(properties["AssumeRolePolicyDocument"])
    call.form("iam", "CreateRole", {**_role(properties), "AssumeRolePolicyDocument": trust, "Tags": tag_list(properties)})
    _put_policies(call, {}, properties)


def _update_role(call: Caller, old: Properties, new: Properties) -> None:
    if old["AssumeRolePolicyDocument"] != new["AssumeRolePolicyDocument"]:
        trust = json.dumps(new["AssumeRolePolicyDocument"])
        call.form("iam", "UpdateAssumeRolePolicy", {**_role(new), "PolicyDocument": trust})
    if tag_list(old) != tag_list(new):
        call.form("iam", "TagRole", {**_role(new), "Tags": tag_list(new)})
    _put_policies(call, old, new)


def _put_policies(call: Caller, old: Properties, new: Properties) -> None:
    before = {policy["PolicyName"]: policy["PolicyDocument"] for policy in old.get("Policies") or []}
    after = {policy["PolicyName"]: policy["PolicyDocument"] for policy in new.get("Policies") or []}
    for name, document in after.items():
        if before.get(name) != document:
            call.form("iam", "PutRolePolicy", {**_role(new), "PolicyName": name, "PolicyDocument": json.dumps(document)})
    for name in sorted(before.keys() - after.keys()):
        call.form("iam", "DeleteRolePolicy", {**_role(new), "PolicyName": name})


def _delete_role(call: Caller, properties: Properties) -> None:
    for policy in properties.get("Policies") or []:
        call.form("iam", "DeleteRolePolicy", {**_role(properties), "PolicyName": policy["PolicyName"]})
    call.form("iam", "DeleteRole", _role(properties))


ROLE = Kind(
    name=lambda properties: str(properties["RoleName"]),
    known=frozenset({"RoleName", "AssumeRolePolicyDocument", "Policies", "Description", "Tags"}),
    exists=lambda call, properties: call.is_there(lambda: call.form("iam", "GetRole", _role(properties))),
    create=_create_role,
    update=_update_role,
    delete=_delete_role,
    attributes=lambda properties: {"Arn": global_arn("iam", f"role/{properties['RoleName']}")},
)


def _policy_arn(properties: Properties) -> str:
    return global_arn("iam", f"policy/{properties['ManagedPolicyName']}")


def _create_policy(call: Caller, properties: Properties) -> None:
    document = json.dumps(properties["PolicyDocument"])
    about = {"PolicyName": properties["ManagedPolicyName"], "Description": properties.get("Description", "")}
    call.form("iam", "CreatePolicy", {**about, "PolicyDocument": document})


def _update_policy(call: Caller, old: Properties, new: Properties) -> None:
    arn = _policy_arn(new)
    versions = call.form("iam", "ListPolicyVersions", {"PolicyArn": arn})
    for version in versions.iter("member"):  # IAM keeps five; only the one in use stays
        if version.findtext("IsDefaultVersion") == "false":
            call.form("iam", "DeletePolicyVersion", {"PolicyArn": arn, "VersionId": version.findtext("VersionId")})
    document = json.dumps(new["PolicyDocument"])
    call.form("iam", "CreatePolicyVersion", {"PolicyArn": arn, "PolicyDocument": document, "SetAsDefault": "true"})


def _delete_policy(call: Caller, properties: Properties) -> None:
    arn = _policy_arn(properties)
    for version in call.form("iam", "ListPolicyVersions", {"PolicyArn": arn}).iter("member"):
        if version.findtext("IsDefaultVersion") == "false":
            call.form("iam", "DeletePolicyVersion", {"PolicyArn": arn, "VersionId": version.findtext("VersionId")})
    call.form("iam", "DeletePolicy", {"PolicyArn": arn})


MANAGED_POLICY = Kind(
    name=lambda properties: str(properties["ManagedPolicyName"]),
    known=frozenset({"ManagedPolicyName", "Description", "PolicyDocument"}),
    exists=lambda call, properties: call.is_there(lambda: call.form("iam", "GetPolicy", {"PolicyArn": _policy_arn(properties)})),
    create=_create_policy,
    update=_update_policy,
    delete=_delete_policy,
    fixed=frozenset({"Description"}),
    reference=_policy_arn,
    attributes=lambda properties: {"PolicyArn": _policy_arn(properties)},
)
