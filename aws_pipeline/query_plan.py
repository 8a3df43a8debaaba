"""What a query may read, before it is asked: the objects of every table of the lake that it names, whole.

Athena reads less where a query leaves columns or partitions out; nobody but Athena knows how much.
"""

import base64
import json
from pathlib import Path

from aws_pipeline.answer_rows import session
from aws_pipeline.config import Settings
from aws_pipeline.lake import list_objects
from aws_pipeline.sql_words import all_names, read_words
from behavior.table import Table
from behavior.tables import CURATED_TABLES, LANDING, PREDICTION_TABLES

_VIEW_MARK = "/* Presto View: "
VIEWS = Path(__file__).resolve().parent / "sql" / "views"


def objects_named(sql: str, chosen: Settings) -> dict[str, int]:
    """Return the bytes of every object that a query may read, by key. Call it within `endpoint`."""
    named = tables_named(sql)
    in_raw = [table.location for table in named if table is LANDING]
    in_curated = [table.location for table in named if table is not LANDING]
    found = {**list_objects(chosen.uri("raw"), in_raw), **list_objects(chosen.uri("curated"), in_curated)}
    return {key: one.n_bytes for key, one in found.items()}


def tables_named(sql: str) -> list[Table]:
    """Return the tables of the lake that a query names, itself or by saved views."""
    views = {path.stem: path.read_text(encoding="utf-8") for path in VIEWS.glob("*.sql")}
    words, waiting = set[str](), [sql]
    while waiting:
        words |= all_names(read_words(waiting.pop())[0])
        waiting += [views.pop(name) for name in words & views.keys()]
    return [table for table in (*CURATED_TABLES, *PREDICTION_TABLES, LANDING) if table.name in words]


def view_text(name: str, chosen: Settings) -> str | None:
    """Return the query of a view of the catalog, which keeps it as JSON in a comment; None for what is no view.

    Call it within `endpoint`.
    """
    glue = session().client("glue")
    try:
        text = str(glue.get_table(DatabaseName=chosen.database, Name=name)["Table"].get("ViewOriginalText", ""))
    except glue.exceptions.EntityNotFoundException:
        return None
    if not text.startswith(_VIEW_MARK):
        return None
    return str(json.loads(base64.b64decode(text.removeprefix(_VIEW_MARK).removesuffix("*/").strip()))["originalSql"])
