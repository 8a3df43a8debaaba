"""The raw objects of one film, as a worker reads them."""

from pathlib import Path

from aws_pipeline.film_work import FilmWork, RawObject
from aws_pipeline.lake import copy_to_file, digest, read_object
from aws_pipeline.landed import differences
from behavior.contract import ContractError, Fault


class RawFilm:
    """The raw objects of one film, each read once; `digests` are the SHA-256 of what was read, by kind.

    `notes` name objects that something else than the upload wrote.
    """

    def __init__(self, work: FilmWork, raw: str, folder: Path) -> None:
        self.work, self.raw, self.folder = work, raw, folder
        self.digests: dict[str, str] = {}
        self.notes: list[Fault] = []

    def film(self) -> Path:
        """Return the film as a file on this machine. Raises ContractError as `bytes_of` does."""
        one = self.work.objects["film"]
        path = self.folder / f"film{Path(one.key).suffix}"
        try:
            self._compare("film", one, copy_to_file(self.raw, one.key, path))
        except FileNotFoundError:
            raise self._missing(one) from None
        return path

    def bytes_of(self, kind: str) -> bytes:
        """Return the bytes of an object. Raises ContractError if there is none, or if it is not what was uploaded."""
        one = self.work.objects[kind]
        try:
            data = read_object(self.raw, one.key)
        except FileNotFoundError:
            raise self._missing(one) from None
        self._compare(kind, one, digest(data))
        return data.to_pybytes()

    def _compare(self, kind: str, one: RawObject, sha256: str) -> None:
        self.digests[kind] = sha256
        if not self.raw.startswith("file:"):  # a file of a data directory was never uploaded
            self.notes += differences(one.key, sha256, one.version, one.landed, self.work.policy)

    @staticmethod
    def _missing(one: RawObject) -> ContractError:
        return ContractError(Fault("file-missing", one.key, "Expected an object, but got none.", "Upload the file again."))
