"""The channels of a training job: what mode File downloads, and what mode FastFile only opens when the program does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from infra.local.s3.object_store import ObjectStore

CONTAINER_ROOT = "/opt/ml"
_REWRITTEN = ("code", "sm_drivers")
"""Channels in which the SDK sends programs; its drivers name /opt/ml, so they are copied and made to name the tree instead."""
_VOLUME_GB = 30
"""What a job gets that asks for no size."""


class Channels:
    """Brings one channel after another into the tree of a job; `may` raises for what the role of the job may not do."""

    def __init__(self, base: Path, request: Mapping[str, Any], store: ObjectStore, may: Callable[[str, str], None]) -> None:
        self.base = base
        self.request = request
        self.store = store
        self._may = may
        self._downloaded_bytes = 0

    def __call__(self, channel: Mapping[str, Any]) -> dict[str, str]:
        """Bring in a channel and return its description. Raises ServiceError with the reason if that is not possible."""
        source = (channel.get("DataSource") or {}).get("S3DataSource")
        name = channel["ChannelName"]
        if not source or source.get("S3DataType", "S3Prefix") != "S3Prefix":
            raise ServiceError(
                "ValidationException", f"Expected channel {name} to be an S3Prefix, but got another source. It exists on AWS only."
            )
        self._may("s3:ListBucket", source["S3Uri"].removeprefix("s3://").partition("/")[0])
        self._may("s3:GetObject", f"{source['S3Uri'].rstrip('/')}{'' if self.store.local_path(source['S3Uri']).is_file() else '/*'}")
        mode = channel.get("InputMode") or self.request["AlgorithmSpecification"].get("TrainingInputMode") or "File"
        there, here = self.store.local_path(source["S3Uri"]), self.base / "input" / "data" / name
        if not there.exists():
            what = f"Data download failed: Expected at least one object under {source['S3Uri']}, but got none"
            raise ServiceError("ClientError", f"{what}. Upload the data of channel {name} first.")
        if there.is_file():
            here.mkdir()
            shutil.copy(there, here)
        elif mode == "FastFile" and name not in _REWRITTEN:
            _lay_out(there, here, os.symlink)
        else:
            self._require_volume(there, name)
            _lay_out(there, here, shutil.copy2)
        if name == "sm_drivers":
            self._rewrite(here)
        shape = {"TrainingInputMode": mode, "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated")}
        return {**shape, "RecordWrapperType": channel.get("RecordWrapperType", "None")}

    def _require_volume(self, there: Path, name: str) -> None:
        """Raise ClientError if what mode File downloads does not fit the volume that was asked for."""
        volume_gb = (self.request.get("ResourceConfig") or {}).get("VolumeSizeInGB") or _VOLUME_GB
        self._downloaded_bytes += sum(path.stat().st_size for path in there.rglob("*") if path.is_file())
        if self._downloaded_bytes > volume_gb * 1024**3:
            what = f"Data download failed: Expected channels that fit a volume of {volume_gb} GB, but got {self._downloaded_bytes:,} bytes"
            raise ServiceError("ClientError", f"{what}, with channel {name}. Ask for a larger volume, or for input mode FastFile.")

    def _rewrite(self, folder: Path) -> None:
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix in (".py", ".sh", ".json"):
                text = path.read_text()
                if CONTAINER_ROOT in text:
                    path.write_text(inside(text, self.base))


def inside(text: str, base: Path) -> str:
    """Make a text that names /opt/ml name a job's tree."""
    return text.replace(CONTAINER_ROOT, str(base))


def _lay_out(source: Path, target: Path, put: Callable[[Path, Path], object]) -> None:
    """Make the folders of `source` anew and put each file into its place, as a copy or as a link that is opened on demand."""
    target.mkdir()
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir()
        else:
            put(path, place)
