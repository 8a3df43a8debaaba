"""What SageMaker's PyTorch image does with a training job that names no command, such as one of a tuning job.

Its toolkit (sagemaker-training) fetches the code that two hyperparameters name, installs requirements.txt, and starts the program with
the other hyperparameters as flags. It passes no signal on to the program.
"""

from __future__ import annotations

import json
import shlex
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from infra.local.s3.object_store import ObjectStore

PROGRAM, CODE = "sagemaker_program", "sagemaker_submit_directory"
_NOT_FOR_THE_PROGRAM = ("sagemaker_", "_tuning_objective_metric")
"""How the names of hyperparameters begin that the toolkit keeps to itself."""


def names_code(request: Mapping[str, Any]) -> bool:
    """Say whether a request names a program and its code by hyperparameters."""
    parameters = request.get("HyperParameters") or {}
    return PROGRAM in parameters and CODE in parameters


def fetch_code(request: Mapping[str, Any], folder: Path, store: ObjectStore, may: Callable[[str, str], None]) -> None:
    """Unpack the code into a folder. Raises ServiceError if it is not there, or if the role of the job may not read it."""
    address = plain(request["HyperParameters"][CODE])
    may("s3:GetObject", address)
    archive = store.local_path(address)
    if not archive.is_file():
        raise ServiceError("ClientError", f"Expected the code of the job at {address}, but got no object. Upload it first.")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")


def script_command(request: Mapping[str, Any], folder: Path) -> list[str]:
    """Return the command; a shell stays before the program, as the toolkit does."""
    parameters = request["HyperParameters"]
    own = {name: value for name, value in parameters.items() if not name.startswith(_NOT_FOR_THE_PROGRAM)}
    flags = [word for name in sorted(own) for word in (f"--{name}", str(plain(own[name])))]
    install = "if [ -f requirements.txt ]; then python3 -m pip install -r requirements.txt || exit 1; fi"
    start = shlex.join(["python3", str(plain(parameters[PROGRAM])), *flags])
    return ["/bin/bash", "-c", f"cd {shlex.quote(str(folder))}; {install}; {start}; exit $?"]


def plain(value: str) -> Any:
    """Read a hyperparameter, which travels as JSON text where the SDK wrote it, and as plain text otherwise."""
    try:
        return json.loads(value)
    except ValueError:
        return value
