"""What a public project has: commands, all files in the package, a license, a citation, and one version everywhere."""

import importlib
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
COMMANDS: dict[str, str] = PROJECT["scripts"]
ROOMS = [path.parent for path in sorted(ROOT.glob("*/__init__.py"))]
BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_starts_a_function_and_carries_the_name_of_its_file(command: str):
    module, _, function = COMMANDS[command].partition(":")
    assert callable(getattr(importlib.import_module(module), function))
    assert command == "mabe-" + module.rpartition(".")[2].replace("_", "-")


def test_every_script_is_a_command():
    scripts = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for room in ("aws_pipeline", "training", "inference", "infra")
        for path in (ROOT / room).glob("*.py")
        if '__name__ == "__main__"' in path.read_text()
    }
    assert scripts == {target.partition(":")[0] for target in COMMANDS.values()}


def test_a_users_mistake_ends_a_command_with_one_line_and_its_exit_code(tmp_path: Path):
    """As the file that pip writes for a command does: main() gives the exit code and lets no exception out."""
    start = "import sys; from aws_pipeline.s3_upload import main; sys.argv = ['mabe-s3-upload', '--data-dir', 'nowhere']; sys.exit(main())"
    ended = subprocess.run([sys.executable, "-c", start], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert re.fullmatch(r"error: Expected .*nowhere.*\n", ended.stderr)


ASK_WHERE = """
import sys; sys.path.insert(0, '../site')
from aws_pipeline.config import settings
from inference.recording_files import DATA_DIR
print(settings({}).data_dir, settings({}).mock_dir, DATA_DIR)
"""


def test_an_installed_package_works_in_the_working_directory_and_not_beside_its_code(tmp_path: Path):
    for room in ("aws_pipeline", "behavior", "inference"):
        shutil.copytree(ROOT / room, tmp_path / "site" / room, ignore=shutil.ignore_patterns("__pycache__"))
    work = tmp_path / "work"
    work.mkdir()
    told = subprocess.run([sys.executable, "-c", ASK_WHERE], cwd=work, capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout.split() == [str(work / "data"), str(work / "s3_mock"), str(work / "data")]


def test_the_package_holds_every_file_of_every_room_and_nothing_else(tmp_path: Path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for folder in (*ROOMS, ROOT / "tests"):
        shutil.copytree(folder, source / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-c", BUILD, str(tmp_path)], cwd=source, capture_output=True, timeout=120, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    files = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {str(path.relative_to(source)) for room in ROOMS for path in (source / room.name).rglob("*") if path.is_file()}
    assert files == expected
    assert "aws_pipeline/sql/class_imbalance.sql" in files


def test_changelog_citation_and_package_have_the_same_version_and_date():
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    releases = [heading for heading in headings if heading != "Unreleased"]
    days = [re.fullmatch(r"\d+\.\d+\.\d+ \((\d{4}-\d{2}-\d{2})\)", release)[1] for release in releases]
    assert days == sorted(days, reverse=True), "the newest release comes first"
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert releases[0] == f"{PROJECT['version']} ({days[0]})" == f"{citation['version']} ({citation['date-released']})"


def test_the_license_is_the_one_the_metadata_names():
    assert (ROOT / "LICENSE").read_text().startswith(f"{PROJECT['license']} License\n")
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["license"] == PROJECT["license"]


def test_before_a_commit_the_same_is_checked_as_by_make_lint():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local", "hooks of other repositories would be downloaded, in versions that the lock does not name"
    assert [hook["entry"] for hook in repository["hooks"]] == ["make lint"]
