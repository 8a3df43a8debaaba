"""A model that is served, for real: its code runs as a process that answers /ping and /invocations, in an /opt/ml-like tree.

The image is never pulled. What a container's entry point would start is named by SAGEMAKER_PROGRAM, a path in the model's folder `code`.
"""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.control.moto_app import REGION
from infra.local.errors import ServiceError
from infra.local.jobs.processes import Process, job_environment, last_words

if TYPE_CHECKING:
    from infra.local.access.guard import Guard
    from infra.local.s3.object_store import ObjectStore

_START_S = 120.0
_ANSWER_S = 60.0
"""SageMaker gives a container so long for one answer."""
_STOP_S = 10.0


class ServedModel:
    """One process of one model."""

    def __init__(self, model: Mapping[str, Any], workplace: Path, log: Path, store: ObjectStore, guard: Guard, url: str) -> None:
        container = model.get("PrimaryContainer") or model["Containers"][0]
        folder = workplace / "ml" / "model"
        guard.require_of_role(model["ExecutionRoleArn"], "s3:GetObject", container["ModelDataUrl"])
        _unpack(store.local_path(container["ModelDataUrl"]), container["ModelDataUrl"], folder)
        asked = {name: str(value) for name, value in (container.get("Environment") or {}).items()}
        program = folder / "code" / asked.get("SAGEMAKER_PROGRAM", "")
        if not program.is_file():
            what = f"Expected SAGEMAKER_PROGRAM to name a file in the model's folder code, but got {asked.get('SAGEMAKER_PROGRAM')!r}"
            raise ServiceError("ValidationException", f"{what}. Only such models run here, without their image.")
        self.port = _free_port()
        key = guard.identities.issue(model["ExecutionRoleArn"], "SageMaker")
        own = {"SM_MODEL_DIR": str(folder), "SAGEMAKER_BIND_TO_PORT": str(self.port)}
        self._log = log
        with open(log, "ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, str(program), "serve"],
                env={**job_environment(url, REGION, key), **asked, **own},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait until it answers /ping. Raises ServiceError with its last words if it does not."""
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError):
                if self._ask("GET", "/ping", b"", "", 2.0)[0] == 200:
                    return
            time.sleep(0.05)
        self.stop()
        said = last_words(self._log) or "it said nothing"
        raise ServiceError("ClientError", f"The container did not pass the ping health check: {said}")

    def invoke(self, body: bytes, content_type: str) -> tuple[int, bytes, str]:
        """Send one request; return status, content and its type. Raises ServiceError if the process does not answer."""
        try:
            return self._ask("POST", "/invocations", body, content_type, _ANSWER_S)
        except OSError as error:
            raise ServiceError("ModelError", f"Expected the container to answer, but got {error}. Read its log.", 424) from None

    def stop(self) -> None:
        """End the process."""
        Process.of(self._process.pid).stop_group(_STOP_S)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_S + 1)

    def _ask(self, method: str, path: str, body: bytes, content_type: str, patience_s: float) -> tuple[int, bytes, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience_s)
        try:
            connection.request(method, path, body, {"Content-Type": content_type} if content_type else {})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.getheader("Content-Type") or "application/octet-stream"
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()


def _unpack(archive: Path, uri: str, folder: Path) -> None:
    if not archive.is_file():
        raise ServiceError("ValidationException", f"Could not find model data at {uri}.")
    folder.mkdir(parents=True)
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")  # nothing outside the folder, no devices
    except tarfile.TarError as error:
        raise ServiceError("ClientError", f"Expected model data at {uri} as .tar.gz, but got {error}.") from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
