"""The page about a run: what the lake says by Athena SQL, as that run left it."""

from pathlib import Path

import pytest
from browser import assert_reads_well
from raw_zone import HERON, OTTER, TEST, Zone, walk

from aws_pipeline import curation_run, quality_report
from aws_pipeline.curation_options import Options
from behavior.contract import EXIT_OK, EXIT_PUT_ASIDE, EXIT_USAGE

pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")  # awswrangler 3.17 on pandas 3


@pytest.fixture(scope="module")
def lake(settings):
    """Two runs: the first puts a recording aside, the second curates it, because it was mended."""
    raw = Zone(settings.mock_dir / "raw-zone", "s3://raw-zone")
    raw.metadata(OTTER, HERON)
    raw.tracking(OTTER, walk(range(60)))
    raw.annotation(OTTER, [(1, 1, "rear", 1, 3), (1, 1, "rear", 1, 3)])
    raw.tracking(HERON, walk(range(50), mouse=0))
    raw.metadata(TEST, split="test")
    raw.tracking(TEST, walk(range(30)), split="test")
    runs = [_curate(settings)]
    raw.tracking(HERON, walk(range(50)))
    runs.append(_curate(settings))
    return runs


def _curate(settings):
    places = settings.uri("raw"), settings.uri("curated"), settings.database
    return curation_run.run_curation(Options(*places, code="abc", keep_days=1, due_bytes=0))["run"]


@pytest.fixture
def page(here, tmp_path: Path):
    """Call the command; return how it ended and the page."""

    def command(*flags):
        ended = here(quality_report.main, *flags, "--output", tmp_path / "quality.html")
        return ended, (tmp_path / "quality.html").read_text() if ended.returncode in (EXIT_OK, EXIT_PUT_ASIDE) else ""

    return command


def test_without_a_lake_the_next_step_is_named(page, settings):
    """It comes first: the other tests fill the lake."""
    ended, _ = page()
    assert ended.returncode == EXIT_USAGE
    assert "Run python aws_pipeline/glue_etl.py first." in ended.stderr


def test_the_newest_run_says_what_is_new_and_that_nothing_was_put_aside(page, lake, tmp_path):
    ended, html = page()
    assert (ended.returncode, ended.stderr) == (EXIT_OK, "")
    assert ended.stdout == f"Wrote {tmp_path / 'quality.html'}: run {lake[1][:12]}, 3 recordings, 1 new, 0 put aside.\n"
    assert f"run {lake[1][:12]}" in html
    assert '<td class="text">recordings</td><td>3</td><td>3</td><td>0</td>' in html, "3 in = 3 accepted + 0 quarantined"
    assert "Nothing was put aside." in html
    assert "Recordings of this run have another color." in html
    assert "an identical bout counts once" in html, "what was repaired is explained"
    seen = assert_reads_well(html, tmp_path)
    assert seen["headings"] == [
        "This run", "Put aside", "By lab", "Missing bodyparts", "Doubtful frames", "Scale and labels", "Flags", "Repairs and notes"
    ]  # fmt: skip
    assert len(seen["figures"]) == 12


def test_an_earlier_run_is_shown_as_it_was(page, lake):
    ended, html = page("--run", lake[0][:10])
    assert ended.returncode == EXIT_PUT_ASIDE
    assert "2 recordings, 2 new, 1 put aside" in ended.stdout
    assert "train-8, LoudHeron" in html
    assert "Expected mice numbered from 1, but got 0." in html
    assert '<td class="text">recordings</td><td>3</td><td>2</td><td>1</td>' in html, "3 in = 2 accepted + 1 quarantined"


def test_a_run_that_is_not_there_is_refused_with_those_that_are(page, lake):
    ended, _ = page("--run", "0" * 32)
    assert ended.returncode == EXIT_USAGE
    assert f"but got none that is readable. Readable are {lake[1][:12]}, {lake[0][:12]}; glue_etl.py --keep-days" in ended.stderr
    assert page("--run", "yesterday")[0].returncode == EXIT_USAGE
