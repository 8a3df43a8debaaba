"""Films: clips per second of the training loader, and predictions against real time; film_accuracy.py measures how well they are.

    python tests/benchmarks/films.py

The loader reads clips of small frames that were decoded once; the peer opens the film for every clip, goes to its first frame and decodes
16 frames, as most notebooks do (its decoder is ours, which goes to key frames). A film of 640 x 480 pixels at 30 frames per second is
predicted at stride 2 with the light network, from the file, with decoding.
"""

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

if not __package__:
    sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

import numpy as np
from film_zone import curate

from aws_pipeline import sample_films
from behavior.film import PictureSettings
from behavior.simulated.films import simulate_film
from films.film_encoding import write_film
from films.film_file import FilmFile
from inference.video import VideoPredictor
from recognizers.families import network_family
from recognizers.film_recognizer import FilmFamily, FilmRecognizer
from training.fitting.judges import default_decoding
from training.material.clips import open_clips
from training.material.film_zone import FilmZone
from training.recipes.named import RECIPES
from training.recipes.network_recipe import Recipe

SETTINGS = PictureSettings()


def make_zone(folder: Path, individuals: int, films: int, seconds: float, size: int) -> FilmZone:
    """Simulate films and curate them as the ETL does, without AWS."""
    flags = ["--individuals", individuals, "--films", films, "--seconds", seconds, "--size", size]
    with mock.patch("builtins.print"):
        assert sample_films.main(["--data-dir", str(folder / "raw"), *map(str, flags)]) == 0
        assert not curate(folder / "raw", folder / "zone").put_aside
    return FilmZone(folder / "zone", folder / "cache")


def peer_clips(zone: FilmZone, starts: list[tuple[int, int]]) -> Iterator[np.ndarray]:
    """Yield clips [16, H, W] that are decoded from the film one by one."""
    recordings = {one.video_id: one for one in zone.annotated_recordings()}
    for video, start in starts:
        yield FilmFile(zone.film(recordings[video]).path).clip(SETTINGS, start + np.arange(16))


def measure_loader(folder: Path, clips: int, rounds: int) -> None:
    """Print clips per second of both loaders."""
    zone = make_zone(folder / "loader", 4, 2, 12, 96)
    recordings, recipe = zone.annotated_recordings(), RECIPES["pain_cnn3d"]()
    assert isinstance(recipe, Recipe)
    from behavior.film_labelling import FilmLabelling

    started = time.perf_counter()
    materials = [zone.material(one) for one in recordings]
    dataset = open_clips(materials, zone.bouts(recordings), FilmLabelling(), recipe.features, recipe.windowing, True)  # type: ignore[arg-type]
    once = time.perf_counter() - started
    ours, theirs = [], []
    for number in range(rounds):
        started, count = time.perf_counter(), 0
        for batch in dataset.batches(32, np.random.default_rng(number)):
            count += len(batch.features)
        ours.append(count / (time.perf_counter() - started))
        generator = np.random.default_rng(number)
        starts = [(recordings[generator.integers(len(recordings))].video_id, int(generator.integers(340))) for _ in range(clips)]
        started = time.perf_counter()
        for _ in peer_clips(zone, starts):
            pass
        theirs.append(clips / (time.perf_counter() - started))
    one, other = statistics.median(ours), statistics.median(theirs)
    frames = sum(stream.frames for stream in dataset.streams)
    print(f"loader: {one:,.0f} clips/s, decoding per clip: {other:,.0f} clips/s, {one / other:.1f} times faster")
    print(f"  decoding {frames:,} frames once took {once:.1f} s")


def light_recognizer() -> FilmRecognizer:
    """Return the light network with random weights, which do not change the time."""
    recipe = RECIPES["pain_cnn3d_light"]()
    assert isinstance(recipe, Recipe)
    family = network_family(recipe.family)
    assert isinstance(family, FilmFamily)
    from dataclasses import asdict

    from behavior.pain import PAIN_BEHAVIORS

    config, network = family.build(asdict(recipe.network), 1, len(PAIN_BEHAVIORS))
    decoding = default_decoding(recipe.head, PAIN_BEHAVIORS, {}, recipe.decode)
    return FilmRecognizer(family, network.eval(), config, PAIN_BEHAVIORS, recipe.features, recipe.windowing, decoding)  # type: ignore[arg-type]


def measure_prediction(folder: Path) -> None:
    """Print the speed of `predict_video` on films of 640 x 480 pixels, and the peak memory for a short and a long one."""
    with mock.patch("recognizers.families.load_recognizer", return_value=light_recognizer()):
        predictor = VideoPredictor(folder / "none", "cpu", cache=folder / "cache")
    part = simulate_film(1, 0, 10, height=480, width=640).frames
    for minutes in (0.5, 5.0):
        path = folder / f"film_{minutes:g}.mp4"
        write_film(path, (frame for _ in range(round(minutes * 6)) for frame in part), 30)
        started, worked = time.perf_counter(), time.process_time()
        prediction = predictor.predict_video(path, stride=2)
        seconds, work = time.perf_counter() - started, time.process_time() - worked
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        frames = len(prediction.scores)
        speed = f"{frames:,} frames in {seconds:.1f} s, {frames / 30 / seconds:.1f} times real time ({work:.1f} s of processor time)"
        print(f"predict_video, light, 640 x 480, stride 2: {speed}; peak so far {peak:.0f} MB")


def main() -> None:
    """Measure as the flags say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        measure_loader(Path(name), 100, 3)
        measure_prediction(Path(name))


if __name__ == "__main__":
    main()
