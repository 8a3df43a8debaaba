"""Apache Iceberg tables of the catalog: which files a snapshot holds, how DuckDB reads them, and what their metadata tables show."""
