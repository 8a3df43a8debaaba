"""Tracks of recordings without labels, for a network that learns to forecast.

Axes: M samples of all tracks, N windows, F columns.
"""

from collections.abc import Iterable
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from behavior.contract import ContractError
from behavior.labelling import Subject
from behavior.material import Material
from behavior.views.pair_tracks import PairTracks
from behavior.views.windows import window_starts
from recognizers.windowed import Windowing


def stacked_tracks(materials: Iterable[Material], layout: PairTracks, windowing: Windowing) -> tuple[Tensor, Tensor]:
    """Return tracks [M, F] float16 of all pairs of mice of all recordings, and the starts of windows [N], each within one pair.

    A single mouse makes a pair with itself. Recordings shorter than a window are left out; ContractError if all are.
    """
    scaler = layout.fit_scaler(np.empty((0, len(layout.names)), np.float32))
    tracks, starts, rows = [], [], 0
    for material in materials:
        curated = material.tracking
        for pair in combinations(curated.mice, 2) if len(curated.mice) > 1 else ((curated.mice[0],) * 2,):
            own = scaler.transform(layout.of(curated, material.recording.fps, Subject(*pair)))
            if len(own) < windowing.window:
                continue
            starts.append(rows + window_starts(len(own), windowing.window, windowing.step))
            tracks.append(torch.from_numpy(own).half())
            rows += len(own)
    if not tracks:
        shortest_s = windowing.window / layout.fps
        raise ContractError([f"Expected recordings of {shortest_s:.0f} s or more, but got shorter ones only. Add longer ones."])
    return torch.cat(tracks), torch.from_numpy(np.concatenate(starts))
