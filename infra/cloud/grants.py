"""Statements of policies, and the ARNs in them."""

from __future__ import annotations

from typing import Any

from aws_pipeline.config import Settings

Statement = dict[str, Any]


def allow(sid: str, actions: list[str], resources: list[Any], **condition: Any) -> Statement:
    """Return a statement that allows actions on resources."""
    conditions = {"Condition": condition["condition"]} if condition else {}
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources, **conditions}


def policy(statements: list[Statement]) -> dict[str, Any]:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": statements}


def arn(service: str, path: str, account: str = "${AWS::AccountId}") -> dict[str, str]:
    """Return the ARN of something in the region of the stack."""
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:{account}:{path}"}


def role_arn(name: str) -> dict[str, str]:
    """Return the ARN of a role."""
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{name}"}


def bucket_arn(settings: Settings, zone: str) -> dict[str, str]:
    """Return the ARN of a zone's bucket."""
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{settings.bucket(zone)}"}


def objects(settings: Settings, zone: str, keys: str = "*") -> dict[str, str]:
    """Return the ARN of objects of a zone."""
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{settings.bucket(zone)}/{keys}"}


def catalog_arns(settings: Settings) -> list[dict[str, str]]:
    """Return what every operation on tables is checked against: the catalog, the database, its tables."""
    return [arn("glue", path) for path in ("catalog", f"database/{settings.database}", f"table/{settings.database}/*")]


def trust(service: str) -> dict[str, Any]:
    """Let a service assume a role, but only for resources of this account: another customer cannot make it act for them."""
    same_account = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    return policy([{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole", "Condition": same_account}])
