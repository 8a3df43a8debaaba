"""Every script runs as a file from any folder and answers --help at once, without loading what only the work needs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = [
    path
    for folder in ("aws_pipeline", "training", "inference", "infra")
    for path in sorted((ROOT / folder).glob("*.py"))
    if '__name__ == "__main__"' in path.read_text()
]
HEAVY = {"torch", "pyspark", "awswrangler", "sagemaker", "duckdb", "moto", "seaborn"}
ASK_FOR_HELP = """
import runpy, sys
path, heavy = sys.argv[1], set(sys.argv[2].split(","))
sys.argv = [path, "--help"]
try:
    runpy.run_path(path, run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
loaded = heavy & set(sys.modules)
assert not loaded, f"--help loads {loaded}"
"""


def test_there_are_scripts_for_all_six_steps():
    names = {path.stem for path in SCRIPTS}
    assert {
        "s3_upload",
        "glue_etl",
        "athena",
        "sagemaker_train",
        "train",
        "make_submission",
        "evaluate",
        "pipeline",
        "sample_data",
    } <= names


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script_tells_its_usage_from_any_folder(path: Path, tmp_path: Path):
    told = subprocess.run([sys.executable, str(path), "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
    assert "usage:" in told.stdout
    assert "Exit codes" in told.stdout, "--help tells what the exit codes mean"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_help_loads_nothing_heavy(path: Path, tmp_path: Path):
    command = [sys.executable, "-c", ASK_FOR_HELP, str(path), ",".join(HEAVY)]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_flag_that_does_not_exist_is_a_usage_error(path: Path, tmp_path: Path):
    told = subprocess.run(
        [sys.executable, str(path), "--no-such-flag"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert told.returncode == 2
    assert "Traceback" not in told.stderr


def test_the_stand_in_tells_its_usage():
    told = subprocess.run(
        [sys.executable, "-m", "infra.local", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert told.returncode == 0, told.stderr
    assert "serve" in told.stdout
