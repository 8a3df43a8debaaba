"""How pyiceberg reads and writes the metadata of tables."""

from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.typedef import EMPTY_DICT, Properties

from aws_pipeline.connections import open_zone


class LakeIO(PyArrowFileIO):
    """Reads and writes metadata with the connection that the objects of the lake are read with: one for all tables."""

    def __init__(self, properties: Properties = EMPTY_DICT) -> None:
        super().__init__(properties)
        self.fs_by_scheme = lambda scheme, bucket: open_zone(f"{scheme}://{bucket}")[0]
