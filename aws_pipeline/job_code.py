"""The code of this repository that jobs need: which files, and a zip of them that has the same bytes for the same files."""

import ast
import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from aws_pipeline.config import Settings
from aws_pipeline.launching import LAUNCHER
from behavior.contract import UsageError
from behavior.workplace import REPOSITORY

GLUE_SCRIPT = "aws_pipeline/glue_etl.py"
_USERS_SIDE = "aws_pipeline/glue_job.py"
"""The script imports it when a person runs it, never when Glue does."""
TRAINING = ("behavior", "films", "reports", "recognizers", "training")
"""Folders that a training job needs."""
IN_THE_CONTAINER = ("pyarrow", "pandas", "safetensors", "lightgbm", "av")
"""Packages that training needs, and that the PyTorch container lacks or has in another version."""
START = f"""#!/bin/sh
# Unpacks the code that lies beside this file and runs one of its scripts, in so many processes: sh start.sh 4 training/train.py --seed 0
set -e
place=$(mktemp -d)
python3 -m zipfile -e "$(dirname "$0")/code.zip" "$place"
pip3 install --quiet --requirement "$place/requirements.txt"
processes=$1
script=$2
shift 2
if [ "$processes" = 1 ]; then
    exec python3 "$place/$script" "$@"
fi
exec python3 {LAUNCHER}"$processes" "$place/$script" "$@"
"""
"""How a training job of the cloud's graph starts; a job that sagemaker_train.py sends is started by the SDK."""
SERVING = ("behavior", "films", "reports", "recognizers", "inference")
"""Folders that a served model needs."""
NOT_IN_GLUE = ("pyiceberg", "av")
"""Packages that the Glue job needs and that Glue does not have: it installs them when a run starts."""

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
    modules: tuple[str, ...] = ()
    """Packages that the job needs beside those of Glue, with their versions."""
    training: str = ""
    """Address of the folder with the code of the training jobs of the cloud's graph; its objects are among `objects`."""


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


def glue_library() -> Files:
    """Return what the Glue script imports of this repository: `behavior`, `films`, and the modules of `aws_pipeline` that it leads to."""
    found, waiting = dict[str, bytes](), [GLUE_SCRIPT]
    while waiting:
        for node in ast.walk(ast.parse((REPOSITORY / waiting.pop()).read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("aws_pipeline."):
                path = f"{node.module.replace('.', '/')}.py"
                if path not in (_USERS_SIDE, *found):
                    found |= files(path)
                    waiting.append(path)
    return dict(sorted({**files("behavior", "films", "aws_pipeline/__init__.py"), **found}.items()))


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
    script, library = files(GLUE_SCRIPT), glue_library()
    code = digest({**script, **library})
    folder = f"glue/code/{code}"
    places = chosen.uri("artifacts", f"{folder}/glue_etl.py"), chosen.uri("artifacts", f"{folder}/library.zip")
    objects = dict(zip(places, (script[GLUE_SCRIPT], as_zip(library)), strict=True))
    training, of_training = _training_code(chosen)
    return GlueCode(code, *places, {**objects, **of_training}, tuple(pins(*NOT_IN_GLUE)), training)


def for_the_container(*places: str) -> Files:
    """Return the files of folders, and the list of the packages that the PyTorch container installs for them."""
    return {**files(*places), "requirements.txt": ("\n".join(pins(*IN_THE_CONTAINER)) + "\n").encode()}


def _training_code(chosen: Settings) -> tuple[str, dict[str, bytes]]:
    """Return the address of the code that trains and scores in the cloud's graph, and its objects."""
    packed = for_the_container(*dict.fromkeys((*TRAINING, *SERVING)))
    content = {"code.zip": as_zip(packed), "start.sh": START.encode()}
    folder = chosen.uri("artifacts", f"training/code/graph-{digest({**packed, 'start.sh': START.encode()})}")
    return folder, {f"{folder}/{name}": each for name, each in content.items()}


def pins(*packages: str) -> list[str]:
    """Return packages with the versions of the lock, or, without a checkout, with the installed versions.

    Raises UsageError if a package is not installed.
    """
    lock = REPOSITORY / "requirements.lock"
    if lock.is_file():
        return [line for line in lock.read_text().splitlines() if line.partition("==")[0] in packages]
    try:
        return [f"{name}=={version(name)}" for name in packages]
    except PackageNotFoundError as error:
        raise UsageError(
            f"Expected {', '.join(packages)} to be installed, so that jobs get the same versions, but got no {error.name}. Install it."
        ) from None
