"""Whether forecasting pre-training (training/pretrain.py) helps, with 2, 5 and 10 labelled recordings of one simulated lab.

    python tests/benchmarks/pretraining.py --folder results/pretraining [--lab CRIM13] [--sizes 2 5 10] [--choices 5]

Of one lab, some recordings are held out, and random choices of the others are labelled. A small network learns from each choice, once from
random weights and once from each trunk: one that learned to forecast in more recordings of the same lab, without labels, and one in
recordings of other labs (--other-labs 0 for none). All make the same number of steps. Printed: mean PR-AUC over behaviors on the held-out
recordings, and the gain over random weights, with its interval over choices. The folder keeps everything: the same command goes on where
it was interrupted.
"""

import argparse
import json
import math
import statistics
import sys
from dataclasses import asdict, replace
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch

from behavior.frame_scores import average_precision
from behavior.score_levels import FINE_LEVELS, count_fine
from behavior.simulated.lab_habits import HABITUAL
from behavior.views.pair_features import common_bodyparts
from behavior.views.pair_tracks import PairTracks
from behavior.views.sampling import sample_count
from behavior.views.windows import window_starts
from behavior.whole_file import write_json
from recognizers.cnn_transformer_plus import CnnTransformerPlus, CnnTransformerPlusConfig
from recognizers.families import network_family
from recognizers.recognizer import labelling_of, whole_scores
from training.fitting.forecasting import N_FORECASTS, ForecastSettings, learn_to_forecast
from training.fitting.prepare import prepare
from training.fitting.session import Machine
from training.fitting.trunk import Trunk
from training.material.curated_zone import CuratedZone
from training.material.folds import Split
from training.material.forecast_tracks import stacked_tracks
from training.material.simulated_zone import write_simulated_zone
from training.recipes.named import cnn_transformer_plus_small
from training.recipes.network_recipe import Recipe

RANDOM, SAME, OTHERS = "random weights", "trunk of the same lab", "trunk of other labs"
POOL, HELD_OUT = 20, 10
"""Recordings of the lab from which choices are made, and that are scored."""


def recipe_of(steps: int, windows: int) -> Recipe:
    """Return a small recipe that makes about so many steps with so many windows."""
    whole = cnn_transformer_plus_small()
    assert isinstance(whole.network, CnnTransformerPlusConfig)
    whole = replace(whole, network=replace(whole.network, width=32, layers=1, token=16, pair_attention=False))
    epochs = max(1, round(steps / math.ceil(windows / whole.batch)))
    return replace(whole, epochs=epochs, patience=epochs)


def zone_in(folder: Path, labs: list[str], recordings: int, seconds: float, seed: int) -> CuratedZone:
    """Simulate and curate recordings, unless they are there."""
    if not (folder / "complete").is_file():
        write_simulated_zone(folder, [HABITUAL[lab] for lab in labs], recordings, seconds, seed)
        (folder / "complete").touch()
    return CuratedZone(folder)


def trunk_in(path: Path, zone: CuratedZone, bodyparts: tuple[str, ...], epochs: int) -> Path:
    """Learn to forecast in all recordings of a zone, unless that was done; return the file."""
    if not path.is_file():
        recipe, settings = recipe_of(1, 1), ForecastSettings(epochs=epochs)
        layout = network_family(recipe.family).features_for(recipe.network, bodyparts, recipe.fps)
        assert isinstance(layout, PairTracks)
        recordings = zone.annotated_recordings()  # their labels are not read
        tracks, starts = stacked_tracks(map(zone.material, recordings), layout, settings.windowing)
        torch.manual_seed(0)
        _, network = network_family(recipe.family).build(asdict(recipe.network), len(layout.names), N_FORECASTS)
        assert isinstance(network, CnnTransformerPlus)
        history = learn_to_forecast(network, tracks, starts, settings, 0, lambda done: print(f"{path.stem}: {done}", flush=True))
        videos = tuple(recording.video_id for recording in recordings)
        Trunk(recipe.family, recipe.network, layout, videos, history[-1].skill, network.state_dict()).save(path)
    return path


def windows_of(zone: CuratedZone, train: tuple[int, ...]) -> int:
    """Return the number of training windows of some recordings."""
    recipe, count = recipe_of(1, 1), 0
    for recording in zone.annotated_recordings():
        if recording.video_id in train:
            samples = sample_count(zone.frame_counts()[recording.video_id], recording.fps, recipe.fps)
            count += len(recording.pairs) * len(window_starts(samples, recipe.windowing.window, recipe.windowing.step))
    return count


def measured(zone: CuratedZone, recipe: Recipe, train: tuple[int, ...], held_out: tuple[int, ...], seed: int) -> float:
    """Return the mean PR-AUC over behaviors on the held-out recordings; a behavior that the training recordings lack has score 0."""
    session = prepare(zone, recipe, seed, Machine(threads=1), Split(train, (), held_out))
    session.fit(lambda line: None)
    recognizer = session.recognizer()
    recordings = [recording for recording in zone.annotated_recordings() if recording.video_id in held_out]
    everything = sorted({name for recording in recordings for pair in recording.pairs for name in recording.behaviors_of(*pair)})
    bouts, counts = zone.bouts(recordings), {name: np.zeros((2, FINE_LEVELS), np.int64) for name in everything}
    for recording in recordings:
        material = zone.material(recording)
        for subject, scores in whole_scores(recognizer, material):
            labelling = labelling_of(recognizer).over(tuple(everything))
            truth = labelling.truth(recording, subject, material.tracking.mice, material.tracking.frames, bouts).labels
            for place, name in enumerate(everything):
                if name in subject.annotated:
                    own = scores[:, recognizer.behaviors.index(name)] if name in recognizer.behaviors else np.zeros(len(scores))
                    counts[name] += count_fine(own.astype(np.float16), truth[:, place])
    return float(np.mean([average_precision(count) for count in counts.values() if count[1].any()]))


def interval(values: list[float]) -> str:
    """Return the mean and its 95 % interval (Student's t) in words."""
    t = {2: 12.7, 3: 4.3, 4: 3.18, 5: 2.78, 6: 2.57, 8: 2.36, 10: 2.26}.get(len(values), 2.2)
    half = t * statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return f"{statistics.mean(values):+.3f} [{statistics.mean(values) - half:+.3f}, {statistics.mean(values) + half:+.3f}]"


def main() -> None:
    """Measure and print."""
    flags = _flags().parse_args()
    torch.set_num_threads(1)
    others = [name for name in HABITUAL if name != flags.lab][: flags.other_labs]
    zone = zone_in(flags.folder / "labelled", [flags.lab], POOL + HELD_OUT, flags.seconds, seed=0)
    videos = [recording.video_id for recording in zone.annotated_recordings()]
    pool, held_out = videos[:POOL], tuple(videos[POOL:])
    bodyparts = common_bodyparts(zone.bodyparts(zone.annotated_recordings()))
    zones = {SAME: ([flags.lab], flags.unlabelled)}
    zones |= {OTHERS: (others, max(1, flags.unlabelled // len(others)))} if others else {}
    trunks = {
        name: trunk_in(
            flags.folder / f"{name.replace(' ', '-')}.safetensors",
            zone_in(flags.folder / name.replace(" ", "-"), labs, count, flags.seconds, seed=1),
            bodyparts,
            flags.forecast_epochs,
        )
        for name, (labs, count) in zones.items()
    }
    path = flags.folder / "scores.json"
    scores: dict[str, float] = json.loads(path.read_text()) if path.is_file() else {}
    for choice in range(flags.choices):
        for size in flags.sizes:
            train = tuple(sorted(np.random.default_rng((choice, size)).choice(pool, size, replace=False).tolist()))
            recipe = recipe_of(flags.steps, windows_of(zone, train))
            for name in (RANDOM, *trunks):
                key = f"{size} recordings, choice {choice}, {name}"
                if key not in scores:
                    started = replace(recipe, trunk=str(trunks[name]) if name in trunks else "")
                    scores[key] = measured(zone, started, train, held_out, choice)
                    write_json(path, scores)
                    print(f"{key}: {scores[key]:.3f}", flush=True)
    print_table(scores, flags.sizes, flags.choices, list(trunks))


def print_table(scores: dict[str, float], sizes: list[int], choices: int, trunks: list[str]) -> None:
    """Print a row for each number of labelled recordings."""
    columns = ["labelled recordings", "random weights", *(f"gain of a {name}" for name in trunks)]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for size in sizes:
        of = {name: [scores[f"{size} recordings, choice {choice}, {name}"] for choice in range(choices)] for name in (RANDOM, *trunks)}
        gains = [[one - other for one, other in zip(of[name], of[RANDOM], strict=True)] for name in trunks]
        print(f"| {size} | {statistics.mean(of[RANDOM]):.3f} | " + "".join(f"{interval(own)} | " for own in gains))


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("results/pretraining"), help="folder for everything (default: %(default)s)")
    parser.add_argument("--lab", default="CRIM13", choices=sorted(HABITUAL), help="simulated lab with labels (default: %(default)s)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2, 5, 10], help="labelled recordings (default: 2 5 10)")
    parser.add_argument("--choices", type=int, default=5, help="random choices of each size (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=300, help="training steps (default: %(default)s)")
    parser.add_argument("--unlabelled", type=int, default=36, help="recordings without labels (default: %(default)s)")
    parser.add_argument("--other-labs", type=int, default=6, help="other labs; 0 for no such trunk (default: %(default)s)")
    parser.add_argument("--forecast-epochs", type=int, default=10, help="epochs of forecasting (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of a recording (default: %(default)s)")
    return parser


if __name__ == "__main__":
    main()
