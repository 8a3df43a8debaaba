"""Athena: statements in its dialect, run by DuckDB over the files of the catalog's tables."""
