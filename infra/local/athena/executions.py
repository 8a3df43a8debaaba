"""A query execution as the API shows it: where its result goes, its state, its numbers."""

from __future__ import annotations

from typing import Any

from infra.local.athena.statements import Statement
from infra.local.errors import ServiceError
from infra.local.jobs.runs import RunRecord

_STATES = {"STARTING": "RUNNING", "STOPPING": "RUNNING", "STOPPED": "CANCELLED", "TIMEOUT": "FAILED"}


def output_address(request: dict[str, Any], configuration: dict[str, Any], statement: Statement, query_id: str) -> str:
    """Return where the result goes: where the workgroup enforces, else where the request says, else where the workgroup says."""
    asked = (request.get("ResultConfiguration") or {}).get("OutputLocation")
    set_location = (configuration.get("ResultConfiguration") or {}).get("OutputLocation")
    enforced = configuration.get("EnforceWorkGroupConfiguration")
    location = set_location if set_location and (enforced or not asked) else asked
    if not location:
        where = "either through the Workgroup result configuration setting or as an API input"
        raise ServiceError("InvalidRequestException", f"No output location provided. An output location is required {where}.")
    if statement.kind == "CREATE TABLE AS":
        return f"{location.rstrip('/')}/tables/{query_id}"
    ending = {"SELECT": ".csv", "UNLOAD": "", "INSERT": ""}.get(statement.kind, ".txt")
    return f"{location.rstrip('/')}/{query_id}{ending}"


def execution(run: RunRecord) -> dict[str, Any]:
    """Describe an execution."""
    details = run.details
    state = _STATES.get(run.state, run.state)
    status = {"State": state, "SubmissionDateTime": run.created_s}
    if run.reason:
        status["StateChangeReason"] = run.reason
    if run.ended_s is not None:
        status["CompletionDateTime"] = run.ended_s
    if state == "FAILED":
        status["AthenaError"] = {"ErrorCategory": 2, "ErrorType": 1, "Retryable": False, "ErrorMessage": run.reason}
    total_ms = round(((run.ended_s or run.changed_s) - run.created_s) * 1000)
    engine_ms = round(run.duration_s * 1000)
    statistics = {
        "EngineExecutionTimeInMillis": engine_ms,
        "DataScannedInBytes": details.get("ScannedBytes", 0),
        "TotalExecutionTimeInMillis": total_ms,
        "QueryQueueTimeInMillis": max(0, total_ms - engine_ms),
        "ServiceProcessingTimeInMillis": 0,
    }
    if details.get("Manifest"):
        statistics["DataManifestLocation"] = details["Manifest"]
    return {
        "QueryExecutionId": run.run_id,
        "Query": details["Query"],
        "StatementType": details["StatementType"],
        "SubstatementType": details["Kind"].replace(" ", "_"),
        "ResultConfiguration": {"OutputLocation": details["OutputLocation"]},
        "QueryExecutionContext": {"Database": details["Database"], "Catalog": "awsdatacatalog"},
        "Status": status,
        "Statistics": statistics,
        "WorkGroup": details["WorkGroup"],
        "EngineVersion": {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"},
        "ExecutionParameters": details["ExecutionParameters"],
    }
