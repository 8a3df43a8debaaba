"""The engine under Athena: one DuckDB for the process, and each statement sent to what can run it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import duckdb

from infra.local.athena.catalog import Catalog
from infra.local.athena.ddl import CatalogStatements
from infra.local.athena.query_runner import QueryRunner
from infra.local.athena.results import column_info, write_lines
from infra.local.athena.statements import Execution, Outcome
from infra.local.athena.trino.kinds import VARCHAR
from infra.local.athena.trino.own_functions import teach

if TYPE_CHECKING:
    from infra.local.control.plane import ControlPlane
    from infra.local.s3.object_store import ObjectStore

SETTINGS: dict[str, str | bool] = {
    "error_on_division_by_zero": True,
    "preserve_insertion_order": False,  # without ORDER BY, Athena promises no order either
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


class Engine:
    """DuckDB and the catalog; a query has a connection, and so its temporary views, to itself."""

    def __init__(self, store: ObjectStore, control: ControlPlane) -> None:
        scratch = store.root / ".aws" / "drafts"
        scratch.mkdir(parents=True, exist_ok=True)
        settings: dict[str, str | bool | int | float | list[str]] = {
            **SETTINGS,
            "threads": os.cpu_count() or 1,
            "temp_directory": str(scratch),
        }
        self.database = duckdb.connect(config=settings)
        self.database.execute("SET GLOBAL TimeZone = 'UTC'")
        teach(self.database)
        self.store = store
        catalog = Catalog(store, control)
        self.queries = QueryRunner(catalog)
        self.catalog_statements = CatalogStatements(catalog)

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def connection(self) -> duckdb.DuckDBPyConnection:
        """Return a connection to be used as a context."""
        return self.database.cursor()

    def run(self, execution: Execution) -> Outcome:
        """Execute a statement and leave its result where its output location says."""
        if execution.statement.query is not None:
            return self.queries.run(execution)
        lines, names = self.catalog_statements.run(execution)
        write_lines(self.store.local_path(execution.output), lines)
        return Outcome([{**column_info(name, VARCHAR), "Type": "string"} for name in names])
