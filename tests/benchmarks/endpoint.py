"""How long an endpoint takes to answer one recording of 9,000 frames with two mice, beside the work itself in one process.

    python tests/benchmarks/endpoint.py [--recipes cnn_transformer_small cnn_transformer_plus_small]

The endpoint is inference/handler.py in a process of its own, as SageMaker starts it, on two cores. Weights are random: they do not change
the time. The time of an answer is that of a client, with connection, reading of the Parquet file, curation, scores and bouts.
"""

import argparse
import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[:0] = [str(Path(__file__).resolve().parents[above]) for above in (2, 1)]

import pandas as pd
import psutil
from benchmarks.inference import random_recognizer

from behavior.simulated.recordings import PROFILES, simulate
from inference.request_body import CONTENT_TYPE, answer, pack
from recognizers import checkpoint

ROOT = Path(__file__).resolve().parents[2]
FRAMES, CORES = 9_000, 2
WARM_UP, ROUNDS = 2, 9


def main() -> int:
    """Measure each recipe and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=["cnn_transformer_small", "cnn_transformer_plus_small"], help="whose networks")
    for recipe in parser.parse_args().recipes:
        measure(recipe)
    return 0


def measure(recipe: str) -> None:
    """Print how long the endpoint takes with the network of a recipe."""
    simulated = simulate(PROFILES["CalMS21_task1"], seed=0, seconds=FRAMES / 30)
    mice = simulated.tracking.column("mouse_id").unique()
    body = pack(pd.DataFrame([simulated.metadata]).to_csv(index=False), simulated.tracking)
    recognizer = random_recognizer(recipe, simulated.tracking)
    with tempfile.TemporaryDirectory() as folder:
        videos: dict[str, list[int]] = {"train": [], "validation": [], "held_out": []}
        provenance = {"recipe": {"name": recipe}, "videos": videos, "metrics": {}, "seed": 0}
        checkpoint.save(Path(folder, "model.safetensors"), recognizer, provenance)
        times, processor_s, said = asked(Path(folder), body)
    answer(body, recognizer)  # warm-up here, too
    begun = time.perf_counter()
    expected = answer(body, recognizer)
    here_s = time.perf_counter() - begun
    median = statistics.median(times)
    print(
        f"endpoint: {recipe}, {FRAMES:,} frames of {len(mice)} mice ({len(body) / 1e6:.1f} MB) answered in {median:.2f} s, "
        f"the slowest of {ROUNDS} in {max(times):.2f} s, on {CORES} cores after warm-up; {processor_s:.2f} s of processor time each; "
        f"the work itself {here_s:.2f} s: "
        f"{median / here_s:.2f} times; answers are {'equal' if said == expected else 'NOT equal'}"
    )


def asked(folder: Path, body: bytes) -> tuple[list[float], float, bytes]:
    """Start an endpoint, ask it several times; return the times after its warm-up, the processor time of each, and the last answer."""
    command = [sys.executable, str(ROOT / "inference" / "handler.py"), "--model-dir", str(folder), "--port", "0", "--host", "127.0.0.1"]
    environment = {**os.environ, "OMP_NUM_THREADS": str(CORES)}
    with subprocess.Popen(
        [*command, "--device", "cpu"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        try:
            assert child.stdout is not None
            port = int(child.stdout.readline().rpartition(" ")[2])
            times, said = [], b""
            process = psutil.Process(child.pid)
            for number in range(WARM_UP + ROUNDS):
                if number == WARM_UP:
                    before = process.cpu_times()
                begun = time.perf_counter()
                said = post(port, body)
                times.append(time.perf_counter() - begun)
            after = process.cpu_times()
            processor_s = (after.user + after.system - before.user - before.system) / ROUNDS
            return times[WARM_UP:], processor_s, said
        finally:
            child.terminate()


def post(port: int, body: bytes) -> bytes:
    """Send one request and return the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("POST", "/invocations", body, {"Content-Type": CONTENT_TYPE})
        response: Any = connection.getresponse()
        content = bytes(response.read())
        assert response.status == 200, content
        return content
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
