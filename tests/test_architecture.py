"""No arrow upwards, no circle: which folder may import which."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "behavior": set(),
    "recognizers": {"behavior"},
    "aws_pipeline": {"behavior"},
    "training": {"behavior", "recognizers"},
    "inference": {"behavior", "recognizers"},
    "infra": {
        "behavior.tables",
        "behavior.contract",
        "behavior.whole_file",
        "aws_pipeline.config",
        "aws_pipeline.job_code",
        "aws_pipeline.terminal",
    },
}
THIRD_PARTIES = {"behavior": {"numpy", "pandas", "pyarrow"}}
OURS = set(MAY_IMPORT)
FILES = [path for folder in MAY_IMPORT for path in sorted((ROOT / folder).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import hides which room it leads to"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_what_lies_below_it(path: Path):
    room = path.relative_to(ROOT).parts[0]
    for name in imported(path):
        top = name.split(".")[0]
        if top in OURS - {room}:
            assert top in MAY_IMPORT[room] or name in MAY_IMPORT[room], f"{room} must not import {name}"


@pytest.mark.parametrize("path", [path for path in FILES if path.is_relative_to(ROOT / "behavior")], ids=lambda path: path.name)
def test_the_ground_floor_needs_nothing_but_arrays_and_tables(path: Path):
    import sys

    foreign = {name.split(".")[0] for name in imported(path)} - OURS - set(sys.stdlib_module_names)
    assert foreign <= THIRD_PARTIES["behavior"]


def test_no_file_has_a_name_that_says_nothing():
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "base"}
    assert not [path for path in FILES if path.stem in vague]
