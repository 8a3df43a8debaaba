"""The notebook over films: four sections, each with its picture, in short cells, without a complaint."""

import copy
from pathlib import Path

import nbformat
import pytest
from film_zone import write_films
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "films.ipynb"

pytestmark = [
    pytest.mark.notebook,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Kernel is running over TCP without encryption"),  # between two processes of this machine
]


def test_every_section_has_one_picture_and_no_cell_complains(tmp_path: Path):
    written = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(written)
    code = [cell for cell in written.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    notebook = copy.deepcopy(written)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MABE_DATA_DIR", str(write_films(tmp_path, individuals=3, seconds=6)))
        NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
    pictures, heading = {}, ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            heading = cell.source.partition("\n")[0].removeprefix("## ")
        for output in cell.get("outputs", []):
            assert output.output_type not in ("stream", "error"), output
            pictures[heading] = pictures.get(heading, 0) + ("image/png" in output.get("data", {}))
    assert pictures == dict.fromkeys(("1. Films", "2. Behaviors", "3. Durations", "4. What a recognizer sees"), 1)
