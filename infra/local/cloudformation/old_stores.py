"""A store of version 0.2.0 and older: roles, job, workgroup and tables that no stack owns make room for those of the stacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from infra.local.cloudformation.caller import Caller
from infra.local.cloudformation.plan import Planned, make_plan
from infra.local.cloudformation.stacks import Stack


def make_room(call: Caller, bodies: Iterable[tuple[str, Mapping[str, str]]]) -> None:
    """Remove what the stacks of these templates and parameters are to make and what is there already; data are not touched."""
    for body, parameters in bodies:
        plan = make_plan(body, parameters, {"name": "new", "id": Stack.new("new").id}, ["CAPABILITY_NAMED_IAM"], {})
        for each in reversed(plan.resources):
            if each.type != "AWS::S3::Bucket" and each.kind.exists(call, each.properties):
                _remove(call, each)


def _remove(call: Caller, each: Planned) -> None:
    if each.type == "AWS::IAM::Role":  # policies of other names than today's
        for name in call.form("iam", "ListRolePolicies", {"RoleName": each.properties["RoleName"]}).iter("member"):
            call.form("iam", "DeleteRolePolicy", {"RoleName": each.properties["RoleName"], "PolicyName": name.text})
        call.form("iam", "DeleteRole", {"RoleName": each.properties["RoleName"]})
    else:
        each.kind.delete(call, each.properties)
