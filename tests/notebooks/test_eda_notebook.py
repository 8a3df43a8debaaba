"""The notebook over a data directory: ten sections, each with its picture, in short cells, without a complaint."""

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from executed_notebook import complaints, is_clean, longer_cells, pictures_by_heading, read_notebook
from executed_notebook import executed as execute

from aws_pipeline import sample_data

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "eda.ipynb"
SECTIONS = (
    "1. Labs",
    "2. Metadata",
    "3. Bodypart schemes",
    "4. Class imbalance",
    "5. Bout durations",
    "6. Lab by behavior",
    "7. Trajectories",
    "8. Data quality",
    "9. Self against pair",
    "10. Train against test",
)

pytestmark = [
    pytest.mark.notebook,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Kernel is running over TCP without encryption"),  # between two processes of this machine
]


@pytest.fixture(scope="module")
def written() -> nbformat.NotebookNode:
    return read_notebook(NOTEBOOK)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[nbformat.NotebookNode]:
    data = tmp_path_factory.mktemp("notebook") / "data"
    sample_data.make_sample(data, sample_data.Order(labs=("CautiousGiraffe", "LyricalHare"), videos=2, test_videos=1, seconds=20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MABE_DATA_DIR", str(data))
        yield execute(NOTEBOOK)


def test_it_is_committed_clean_with_short_cells(written: nbformat.NotebookNode):
    nbformat.validate(written)
    assert is_clean(written)
    assert longer_cells(written, 14) == []


def test_every_section_has_one_picture_and_no_cell_complains(executed: nbformat.NotebookNode):
    pictures = pictures_by_heading(executed)
    assert {heading: count for heading, count in pictures.items() if heading in SECTIONS or count} == dict.fromkeys(SECTIONS, 1)
    assert complaints(executed) == []


def test_its_tables_say_what_the_recordings_are(executed: nbformat.NotebookNode):
    tables = [output.data["text/html"] for cell in executed.cells for output in cell.get("outputs", []) if "text/html" in output.data]
    metadata, quality = tables
    assert "CautiousGiraffe" in metadata
    assert "LyricalHare" in metadata
    assert "<th>swap_suspects</th>" in quality
