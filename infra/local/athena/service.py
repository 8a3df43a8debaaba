"""Athena, executing: StartQueryExecution runs Athena SQL with DuckDB over the files of the Glue catalog's tables."""

from __future__ import annotations

import contextlib
import threading
import uuid
from typing import TYPE_CHECKING, Any

from infra.local.athena.executions import execution, output_address
from infra.local.athena.results import read_page
from infra.local.athena.statement_reader import read_statement
from infra.local.athena.statements import Execution, QueryCancelled, Statement
from infra.local.errors import ServiceError
from infra.local.jobs.runs import RunRecord, RunStore

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from infra.local.athena.engine import Engine
    from infra.local.control.plane import ControlPlane
    from infra.local.s3.object_store import ObjectStore

_AT_ONCE = 4
_KEEP_DAYS = 45.0
"""Athena remembers queries so long."""
_PATIENCE_S = 1.0
"""How long GetQueryExecution waits for a running query: clients poll once a second, most queries take less."""


class AthenaService:
    """Answers the query operations of Athena; workgroups and named queries are the control plane's."""

    def __init__(self, store: ObjectStore, control: ControlPlane) -> None:
        self.store = store
        self.control = control
        self.runs = RunStore(store.root / ".aws" / "runs" / "athena", _KEEP_DAYS)
        self._turns = threading.Semaphore(_AT_ONCE)
        self._ended: dict[str, threading.Event] = {}
        self._connections: dict[str, DuckDBPyConnection] = {}
        self._engine_lock = threading.Lock()
        self._engine: Engine | None = None

    def handle(self, operation: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """Answer one operation; None leaves it to the control plane."""
        answers = {
            "StartQueryExecution": self._start,
            "GetQueryExecution": self._get,
            "BatchGetQueryExecution": self._get_many,
            "ListQueryExecutions": self._list,
            "GetQueryResults": self._results,
            "StopQueryExecution": self._stop,
            "GetWorkGroup": self._workgroup,
            "UpdateWorkGroup": self._update_workgroup,
        }
        return answers[operation](request) if operation in answers else None

    def close(self) -> None:
        """End what still runs, and say so in its record."""
        self.runs.stop_own()
        for query_id in list(self._ended):
            self._interrupt(query_id)
        with self._engine_lock:
            if self._engine is not None:
                self._engine.close()
                self._engine = None

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        statement = read_statement(request["QueryString"], request.get("ExecutionParameters") or [])
        token = request.get("ClientRequestToken")
        query_id = str(uuid.uuid5(uuid.NAMESPACE_OID, token)) if token else str(uuid.uuid4())
        workgroup = request.get("WorkGroup") or "primary"
        configuration = self._workgroup({"WorkGroup": workgroup})["WorkGroup"].get("Configuration") or {}
        details = {
            "Query": request["QueryString"],
            "StatementType": statement.type,
            "Kind": statement.kind,
            "WorkGroup": workgroup,
            "Database": ((request.get("QueryExecutionContext") or {}).get("Database") or "default").strip('`"'),
            "ExecutionParameters": request.get("ExecutionParameters") or [],
            "OutputLocation": output_address(request, configuration, statement, query_id),
            "Cutoff": configuration.get("BytesScannedCutoffPerQuery"),
        }
        with contextlib.suppress(FileExistsError):  # the same request token again: the same query
            self.runs.create(query_id, details)
            self._ended[query_id] = threading.Event()
            threading.Thread(target=self._run, args=[query_id, statement, details], name=query_id, daemon=True).start()
        return {"QueryExecutionId": query_id}

    def _run(self, query_id: str, statement: Statement, details: dict[str, Any]) -> None:
        try:
            with self._turns:
                if self.runs.update(query_id, state="RUNNING").state == "RUNNING":
                    self._execute(query_id, statement, details)
                else:
                    self.runs.update(query_id, state="STOPPED", reason="Query cancelled by user")
        finally:
            self._connections.pop(query_id, None)
            self._ended.pop(query_id).set()

    def _execute(self, query_id: str, statement: Statement, details: dict[str, Any]) -> None:
        from infra.local.athena.failures import reason

        try:
            engine = self._ready_engine()
            with engine.connection() as connection:
                self._connections[query_id] = connection
                outcome = engine.run(Execution(statement, details["Database"], details["OutputLocation"], details["Cutoff"], connection))
        except QueryCancelled as error:
            self.runs.update(query_id, state="STOPPED", reason=f"Query cancelled! : {error}")
        except Exception as error:  # whatever goes wrong in a query is the end of the query, never of the server
            run = self.runs.get(query_id)
            cancelled = run is not None and run.state == "STOPPING"
            how = ("STOPPED", "Query cancelled by user") if cancelled else ("FAILED", reason(error))
            self.runs.update(query_id, state=how[0], reason=how[1])
        else:
            found = {"Columns": outcome.columns, "ScannedBytes": outcome.scanned_bytes, "Manifest": outcome.manifest}
            self.runs.update(query_id, state="SUCCEEDED", details=found)

    def _ready_engine(self) -> Engine:
        with self._engine_lock:
            if self._engine is None:
                from infra.local.athena.engine import Engine

                self._engine = Engine(self.store, self.control)
            return self._engine

    def _find(self, query_id: str) -> RunRecord:
        run = self.runs.get(query_id)
        if run is None:
            raise ServiceError("InvalidRequestException", f"QueryExecution {query_id} was not found")
        return run

    def _get(self, request: dict[str, Any]) -> dict[str, Any]:
        ended = self._ended.get(request["QueryExecutionId"])
        if ended is not None:
            ended.wait(_PATIENCE_S)
        return {"QueryExecution": execution(self._find(request["QueryExecutionId"]))}

    def _get_many(self, request: dict[str, Any]) -> dict[str, Any]:
        found = {query_id: self.runs.get(query_id) for query_id in request["QueryExecutionIds"]}
        missing = [{"QueryExecutionId": query_id, "ErrorCode": "INVALID_INPUT"} for query_id, run in found.items() if run is None]
        return {"QueryExecutions": [execution(run) for run in found.values() if run], "UnprocessedQueryExecutionIds": missing}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        workgroup = request.get("WorkGroup") or "primary"
        ids = [run.run_id for run in self.runs.all() if run.details["WorkGroup"] == workgroup]
        start = int(request.get("NextToken") or 0)
        end = start + int(request.get("MaxResults") or 50)
        return {"QueryExecutionIds": ids[start:end], **({"NextToken": str(end)} if end < len(ids) else {})}

    def _results(self, request: dict[str, Any]) -> dict[str, Any]:
        run = self._find(request["QueryExecutionId"])
        if run.state != "SUCCEEDED":
            state = execution(run)["Status"]["State"]
            raise ServiceError("InvalidRequestException", f"Query has not yet finished. Current state: {state}")
        columns = run.details["Columns"]
        address = run.details["OutputLocation"]
        rows: list[list[str | None]] = []
        following = None
        if address.endswith((".csv", ".txt")):
            path = self.store.local_path(address)
            if not path.exists():
                raise ServiceError("InvalidRequestException", f"Could not find results at {address}")
            rows, following = read_page(path, int(request.get("NextToken") or 0), int(request.get("MaxResults") or 1000))
        shown = [{"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in rows]
        answer = {"UpdateCount": 0, "ResultSet": {"Rows": shown, "ResultSetMetadata": {"ColumnInfo": columns}}}
        return {**answer, "NextToken": str(following)} if following is not None else answer

    def _workgroup(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask the control plane, which answers nothing, not even an error, for a workgroup that is not there."""
        answer = self.control.recall("athena", "GetWorkGroup", request)
        if not answer.get("WorkGroup"):
            raise ServiceError("InvalidRequestException", f"WorkGroup {request['WorkGroup']} is not found.")
        return answer

    def _update_workgroup(self, request: dict[str, Any]) -> dict[str, Any]:
        """Write a workgroup anew: the control plane knows no update."""
        former = self._workgroup(request)["WorkGroup"]
        updates = dict(request.get("ConfigurationUpdates") or {})
        results = {
            **((former.get("Configuration") or {}).get("ResultConfiguration") or {}),
            **updates.pop("ResultConfigurationUpdates", {}),
        }
        configuration = {**(former.get("Configuration") or {}), **updates, "ResultConfiguration": results}
        about = {"Name": former["Name"], "Description": request.get("Description") or former.get("Description") or ""}
        self.control.invoke("athena", "DeleteWorkGroup", {"WorkGroup": former["Name"]})
        self.control.invoke("athena", "CreateWorkGroup", {**about, "Configuration": configuration})
        return {}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        run = self._find(request["QueryExecutionId"])
        self.runs.update(run.run_id, state="STOPPING")
        threading.Thread(target=self._interrupt, args=[run.run_id], daemon=True).start()
        return {}

    def _interrupt(self, query_id: str) -> None:
        """Interrupt a query of this process until it has ended: an interrupt between two of its steps is not heard."""
        ended = self._ended.get(query_id)
        while ended is not None and not ended.wait(0.05):
            connection = self._connections.get(query_id)
            if connection is not None:
                with contextlib.suppress(_closed()):  # it may end by itself at this moment
                    connection.interrupt()


def _closed() -> type[Exception]:
    """Return the error of a connection that is closed; the import waits until a query runs."""
    from duckdb import ConnectionException

    closed: type[Exception] = ConnectionException
    return closed
