"""Files as other programs write them, made with those programs' own libraries."""

import numpy as np
import pandas as pd

SCORER = "DLC_resnet50_otterJun3shuffle1_100000"


def dlc_table(bodyparts=("nose", "tail_base"), frames=range(3), animals=None, likelihood=0.9) -> pd.DataFrame:
    """Make the table that DeepLabCut writes, as pandas holds it: each point lies at (100 a + 10 k + t, 5).

    `a`, `k`, `t` are the places of animal, bodypart and frame in the lists that are given.
    """
    columns, values = [], []
    for a, animal in enumerate(animals or [None]):
        for k, part in enumerate(bodyparts):
            for coord in ("x", "y", "likelihood"):
                columns.append((SCORER, *([animal] if animals else []), part, coord))
                values.append({"x": [100.0 * a + 10 * k + t for t in range(len(frames))], "y": 5.0, "likelihood": likelihood}[coord])
    names = ["scorer", *(["individuals"] if animals else []), "bodyparts", "coords"]
    table = pd.DataFrame(np.stack([np.broadcast_to(value, len(frames)) for value in values], axis=1), index=list(frames))
    table.columns = pd.MultiIndex.from_tuples(columns, names=names)
    return table
