"""Inference on this machine's cores: raw rows to bouts as a multiple of real time, onnxruntime beside torch, memory of long recordings.

    python tests/benchmarks/inference.py [--parts speed onnx memory] [--recipes cnn_transformer_small cnn_transformer cnn_transformer_plus]

Weights are random: they do not change the time. Two mice, both ordered pairs are scored; times are per pair: an hour of one pair in a
minute is 60 times real time. Processor time counts all cores and hardly depends on what else they do. Each part runs in a process of
its own; peak memory is that of the process.
"""

import argparse
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

RECIPES = ("cnn_transformer_small", "cnn_transformer", "cnn_transformer_plus_small", "cnn_transformer_plus")
LONG, SHORT = 594_030, 60_000
"""Frames of the longest recording of the competition, and of a short one to compare with."""
ROUNDS = 3


def main() -> int:
    """Run each part in a process of its own, or one in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=("speed", "onnx", "memory"), default=["speed", "onnx", "memory"])
    parser.add_argument("--recipes", nargs="+", default=RECIPES, help="whose networks (default: all of the pair view)")
    parser.add_argument("--minutes", type=float, default=4.0, help="length of the recording for speed (default: %(default)s)")
    parser.add_argument("--here", nargs=2, metavar=("PART", "WHAT"), help="measure one thing in this process")
    flags = parser.parse_args()
    if flags.here:
        part, what = flags.here
        {"speed": speed, "onnx": onnx, "memory": memory}[part](what, flags.minutes)
        return 0
    for part in flags.parts:
        for what in (str(SHORT), str(LONG)) if part == "memory" else flags.recipes:
            command = [sys.executable, __file__, "--here", part, what, "--minutes", str(flags.minutes)]
            subprocess.run(command, check=True)
    return 0


def speed(recipe: str, minutes: float) -> None:
    """Print how fast torch recognizes."""
    rows, recording = filmed("CalMS21_task1", 60 * minutes)
    recognizer = random_recognizer(recipe, rows)
    seconds, processor = best_seconds(rows, recording, recognizer)
    paired = 2 * 60 * minutes
    print(
        f"inference: {recipe}, {minutes:g} minutes of 2 pairs in {seconds:.1f} s: {paired / seconds:.0f} times real time per pair; "
        f"{processor:.1f} s of processor time, {paired / processor:.0f} times real time per pair and core"
    )


def onnx(recipe: str, minutes: float) -> None:
    """Print how fast onnxruntime recognizes beside torch, and whether it finds the same bouts."""
    from inference.export_onnx import export
    from inference.recognition import recognize
    from recognizers import checkpoint
    from recognizers.families import load_recognizer

    rows, recording = filmed("CalMS21_task1", 60 * minutes)
    recognizer = random_recognizer(recipe, rows)
    with tempfile.TemporaryDirectory() as folder:
        path, exported = Path(folder, "a.safetensors"), Path(folder, "a.onnx")
        videos: dict[str, list[int]] = {"train": [], "validation": [], "held_out": []}
        checkpoint.save(path, recognizer, {"recipe": {"name": recipe}, "videos": videos, "metrics": {}, "seed": 0})
        difference = export(path, exported)
        served = load_recognizer([exported])
    seconds = [best_seconds(rows, recording, one)[1] for one in (recognizer, served)]
    equal = recognize(rows, recording, recognizer).equals(recognize(rows, recording, served))
    ratio = seconds[0] / seconds[1]
    print(
        f"inference: {recipe}, onnxruntime {seconds[1]:.1f} s of processor time, torch {seconds[0]:.1f} s: {ratio:.2f} times as fast; "
        f"scores differ by {difference:.0e}, bouts are {'equal' if equal else 'NOT equal'}"
    )


def memory(frames: str, _: float) -> None:
    """Print the peak memory of recognizing a recording of so many frames with the demo's network."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tracking.parquet")
        simulation = multiprocessing.get_context("spawn").Process(target=write_long, args=(int(frames), path))
        simulation.start()  # in a process of its own: this one's peak is to be that of recognition
        simulation.join()
        rows, recording = read_long(path)
        recognizer = random_recognizer("cnn_transformer_small", rows)
        from inference.recognition import recognize

        before, started = peak_mb(), time.perf_counter()
        bouts = recognize(rows, recording, recognizer)
        seconds = time.perf_counter() - started
    times = 2 * int(frames) / recording.fps / seconds
    print(
        f"inference: {int(frames):,} frames, 2 mice, 5 keypoints: peak {peak_mb():.0f} MB, {peak_mb() - before:.0f} MB more than before; "
        f"{len(bouts)} bouts, {seconds:.1f} s, {times:.0f} times real time per pair"
    )


def filmed(lab: str, seconds: float) -> tuple[Any, Any]:
    """Return the tracking rows and the recording of two simulated mice, annotated in both directions."""
    from behavior.recording import Triple, recordings_from_rows
    from behavior.simulated.recordings import PROFILES, simulate

    simulated = simulate(PROFILES[lab], seed=0, seconds=seconds)
    (recording,) = recordings_from_rows([simulated.metadata])
    annotated = tuple(Triple(agent, 3 - agent, behavior) for agent in (1, 2) for behavior in ("attack", "sniff"))
    return simulated.tracking, replace(recording, annotated=annotated)


def write_long(frames: int, path: Path) -> None:
    """Write the tracking of a recording as long as the longest one, as the published file holds it."""
    import pyarrow.parquet as pq

    pq.write_table(filmed("BoisterousParrot", frames / 30)[0], path)


def read_long(path: Path) -> tuple[Any, Any]:
    """Return the rows of `write_long`, read as serving reads them, and their recording."""
    from inference.recording_files import TrackingFile

    return TrackingFile(path), filmed("BoisterousParrot", 10)[1]


def random_recognizer(name: str, rows: Any) -> Any:
    """Return a recognizer with the network of a recipe and random weights for the bodyparts in these rows."""
    from recognizers.devices import rest_waiting_threads

    rest_waiting_threads()
    import numpy as np
    import torch

    from behavior.ethogram import BEHAVIORS
    from behavior.views.pair_features import common_bodyparts
    from behavior.views.scaler import RobustScaler
    from recognizers.families import network_family
    from recognizers.network_recognizer import NetworkRecognizer
    from recognizers.recognizer import Decoding
    from training.recipes.named import RECIPES as ALL
    from training.recipes.network_recipe import Recipe

    torch.manual_seed(0)
    recipe = ALL[name]()
    assert isinstance(recipe, Recipe)
    family = network_family(recipe.family)
    parts = {part for table in ([rows] if hasattr(rows, "column") else rows) for part in table.column("bodypart").unique().to_pylist()}
    features = family.features_for(recipe.network, common_bodyparts([tuple(sorted(parts))]), recipe.fps)
    columns = len(features.names)
    network = family.build(vars(recipe.network), columns, len(BEHAVIORS))[1].eval()
    scaler = RobustScaler(np.zeros(columns, np.float32), np.full(columns, 10, np.float32))
    decoding = Decoding((0.5,) * len(BEHAVIORS), {})
    return NetworkRecognizer(family, network, recipe.network, BEHAVIORS, features, scaler, recipe.windowing, decoding)


def best_seconds(rows: Any, recording: Any, recognizer: Any) -> tuple[float, float]:
    """Return the shortest time and the shortest processor time of some rounds: other work goes on beside."""
    from inference.recognition import recognize

    recognize(rows.slice(0, 20_000), recording, recognizer)
    seconds, processor = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter(), time.process_time()
        recognize(rows, recording, recognizer)
        seconds.append(time.perf_counter() - started[0])
        processor.append(time.process_time() - started[1])
    return min(seconds), min(processor)


def peak_mb() -> float:
    """Return the most memory this process has held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
