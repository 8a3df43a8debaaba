"""The engine under Athena: one DuckDB for the process, and each statement sent to what can run it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import duckdb

from infra.local.athena.catalog import Catalog
from infra.local.athena.ddl import CatalogStatements
from infra.local.athena.dialect import DUCKDB_SETTINGS, prepare
from infra.local.athena.queries import QueryRunner
from infra.local.athena.results import column_info, write_lines
from infra.local.athena.statements import Job, Outcome

if TYPE_CHECKING:
    from infra.local.control.plane import ControlPlane
    from infra.local.s3.object_store import ObjectStore


class Engine:
    """DuckDB and the catalog; a query has a connection, and so its temporary views, to itself."""

    def __init__(self, store: ObjectStore, control: ControlPlane) -> None:
        scratch = store.root / ".aws" / "drafts"
        scratch.mkdir(parents=True, exist_ok=True)
        settings: dict[str, str | bool | int | float | list[str]] = {
            **DUCKDB_SETTINGS,
            "threads": os.cpu_count() or 1,
            "temp_directory": str(scratch),
        }
        self.database = duckdb.connect(config=settings)
        prepare(self.database)
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

    def run(self, job: Job) -> Outcome:
        """Execute a statement and leave its result where its output location says."""
        if job.statement.query is not None:
            return self.queries.run(job)
        lines, names = self.catalog_statements.run(job)
        write_lines(self.store.local_path(job.output), lines)
        return Outcome([{**column_info(name, "VARCHAR"), "Type": "string"} for name in names])
