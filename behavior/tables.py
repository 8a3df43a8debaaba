"""All tables of the lake: zone, grain, columns with types and units, partition. Spark, Glue, Athena, tests and messages use them.

They are declared in `raw_tables`, `curated_tables`, `film_tables` and `prediction_tables`; everybody else imports them from here. Units
end a column's name (`_cm`, `_cm_per_s`, `_s`); columns of the published files keep their published names.
"""

from behavior.curated_tables import (
    ANNOTATIONS_ENRICHED,
    CLASS_DISTRIBUTION_STATS,
    DATA_QUALITY,
    LINEAGE,
    METADATA_TEST,
    METADATA_TRAIN,
    RUNS,
    TRACKING_CURATED,
)
from behavior.film_tables import FILM_LABELS, FILM_TABLES, VIDEO_MANIFEST
from behavior.metadata_text import parse_metadata, parse_metadata_cells
from behavior.prediction_tables import PREDICTABLE_TRIPLES, PREDICTED_BOUTS, PREDICTION_TABLES
from behavior.raw_tables import LANDING, RAW_ANNOTATION, RAW_METADATA, RAW_TRACKING
from behavior.table import Table

CURATED_TABLES = (
    METADATA_TRAIN,
    METADATA_TEST,
    TRACKING_CURATED,
    ANNOTATIONS_ENRICHED,
    CLASS_DISTRIBUTION_STATS,
    DATA_QUALITY,
    *FILM_TABLES,
    LINEAGE,
    RUNS,
)
"""Tables of the curated zone that the ETL writes."""

__all__ = [
    "ANNOTATIONS_ENRICHED",
    "CLASS_DISTRIBUTION_STATS",
    "CURATED_TABLES",
    "DATA_QUALITY",
    "FILM_LABELS",
    "FILM_TABLES",
    "LANDING",
    "LINEAGE",
    "METADATA_TEST",
    "METADATA_TRAIN",
    "PREDICTABLE_TRIPLES",
    "PREDICTED_BOUTS",
    "PREDICTION_TABLES",
    "RAW_ANNOTATION",
    "RAW_METADATA",
    "RAW_TRACKING",
    "RUNS",
    "TRACKING_CURATED",
    "VIDEO_MANIFEST",
    "Table",
    "parse_metadata",
    "parse_metadata_cells",
]
