"""The Glue catalog as pyiceberg uses it, at the endpoint and with the connections of everything else.

Only the driver of a job uses this.
"""

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import CommitFailedException

from aws_pipeline.connections import kept

if TYPE_CHECKING:
    from mypy_boto3_glue.type_defs import TableInputTypeDef

_ATTEMPTS = 10
_CONNECTIONS = 16
"""Tables are opened side by side, twelve at a time."""


class LakeCatalog(GlueCatalog):
    """A catalog in which a commit whose answer was lost counts.

    boto3 asks again if an answer does not come, and Glue then refuses, because the table has a newer version: the one of this commit.
    pyiceberg would take that for a conflict and delete the files of a commit that readers see.
    """

    def _update_glue_table(self, database_name: str, table_name: str, table_input: "TableInputTypeDef", version_id: str) -> None:
        try:
            super()._update_glue_table(database_name, table_name, table_input, version_id)
        except CommitFailedException:
            if not self._holds(database_name, table_name, table_input["Parameters"]["metadata_location"]):
                raise

    def _holds(self, database: str, table: str, metadata_location: str) -> bool:
        """Return whether these metadata are those of a table, or were, before others committed."""
        now = self._convert_glue_to_iceberg(self._get_glue_table(database, table))
        return metadata_location in {now.metadata_location, *(entry.metadata_file for entry in now.metadata.metadata_log)}


@kept
def connect() -> LakeCatalog:
    """Return the Glue catalog, at the endpoint that boto3 uses."""
    from aws_pipeline.lake_io import LakeIO  # it loads pandas, meanwhile other threads wait for S3

    glue: Any = boto3.client(
        "glue", config=Config(retries={"max_attempts": _ATTEMPTS, "mode": "standard"}, max_pool_connections=_CONNECTIONS)
    )
    return LakeCatalog("glue", glue, **{"py-io-impl": f"{LakeIO.__module__}.{LakeIO.__name__}"})


def metadata_location(name: str) -> str:
    """Return where the catalog says that the metadata of a table, such as mabe.lineage, are; empty if there is no such table."""
    database, _, table = name.partition(".")
    glue = connect().glue
    try:
        return str(glue.get_table(DatabaseName=database, Name=table)["Table"]["Parameters"].get("metadata_location", ""))
    except glue.exceptions.EntityNotFoundException:
        return ""
