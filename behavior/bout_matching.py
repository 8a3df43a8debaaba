"""True bouts against predicted bouts: how many match at a given overlap.

A bout is [start, stop). R bouts.
"""

import numpy as np

OVERLAPS = (0.1, 0.3, 0.5)
"""Least overlaps at which bouts are compared: from "noticed" to "delimited"."""


def matched_bouts(true: np.ndarray, predicted: np.ndarray, least_overlap: float) -> int:
    """Return the largest number of pairs, one true and one predicted bout each, that overlap enough.

    `true` and `predicted` are [2, R] (start, stop) of one behavior of one pair, in any order; within each, bouts do not overlap.
    Overlap is intersection over union of the frames. One sweep finds the best matching: if two bouts do not match, the one that
    ends first overlaps no later bout; if they match, no other partner would give more matches.
    """
    if not 0 < least_overlap <= 1:
        raise ValueError(f"Expected a least overlap above 0 and at most 1, but got {least_overlap}. Use one of {OVERLAPS}.")
    mine, theirs = (sorted(bouts.T.tolist()) for bouts in (true, predicted))
    matched = first = second = 0
    while first < len(mine) and second < len(theirs):
        (start, stop), (other_start, other_stop) = mine[first], theirs[second]
        shared = min(stop, other_stop) - max(start, other_start)
        united = (stop - start) + (other_stop - other_start) - shared
        if shared > 0 and shared >= least_overlap * united:
            matched, first, second = matched + 1, first + 1, second + 1
        elif stop <= other_stop:
            first += 1
        else:
            second += 1
    return matched


def bout_counts(true: np.ndarray, predicted: np.ndarray, overlaps: tuple[float, ...] = OVERLAPS) -> np.ndarray:
    """Return [overlaps, 3] int64: bouts matched, predicted and true at each overlap. A bout without frames does not count."""
    true, predicted = (bouts[:, bouts[1] > bouts[0]] for bouts in (true, predicted))
    return np.array([(matched_bouts(true, predicted, overlap), predicted.shape[1], true.shape[1]) for overlap in overlaps], np.int64)
