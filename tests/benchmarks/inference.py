"""Inference of the demo's recognizer on this machine's cores, raw rows to bouts, as a multiple of real time.

    python tests/benchmarks/inference.py [--recipe cnn_transformer_small] [--minutes 20]

Weights are random: they do not change the time. Every one of the recording's two pairs is scored.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def main() -> int:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="cnn_transformer_small", help="whose network (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=20.0, help="length of the recording (default: %(default)s)")
    arguments = parser.parse_args()
    from recognizers import rest_waiting_threads

    rest_waiting_threads()
    from behavior.ethogram import BEHAVIORS
    from behavior.features import PairFeatures, RobustScaler, common_bodyparts
    from behavior.recording import Triple, recordings_from_rows
    from behavior.simulation import PROFILES, simulate
    from inference.recognition import recognize
    from recognizers.cnn_transformer import CnnTransformer
    from recognizers.pair_view import PairRecognizer
    from recognizers.recognizer import Decoding
    from training.recipes import RECIPES

    profile, recipe = PROFILES["CalMS21_task1"], RECIPES[arguments.recipe]()
    simulated = simulate(profile, seed=0, seconds=60 * arguments.minutes)
    (recording,) = recordings_from_rows([simulated.metadata])
    recording = replace(
        recording, annotated=tuple(Triple(agent, 3 - agent, behavior) for agent in (1, 2) for behavior in ("attack", "sniff"))
    )
    features = PairFeatures(common_bodyparts([tuple(profile.bodyparts)]), recipe.fps)
    columns = len(features.names)
    scaler = RobustScaler(np.zeros(columns, np.float32), np.full(columns, 10, np.float32))
    network = CnnTransformer(recipe.network, columns, len(BEHAVIORS)).eval()
    decoding = Decoding((0.5,) * len(BEHAVIORS), {})
    recognizer = PairRecognizer(recipe.family, network, recipe.network, BEHAVIORS, features, scaler, recipe.windowing, decoding)
    recognize(simulated.tracking.slice(0, 100_000), recording, recognizer)
    started = time.perf_counter()
    recognize(simulated.tracking, recording, recognizer)
    seconds = time.perf_counter() - started
    times = 60 * arguments.minutes / seconds
    print(f"inference: {arguments.minutes:g} minutes of 2 mice, both pairs, in {seconds:.1f} s: {times:.0f} times real time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
