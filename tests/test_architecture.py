"""No arrow upwards, no circle: which folder may import which."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "behavior": set(),
    "reports": {"behavior"},
    "recognizers": {"behavior"},
    "aws_pipeline": {"behavior", "reports"},
    "training": {"behavior", "recognizers", "reports"},
    "inference": {"behavior", "recognizers", "reports"},
    "infra": {"behavior.tables", "behavior.contract", "aws_pipeline.config"},
}
ARRAYS = {"numpy", "pandas", "pyarrow"}
THIRD_PARTIES = {"behavior": ARRAYS, "reports": ARRAYS | {"matplotlib", "jinja2", "markupsafe"}}
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


@pytest.mark.parametrize("path", [path for path in FILES if path.relative_to(ROOT).parts[0] in THIRD_PARTIES], ids=lambda path: path.name)
def test_the_ground_floor_needs_nothing_but_arrays_and_tables_and_what_draws(path: Path):
    import sys

    foreign = {name.split(".")[0] for name in imported(path)} - OURS - set(sys.stdlib_module_names)
    assert foreign <= THIRD_PARTIES[path.relative_to(ROOT).parts[0]]


def test_no_file_has_a_name_that_says_nothing():
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "base"}
    assert not [path for path in FILES if path.stem in vague]
