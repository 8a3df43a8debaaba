"""Bouts leave for another program and come back: an import of an export is the original, frame by frame, with what was looked for.

Two labs of simulated mice: CalMS21_task2 at 30 frames a second, and AdaptableSnail, whose mice also rear by themselves.
"""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from simulated_lake import build_lake

from aws_pipeline.imports.bout_import import Target, import_annotations
from aws_pipeline.imports.bout_rows import BoutChoices
from behavior.contract import EXIT_OK
from behavior.recording import parse_annotated
from inference import export_bouts

KEYS = ["agent_id", "target_id", "action", "start_frame", "stop_frame"]
Key = tuple[int, int, str, int, int]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = build_lake(tmp_path_factory.mktemp("there"), {"CalMS21_task2": 2, "AdaptableSnail": 1}, seconds=25)
    return lake.raw


def bouts_of(data_dir: Path) -> dict[int, list[Key]]:
    """Return the bouts of each annotation file, by video."""
    return {
        int(path.stem): sorted(pd.read_parquet(path)[KEYS].itertuples(index=False, name=None))
        for path in sorted((data_dir / "train_annotation").rglob("*.parquet"))
    }


def looked_for(data_dir: Path) -> dict[int, set[tuple[int, int, str]]]:
    metadata = pd.read_csv(data_dir / "train.csv")
    return {int(video): set(parse_annotated(text)) for video, text in zip(metadata["video_id"], metadata["behaviors_labeled"], strict=True)}


def forgotten(raw: Path, folder: Path) -> Path:
    """Return a copy of the data directory without annotations."""
    shutil.copytree(raw, folder)
    shutil.rmtree(folder / "train_annotation")
    metadata = pd.read_csv(folder / "train.csv")
    metadata.assign(behaviors_labeled=pd.Series([None] * len(metadata), dtype=object)).to_csv(folder / "train.csv", index=False)
    return folder


def export(raw: Path, form: str, output: Path) -> list[Path]:
    assert export_bouts.main(["--data-dir", str(raw), "--format", form, "--output", str(output)]) == EXIT_OK
    return sorted(output.iterdir()) if output.is_dir() else [output]


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("form", "name"),
    [("boris", "b.boris"), ("boris-events", "b.tsv"), ("boris-events", "b.csv"), ("elan", "elan"), ("nwb", "nwb")],
)
def test_formats_that_say_what_was_looked_for_bring_all_back(raw: Path, tmp_path: Path, form: str, name: str) -> None:
    back = forgotten(raw, tmp_path / "back")
    done, faults, code = import_annotations(export(raw, form, tmp_path / name), Target(back), BoutChoices())
    assert (faults, code, len(done)) == ([], EXIT_OK, 3)
    assert bouts_of(back) == bouts_of(raw)
    assert looked_for(back) == looked_for(raw)


@pytest.mark.parametrize(("form", "name"), [("csv", "b.csv"), ("parquet", "b.parquet"), ("sleap", "b.slp")])
def test_formats_that_do_not_say_it_bring_the_bouts_back(raw: Path, tmp_path: Path, form: str, name: str) -> None:
    """A tidy table has bouts only; SLEAP has types of events, but not who was looked at for them."""
    back = forgotten(raw, tmp_path / "back")
    behaviors = sorted({behavior for triples in looked_for(raw).values() for _, _, behavior in triples})
    done, faults, code = import_annotations(export(raw, form, tmp_path / name), Target(back), BoutChoices(annotated=tuple(behaviors)))
    assert (faults, code, len(done)) == ([], EXIT_OK, 3)
    assert bouts_of(back) == bouts_of(raw)


def test_there_is_something_to_carry(raw: Path) -> None:
    rows = [row for own in bouts_of(raw).values() for row in own]
    assert len(rows) > 15
    assert any(agent == target for agent, target, *_ in rows)
    assert any(agent != target for agent, target, *_ in rows)
