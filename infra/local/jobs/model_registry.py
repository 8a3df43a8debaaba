"""SageMaker's registry of models: groups of versioned packages, one JSON file for each group."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from behavior.whole_file import whole_file
from infra.local.access.asked import arn
from infra.local.errors import ServiceError

_APPROVALS = ("Approved", "Rejected", "PendingManualApproval")

Request = dict[str, Any]


class ModelRegistry:
    """Answers the operations on model packages and their groups."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def handle(self, operation: str, request: Request) -> dict[str, Any] | None:
        """Answer one operation; None for one of others."""
        answers = {
            "CreateModelPackageGroup": self._create_group,
            "DescribeModelPackageGroup": lambda asked: _about_group(self._group(asked["ModelPackageGroupName"])),
            "ListModelPackageGroups": self._list_groups,
            "DeleteModelPackageGroup": self._delete_group,
            "CreateModelPackage": self._create_package,
            "DescribeModelPackage": lambda asked: self._package(asked["ModelPackageName"])[1],
            "ListModelPackages": self._list_packages,
            "UpdateModelPackage": self._update_package,
            "DeleteModelPackage": self._delete_package,
        }
        if operation not in answers:
            return None
        with self._locked():
            return answers[operation](request)

    def _create_group(self, request: Request) -> dict[str, Any]:
        name = request["ModelPackageGroupName"]
        if self._path(name).exists():
            raise _invalid(f"Model Package Group already exists: {_group_arn(name)}")
        self._write({**request, "CreationTime": time.time(), "Packages": [], "Last": 0})
        return {"ModelPackageGroupArn": _group_arn(name)}

    def _list_groups(self, request: Request) -> dict[str, Any]:
        groups = [_about_group(json.loads(path.read_text())) for path in sorted(self._folder.glob("*.json"))]
        wanted = request.get("NameContains") or ""
        return {"ModelPackageGroupSummaryList": [group for group in groups if wanted in group["ModelPackageGroupName"]]}

    def _delete_group(self, request: Request) -> dict[str, Any]:
        group = self._group(request["ModelPackageGroupName"])
        if group["Packages"]:
            raise _invalid("Cannot delete a Model Package Group that has Model Packages. Delete them first.")
        self._path(group["ModelPackageGroupName"]).unlink()
        return {}

    def _create_package(self, request: Request) -> dict[str, Any]:
        if request.get("ModelApprovalStatus", _APPROVALS[0]) not in _APPROVALS:
            raise _invalid(f"Expected ModelApprovalStatus to be one of {', '.join(_APPROVALS)}, but got {request['ModelApprovalStatus']}.")
        group = self._group(request["ModelPackageGroupName"])
        group["Last"] += 1
        package = f"{group['ModelPackageGroupName'].lower()}/{group['Last']}"
        described = {
            "ModelApprovalStatus": "PendingManualApproval",
            **{name: value for name, value in request.items() if name not in ("Tags", "ClientToken")},
            "ModelPackageVersion": group["Last"],
            "ModelPackageArn": arn("sagemaker", f"model-package/{package}"),
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "CreationTime": time.time(),
        }
        group["Packages"].append(described)
        self._write(group)
        return {"ModelPackageArn": described["ModelPackageArn"]}

    def _list_packages(self, request: Request) -> dict[str, Any]:
        packages = self._group(request["ModelPackageGroupName"])["Packages"]
        wanted = request.get("ModelApprovalStatus")
        shown = ["ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn", "ModelPackageDescription", "CreationTime"]
        shown += ["ModelPackageStatus", "ModelApprovalStatus"]
        found = [package for package in reversed(packages) if wanted in (None, package["ModelApprovalStatus"])]
        return {"ModelPackageSummaryList": [{name: each[name] for name in shown if name in each} for each in found]}

    def _update_package(self, request: Request) -> dict[str, Any]:
        group, package = self._package(request["ModelPackageArn"])
        changeable = ("ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties")
        package.update({name: request[name] for name in changeable if name in request})
        self._write(group)
        return {"ModelPackageArn": package["ModelPackageArn"]}

    def _delete_package(self, request: Request) -> dict[str, Any]:
        group, package = self._package(request["ModelPackageName"])
        group["Packages"].remove(package)
        self._write(group)
        return {}

    def _package(self, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return group and package of an ARN."""
        parts = name.rpartition("model-package/")[2].split("/")
        for path in self._folder.glob("*.json"):
            group = json.loads(path.read_text())
            if group["ModelPackageGroupName"].lower() == parts[0]:
                for package in group["Packages"]:
                    if str(package["ModelPackageVersion"]) == parts[-1]:
                        return group, package
        raise _invalid(f"ModelPackage {name} does not exist.")

    def _group(self, name: str) -> dict[str, Any]:
        try:
            group: dict[str, Any] = json.loads(self._path(name).read_text())
        except FileNotFoundError:
            raise _invalid(f"ModelPackageGroup {_group_arn(name)} does not exist.") from None
        return group

    def _path(self, name: str) -> Path:
        return self._folder / f"{name.rpartition('/')[2]}.json"

    def _write(self, group: dict[str, Any]) -> None:
        with whole_file(self._path(group["ModelPackageGroupName"])) as draft:
            draft.write_text(json.dumps(group))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _group_arn(name: str) -> str:
    return arn("sagemaker", f"model-package-group/{name.lower()}")


def _about_group(group: dict[str, Any]) -> dict[str, Any]:
    name = group["ModelPackageGroupName"]
    about = {"ModelPackageGroupName": name, "ModelPackageGroupArn": _group_arn(name), "CreationTime": group["CreationTime"]}
    described = {"ModelPackageGroupDescription": group.get("ModelPackageGroupDescription", ""), "ModelPackageGroupStatus": "Completed"}
    return {**about, **described, "CreatedBy": {}}


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
