"""How large a run of the Glue job is, and how its workers are set up."""

import importlib
import sys
import zipfile
from pathlib import Path

import pytest

from aws_pipeline.glue_workers import sized_run
from aws_pipeline.spark_setup import forget_jars, spark_conf


@pytest.mark.parametrize(
    ("n_recordings", "worker_type", "workers", "parts"),
    [(0, "G.1X", 2, 4), (24, "G.1X", 2, 4), (201, "G.1X", 3, 8), (1000, "G.1X", 6, 20), (1000, "G.2X", 6, 40), (100_000, "G.1X", 10, 36)],
)
def test_a_run_has_workers_and_parts_for_its_recordings(n_recordings: int, worker_type: str, workers: int, parts: int):
    asked = sized_run(n_recordings, worker_type, {"--SUMMARY_URI": "s3://artifacts/x.json"})
    assert asked["NumberOfWorkers"] == workers
    assert asked["Arguments"] == {"--SUMMARY_URI": "s3://artifacts/x.json", "--conf": f"spark.default.parallelism={parts}"}


def test_the_results_of_any_number_of_recordings_reach_the_driver():
    """A result has 16 kB: Spark's usual limit of 1 GB would end a run of 65,000 recordings after all of them were curated."""
    assert spark_conf().get("spark.driver.maxResultSize") == "0"


def test_a_worker_keeps_the_memory_of_a_recording_for_the_next_one():
    assert {name for name, _ in spark_conf().getAll()} >= {
        "spark.executorEnv.MALLOC_MMAP_THRESHOLD_",
        "spark.executorEnv.MALLOC_TRIM_THRESHOLD_",
    }


def test_a_worker_does_not_look_for_python_in_jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    jar, library = tmp_path / "spark-core.jar", tmp_path / "library.zip"
    for archive, inside in ((jar, ("in_the_jar/__init__.py", "in_the_jar/part.py")), (library, ("in_the_library.py",))):
        with zipfile.ZipFile(archive, "w") as file:
            for name in inside:
                file.writestr(name, "FOUND = True")
    monkeypatch.setattr(sys, "path", [str(jar), str(library), *sys.path])
    monkeypatch.setattr(sys, "path_importer_cache", dict(sys.path_importer_cache))
    assert importlib.import_module("in_the_jar.part").FOUND
    monkeypatch.delitem(sys.modules, "in_the_jar")
    monkeypatch.delitem(sys.modules, "in_the_jar.part")

    forget_jars()

    assert not [place for place in sys.path_importer_cache if str(jar) in place]
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("in_the_jar.part")
    assert importlib.import_module("in_the_library").FOUND
