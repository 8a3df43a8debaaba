"""Films: clips per second of the training loader, predictions against real time, and how well unseen individuals are recognized.

    python tests/benchmarks/films.py [--accuracy] [--individuals 16] [--epochs 12] [--step 8] [--recipes pain_cnn3d film_tcn ...]

The loader reads clips of small frames that were decoded once; the peer opens the film for every clip, goes to its first frame and decodes
16 frames, as most notebooks do (its decoder is ours, which goes to key frames). A film of 640 x 480 pixels at 30 frames per second is
predicted at stride 2 with the light network, from the file, with decoding. With --accuracy, networks are trained on simulated films of
some individuals and scored on films of others: macro F1 over frames. `<recipe>:shuffled` is the same network with the frames of each
clip in a random order.
"""

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest import mock

if not __package__:
    sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

import numpy as np
from film_zone import curate

from aws_pipeline import sample_films
from behavior.class_scores import count_classes, macro_f1
from behavior.film import PictureSettings
from behavior.simulated.films import simulate_film
from films.film_encoding import write_film
from films.film_file import FilmFile
from inference.video import VideoPredictor
from recognizers.families import network_family
from recognizers.film_recognizer import FilmFamily, FilmRecognizer
from recognizers.recognizer import whole_scores
from training.fitting.judges import default_decoding
from training.fitting.prepare import prepare
from training.fitting.session import Machine
from training.material.clips import open_clips
from training.material.film_zone import FilmZone
from training.material.folds import split_videos
from training.recipes.named import RECIPES
from training.recipes.network_recipe import Recipe

SETTINGS = PictureSettings()
SHUFFLED = ":shuffled"


def recipe_named(name: str, epochs: int | None, step: int | None) -> Recipe:
    """Return a recipe of films by its name, perhaps with shuffled frames."""
    recipe = RECIPES[name.removesuffix(SHUFFLED)]()
    assert isinstance(recipe, Recipe)
    if name.endswith(SHUFFLED):
        recipe = replace(recipe, name=name, network=replace(recipe.network, shuffle_frames=True))
    if step and recipe.windowing.window == 16:
        recipe = replace(recipe, windowing=replace(recipe.windowing, step=step))
    return replace(recipe, epochs=epochs) if epochs else recipe


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
    from behavior.pain import FilmLabelling

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


def measure_accuracy(folder: Path, names: list[str], individuals: int, epochs: int, step: int) -> None:
    """Train each recipe on films of some individuals; print its macro F1 on films of individuals that it never saw."""
    zone = make_zone(folder / "accuracy", individuals, 2, 12, 96)
    split = split_videos({one.video_id: one.lab_id for one in zone.annotated_recordings()}, zone.content_groups())
    unseen = [one for one in zone.annotated_recordings() if one.video_id in split.held_out]
    for name in names:
        recipe = recipe_named(name, epochs, step)
        started = time.perf_counter()
        session = prepare(zone.root, recipe, 0, Machine(threads=2), split)
        session.fit(partial(print, f"  {name}", flush=True))
        recognizer, counts = session.recognizer(), np.zeros(1)
        for recording in unseen:
            ((subject, scores),) = whole_scores(recognizer, zone.material(recording))
            truth = session.lesson.labelling.truth(recording, subject, (), len(scores), zone.bouts([recording]))  # type: ignore[attr-defined]
            counts = counts + count_classes(scores, truth.labels, subject.mask(recognizer.behaviors))
        score, by_class = macro_f1(np.array(counts), recognizer.behaviors)
        listed = ", ".join(f"{action} {value:.2f}" for action, value in by_class.items())
        seconds = time.perf_counter() - started
        print(f"{name}: macro F1 {score:.3f} on {len(unseen)} films of unseen individuals ({listed}); {seconds:.0f} s", flush=True)


def main() -> None:
    """Measure as the flags say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accuracy", action="store_true", help="also train networks: about an hour on two cores")
    parser.add_argument("--only-accuracy", action="store_true")
    parser.add_argument("--individuals", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--step", type=int, default=8, help="samples from one training clip to the next")
    parser.add_argument("--recipes", nargs="+", default=["film_tcn", "pain_cnn3d", f"pain_cnn3d{SHUFFLED}"])
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if not flags.only_accuracy:
            measure_loader(Path(name), 100, 3)
            measure_prediction(Path(name))
        if flags.accuracy or flags.only_accuracy:
            measure_accuracy(Path(name), flags.recipes, flags.individuals, flags.epochs, flags.step)


if __name__ == "__main__":
    main()
