"""The functions of Trino that this disk knows, each with DuckDB's SQL for it; a function that stands in no list is refused."""
