"""Files with bouts: every way to write a mouse gives the same table."""

import pandas as pd
import pytest

from behavior.bouts import BOUT_COLUMNS
from behavior.contract import ContractError, UsageError
from inference.bout_files import read_bouts

ROWS = [(7, 1, 2, "sniff", 0, 9), (7, 3, 3, "rear", 5, 6)]


@pytest.mark.parametrize("how", ["numbers", "names", "parquet"])
def test_numbers_names_and_parquet_give_the_same_bouts(tmp_path, how):
    table = pd.DataFrame(ROWS, columns=list(BOUT_COLUMNS)).assign(row_id=[0, 1])
    path = tmp_path / ("bouts.parquet" if how == "parquet" else "bouts.csv")
    if how == "names":
        table = table.assign(agent_id=["mouse1", "mouse3"], target_id=["mouse2", "self"])
    table.to_parquet(path) if how == "parquet" else table.to_csv(path, index=False)
    read = read_bouts(path)
    assert list(read.itertuples(index=False, name=None)) == ROWS


def test_bouts_that_name_no_mouse_and_their_confidence_are_kept(tmp_path):
    path = tmp_path / "bouts.csv"
    path.write_text("video_id,agent_id,target_id,action,start_frame,stop_frame,confidence\n7,,,social,0,9,0.5\n")
    read = read_bouts(path)
    assert read["agent_id"].isna().all()
    assert read["confidence"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("video_id,action\n7,rear\n", "a table without agent_id, target_id, start_frame, stop_frame"),
        (",".join(BOUT_COLUMNS) + "\n7,rat1,self,rear,0,9\n", "other values"),
        (",".join(BOUT_COLUMNS) + "\n7,1,1,rear,early,9\n", "other values"),
        ("", "a file that cannot be read"),
    ],
)
def test_a_file_without_bouts_says_why(tmp_path, text, said):
    path = tmp_path / "bouts.csv"
    path.write_text(text)
    with pytest.raises(ContractError, match=f"Expected a table of bouts, but got {said}"):
        read_bouts(path)


def test_a_missing_file_says_how_to_write_one(tmp_path):
    with pytest.raises(UsageError, match=r"recognize\.py"):
        read_bouts(tmp_path / "none.csv")
