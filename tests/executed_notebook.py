"""A notebook as it was committed, and as it is after all its cells ran."""

import copy
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """Return a notebook as it was committed."""
    return nbformat.read(path, as_version=4)


def executed(path: Path) -> nbformat.NotebookNode:
    """Return a notebook after all its cells ran, in its own folder and with the environment of this process."""
    notebook = copy.deepcopy(read_notebook(path))
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}).execute()
    return notebook


def pictures_by_heading(notebook: nbformat.NotebookNode) -> dict[str, int]:
    """Count the PNGs that the cells below each heading gave."""
    found: dict[str, int] = {}
    heading = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            heading = cell.source.partition("\n")[0].removeprefix("## ")
        for output in cell.get("outputs", []):
            found[heading] = found.get(heading, 0) + ("image/png" in output.get("data", {}))
    return found


def complaints(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return what cells printed, and their errors."""
    return [output for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type in ("stream", "error")]


def is_clean(notebook: nbformat.NotebookNode) -> bool:
    """Return whether no code cell holds an output or a number of its execution."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return bool(code) and all(not cell.outputs and cell.execution_count is None for cell in code)


def longer_cells(notebook: nbformat.NotebookNode, lines: int) -> list[str]:
    """Return the first line of each code cell with more lines."""
    return [cell.source.partition("\n")[0] for cell in notebook.cells if cell.cell_type == "code" and len(cell.source.splitlines()) > lines]
