"""Training, scoring and serving run from their packed artefacts alone: no module of ours comes from this repository.

The Glue job's zip has tests of its own: tests/aws_pipeline/test_job_code.py, and tests/glue with Glue's libraries.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from simulated_lake import Lake, build_lake

from aws_pipeline.config import settings
from aws_pipeline.job_code import SERVING, files, glue_code
from aws_pipeline.training_request import staged_code
from inference.request_body import pack

OURS = ("aws_pipeline", "behavior", "films", "inference", "infra", "recognizers", "reports", "training")
WATCHED = """
import atexit, json, os, runpy, sys
script, told = sys.argv[1:3]
sys.argv = sys.argv[2:]

def tell():
    found = {name: module.__file__ for name, module in list(sys.modules.items()) if name.split(".")[0] in %r}
    with open(told, "w") as file:
        json.dump(found, file)

atexit.register(tell)
sys.argv[0] = script
runpy.run_path(script, run_name="__main__")
"""


def run_alone(place: Path, script: str, *flags: object, code: int = 0) -> str:
    """Run a script of an unpacked artefact, isolated from this environment's paths; return what it says."""
    told = place.parent / f"{Path(script).stem}.modules.json"
    return _watched(WATCHED % (OURS,), place, script, told, *flags, code=code)


def _watched(program: str, place: Path, script: str, told: Path, *flags: object, code: int = 0) -> str:
    """Run a program and see where its modules come from."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(told.parent), "OMP_NUM_THREADS": "1"}
    command = [str(word) for word in (sys.executable, "-I", "-c", program, place / script, told, *flags)]
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    found = json.loads(told.read_text())
    assert {name for name, file in found.items() if file and not Path(file).is_relative_to(place)} == set()
    assert {"behavior"} <= {name.split(".")[0] for name in found}
    return done.stdout + done.stderr * bool(code)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Four short recordings of one lab."""
    return build_lake(tmp_path / "lake", {"JovialSwallow": 4}, seconds=6)


@pytest.mark.slow
def test_the_cloud_graphs_jobs_train_and_score_from_their_zip_alone_and_their_archive_serves_alone(lake: Lake, tmp_path: Path):
    packed, code = glue_code(settings({})), tmp_path / "graph" / "code"
    zipfile.ZipFile(io.BytesIO(packed.objects[f"{packed.training}/code.zip"])).extractall(code)
    trained, served = tmp_path / "trained", tmp_path / "served"

    quick = ("--set", "trees.trees=8")
    run_alone(code, "training/train.py", "--curated", lake.curated, "--recipe", "trees", "--model-dir", trained, *quick)
    told = run_alone(code, "training/score_held_out.py", "--curated", lake.curated, "--model", trained, "--model-dir", served)
    assert told.startswith("score=")

    registered = {path for path in files(*SERVING) if path.endswith(".py")}
    assert {path.relative_to(served / "code").as_posix() for path in (served / "code").rglob("*.py")} == registered, "as register packs it"
    assert answers(served, lake, tmp_path).startswith("video_id,agent_id,target_id,action,start_frame,stop_frame,")


def test_the_code_that_sagemaker_train_sends_is_loaded_alone(tmp_path: Path):
    with staged_code() as staged:
        shutil.copytree(staged, tmp_path / "job" / "code")
    check = "--recipe", "trees", "--curated", tmp_path / "nowhere"
    assert "Expected" in run_alone(tmp_path / "job" / "code", "training/train.py", *check, code=2)


def answers(model: Path, lake: Lake, place: Path) -> str:
    """Ask the packed server for the bouts of one recording."""
    header, row, *_ = (lake.raw / "train.csv").read_text().splitlines()
    (file,) = (lake.raw / "train_tracking").glob("*/101.parquet")
    (place / "request").write_bytes(pack(f"{header}\n{row}\n", file))
    ask = f"""
import threading, urllib.request
from pathlib import Path
from inference.handler import RecognizerServer, load
with RecognizerServer(("127.0.0.1", 0), load(Path({str(model)!r}), "cpu")) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{{server.server_port}}/invocations"
    body = Path({str(place / "request")!r}).read_bytes()
    asked = urllib.request.Request(address, body, {{"Content-Type": "application/vnd.apache.parquet"}})
    print(urllib.request.urlopen(asked).read().decode(), end="")
    server.shutdown()
"""
    program = WATCHED.replace('run_name="__main__"', 'run_name="handler"') % (OURS,) + ask
    return _watched(program, model / "code", "inference/handler.py", place / "handler.modules.json")
