"""What a training container sees, laid out on this disk: the tree that is /opt/ml there, the variables, and the way back to S3."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from behavior.whole_file import whole_file
from infra.local.jobs.channels import Channels, inside
from infra.local.jobs.script_mode import fetch_code, plain, script_command

if TYPE_CHECKING:
    from infra.local.access.guard import Guard
    from infra.local.s3.object_store import ObjectStore

_SAFE_PATH = re.compile(r"[\w/.-]+")
_WRAPPERS = {"python3": "", "python": "", "pip3": " -m pip", "pip": " -m pip"}


class Container:
    """The folders of one training job."""

    def __init__(self, request: Mapping[str, Any], workplace: Path, store: ObjectStore, guard: Guard) -> None:
        self.request = request
        self.name: str = request["TrainingJobName"]
        self.role: str = request["RoleArn"]
        self.store = store
        self.guard = guard
        self.workplace = workplace
        self.base = _without_odd_characters(workplace / "ml")
        self._make_folders()

    @property
    def checkpoint_uri(self) -> str | None:
        """Return where checkpoints are kept, if anywhere."""
        uri: str | None = (self.request.get("CheckpointConfig") or {}).get("S3Uri")
        return uri

    @property
    def command(self) -> list[str]:
        """Return the command that starts the container."""
        algorithm = self.request["AlgorithmSpecification"]
        if not algorithm.get("ContainerEntrypoint"):
            return script_command(self.request, self.base / "code")
        return [self.inside(word) for word in [*algorithm["ContainerEntrypoint"], *(algorithm.get("ContainerArguments") or [])]]

    def inside(self, text: str) -> str:
        """Make a text that names /opt/ml name this job's tree."""
        return inside(text, self.base)

    def download(self) -> None:
        """Bring in the channels, the configuration files, and the checkpoints of an earlier run."""
        bring = Channels(self.base, self.request, self.store, self._may)
        channels = {channel["ChannelName"]: bring(channel) for channel in self.request.get("InputDataConfig") or []}
        resources = {**self._hosts(), "current_instance_type": self._instance_type(), "network_interface_name": "lo"}
        written = {"hyperparameters": self.request.get("HyperParameters") or {}, "inputdataconfig": channels, "resourceconfig": resources}
        for name, content in written.items():
            (self.base / "input" / "config" / f"{name}.json").write_text(json.dumps(content))
        if not self.request["AlgorithmSpecification"].get("ContainerEntrypoint"):
            fetch_code(self.request, self.base / "code", self.store, self._may)
        if self.checkpoint_uri:
            self._may("s3:GetObject", f"{self.checkpoint_uri.rstrip('/')}/*")
            copy_changed(self.store.local_path(self.checkpoint_uri), self.base / "checkpoints")

    def environment(self, outside: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that a program finds, those of the SDK's drivers included for commands that do without them."""
        asked = {name: self.inside(value) for name, value in (self.request.get("Environment") or {}).items()}
        programs = self._python_wrappers()
        return {**outside, **self._training_variables(), **asked, "PATH": f"{programs}{os.pathsep}{outside.get('PATH', os.defpath)}"}

    def upload_checkpoints(self) -> None:
        """Copy the checkpoints that changed to where they are kept."""
        if self.checkpoint_uri:
            self._may("s3:PutObject", f"{self.checkpoint_uri.rstrip('/')}/*")
            copy_changed(self.base / "checkpoints", self.store.local_path(self.checkpoint_uri))

    def upload_output(self) -> None:
        """Pack what the program left in output/data, if anything."""
        data = self.base / "output" / "data"
        if any(data.iterdir()):
            self._pack(data, "output.tar.gz")

    def upload_model(self) -> str:
        """Send the model home and return its address."""
        if (self.request["OutputDataConfig"].get("CompressionType") or "GZIP") == "NONE":
            address = f"{self._output_uri()}/model"
            self._may("s3:PutObject", f"{address}/*")
            copy_changed(self.base / "model", self.store.local_path(address))
            return f"{address}/"
        return self._pack(self.base / "model", "model.tar.gz")

    def failure(self) -> str:
        """Return what the program itself wrote about its failure; what the SDK's driver writes there says nothing of the cause."""
        path = self.base / "output" / "failure"
        text = path.read_text(errors="replace").strip() if path.exists() else ""
        return "" if "subprocess.CalledProcessError" in text or text.startswith("Training Execution failed") else text

    def empty(self) -> None:
        """Make the tree as it was in the beginning, as on a new machine."""
        for folder in sorted(self.base.iterdir()):
            shutil.rmtree(folder)
        self._make_folders()

    def _make_folders(self) -> None:
        for folder in ("input/config", "input/data", "model", "output/data", "checkpoints", "code"):
            (self.base / folder).mkdir(parents=True, exist_ok=True)

    def clear(self) -> None:
        """Remove the tree, not the data its channels point to."""
        if self.base.parent.is_symlink():
            shutil.rmtree(self.base.parent.parent, ignore_errors=True)
        shutil.rmtree(self.workplace, ignore_errors=True)

    def _may(self, action: str, uri: str) -> None:
        self.guard.require_of_role(self.role, action, uri)

    def _training_variables(self) -> dict[str, str]:
        base, channels = self.base, [channel["ChannelName"] for channel in self.request.get("InputDataConfig") or []]
        parameters = {name: plain(value) for name, value in (self.request.get("HyperParameters") or {}).items()}
        hosts = self._hosts()
        variables = {
            "TRAINING_JOB_NAME": self.name,
            "TRAINING_JOB_ARN": self.request["TrainingJobArn"],
            "SM_MODEL_DIR": base / "model",
            "SM_INPUT_DIR": base / "input",
            "SM_INPUT_DATA_DIR": base / "input" / "data",
            "SM_INPUT_CONFIG_DIR": base / "input" / "config",
            "SM_OUTPUT_DIR": base / "output",
            "SM_OUTPUT_DATA_DIR": base / "output" / "data",
            "SM_OUTPUT_FAILURE": base / "output" / "failure",
            "SM_CHECKPOINT_DIR": base / "checkpoints",
            "SM_CHANNELS": json.dumps(channels),
            "SM_HPS": json.dumps(parameters),
            "SM_HOSTS": json.dumps(hosts["hosts"]),
            "SM_CURRENT_HOST": hosts["current_host"],
            "SM_CURRENT_INSTANCE_TYPE": self._instance_type(),
        }
        variables |= {f"SM_CHANNEL_{name.upper()}": base / "input" / "data" / name for name in channels}
        variables |= {f"SM_HP_{name.replace('-', '_').upper()}": value for name, value in parameters.items()}
        return {name: str(value) for name, value in variables.items()}

    def _python_wrappers(self) -> Path:
        """Make `python` and `pip` mean this very interpreter, which need not be on the path nor called so; pip may not fetch anything."""
        folder = self.base.parent / "bin"
        folder.mkdir(exist_ok=True)
        for name, module in _WRAPPERS.items():
            offline = "PIP_NO_INDEX=1 PIP_DISABLE_PIP_VERSION_CHECK=1 " if module else ""
            (folder / name).write_text(f'#!/bin/sh\n{offline}exec "{sys.executable}"{module} "$@"\n')
            (folder / name).chmod(0o755)
        return folder

    def _pack(self, folder: Path, name: str) -> str:
        address = f"{self._output_uri()}/{name}"
        self._may("s3:PutObject", address)
        target = self.store.local_path(address)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = self.workplace / name
        with tarfile.open(draft, "w:gz", compresslevel=1) as archive:
            for path in sorted(folder.iterdir()):
                archive.add(path, arcname=path.name)
        draft.replace(target)
        return address

    def _output_uri(self) -> str:
        return f"{self.request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self.name}/output"

    def _hosts(self) -> dict[str, Any]:
        return {"current_host": "algo-1", "hosts": ["algo-1"]}

    def _instance_type(self) -> str:
        return str((self.request.get("ResourceConfig") or {}).get("InstanceType") or "local")


def copy_changed(source: Path, target: Path) -> None:
    """Copy files that are missing or different by size or time; a reader of `target` sees each whole."""
    for path in sorted(source.rglob("*")) if source.exists() else []:
        copy = target / path.relative_to(source)
        if path.is_file() and not (copy.exists() and _stamp(copy) == _stamp(path)):
            with whole_file(copy) as draft:
                shutil.copy2(path, draft)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _without_odd_characters(folder: Path) -> Path:
    """Return the folder, by a link where its path has characters that the SDK's shell script does not quote."""
    folder.mkdir(parents=True, exist_ok=True)
    if _SAFE_PATH.fullmatch(str(folder)):
        return folder
    link = Path(tempfile.mkdtemp(prefix="training-")) / "job"
    link.symlink_to(folder.parent, target_is_directory=True)
    return link / folder.name
