"""The Glue job with exactly Glue's own libraries, from its packed code alone, on a Spark cluster of several processes: `make test-glue`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from curated_lake import aws_on_this_disk, fill

from aws_pipeline import s3_upload
from aws_pipeline.config import Settings
from aws_pipeline.job_code import glue_code
from aws_pipeline.sample_data import Order, make_sample
from infra.local.jobs import spark_conf
from infra.local.jobs.processes import job_environment

ROOT = Path(__file__).resolve().parents[2]
GLUE = ROOT / ".venv-glue"
GLUE_SET = {"pyarrow": "22.0.0", "numpy": "2.3.4", "pandas": "2.3.3", "boto3": "1.40.61", "pyspark": "3.5.6"}

pytestmark = [
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.skipif(not (GLUE / "bin" / "python").exists(), reason="Glue's libraries are not installed; make test-glue does it"),
]


def test_the_environment_has_the_versions_of_glue_and_nothing_of_this_repository() -> None:
    look = "import importlib.metadata as m, json, sys; print(json.dumps([{n: m.version(n) for n in sys.argv[1:]}, sys.version_info[:2]]))"
    versions, python = json.loads(subprocess.check_output([GLUE / "bin" / "python", "-c", look, *GLUE_SET], cwd="/", text=True))

    assert versions == GLUE_SET
    assert python == [3, 11]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("glue") / "data"
    make_sample(folder, Order(labs=("JovialSwallow", "LyricalHare"), videos=2, test_videos=1, seconds=20.0))
    return folder


def tables_in(root: Path) -> dict[str, Any]:
    """Every Parquet object of the curated zone by its key."""
    zone = root / "curated-zone"
    return {str(path.relative_to(zone)): pq.read_table(path, partitioning=None) for path in sorted(zone.rglob("*.parquet"))}


def submit(chosen: Settings, workplace: Path) -> None:
    """Run script and zip as Glue does: a driver and two executors, each a process of its own, with Glue's Python."""
    code = glue_code(chosen)
    for address, content in code.objects.items():
        (workplace / address.rpartition("/")[2]).write_bytes(content)
    python = str(GLUE / "bin" / "python")
    environment = {
        **job_environment(os.environ["AWS_ENDPOINT_URL"], chosen.region, "local"),
        "JAVA_HOME": str(spark_conf.java_home()),
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
        "SPARK_HOME": str(next((GLUE / "lib").glob("python*/site-packages/pyspark"))),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    cluster = ["--master", "local-cluster[2,2,1024]", "--driver-memory", "1g", "--executor-memory", "1g"]
    quiet = ["--conf", "spark.ui.enabled=false", "--conf", "spark.default.parallelism=4"]
    job = ["--JOB_NAME", chosen.glue_job, "--JOB_RUN_ID", "jr_1", "--RAW_URI", chosen.uri("raw"), "--CURATED_URI", chosen.uri("curated")]
    command = [str(GLUE / "bin" / "spark-submit"), *cluster, *quiet, "--py-files", "library.zip", "glue_etl.py", *job]
    done = subprocess.run(
        [*command, "--DATABASE", chosen.database], cwd=workplace, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_the_packed_job_writes_with_glues_libraries_what_it_writes_with_ours(data_dir: Path, tmp_path: Path) -> None:
    with aws_on_this_disk(tmp_path / "ours") as chosen:
        fill(chosen, data_dir)
    (tmp_path / "work").mkdir()
    with aws_on_this_disk(tmp_path / "glue") as chosen:
        s3_upload.upload(data_dir, chosen)
        submit(chosen, tmp_path / "work")

    ours, theirs = tables_in(tmp_path / "ours"), tables_in(tmp_path / "glue")
    assert len(ours) > 6
    assert set(theirs) == set(ours)
    assert [key for key in ours if not theirs[key].equals(ours[key])] == []
