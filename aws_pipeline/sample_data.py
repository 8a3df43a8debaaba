"""Step 0: make recordings of simulated mice, in the shape of the published MABe files, where no real ones are at hand.

    python aws_pipeline/sample_data.py [--data-dir D] [--labs A B ...] [--videos N] [--test-videos N] [--seconds S] [--seed N]

Writes  D/train.csv, D/train_tracking/<lab>/<video>.parquet, D/train_annotation/<lab>/<video>.parquet,
        D/test.csv, D/test_tracking/<lab>/<video>.parquet, and last D/sample.json: the arguments and a digest of every file.

The same arguments give the same bytes; a second call with them finds that all is up to date. The folder appears whole or not at all.
An older sample is replaced; a folder that holds anything else is left alone.

Exit codes: 0 all there, 1 unexpected, 2 usage, configuration or a full disk.
"""

import argparse
import csv
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import settings
from aws_pipeline.terminal import run, size
from behavior.contract import EXIT_OK, UsageError
from behavior.simulated.lab_profiles import PROFILES
from reports.progress import progress

RECEIPT = "sample.json"
DEFAULT_LABS = ("AdaptableSnail", "CautiousGiraffe", "JovialSwallow", "LyricalHare")
"""30 and 25, 25, 10, 120 frames a second; 4 or 3 mice and 2; 18 or 10, 7, 7, 5 bodyparts; 10 to 21 pixels a centimeter."""


@dataclass(frozen=True)
class Order:
    """What sample to make."""

    labs: tuple[str, ...] = DEFAULT_LABS
    """Whose way of recording is imitated."""
    videos: int = 5
    """Recordings of each lab in train.csv."""
    test_videos: int = 1
    """Recordings of each lab in test.csv, without annotation."""
    seconds: float = 75.0
    """Length of a recording."""
    seed: int = 0
    """Another seed, other recordings."""

    def __post_init__(self) -> None:
        faults = []
        unknown = sorted(set(self.labs).difference(PROFILES))
        if unknown or not self.labs:
            faults.append(f"Expected labs among {', '.join(sorted(PROFILES))}, but got {', '.join(unknown) or 'none'}. Change --labs.")
        for name, least in (("videos", 1), ("test_videos", 0), ("seconds", 1), ("seed", 0)):
            if not getattr(self, name) >= least:
                flag = f"--{name.replace('_', '-')}"
                faults.append(f"Expected {flag} to be {least} or more, but got {getattr(self, name)}. Change {flag}.")
        if faults:
            raise UsageError("\n".join(sorted(faults)))


def receipt_of(order: Order, files: dict[str, str]) -> dict[str, object]:
    """Return what sample.json holds for a sample of these files, each with its SHA-256."""
    from behavior.simulated.recordings import SIMULATION_VERSION

    listing = "\n".join(f"{name} {digest}" for name, digest in sorted(files.items()))
    arguments = json.loads(json.dumps({**asdict(order), "simulation": SIMULATION_VERSION}))
    return {"arguments": arguments, "digest": hashlib.sha256(listing.encode()).hexdigest(), "files": dict(sorted(files.items()))}


def is_up_to_date(data_dir: Path, order: Order) -> bool:
    """Tell whether `data_dir` holds exactly this sample. Raises UsageError if it holds anything that no sample put there."""
    if not data_dir.exists():
        return False
    if not data_dir.is_dir():
        raise UsageError(f"Expected --data-dir to be a folder, but got the file {data_dir}. Give another one.")
    receipt = _receipt(data_dir)
    listed = receipt.get("files", {})
    names = _names(data_dir)
    strange = [name for name in names if name not in listed]  # nothing of other people's data is read, it may be large
    files = {} if strange else _digests(data_dir, names)
    strange = strange or [name for name in names if files[name] != listed[name]]
    if strange:
        found = ", ".join(strange[:5]) + (f" and {len(strange) - 5} more" if len(strange) > 5 else "")
        raise UsageError(
            f"Expected {data_dir} to be empty or hold nothing but a sample, but got other or changed files: {found}. "
            "Give another --data-dir, or move them away."
        )
    return receipt == receipt_of(order, files)


def make_sample(data_dir: Path, order: Order) -> dict[str, float]:
    """Write the sample beside `data_dir`, then put it in its place; return what was written, counted."""
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{data_dir.name}.", dir=data_dir.parent) as workshop:
        made = Path(workshop) / "made"
        counts: dict[str, float] = {"labs": len(order.labs), "rows": 0, "bouts": 0}
        for split, videos in (("train", order.videos), ("test", order.test_videos)):
            _write_split(made, split, videos, order, counts)
        files = _digests(made, _names(made))
        counts |= {"files": len(files), "bytes": sum((made / name).stat().st_size for name in files)}
        (made / RECEIPT).write_text(json.dumps(receipt_of(order, files), indent=1) + "\n", encoding="utf-8")
        made.chmod(0o755)
        if data_dir.exists():
            data_dir.rename(Path(workshop) / "replaced")
        made.rename(data_dir)
    return counts


def _write_split(folder: Path, split: str, videos: int, order: Order, counts: dict[str, float]) -> None:
    import pyarrow.parquet as pq

    from behavior.keys import RAW_TABLES, LakeObject, file_of
    from behavior.simulated.recordings import profiles_of, simulate
    from behavior.tables import RAW_ANNOTATION, RAW_METADATA, RAW_TRACKING

    recordings = [(lab, number) for lab in order.labs for number in range(videos)]
    rows = []
    for lab, number in progress(recordings, f"{split} recordings", len(recordings)):
        profiles = profiles_of(lab)
        place = number + (500_000 if split == "test" else 0)
        video_id = (list(PROFILES).index(lab) + 1) * 1_000_000 + place
        recording = simulate(profiles[number % len(profiles)], order.seed * 1_000_000 + place, video_id, order.seconds)
        rows.append(recording.metadata)
        counts["rows"] += len(recording.tracking)
        tables = {RAW_TRACKING.name: recording.tracking, RAW_ANNOTATION.name: recording.annotation}
        counts["bouts"] += len(recording.annotation) if split == "train" else 0
        for table in RAW_TABLES[split]:
            path = folder / LakeObject(table, split, lab, video_id).file
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(tables[table.name], path, compression="zstd")
    counts[f"{split}_videos"] = len(rows)
    if rows:
        with (folder / file_of(RAW_METADATA, split)).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def _receipt(data_dir: Path) -> dict[str, Any]:
    """Read sample.json; nothing if there is none that a sample could have left."""
    try:
        receipt = json.loads((data_dir / RECEIPT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return receipt if isinstance(receipt, dict) and isinstance(receipt.get("files"), dict) else {}


def _names(folder: Path) -> list[str]:
    """Return what lies in a folder, the receipt and folders left out, as sorted relative names."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(name for name in (path.relative_to(folder).as_posix() for path in paths) if name != RECEIPT)


def _digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    return {name: _sha256(folder / name) for name in names}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _main() -> int:
    """Parse the command line, make the sample if it is not there, and report."""
    usual = Order()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="folder to make (default: MABE_DATA_DIR, else data/ in the repository)")
    parser.add_argument(
        "--labs", nargs="+", default=usual.labs, metavar="LAB", help=f"default: {' '.join(usual.labs)}; any of {len(PROFILES)}"
    )
    parser.add_argument("--videos", type=int, default=usual.videos, help=f"training recordings per lab (default: {usual.videos})")
    parser.add_argument(
        "--test-videos", type=int, default=usual.test_videos, help=f"test recordings per lab (default: {usual.test_videos})"
    )
    parser.add_argument("--seconds", type=float, default=usual.seconds, help=f"length of a recording (default: {usual.seconds:g})")
    parser.add_argument("--seed", type=int, default=usual.seed, help="another seed, other recordings (default: 0)")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    given = parser.parse_args()
    order = Order(tuple(dict.fromkeys(given.labs)), given.videos, given.test_videos, given.seconds, given.seed)
    data_dir = (given.data_dir or settings().data_dir).resolve()
    started = time.monotonic()
    if is_up_to_date(data_dir, order):
        print(json.dumps({"data_dir": str(data_dir), "up_to_date": True}) if given.json else f"up to date: the sample in {data_dir}")
        return EXIT_OK
    counts = make_sample(data_dir, order)
    seconds = round(time.monotonic() - started, 1)
    if given.json:
        print(json.dumps({"data_dir": str(data_dir), "up_to_date": False, **counts, "seconds": seconds}))
    else:
        print(
            f"made a sample in {data_dir}: {counts['labs']} labs, {counts['train_videos']} training recordings "
            f"with {counts['bouts']:,} bouts, {counts['test_videos']} test recordings, "
            f"{counts['rows']:,} rows, {size(counts['bytes'])}; {seconds} s"
        )
    return EXIT_OK


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
