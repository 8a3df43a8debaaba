"""The context of a network, an input beside its features: the lab of the recording, and the annotated behaviors.

Axes: C behaviors.
"""

from collections.abc import Sequence

import numpy as np

UNKNOWN_LAB = 0
"""The number of a lab without training recordings."""


def lab_number(lab: str, labs: Sequence[str]) -> int:
    """Return the number of a lab, from 1 in the order of `labs`; `UNKNOWN_LAB` for any other."""
    return labs.index(lab) + 1 if lab in labs else UNKNOWN_LAB


def context_of(lab: int, annotated: Sequence[bool]) -> np.ndarray:
    """Return the context [1 + C] float32 of one stream: the number of its lab, then 1 for each annotated behavior."""
    return np.array([lab, *annotated], np.float32)
