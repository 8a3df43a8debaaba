"""The containers of jobs: AWS's PyTorch for training, and the deployment's own for serving (docs/cloud.md says how to make that one)."""

from __future__ import annotations

from aws_pipeline.config import Settings

PYTORCH = "pytorch:2.13-cu133-amzn2023-sagemaker"
"""Runs on machines with and without a GPU; aws_pipeline/training_request.py names the same version."""
_MOST_REGIONS = "763104351884"
_OTHER_REGIONS = {
    "af-south-1": "626614931356", "ap-east-1": "871362719292", "ap-east-2": "975050140332", "ap-northeast-3": "364406365360",
    "ap-south-2": "772153158452", "ap-southeast-3": "907027046896", "ap-southeast-4": "457447274322", "ap-southeast-5": "550225433462",
    "ap-southeast-6": "633930458069", "ap-southeast-7": "590183813437", "ca-west-1": "204538143572", "eu-central-2": "380420809688",
    "eu-south-1": "692866216735", "eu-south-2": "503227376785", "il-central-1": "780543022126", "me-central-1": "914824155844",
    "me-south-1": "217643126080", "me-west-1": "124382933778", "mx-central-1": "637423239942",
}  # fmt: skip
"""AWS's accounts with its images, by region. A test compares them with those that the SDK knows."""


def training_image(region: str) -> str:
    """Return the image that trains, as text for Fn::Sub."""
    return f"{_OTHER_REGIONS.get(region, _MOST_REGIONS)}.dkr.ecr.${{AWS::Region}}.${{AWS::URLSuffix}}/{PYTORCH}"


def serving_image(settings: Settings) -> str:
    """Return the image that serves, as text for Fn::Sub."""
    return f"${{AWS::AccountId}}.dkr.ecr.${{AWS::Region}}.${{AWS::URLSuffix}}/{settings.names.deployment}-serving:latest"
