"""The query language of Athena, which is Trino's: its grammar, its types, and what each expression means in DuckDB."""
