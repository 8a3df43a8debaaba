"""The notebook is committed clean, and answers with a picture wherever it draws one, over a curated lake of two simulated labs."""

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from curated_lake import aws_on_this_disk, fill
from executed_notebook import complaints, is_clean, longer_cells, pictures_by_heading, read_notebook
from executed_notebook import executed as execute

from aws_pipeline import sample_data

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "athena_eda.ipynb"
PICTURES = (
    "How much did each lab record?",
    "Which behaviors are common, which are rare?",
    "How long does a bout last?",
    "Which lab saw which behavior?",
    "Where do mice go?",
    "Which points did the trackers lose?",
    "How fast do they move?",
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
    folder = tmp_path_factory.mktemp("notebook")
    sample_data.make_sample(
        folder / "data", sample_data.Order(labs=("CautiousGiraffe", "LyricalHare"), videos=1, test_videos=0, seconds=30)
    )
    with aws_on_this_disk(folder / "s3_mock") as chosen:
        fill(chosen, folder / "data")
        yield execute(NOTEBOOK)


def test_it_is_committed_without_outputs_and_in_form(written: nbformat.NotebookNode):
    nbformat.validate(written)
    assert written.metadata.kernelspec.name == "python3"
    assert is_clean(written)


def test_its_cells_are_short(written: nbformat.NotebookNode):
    assert longer_cells(written, 12) == []


def test_it_asks_only_saved_queries_and_writes_no_sql_of_its_own(written: nbformat.NotebookNode):
    code = "\n".join(cell.source for cell in written.cells if cell.cell_type == "code")
    assert "SELECT" not in code
    asked = {part.split('"')[0] for part in code.split('ask("')[1:]}
    assert asked <= {path.stem for path in (NOTEBOOK.parents[1] / "aws_pipeline" / "sql").glob("*.sql")}


def test_every_question_that_is_drawn_gives_one_picture(executed: nbformat.NotebookNode):
    found = pictures_by_heading(executed)
    assert {heading: found.get(heading) for heading in PICTURES} == dict.fromkeys(PICTURES, 1)


def test_no_cell_complains(executed: nbformat.NotebookNode):
    assert complaints(executed) == []


def test_its_tables_hold_what_the_lake_holds(executed: nbformat.NotebookNode):
    tables = [
        output.data["text/html"] for cell in executed.cells for output in cell.get("outputs", []) if "text/html" in output.get("data", {})
    ]
    assert len(tables) == 2
    never_seen, triples = tables
    assert "CautiousGiraffe" in never_seen
    assert "approach" in never_seen, "this lab annotates it, and its mice never do it"
    assert "LyricalHare" in triples
