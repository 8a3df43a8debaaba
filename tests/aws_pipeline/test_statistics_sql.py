"""Statistics in SQL and in Python: the same numbers from the same lake, of annotations and of predictions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from curated_lake import aws_on_this_disk, fill
from simulated_lake import build_lake
from small_recognizer import random_arena_recognizer, random_recognizer

from aws_pipeline import athena
from aws_pipeline.commit_predictions import commit, read_predictions
from aws_pipeline.config import Settings
from behavior.animals import agents_of
from behavior.curation import curate
from behavior.material import Material
from behavior.predictions import Predictions, Source, beside
from behavior.time_budgets import time_budgets
from behavior.transitions import transitions
from inference.bout_sources import BoutSource, read_source
from inference.recognition import predict

BIN_S = 7.5
BY_PAIR = ["lab_id", "video_id", "agent_id", "target_id", "action", "kind", "bin"]
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")  # awswrangler 3.17 on pandas 3


@dataclass
class World:
    """A lake on the stand-in, and the files that it was made from."""

    chosen: Settings
    raw: Path
    predictions: dict[str, Path]

    def answer(self, name: str, where: str = "true") -> pd.DataFrame:
        """Create a view and return its rows."""
        sql = (athena.SQL / "views" / f"{name}.sql").read_text().replace("300e0", f"{BIN_S}e0")
        athena.query(sql, self.chosen)
        return athena.query(f"SELECT * FROM {name} WHERE {where}", self.chosen)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Three recordings of 20 s of two labs; one triple of the first recording is not annotated."""
    root = tmp_path_factory.mktemp("world")
    lake = build_lake(root, {"CalMS21_task2": 2, "JovialSwallow": 1}, seconds=20)
    metadata = pd.read_csv(lake.raw / "train.csv")
    listed = metadata.loc[0, "behaviors_labeled"]
    attack, rest = '"mouse1,mouse2,attack"', '"mouse1,self,rest"'
    metadata.loc[0, "behaviors_labeled"] = listed.replace(attack, rest)
    assert metadata.loc[0, "behaviors_labeled"] != listed
    metadata.to_csv(lake.raw / "train.csv", index=False)
    paths = {}
    for name, recognizer in (
        ("pairs", random_recognizer(("attack", "mount", "sniff"), threshold=0.3)),
        ("arena", random_arena_recognizer()),
    ):
        parts = [predict(Material.with_tracking(one, curate(lake.tracking(one), one)), recognizer) for one in lake.recordings]
        tables = Predictions.joined(parts).tables(lake.recordings, Source("train", name, name))
        paths[name] = root / f"{name}.parquet"
        pq.write_table(tables[0], paths[name])
        pq.write_table(tables[1], beside(paths[name]))
    with aws_on_this_disk(root / "s3_mock") as chosen:
        fill(chosen, lake.raw)
        commit(read_predictions(list(paths.values())), chosen)
        yield World(chosen, lake.raw, paths)


def by_pair(source: BoutSource) -> pd.DataFrame:
    table = time_budgets(source.observed, agents_of(source.metadata, source.observed), "pair", BIN_S)
    return table.drop(columns=["bin_stop_s", "recordings", "animals", "pairs"])


def assert_same(sql: pd.DataFrame, python: pd.DataFrame, keys: list[str]) -> None:
    assert len(sql) == len(python) > 0
    assert set(sql.columns) == set(python.columns)
    ours, theirs = (table.astype({"agent_id": "Float64", "target_id": "Float64"} if "agent_id" in table else {}) for table in (python, sql))
    ours, theirs = (table.sort_values(keys, ignore_index=True) for table in (ours, theirs))
    for name in ours:
        if name in ("lab_id", "action", "kind", "next_action"):
            assert ours[name].tolist() == theirs[name].tolist()
        else:
            mine, other = (table[name].astype("Float64").to_numpy(float, na_value=np.nan) for table in (ours, theirs))
            np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-9, err_msg=name)


def test_time_budgets_of_annotations_are_the_same(world: World) -> None:
    sql, python = world.answer("time_budgets", f"bin_s = {BIN_S}e0"), by_pair(read_source(None, world.raw))
    assert_same(sql.drop(columns="bin_s"), python, BY_PAIR)
    assert sql["count"].isna().any(), "attacks of mouse 1 were not annotated in one recording"
    assert (sql["count"] == 0).any()
    assert sql["bin"].max() == 2


@pytest.mark.parametrize("name", ["pairs", "arena"])
def test_time_budgets_of_predictions_are_the_same(world: World, name: str) -> None:
    python = by_pair(read_source(world.predictions[name], world.raw))
    sql = world.answer("predicted_time_budgets", f"bin_s = {BIN_S}e0 AND recognizer = '{name}' AND split = 'train'")
    assert_same(sql.drop(columns=["bin_s", "recognizer", "split"]), python, BY_PAIR)
    assert sql["agent_id"].isna().all() == (name == "arena")


def test_the_widest_bin_holds_the_whole_recording(world: World) -> None:
    source = read_source(None, world.raw)
    whole = time_budgets(source.observed, agents_of(source.metadata, source.observed), "pair")
    sql = world.answer("time_budgets", "bin_s = 1e9")
    assert_same(sql.drop(columns="bin_s"), whole.drop(columns=["bin_stop_s", "recordings", "animals", "pairs"]), BY_PAIR)


def test_transitions_are_the_same(world: World) -> None:
    source = read_source(None, world.raw)
    python = transitions(source.observed, agents_of(source.metadata, source.observed), "lab")
    assert_same(world.answer("transitions"), python, ["lab_id", "action", "next_action"])
    assert python["count"].sum() >= 5
