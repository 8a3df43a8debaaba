"""The code of this repository that jobs need: which files, and a zip of them that has the same bytes for the same files."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

from aws_pipeline.config import Settings
from behavior.workplace import REPOSITORY

GLUE_SCRIPT = "aws_pipeline/glue_etl.py"
GLUE_LIBRARY = (
    "behavior",
    "aws_pipeline/__init__.py",
    "aws_pipeline/curation_plan.py",
    "aws_pipeline/curation_state.py",
    "aws_pipeline/curation_task.py",
    "aws_pipeline/iceberg.py",
    "aws_pipeline/lake.py",
    "aws_pipeline/outcome.py",
    "aws_pipeline/preparation.py",
    "aws_pipeline/publication.py",
    "aws_pipeline/quarantine_store.py",
    "aws_pipeline/retention.py",
    "aws_pipeline/underway.py",
)
"""Folders and files of this repository that the Glue script imports."""
TRAINING = ("behavior", "reports", "recognizers", "training")
"""Folders that a training job needs."""

Files = Mapping[str, bytes]
"""Path relative to the repository, with slashes -> content, sorted by path."""


@dataclass(frozen=True)
class GlueCode:
    """The Glue job's code as objects. Their addresses contain its digest, so that no run sees a part of a new version."""

    digest: str
    """Digest of all of it."""
    script: str
    """Address of the script."""
    library: str
    """Address of the zip with the modules that the script imports."""
    objects: Mapping[str, bytes]
    """Address -> content."""


def files(*places: str) -> Files:
    """Return the files of folders, subfolders included, and single files of this repository; caches and hidden files are left out.

    Raises FileNotFoundError for a place that does not exist.
    """
    content = {}
    for place in places:
        path = REPOSITORY / place
        for file in path.rglob("*") if path.is_dir() else [path]:
            parts = file.relative_to(REPOSITORY).parts
            if not file.is_dir() and not any(part == "__pycache__" or part.startswith(".") for part in parts):
                content["/".join(parts)] = file.read_bytes()
    return dict(sorted(content.items()))


def digest(packed: Files) -> str:
    """Return a digest of paths and contents: 16 hexadecimal digits."""
    total = hashlib.sha256()
    for path, content in packed.items():
        total.update(f"{path}\0{len(content)}\0".encode() + content)
    return total.hexdigest()[:16]


def as_zip(packed: Files) -> bytes:
    """Return a zip of the files, without times and without compression, because versions of zlib compress differently."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path, content in packed.items():
            entry = zipfile.ZipInfo(path)
            entry.create_system = 3  # always Unix, because the permissions below are Unix permissions
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return target.getvalue()


def glue_code(chosen: Settings) -> GlueCode:
    """Return the code of the Glue job in this working tree, with its addresses after deployment."""
    script, library = files(GLUE_SCRIPT), files(*GLUE_LIBRARY)
    code = digest({**script, **library})
    folder = f"glue/code/{code}"
    places = chosen.uri("artifacts", f"{folder}/glue_etl.py"), chosen.uri("artifacts", f"{folder}/library.zip")
    return GlueCode(code, *places, dict(zip(places, (script[GLUE_SCRIPT], as_zip(library)), strict=True)))
