"""Code that jobs take with them: nothing the jobs import is missing, and the same files are the same bytes."""

import ast
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from aws_pipeline import job_code, steps, training_request
from aws_pipeline.config import settings

ROOT = Path(__file__).resolve().parents[2]
ONLY_FOR_PEOPLE = "aws_pipeline/glue_job.py"
"""The script imports this one when a person runs it, never when Glue does."""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A small repository: a room with a file, a file in a subfolder of a subfolder, a table beside it, and what Python leaves around."""
    monkeypatch.setattr(job_code, "REPOSITORY", tmp_path)
    contents = {
        "behavior/__init__.py": b"",
        "behavior/views/__init__.py": b"",
        "behavior/views/deep/pairs.py": b"PAIRS = 2",
        "behavior/views/limits.json": b"{}",
        "behavior/__pycache__/x.cpython-311.pyc": b"old",
        "behavior/.ipynb_checkpoints/pairs.py": b"older",
    }
    for path, content in contents.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    return tmp_path


def unzipped(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_subfolders_come_along_and_caches_do_not(repository):
    packed = job_code.files("behavior")
    assert list(packed) == [
        "behavior/__init__.py",
        "behavior/views/__init__.py",
        "behavior/views/deep/pairs.py",
        "behavior/views/limits.json",
    ]
    assert unzipped(job_code.as_zip(packed)) == packed


def test_the_same_files_are_the_same_bytes_whenever_they_were_written_and_any_change_is_another_digest(repository):
    before = job_code.files("behavior")
    os.utime(repository / "behavior/views/deep/pairs.py", (1, 1))
    again = job_code.files("behavior")
    assert job_code.as_zip(again) == job_code.as_zip(before)
    assert job_code.digest(again) == job_code.digest(before)

    (repository / "behavior/views/deep/pairs.py").write_bytes(b"PAIRS = 3")
    changed = job_code.files("behavior")
    assert job_code.digest(changed) != job_code.digest(before)
    (repository / "behavior/views/deep/pairs.py").rename(repository / "behavior/views/pairs.py")
    assert job_code.digest(job_code.files("behavior")) != job_code.digest(changed)


def test_a_place_that_is_not_there_is_no_empty_package(repository):
    with pytest.raises(FileNotFoundError):
        job_code.files("behavior", "aws_pipeline/lake.py")


def test_all_that_the_glue_script_imports_of_this_repository_is_in_its_zip():
    code = job_code.glue_code(settings({}))
    packed = set(unzipped(code.objects[code.library]))
    needed = reached(job_code.GLUE_SCRIPT) - {job_code.GLUE_SCRIPT}
    assert {"aws_pipeline/__init__.py", "behavior/__init__.py", "behavior/curation.py", "behavior/tables.py"} <= needed
    assert needed - packed == set()
    assert not {path for path in packed if path.startswith("aws_pipeline/")} - needed, "a change there would deploy the job for nothing"


def test_the_glue_script_is_loaded_from_its_zip_alone(tmp_path):
    code = job_code.glue_code(settings({}))
    for address, content in code.objects.items():
        (tmp_path / address.rpartition("/")[2]).write_bytes(content)
    load = "import runpy, sys; sys.argv[1:] = ['--JOB_NAME', 'j']; runpy.run_path('glue_etl.py'); import behavior; print(behavior.__file__)"
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "library.zip")}
    told = subprocess.run([sys.executable, "-c", load], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip() == str(tmp_path / "library.zip" / "behavior" / "__init__.py")


def test_a_training_job_gets_every_file_of_its_rooms_and_the_versions_its_container_lacks():
    with training_request.staged_code() as folder:
        staged = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        pins = (folder / "requirements.txt").read_text().splitlines()
    assert staged == {*job_code.files(*job_code.TRAINING), "requirements.txt"}
    assert reached("training/train.py") <= staged
    assert sorted(pin.partition("==")[0] for pin in pins) == sorted(job_code.IN_THE_CONTAINER)


def reached(script):
    """Return the files of this repository that a script imports, directly or not, at its top or inside a function, and the script."""
    paths, waiting = set(), [script]
    while waiting:
        path = waiting.pop()
        if path in paths or path == ONLY_FOR_PEOPLE:
            continue
        paths.add(path)
        for name in imported(ROOT / path):
            parts = name.split(".")
            for end in range(1, len(parts) + 1):
                module = "/".join(parts[:end])
                waiting += [file for file in (f"{module}.py", f"{module}/__init__.py") if (ROOT / file).is_file()]
    return paths


def imported(path):
    """Return the dotted names that a file imports; `from a import b` may mean the module a.b."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module":
            names |= {word.value for word in node.args if isinstance(word, ast.Constant)}
    return names


def test_the_search_for_imports_sees_those_inside_functions(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("import a.b\ndef f():\n    from c.d import e\n    import_module('g.h')\n")
    assert imported(file) == {"a.b", "c.d.e", "g.h"}


@pytest.mark.parametrize("script", ["training/train.py", "training/score_held_out.py", "inference/handler.py"])
def test_the_graphs_jobs_have_all_their_code_and_how_it_starts(script):
    code = job_code.glue_code(settings({}))
    packed = zipfile.ZipFile(io.BytesIO(code.objects[f"{code.training}/code.zip"]))
    assert reached(script) <= set(packed.namelist())
    assert b"lightgbm==" in packed.read("requirements.txt")
    assert code.objects[f"{code.training}/start.sh"].startswith(b"#!/bin/sh")


@pytest.mark.parametrize(("processes", "before"), [("1", []), ("4", ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=4"])])
def test_a_job_of_the_graph_starts_as_many_processes_as_it_is_told(tmp_path, processes, before):
    (tmp_path / "start.sh").write_text(job_code.START)
    (tmp_path / "bin").mkdir()
    for name, program in {"python3": 'for word in "$@"; do echo "$word"; done', "pip3": "exit 0"}.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{program}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    words = ["sh", tmp_path / "start.sh", processes, "training/train.py", "--recipe", "two words"]
    env = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    told = subprocess.run(words, env=env, capture_output=True, text=True, check=True).stdout.splitlines()
    place = told[4]  # -m zipfile -e ARCHIVE PLACE
    assert told[:4] == ["-m", "zipfile", "-e", str(tmp_path / "code.zip")]
    assert told[5:] == [*before, f"{place}/training/train.py", "--recipe", "two words"]


@pytest.mark.parametrize(
    ("step", "script"),
    [
        ("train", "training/train.py"),
        ("held_out", "inference/make_submission.py"),
        ("test", "inference/make_submission.py"),
        ("score", "inference/evaluate.py"),
        ("report", "inference/report.py"),
    ],
)
def test_the_pipeline_knows_all_the_code_behind_a_step_and_runs_it_again_when_any_of_it_changes(step, script):
    assert reached(script) <= set(job_code.files(*steps.step(step).code))
