"""SageMaker's models, transform jobs and endpoints, for real: each runs the model's own server as a process."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from behavior.whole_file import whole_file
from infra.local.access.asked import arn
from infra.local.errors import ServiceError
from infra.local.jobs.runs import RunRecord, RunStore
from infra.local.jobs.served_model import ServedModel

if TYPE_CHECKING:
    from infra.local.access.guard import Guard
    from infra.local.s3.object_store import ObjectStore

_PRINCIPAL = "sagemaker.amazonaws.com"
_SERVERLESS_BYTES = 4 * 1024**2
_STATUSES = {"SUCCEEDED": "Completed", "FAILED": "Failed", "STOPPED": "Stopped", "STOPPING": "Stopping"}

Request = dict[str, Any]


class Serving:
    """Answers the operations on models, transform jobs, endpoint configurations and endpoints."""

    def __init__(self, store: ObjectStore, guard: Guard, endpoint_url: str) -> None:
        self._store = store
        self._guard = guard
        self._url = endpoint_url
        self._folder = store.root / ".aws" / "serving"
        self.runs = RunStore(store.root / ".aws" / "runs" / "transform")
        self._served: dict[str, ServedModel] = {}
        self._lock = threading.Lock()

    def handle(self, operation: str, request: Request) -> dict[str, Any] | None:
        """Answer one operation; None for one of others."""
        answers: dict[str, Callable[[Request], dict[str, Any]]] = {
            "CreateModel": self._create_model,
            "DescribeModel": lambda asked: self._known("Model", asked["ModelName"]),
            "DeleteModel": lambda asked: self._forget("Model", asked["ModelName"]),
            "CreateEndpointConfig": self._create_config,
            "DescribeEndpointConfig": lambda asked: self._known("EndpointConfig", asked["EndpointConfigName"]),
            "DeleteEndpointConfig": lambda asked: self._forget("EndpointConfig", asked["EndpointConfigName"]),
            "CreateEndpoint": self._create_endpoint,
            "DescribeEndpoint": self._describe_endpoint,
            "DeleteEndpoint": self._delete_endpoint,
            "InvokeEndpoint": self._invoke,
            "CreateTransformJob": self._create_transform,
            "DescribeTransformJob": lambda asked: _transform(self._run(asked["TransformJobName"])),
        }
        return answers[operation](request) if operation in answers else None

    def close(self) -> None:
        """End what still runs."""
        self.runs.stop_own()
        with self._lock:
            for served in self._served.values():
                served.stop()
            self._served = {}

    def _create_model(self, request: Request) -> dict[str, Any]:
        self._guard.require_trust(request["ExecutionRoleArn"], _PRINCIPAL)
        return self._remember("Model", request["ModelName"], request)

    def _create_config(self, request: Request) -> dict[str, Any]:
        for variant in request["ProductionVariants"]:
            self._known("Model", variant["ModelName"])
        return self._remember("EndpointConfig", request["EndpointConfigName"], request)

    def _create_endpoint(self, request: Request) -> dict[str, Any]:
        self._known("EndpointConfig", request["EndpointConfigName"])
        return self._remember("Endpoint", request["EndpointName"], request)

    def _describe_endpoint(self, request: Request) -> dict[str, Any]:
        return {**self._known("Endpoint", request["EndpointName"]), "EndpointStatus": "InService"}

    def _delete_endpoint(self, request: Request) -> dict[str, Any]:
        with self._lock:
            served = self._served.pop(request["EndpointName"], None)
        if served is not None:
            served.stop()
        return self._forget("Endpoint", request["EndpointName"])

    def _invoke(self, request: Request) -> dict[str, Any]:
        """Pass a request to the endpoint's process, which starts with the first one, as that of a serverless endpoint does."""
        name, body = request["EndpointName"], request["Body"]
        try:
            config = self._known("EndpointConfig", self._known("Endpoint", name)["EndpointConfigName"])
        except ServiceError as error:
            raise ServiceError("ValidationError", error.message) from None
        variant = config["ProductionVariants"][0]
        if "ServerlessConfig" in variant and len(body) > _SERVERLESS_BYTES:
            what = f"Expected at most {_SERVERLESS_BYTES:,} bytes, but got {len(body):,}"
            raise ServiceError("ValidationError", f"{what}. Use batch transform.", 413)
        with self._lock:
            if name not in self._served:
                self._served[name] = self._serve(variant["ModelName"], self._folder / "endpoints" / name)
        status, content, kind = self._served[name].invoke(body, request["ContentType"])
        if status >= 400:
            told = f'Received client error ({status}) from primary with message "{content.decode("utf-8", "replace")}".'
            raise ServiceError("ModelError", told, 424)
        return {"Body": content, "ContentType": kind}

    def _serve(self, model: str, workplace: Path) -> ServedModel:
        shutil.rmtree(workplace, ignore_errors=True)
        workplace.mkdir(parents=True)
        served = ServedModel(self._known("Model", model), workplace, workplace / "log", self._store, self._guard, self._url)
        served.wait()
        return served

    def _create_transform(self, request: Request) -> dict[str, Any]:
        name = request["TransformJobName"]
        model = self._known("Model", request["ModelName"])
        self._guard.require_trust(model["ExecutionRoleArn"], _PRINCIPAL)
        described = {**request, "TransformJobArn": arn("sagemaker", f"transform-job/{name.lower()}")}
        try:
            self.runs.create(name, described, "STARTING")
        except FileExistsError:
            raise ServiceError("ResourceInUse", f"Job name must be unique within an AWS account and region, and {name} exists.") from None
        threading.Thread(target=self._transform, args=[name, model], name=name, daemon=True).start()
        return {"TransformJobArn": described["TransformJobArn"]}

    def _transform(self, name: str, model: Request) -> None:
        workplace, served = self.runs.workplace(name), None
        try:
            self.runs.update(name, state="RUNNING")
            served = ServedModel(model, workplace, self.runs.log(name), self._store, self._guard, self._url)
            served.wait()
            self._send_all(served, self._run(name).details, model["ExecutionRoleArn"])
            self.runs.update(name, state="SUCCEEDED")
        except Exception as error:  # a job that cannot be run is a failed job, with its reason
            self.runs.update(name, state="FAILED", reason=str(error)[:1000])
        finally:
            if served is not None:
                served.stop()
            shutil.rmtree(workplace, ignore_errors=True)

    def _send_all(self, served: ServedModel, job: Request, role: str) -> None:
        """Send every object of the input, and write each answer beside the others, with the ending that SageMaker gives it."""
        source, target = job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"], job["TransformOutput"]["S3OutputPath"].rstrip("/")
        self._guard.require_of_role(role, "s3:ListBucket", source.removeprefix("s3://").partition("/")[0])
        place = self._store.local_path(source)
        files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
        if not files:
            raise ServiceError("ClientError", f"Expected objects under {source}, but got none.")
        for file in files:
            relative = file.name if place.is_file() else str(file.relative_to(place))
            self._guard.require_of_role(role, "s3:GetObject", f"{source.rstrip('/')}/{relative}")
            kind = job["TransformInput"].get("ContentType") or "application/octet-stream"
            status, content, _ = served.invoke(file.read_bytes(), kind)
            if status >= 400:
                said = content.decode("utf-8", "replace")[:500]
                raise ServiceError("ClientError", f"{relative}: the container answered {status}: {said}")
            address = f"{target}/{relative}.out"
            self._guard.require_of_role(role, "s3:PutObject", address)
            with whole_file(self._store.local_path(address)) as draft:
                draft.write_bytes(content)

    def _remember(self, kind: str, name: str, request: Request) -> dict[str, Any]:
        path = self._path(kind, name)
        if path.exists():
            raise ServiceError("ValidationException", f"Cannot create already existing {kind} {name}.")
        path.parent.mkdir(parents=True, exist_ok=True)
        named = {f"{kind}Arn": arn("sagemaker", f"{_PATHS[kind]}/{name.lower()}")}
        with whole_file(path) as draft:
            draft.write_text(json.dumps({**request, **named, "CreationTime": time.time(), "LastModifiedTime": time.time()}))
        return named

    def _known(self, kind: str, name: str) -> Request:
        try:
            return dict(json.loads(self._path(kind, name).read_text()))
        except FileNotFoundError:
            raise ServiceError("ValidationException", f'Could not find {_PATHS[kind]} "{name}".') from None

    def _forget(self, kind: str, name: str) -> dict[str, Any]:
        self._known(kind, name)
        self._path(kind, name).unlink()
        return {}

    def _path(self, kind: str, name: str) -> Path:
        return self._folder / _PATHS[kind] / f"{Path(name).name}.json"

    def _run(self, name: str) -> RunRecord:
        run = self.runs.get(name)
        if run is None:
            raise ServiceError("ValidationException", f"Could not find requested job with name: {name}")
        return run


_PATHS = {"Model": "model", "EndpointConfig": "endpoint-config", "Endpoint": "endpoint"}


def _transform(run: RunRecord) -> dict[str, Any]:
    times = {"TransformStartTime": run.started_s, "TransformEndTime": run.ended_s}
    about = {**run.details, "TransformJobStatus": _STATUSES.get(run.state, "InProgress"), "CreationTime": run.created_s}
    return {**about, **{name: at for name, at in times.items() if at}, **({"FailureReason": run.reason} if run.reason else {})}
