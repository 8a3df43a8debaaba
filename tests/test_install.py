"""The install is whole on this platform: what torch asks for beside the lock is there, and the lock is what pyproject.toml asks for."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from requirement_chain import demands, faults

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ASKED = PROJECT["dependencies"] + [text for extra in PROJECT["optional-dependencies"].values() for text in extra]
LOCK = {canonicalize_name(name): pin for name, pin in (line.split("==") for line in (ROOT / "requirements.lock").read_text().splitlines())}
ROOMS = ("behavior", "films", "reports", "recognizers", "training", "inference", "aws_pipeline", "infra")
LINUX = {"platform_system": "Linux", "sys_platform": "linux"}
PythonVersion = dict[str, str]


@pytest.fixture(params=["3.11", "3.12", "3.13"])
def python(request: pytest.FixtureRequest) -> PythonVersion:
    """Markers of requirements read as on this version of Python."""
    return {"python_version": request.param, "python_full_version": f"{request.param}.1"}


@pytest.fixture
def made_up(tmp_path: Path) -> Callable[..., list[str]]:
    """Install a distribution that holds nothing but its metadata; return the path of all installed so."""

    def install(name: str, its_version: str, *requires: str) -> list[str]:
        folder = tmp_path / f"{name.replace('-', '_')}-{its_version}.dist-info"
        folder.mkdir()
        lines = [f"Name: {name}", f"Version: {its_version}", *(f"Requires-Dist: {text}" for text in requires)]
        (folder / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines]) + "\n")
        return [str(tmp_path)]

    return install


def test_all_that_torch_asks_for_on_this_platform_is_installed():
    assert faults(demands(["torch"])) == []


def test_all_that_this_project_asks_for_is_installed():
    assert faults(demands(ASKED)) == []


def test_a_cuda_library_that_the_lock_does_not_name_is_missed(made_up):
    path = made_up("torch", "2.13.0", 'nvidia-cudnn-cu13==9.20.0.48; platform_system == "Linux"', 'optree; extra == "optree"')
    asked = 'nvidia-cudnn-cu13==9.20.0.48; platform_system == "Linux"'
    assert faults(demands(["torch==2.13.0"], LINUX, path), path) == [f"torch expects {asked}, but got nothing"]


def test_a_library_for_another_platform_is_not_missed(made_up):
    path = made_up("torch", "2.13.0", 'nvidia-cudnn-cu13==9.20.0.48; platform_system == "Linux"')
    assert faults(demands(["torch"], {"platform_system": "Darwin"}, path), path) == []


def test_what_a_library_of_a_library_asks_for_in_an_extra_is_missed(made_up):
    made_up("torch", "2.13.0+cu130", "cuda-toolkit[cublas]==13.0.3")
    path = made_up("cuda-toolkit", "13.0.3", 'nvidia-cublas==13.1.*; extra == "cublas"', 'nvidia-cufft; extra == "cufft"')
    asked = 'nvidia-cublas==13.1.*; extra == "cublas"'
    assert faults(demands(["torch==2.13.0"], LINUX, path), path) == [f"cuda-toolkit expects {asked}, but got nothing"]


def test_a_version_that_is_too_old_is_told(made_up):
    made_up("torch", "2.13.0", "setuptools>=77.0.3")
    path = made_up("setuptools", "65.5.0")
    assert faults(demands(["torch"], LINUX, path), path) == ["torch expects setuptools>=77.0.3, but got 65.5.0"]


def test_two_that_ask_for_each_other_come_to_an_end(made_up):
    made_up("torch", "2.13.0", "triton")
    path = made_up("triton", "3.7.1", "torch>=2")
    assert sorted(demands(["torch"], LINUX, path)) == ["torch", "triton"]


def test_the_lock_names_all_that_is_asked_for_and_leaves_only_torch_its_own(python: PythonVersion):
    needed = set(demands(ASKED, python, not_beyond={"torch"}))
    assert needed - set(LOCK) == set(), "Expected requirements.lock to name these. Run make lock."


def test_the_lock_names_nothing_that_nobody_asks_for(python: PythonVersion):
    assert set(LOCK) - set(demands(ASKED, python)) == set(), "Expected a use for these. Run make lock."


def test_what_is_installed_is_what_the_lock_says():
    other = {name: version(name) for name, pin in LOCK.items() if version(name).partition("+")[0] != pin}
    assert other == {}, "Expected the versions of requirements.lock. Run make setup."


def test_what_the_code_imports_pyproject_asks_for():
    asked = {canonicalize_name(Requirement(text).name) for text in ASKED}
    makers = packages_distributions()
    imported = {
        name.split(".")[0]
        for room in (*ROOMS, "tests")
        for file in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        for name in _imports(node)
    }
    foreign = {name for name in imported if name in makers and name not in ROOMS}
    unasked = {name for name in foreign if asked.isdisjoint(canonicalize_name(maker) for maker in makers[name])}
    unasked -= {"botocore", "sagemaker"}  # boto3 brings the one; the distribution sagemaker brings the other, in parts
    assert unasked == set()


def test_the_sdk_of_sagemaker_prints_no_warning_when_it_is_loaded():
    strict = ["-W", "error::SyntaxWarning", "-W", "error:invalid escape sequence:DeprecationWarning"]
    load = "import sagemaker.core.resources, sagemaker.core.training.configs, sagemaker.train"
    loaded = subprocess.run([sys.executable, *strict, "-c", load], capture_output=True, text=True, timeout=300, check=False)
    assert loaded.returncode == 0, loaded.stderr
    assert "SyntaxWarning" not in loaded.stderr


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
