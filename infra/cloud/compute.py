"""The stack of compute: the job, the workgroup, the roles, the alarms. It holds no data and can be removed and made again."""

from __future__ import annotations

from typing import Any

from aws_pipeline.config import Settings
from aws_pipeline.job_code import GlueCode
from infra.cloud.operator import operator_policy
from infra.cloud.roles import glue_role, training_role
from infra.cloud.watching import watching

GLUE_VERSION = "5.1"
WORKER_TYPES = ("G.1X", "G.2X")
DEFAULT_WORKERS = 2
"""The least that Glue gives a Spark job; aws_pipeline/glue_job.py asks for more where the data need more."""
DEFAULT_BUDGET_USD = 50
TIMEOUT_MIN = 120
LOG_DAYS = 30
SCAN_CUTOFF_BYTES = 100 * 1024**3
"""A query that would read more is cancelled: at most half a dollar at Athena's price of 2026."""
GLUE_STREAMS = ("output", "error")
"""Ends of the names of the log groups that Glue writes to."""


def compute_template(settings: Settings, alarm_email: str = "") -> dict[str, Any]:
    """Return the template; where the job's code lies is a parameter, so that the template changes only when the stack does."""
    resources = {
        "GlueRole": glue_role(settings),
        "TrainingRole": training_role(settings),
        "OperatorPolicy": operator_policy(settings),
        "CurateJob": _glue_job(settings),
        "WorkGroup": _workgroup(settings),
        **{f"Glue{stream.title()}Logs": _log_group(f"{log_prefix(settings)}/{stream}") for stream in GLUE_STREAMS},
        **watching(settings, alarm_email),
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Mouse behavior lakehouse, compute: curation job, SQL workgroup, roles, alarms. Holds no data.",
        "Parameters": _PARAMETERS,
        "Resources": resources,
    }


def compute_parameters(code: GlueCode, alarm_email: str = "", budget_usd: int = DEFAULT_BUDGET_USD) -> dict[str, str]:
    """Return the values of the template's parameters that are not left at their defaults."""
    modules = ",".join(code.modules)
    chosen = {"ScriptUri": code.script, "LibraryUri": code.library, "PythonModules": modules, "CodeDigest": code.digest}
    return {**chosen, "AlarmEmail": alarm_email, "MonthlyBudgetUsd": str(budget_usd)}


def log_prefix(settings: Settings) -> str:
    """Return how the log groups of the job begin: its own, so that they can expire."""
    return f"/aws-glue/{settings.glue_job}"


_PARAMETERS = {
    "ScriptUri": {"Type": "String", "Description": "Script of the curation job"},
    "LibraryUri": {"Type": "String", "Description": "Zip with the modules that the script imports"},
    "PythonModules": {"Type": "String", "Description": "Packages that Glue installs, with their versions"},
    "CodeDigest": {"Type": "String", "Description": "Digest of the code of the curation job"},
    "WorkerType": {"Type": "String", "Default": WORKER_TYPES[0], "AllowedValues": list(WORKER_TYPES), "Description": "Machine of a worker"},
    "Workers": {"Type": "Number", "Default": DEFAULT_WORKERS, "MinValue": 2, "Description": "Workers of a run that asks for no number"},
    "AlarmEmail": {"Type": "String", "Default": "", "Description": "Who is told of failed jobs and of costs"},
    "MonthlyBudgetUsd": {"Type": "Number", "Default": DEFAULT_BUDGET_USD, "MinValue": 1, "Description": "Budget of a month, US dollars"},
}


def _glue_job(settings: Settings) -> dict[str, Any]:
    arguments = {
        "--RAW_URI": settings.uri("raw"),
        "--CURATED_URI": settings.uri("curated"),
        "--DATABASE": settings.database,
        "--CODE": {"Ref": "CodeDigest"},
        "--extra-py-files": {"Ref": "LibraryUri"},
        "--additional-python-modules": {"Ref": "PythonModules"},
        "--job-language": "python",
        "--custom-logGroup-prefix": log_prefix(settings),
    }
    properties = {
        "Name": settings.glue_job,
        "Description": "Curates raw tracking: centimeters, gaps filled and marked, velocity",
        "Role": {"Fn::GetAtt": ["GlueRole", "Arn"]},
        "GlueVersion": GLUE_VERSION,
        "WorkerType": {"Ref": "WorkerType"},
        "NumberOfWorkers": {"Ref": "Workers"},
        "Timeout": TIMEOUT_MIN,
        "MaxRetries": 0,
        "ExecutionProperty": {"MaxConcurrentRuns": 1},
        "Command": {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": {"Ref": "ScriptUri"}},
        "DefaultArguments": arguments,
    }
    return {"Type": "AWS::Glue::Job", "Properties": properties}


def _workgroup(settings: Settings) -> dict[str, Any]:
    configuration = {
        "EnforceWorkGroupConfiguration": True,
        "PublishCloudWatchMetricsEnabled": True,
        "BytesScannedCutoffPerQuery": SCAN_CUTOFF_BYTES,
        "EngineVersion": {"SelectedEngineVersion": "Athena engine version 3"},
        "ResultConfiguration": {
            "OutputLocation": settings.uri("athena") + "/",
            "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
        },
    }
    properties = {
        "Name": settings.workgroup,
        "Description": "Questions about the curated tables",
        "State": "ENABLED",
        "RecursiveDeleteOption": True,  # it would not go while it remembers a query
        "WorkGroupConfiguration": configuration,
    }
    return {"Type": "AWS::Athena::WorkGroup", "Properties": properties}


def _log_group(name: str) -> dict[str, Any]:
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name, "RetentionInDays": LOG_DAYS}}
