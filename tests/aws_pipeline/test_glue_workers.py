"""How large a run of the Glue job is."""

import pytest

from aws_pipeline.curation_workers import spark_conf
from aws_pipeline.glue_workers import sized_run


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
