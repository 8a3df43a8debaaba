"""No arrow upwards, no circle: which room may import which, from folders down to files."""

import ast
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "behavior": set(),
    "reports": {"behavior"},
    "films": {"behavior"},
    "recognizers": {"behavior", "films"},
    "aws_pipeline": {"behavior", "reports", "films"},
    "training": {"behavior", "reports", "films", "recognizers"},
    "inference": {"behavior", "reports", "films", "recognizers"},
    "infra": {
        "behavior.tables",
        "behavior.contract",
        "behavior.full_disk",
        "behavior.whole_file",
        "aws_pipeline.athena",
        "aws_pipeline.config",
        "aws_pipeline.job_code",
        "aws_pipeline.launching",
        "aws_pipeline.names",
        "aws_pipeline.quality_gate",
        "aws_pipeline.steps",
        "aws_pipeline.terminal",
    },
}
ROOMS_OF_TRAINING = {
    "material": set(),
    "decoding": set(),
    "recipes": {"material"},
    "fitting": {"material", "decoding", "recipes"},
    "judging": {"material", "decoding", "recipes", "fitting"},
    "combining": {"material", "decoding", "recipes", "fitting", "judging"},
    "developing": {"material", "decoding", "recipes", "fitting", "judging", "combining"},
    "reusing": {"material", "decoding", "recipes", "fitting", "judging"},
}
ARRAYS = {"numpy", "pandas", "pyarrow"}
THIRD_PARTIES = {"behavior": ARRAYS, "films": ARRAYS | {"av"}, "reports": ARRAYS | {"matplotlib", "jinja2", "markupsafe"}}
OURS = set(MAY_IMPORT)
FILES = [path for folder in MAY_IMPORT for path in sorted((ROOT / folder).rglob("*.py"))]


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path) for path in FILES}


@cache
def imported(path: Path) -> frozenset[str]:
    """Every name that a file imports, wherever it does, and every module that it names for `import_module`."""
    names = set()
    text = path.read_text(encoding="utf-8")
    tree, by_name = ast.parse(text), "import_module" in text
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import hides which room it leads to"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif by_name and isinstance(node, ast.Constant) and isinstance(node.value, str) and module_named(node.value):
            names.add(node.value)  # such as "recognizers.trees", or a class in it, for import_module
    return frozenset(names)


def module_named(name: str) -> str:
    """The longest module of ours that a dotted name begins with; "" if none."""
    parts = name.split(".")
    dotted = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((candidate for candidate in dotted if candidate in MODULES), "")


def leads_to(path: Path) -> set[str]:
    return {module_named(name) for name in imported(path)} - {"", module_of(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_what_lies_below_it(path: Path):
    room = path.relative_to(ROOT).parts[0]
    for name in leads_to(path):
        top = name.split(".")[0]
        assert top == room or top in MAY_IMPORT[room] or name in MAY_IMPORT[room], f"{room} must not import {name}"


@pytest.mark.parametrize("path", [path for path in FILES if path.is_relative_to(ROOT / "training")], ids=module_of)
def test_a_room_of_training_imports_only_what_lies_below_it(path: Path):
    room = path.relative_to(ROOT).parts[1]
    for name in leads_to(path):
        parts = name.split(".")
        if parts[0] != "training":
            continue
        if room in ROOMS_OF_TRAINING:
            assert parts[1] == room or parts[1] in ROOMS_OF_TRAINING[room], f"training/{room} must not import {name}"
        else:
            assert parts[1] in {*ROOMS_OF_TRAINING, "command_line"}, f"{path.name} is a script and must not import {name}, another one"


def test_no_file_imports_itself_by_way_of_others():
    graph = {module_of(path): leads_to(path) for path in FILES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


def test_modules_that_are_found_by_name_are_followed():
    assert {"recognizers.trees", "recognizers.cnn_transformer"} <= leads_to(ROOT / "recognizers" / "families.py")


@pytest.mark.parametrize("path", [path for path in FILES if path.relative_to(ROOT).parts[0] in THIRD_PARTIES], ids=lambda path: path.name)
def test_the_ground_floor_needs_nothing_but_arrays_and_tables_and_what_draws(path: Path):
    foreign = {name.split(".")[0] for name in imported(path)} - OURS - set(sys.stdlib_module_names) - {"_typeshed", "rich"}
    assert foreign <= THIRD_PARTIES[path.relative_to(ROOT).parts[0]]


def test_no_file_has_a_name_that_says_nothing():
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "base"}
    assert not [path for path in FILES if path.stem in vague]


def test_every_file_has_a_name_of_its_own():
    """`train` and `__init__` may be anywhere; two other files of one name would be taken for each other."""
    seen: dict[str, Path] = {}
    twice = []
    for path in FILES:
        if path.stem not in ("__init__", "__main__") and seen.setdefault(path.stem, path) != path:
            twice.append((str(seen[path.stem].relative_to(ROOT)), str(path.relative_to(ROOT))))
    assert not twice
