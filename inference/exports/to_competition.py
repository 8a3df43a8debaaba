"""Bouts in the format of the competition: submission.csv."""

from pathlib import Path

import numpy as np
import pandas as pd

from behavior.contract import ContractError
from behavior.metric import SUBMISSION_COLUMNS
from behavior.whole_file import whole_file
from inference.exports.tidy_bouts import TidyBouts


def write_competition(tidy: TidyBouts, path: Path) -> None:
    """Write a submission. Raises ContractError for bouts that it cannot hold: without mice, or two at one time of one pair."""
    bouts = tidy.bouts.rename(columns={"agent": "agent_id", "target": "target_id", "behavior": "action"})
    if bouts["agent_id"].isna().any():
        raise ContractError(["Expected bouts that name agent and target, but got some without. Choose another format."])
    pairs = bouts.sort_values(["video_id", "agent_id", "target_id", "start_frame"], ignore_index=True)
    farthest = pairs.groupby(["video_id", "agent_id", "target_id"])["stop_frame"].cummax()
    before = farthest.groupby([pairs[name] for name in ("video_id", "agent_id", "target_id")]).shift(fill_value=-1)
    overlaps = int(np.count_nonzero(pairs["start_frame"] < before))
    if overlaps:
        expected = "Expected at most one behavior at a time of each agent and target"
        raise ContractError([f"{expected}, but got {overlaps} bouts that overlap another. Choose another format."])
    with whole_file(path) as draft:
        with_row_ids(bouts).to_csv(draft, index=False)


def with_row_ids(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with mice named as the competition names them as it reads them: row_id and `SUBMISSION_COLUMNS`, sorted."""
    ordered = rows.sort_values(["video_id", "agent_id", "target_id", "start_frame"], ignore_index=True)
    ordered.insert(0, "row_id", range(len(ordered)))
    return ordered[["row_id", *SUBMISSION_COLUMNS]]
