"""Databases and tables of the catalog, Glue jobs, Athena's workgroups, and groups of models."""

from __future__ import annotations

from typing import Any

from infra.local.access.asked import arn
from infra.local.cloudformation.caller import Caller
from infra.local.cloudformation.kinds.kind import Kind, Properties, tag_list, tag_map
from infra.local.errors import ServiceError


def _without(properties: Properties, *names: str) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name not in names}


def _update_database(call: Caller, old: Properties, new: Properties) -> None:
    declared = new["DatabaseInput"]
    call.json("glue", "UpdateDatabase", {"Name": declared["Name"], "DatabaseInput": declared})


DATABASE = Kind(
    name=lambda properties: str(properties["DatabaseInput"]["Name"]),
    known=frozenset({"CatalogId", "DatabaseInput"}),
    exists=lambda call, properties: call.is_there(lambda: call.json("glue", "GetDatabase", {"Name": properties["DatabaseInput"]["Name"]})),
    create=lambda call, properties: call.json("glue", "CreateDatabase", {"DatabaseInput": properties["DatabaseInput"]}),
    update=_update_database,
    delete=lambda call, properties: call.json("glue", "DeleteDatabase", {"Name": properties["DatabaseInput"]["Name"]}),
)


def _table(properties: Properties) -> dict[str, str]:
    return {"DatabaseName": properties["DatabaseName"], "Name": properties["TableInput"]["Name"]}


TABLE = Kind(
    name=lambda properties: str(properties["TableInput"]["Name"]),
    known=frozenset({"CatalogId", "DatabaseName", "TableInput"}),
    exists=lambda call, properties: call.is_there(lambda: call.json("glue", "GetTable", _table(properties))),
    create=lambda call, properties: call.json("glue", "CreateTable", _without(properties, "CatalogId")),
    update=lambda call, old, new: call.json("glue", "UpdateTable", _without(new, "CatalogId")),
    delete=lambda call, properties: call.json("glue", "DeleteTable", _table(properties)),
    fixed=frozenset({"DatabaseName"}),
)
JOB = Kind(
    name=lambda properties: str(properties["Name"]),
    known=frozenset(
        {
            "Name", "Description", "Role", "GlueVersion", "WorkerType", "NumberOfWorkers", "Timeout", "MaxRetries", "ExecutionProperty",
            "Command", "DefaultArguments", "Tags",
        }
    ),
    exists=lambda call, properties: call.is_there(lambda: call.json("glue", "GetJob", {"JobName": properties["Name"]})),
    create=lambda call, properties: call.json("glue", "CreateJob", {**properties, "Tags": tag_map(properties)}),
    update=lambda call, old, new: call.json("glue", "UpdateJob", {"JobName": new["Name"], "JobUpdate": _without(new, "Name", "Tags")}),
    delete=lambda call, properties: call.json("glue", "DeleteJob", {"JobName": properties["Name"]}),
)  # fmt: skip


def _create_workgroup(call: Caller, properties: Properties) -> None:
    about = {"Name": properties["Name"], "Description": properties.get("Description", ""), "Tags": tag_list(properties)}
    call.json("athena", "CreateWorkGroup", {**about, "Configuration": properties["WorkGroupConfiguration"]})


def _update_workgroup(call: Caller, old: Properties, new: Properties) -> None:
    configuration = dict(new["WorkGroupConfiguration"])
    updates = {**_without(configuration, "ResultConfiguration"), "ResultConfigurationUpdates": configuration.get("ResultConfiguration", {})}
    about = {"WorkGroup": new["Name"], "Description": new.get("Description", ""), "State": new.get("State", "ENABLED")}
    call.json("athena", "UpdateWorkGroup", {**about, "ConfigurationUpdates": updates})


def _delete_workgroup(call: Caller, properties: Properties) -> None:
    if not properties.get("RecursiveDeleteOption"):
        queries = call.json("athena", "ListNamedQueries", {"WorkGroup": properties["Name"]}).get("NamedQueryIds")
        ran = call.json("athena", "ListQueryExecutions", {"WorkGroup": properties["Name"]}).get("QueryExecutionIds")
        if queries or ran:
            what = f"WorkGroup {properties['Name']} is not empty. Expected RecursiveDeleteOption, but got none"
            raise ServiceError("InvalidRequestException", f"{what}. Declare it, deploy, and delete again.")
    call.json("athena", "DeleteWorkGroup", {"WorkGroup": properties["Name"], "RecursiveDeleteOption": True})


WORKGROUP = Kind(
    name=lambda properties: str(properties["Name"]),
    known=frozenset({"Name", "Description", "State", "WorkGroupConfiguration", "RecursiveDeleteOption", "Tags"}),
    exists=lambda call, properties: call.is_there(lambda: call.json("athena", "GetWorkGroup", {"WorkGroup": properties["Name"]})),
    create=_create_workgroup,
    update=_update_workgroup,
    delete=_delete_workgroup,
)


def _group(properties: Properties) -> dict[str, str]:
    return {"ModelPackageGroupName": properties["ModelPackageGroupName"]}


def _create_group(call: Caller, properties: Properties) -> None:
    about = properties.get("ModelPackageGroupDescription", "")
    call.json(
        "sagemaker", "CreateModelPackageGroup", {**_group(properties), "ModelPackageGroupDescription": about, "Tags": tag_list(properties)}
    )


MODEL_GROUP = Kind(
    name=lambda properties: str(properties["ModelPackageGroupName"]),
    known=frozenset({"ModelPackageGroupName", "ModelPackageGroupDescription", "Tags"}),
    exists=lambda call, properties: call.is_there(lambda: call.json("sagemaker", "DescribeModelPackageGroup", _group(properties))),
    create=_create_group,
    update=lambda call, old, new: None,  # only tags can change
    delete=lambda call, properties: call.json("sagemaker", "DeleteModelPackageGroup", _group(properties)),
    fixed=frozenset({"ModelPackageGroupDescription"}),
    reference=lambda properties: arn("sagemaker", f"model-package-group/{properties['ModelPackageGroupName'].lower()}"),
    attributes=lambda properties: {
        "ModelPackageGroupArn": arn("sagemaker", f"model-package-group/{properties['ModelPackageGroupName'].lower()}")
    },
)
