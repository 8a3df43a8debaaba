"""What the README and the pages of docs/ say is so: the tree, commands and their flags, links."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = {page: re.findall(r"```[a-z]*\n(.*?)```", page.read_text(), flags=re.DOTALL) for page in PAGES}
LINES = [line for blocks in BLOCKS.values() for block in blocks for line in block.splitlines()]
COMMANDS = sorted({line.split("  #")[0].strip() for line in LINES if "python " in line and ".py" in line})


def test_make_targets_of_the_readme_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)", "\n".join(LINES)))
    assert {"demo", "test", "pipeline"} <= named <= targets


@pytest.mark.parametrize("command", COMMANDS)
def test_scripts_of_the_readme_exist_and_know_their_flags(command: str):
    words = shlex.split(command.replace("…", ""))
    script = next(word for word in words if word.endswith(".py"))
    told = subprocess.run([sys.executable, str(ROOT / script), "--help"], capture_output=True, text=True, timeout=60, check=True)
    for flag in re.findall(r"--[a-z-]+", command):
        assert flag in told.stdout, f"{script} has no {flag}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    text = page.read_text()
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link] + re.findall(r'src="([^"]+)"', text)
    for link in links:
        place, _, heading = link.partition("#")
        target = page.parent / place if place else page
        assert target.exists(), link
        assert not heading or heading in _anchors(target), link
    assert links or page.name != "README.md"


def _anchors(page: Path) -> set[str]:
    """Return what a link to a heading of a page may say behind `#`."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_of_docs_is_linked_from_the_readme():
    text = (ROOT / "README.md").read_text()
    assert not [page.name for page in PAGES[1:] if f"(docs/{page.name})" not in text]


def test_the_tree_is_the_real_tree():
    (tree,) = [block for block in BLOCKS[ROOT / "README.md"] if block.startswith("behavior/")]
    named = {line.split("/")[0].strip() for line in tree.splitlines() if re.match(r"[a-z0-9_]+/", line)}
    real = {
        path.split("/")[0]
        for path in subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
        if "/" in path and not path.startswith(".")
    }
    assert named == real
    room, shown = "", set()
    for line in tree.splitlines():
        if match := re.match(r"([a-z0-9_]+)/", line):
            room = match[1]
        elif match := re.match(r"  ([a-z0-9_]+/?(?:, [a-z0-9_]+/?)*)  ", line):
            for name in match[1].split(", "):
                assert any((ROOT / room / candidate).exists() for candidate in (name, f"{name}.py")), f"{room}/{name} is not there"
                shown.add(f"{room}/{name.strip('/')}")
        else:
            pytest.fail(f"neither a folder nor files: {line}")
    rooms = {str(path.parent.relative_to(ROOT)) for path in ROOT.glob("*/*/__init__.py")}
    assert rooms - shown == set(), "every room inside a folder has its line"
