"""What of a request for a training job AWS would refuse, or cannot be run here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from infra.local.jobs.script_mode import names_code

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


def faults_of(request: dict[str, Any]) -> list[str]:
    """Return what of a request cannot be run here."""
    faults = []
    if not _NAME.fullmatch(request["TrainingJobName"]):
        got = f"Expected a job name of at most 63 letters, digits and '-', but got {request['TrainingJobName']!r}."
        faults.append(f"{got} Choose another one.")
    if not (request.get("AlgorithmSpecification") or {}).get("ContainerEntrypoint") and not names_code(request):
        faults.append("Expected a ContainerEntrypoint, but got only an image, which is not pulled here. Name the command to run.")
    if not (request.get("OutputDataConfig") or {}).get("S3OutputPath"):
        faults.append("Expected OutputDataConfig with an S3OutputPath, but got none. Say where the model goes.")
    faults += spot_faults(request)
    if int((request.get("ResourceConfig") or {}).get("InstanceCount") or 1) != 1:
        faults.append("Expected one instance, but got several. A job on several machines exists on AWS only.")
    return faults


def spot_faults(request: Mapping[str, Any]) -> list[str]:
    """Return what AWS refuses of a job on spot machines, or of a job that waits for something else."""
    limits = request.get("StoppingCondition") or {}
    runtime_s, wait_s = limits.get("MaxRuntimeInSeconds", 24 * 3600), limits.get("MaxWaitTimeInSeconds")
    if not request.get("EnableManagedSpotTraining"):
        return ["Expected MaxWaitTimeInSeconds only with EnableManagedSpotTraining, but got it alone."] if wait_s else []
    if wait_s is None or wait_s < runtime_s:
        return [f"Expected MaxWaitTimeInSeconds of at least MaxRuntimeInSeconds ({runtime_s}) on spot machines, but got {wait_s}."]
    return []
