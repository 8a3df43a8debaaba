"""The competition's metric at the size of its hidden videos: 353 videos, about 35,000 true and 33,000 predicted rows.

    python tests/benchmarks/metric.py

The original took 1.4 s on this size (measured once, on another machine); it is not here to race against.
"""

import statistics
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from behavior.ethogram import PAIR_BEHAVIORS
from behavior.metric import mabe_score

VIDEOS, BOUTS, ROUNDS = 353, 100, 7


def make_case(seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a solution and a submission whose bouts lie a few frames off."""
    rng = np.random.default_rng(seed)
    frames = []
    for video in range(VIDEOS):
        cuts = np.sort(rng.choice(9000, 2 * BOUTS, replace=False)).reshape(BOUTS, 2)
        behaviors = sorted(rng.choice(PAIR_BEHAVIORS, 6, replace=False))
        listed = "[" + ", ".join(f'"mouse1,mouse2,{behavior}"' for behavior in behaviors) + "]"
        row = {"lab_id": f"lab{video % 15}", "video_id": video, "agent_id": "mouse1", "target_id": "mouse2", "behaviors_labeled": listed}
        frames.append(pd.DataFrame({**row, "action": rng.choice(behaviors, BOUTS), "start_frame": cuts[:, 0], "stop_frame": cuts[:, 1]}))
    solution = pd.concat(frames, ignore_index=True)
    submission = solution.drop(columns=["lab_id", "behaviors_labeled"]).sample(frac=0.94, random_state=seed)
    shortened = np.minimum(submission["start_frame"] + 3, submission["stop_frame"])
    return solution, submission.assign(start_frame=shortened)


def main() -> int:
    """Measure and print."""
    solution, submission = make_case()
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        mabe_score(solution, submission)
        seconds.append(time.perf_counter() - started)
    median_ms = 1000 * statistics.median(seconds)
    print(f"metric: {len(solution):,} true and {len(submission):,} predicted rows in {median_ms:.0f} ms (median of {ROUNDS})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
