"""The notebook over films: four sections, each with its picture, in short cells, without a complaint."""

from pathlib import Path

import nbformat
import pytest
from executed_notebook import complaints, executed, is_clean, pictures_by_heading, read_notebook
from film_zone import write_films

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "films.ipynb"

pytestmark = [
    pytest.mark.notebook,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Kernel is running over TCP without encryption"),  # between two processes of this machine
]


def test_every_section_has_one_picture_and_no_cell_complains(tmp_path: Path):
    written = read_notebook(NOTEBOOK)
    nbformat.validate(written)
    assert is_clean(written)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MABE_DATA_DIR", str(write_films(tmp_path, individuals=3, seconds=6)))
        notebook = executed(NOTEBOOK)
    assert complaints(notebook) == []
    pictures = {heading: count for heading, count in pictures_by_heading(notebook).items() if count}
    assert pictures == dict.fromkeys(("1. Films", "2. Behaviors", "3. Durations", "4. What a recognizer sees"), 1)
