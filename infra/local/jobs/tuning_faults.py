"""What of a request for a tuning job AWS would refuse, or cannot be run here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from infra.local.jobs.training_faults import spot_faults
from infra.local.jobs.tuning_values import combinations, ranges_of

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}")
_MOST_RANGES, _MOST_JOBS, _MOST_PARALLEL = 30, 750, 100
"""Limits of AWS without a request for more: ranges of a tuning job, its training jobs, those at once."""


def tuning_faults(request: Mapping[str, Any]) -> list[str]:
    """Return what of a request cannot be run here."""
    config, definition = request["HyperParameterTuningJobConfig"], request.get("TrainingJobDefinition")
    if request.get("TrainingJobDefinitions") or request.get("WarmStartConfig") or request.get("Autotune") or not definition:
        return ["Expected one TrainingJobDefinition, without warm start and autotune. The others exist on AWS only."]
    faults = []
    if not _NAME.fullmatch(request["HyperParameterTuningJobName"]):
        got = f"Expected a name of at most 32 letters, digits and '-', but got {request['HyperParameterTuningJobName']!r}."
        faults.append(f"{got} Choose another one.")
    faults += _objective_faults(config, definition)
    faults += _range_faults(config, definition.get("StaticHyperParameters") or {})
    faults += _limit_faults(config)
    faults += spot_faults(definition)
    if int((definition.get("ResourceConfig") or {}).get("InstanceCount") or 1) != 1:
        faults.append("Expected one instance, but got several. A job on several machines exists on AWS only.")
    return faults


def _objective_faults(config: Mapping[str, Any], definition: Mapping[str, Any]) -> list[str]:
    wanted = (config.get("HyperParameterTuningJobObjective") or {}).get("MetricName")
    known = [each["Name"] for each in definition["AlgorithmSpecification"].get("MetricDefinitions") or []]
    if wanted in known:
        return []
    return [f"Expected an objective among the metric definitions ({', '.join(known) or 'none'}), but got {wanted}. Define it."]


def _range_faults(config: Mapping[str, Any], static: Mapping[str, str]) -> list[str]:
    ranges, strategy = config.get("ParameterRanges") or {}, config["Strategy"]
    numbers = ranges_of(ranges, "IntegerParameterRanges", "ContinuousParameterRanges")
    names = [each["Name"] for each in ranges_of(ranges)]
    faults = []
    if ranges.get("AutoParameters"):
        faults.append("Expected ranges, but got AutoParameters. They exist on AWS only.")
    if strategy not in ("Random", "Grid"):
        faults.append(f"Expected the strategy Random or Grid, but got {strategy}. It exists on AWS only.")
    if strategy == "Grid" and numbers:
        faults.append("Expected categorical ranges only for a grid search, but got numeric ones. Name their values.")
    if not 0 < len(names) <= _MOST_RANGES:
        faults.append(f"Expected 1 to {_MOST_RANGES} ranges, but got {len(names)}. Search in several steps.")
    if twice := sorted({name for name in names if names.count(name) > 1 or name in static}):
        faults.append(f"Expected each hyperparameter once, but got {', '.join(twice)} again. Leave one out.")
    for each in numbers:
        low, high, scale = float(each["MinValue"]), float(each["MaxValue"]), each.get("ScalingType")
        if not low < high:
            faults.append(f"Expected a minimum below the maximum of {each['Name']}, but got {low:g} and {high:g}. Exchange them.")
        elif (scale == "Logarithmic" and low <= 0) or (scale == "ReverseLogarithmic" and not 0 <= low < high < 1):
            faults.append(f"Expected a range that the scale {scale} allows for {each['Name']}, but got {low:g} to {high:g}. Use Linear.")
    return faults


def _limit_faults(config: Mapping[str, Any]) -> list[str]:
    limits, grid = config["ResourceLimits"], config["Strategy"] == "Grid"
    most, at_once = limits.get("MaxNumberOfTrainingJobs"), limits["MaxParallelTrainingJobs"]
    faults = []
    if not grid and most is None:
        faults.append("Expected MaxNumberOfTrainingJobs, but got none. Say how many jobs there may be.")
    if grid and most is not None and most != combinations(config.get("ParameterRanges") or {}):
        expected = combinations(config.get("ParameterRanges") or {})
        faults.append(f"Expected as many jobs as a grid search has combinations ({expected}), but got {most}. Leave the number out.")
    if (most or 1) > _MOST_JOBS or at_once > _MOST_PARALLEL:
        faults.append(f"Expected at most {_MOST_JOBS} jobs, {_MOST_PARALLEL} at once, but got {most} and {at_once}. Ask for fewer.")
    return faults
