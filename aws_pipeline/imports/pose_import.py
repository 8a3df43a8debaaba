"""One import of poses: read each file, write what was understood, put aside what cannot be used."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aws_pipeline.imports.foreign_pose import ForeignPose
from aws_pipeline.imports.pose_formats import read_poses
from aws_pipeline.imports.pose_rows import Choices, Understood, understand
from aws_pipeline.imports.raw_directory import MetadataFile, write_rows
from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_PUT_ASIDE, EXIT_USAGE, ContractError, Fault, UsageError
from behavior.tables import RAW_TRACKING
from reports.progress import progress


def import_poses(
    files: Sequence[Path], data_dir: Path, choices: Choices, split: str = "train", name: str | None = None, dry_run: bool = False
) -> tuple[list[dict[str, Any]], list[Fault], int]:
    """Import files; return what was understood of each recording, the faults of what was put aside, and the exit code."""
    work = _Import(data_dir, split, choices, dry_run)
    for path in progress(files, "import", len(files)):
        try:
            poses = read_poses(path)
        except ContractError as error:
            work.faults += error.faults
            continue
        if name and (len(poses) > 1 or len(files) > 1):
            raise UsageError(f"Expected one recording with --name, but got {len(poses)} in {path.name}. Use --metadata for several.")
        for pose in poses:
            where = path.name if len(poses) == 1 else f"{path.name}, {pose.name}"
            work.add(replace(pose, name=name) if name else pose, where)
    code = work.finish()
    return work.done, work.faults, code


def facts(pose: ForeignPose, one: Understood) -> dict[str, Any]:
    """Return what was understood of a recording, for a person or a program."""
    row = one.row
    return {
        "recording": row["recording_name"],
        "video_id": row["video_id"],
        "lab": row["lab_id"],
        "tracker": pose.tracker,
        "mice": {f"mouse{number}": name for number, name in enumerate(one.animals, start=1)},
        "bodyparts": one.mapped,
        "frames": one.frames,
        "first_frame": int(pose.frames[0]),
        "fps": row["frames_per_second"],
        "picture_px": [row["video_width_pix"], row["video_height_pix"]],
        "pix_per_cm": row["pix_per_cm_approx"],
        "scale": one.scale.how if one.scale else "none: the body length is the unit",
        "lost_share": round(one.lost_share, 4),
        "unlikely_share": None if one.unlikely_share is None else round(one.unlikely_share, 4),
        "notes": list(one.notes),
    }


class _Import:
    """One import: what was understood of each recording, and the faults of files that were put aside."""

    def __init__(self, data_dir: Path, split: str, choices: Choices, dry_run: bool) -> None:
        self.data_dir, self.split, self.choices, self.dry_run = data_dir, split, choices, dry_run
        self.metadata, self.other = (MetadataFile(data_dir, each) for each in (split, "test" if split == "train" else "train"))
        self.done: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.unsaid = 0
        self._places: dict[int, str] = {}

    def add(self, pose: ForeignPose, where: str) -> None:
        """Import one recording, or put it aside."""
        try:
            one = understand(pose, self.choices, where)
            if one.missing:
                self.unsaid += 1
                self.faults += one.missing
                if not self.dry_run:
                    return
            state = "missing" if one.missing else self._write(one, where)
            self.done.append({"file": where, "state": state, **facts(pose, one)})
        except ContractError as error:
            self.faults += error.faults

    def _write(self, one: Understood, where: str) -> str:
        """Write one recording, unless this is a dry run; return added, changed or unchanged."""
        video, lab, name = int(str(one.row["video_id"])), str(one.row["lab_id"]), one.row["recording_name"]
        if (first := self._places.setdefault(video, where)) != where:
            message = f"Expected one file for each recording, but got {name} of {first} again."
            raise ContractError(Fault("video-repeated", where, message, "Import it alone, with another --name."))
        if self.other.row_of(video):
            message = f"Expected {name} in {self.metadata.path.name} or in no file, but got it in {self.other.path.name}."
            raise ContractError(Fault("video-repeated", where, message, "Remove it there, or give it another --name."))
        state = self.metadata.put(one.row)
        if self.dry_run:
            return f"would be {state}" if state != "unchanged" else state
        changed = write_rows(self.data_dir, RAW_TRACKING, self.split, lab, video, one.rows)
        return "changed" if changed and state == "unchanged" else state

    def finish(self) -> int:
        """Write the metadata; return the exit code."""
        if not self.dry_run:
            self.metadata.save()
        imported = [one for one in self.done if one["state"] != "missing"]
        if not self.faults:
            return EXIT_OK
        if self.unsaid and not imported and self.unsaid == len({fault.where for fault in self.faults}):
            return EXIT_USAGE
        return EXIT_PUT_ASIDE if imported else EXIT_CONTRACT
