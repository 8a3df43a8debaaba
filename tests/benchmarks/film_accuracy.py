"""How well networks over films recognize individuals that they never saw, and whether they use motion.

    python tests/benchmarks/film_accuracy.py --folder results/film_accuracy [--recipes film_tcn pain_cnn3d pain_cnn3d:shuffled]

Simulated films: one of each individual. A recipe is trained on most individuals; its macro F1 over frames is measured on others, with an
interval over individuals, and the gain over the first recipe in the list is measured on the same films. `<recipe>:shuffled` is trained with
the frames of each clip in a random order. A trained 3-D network is also asked with the frames of each clip in a random order: what it then
loses is what it had from motion. The folder keeps films, states and scores: the same command goes on where it was interrupted.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

if not __package__:
    sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

import numpy as np
import torch
from film_zone import curate

from aws_pipeline import sample_films
from behavior.bootstrap import percentile_interval, resampling_weights
from behavior.class_scores import count_classes, macro_f1
from behavior.recording import Recording
from behavior.whole_file import write_json
from recognizers.film_recognizer import FilmRecognizer
from recognizers.recognizer import labelling_of, whole_scores
from training.fitting.prepare import prepare
from training.fitting.session import Machine, Session
from training.material.film_zone import FilmZone
from training.material.folds import Split, split_videos
from training.recipes.named import RECIPES
from training.recipes.network_recipe import Recipe

SHUFFLED = ":shuffled"
Counts = dict[str, list[list[int]]]
"""By film: `behavior.class_scores.count_classes`."""


def recipe_named(name: str, epochs: int, batch: int, step: int) -> Recipe:
    """Return a recipe of films by its name, perhaps with shuffled frames; clips of 16 frames begin at every `step`-th sample."""
    recipe = RECIPES[name.removesuffix(SHUFFLED)]()
    assert isinstance(recipe, Recipe)
    if name.endswith(SHUFFLED):
        recipe = replace(recipe, name=name, network=replace(recipe.network, shuffle_frames=True))
    if recipe.windowing.window == 16:
        recipe = replace(recipe, windowing=replace(recipe.windowing, step=step), batch=batch)
    return replace(recipe, epochs=epochs)


def zone_in(folder: Path, individuals: int, seconds: float) -> FilmZone:
    """Simulate and curate films, unless they are there."""
    if not (folder / "zone" / "video_manifest").is_dir():
        flags = ["--individuals", str(individuals), "--films", "1", "--seconds", str(seconds)]
        with mock.patch("builtins.print"):
            assert sample_films.main(["--data-dir", str(folder / "raw"), *flags]) == 0
        assert not curate(folder / "raw", folder / "zone").put_aside
    return FilmZone(folder / "zone", folder / "cache")


def trained(zone: FilmZone, recipe: Recipe, split: Split, state: Path, threads: int) -> Session:
    """Train a recipe, from its last state if there is one."""
    session = prepare(zone.root, recipe, 0, Machine(threads=threads), split)
    state.mkdir(exist_ok=True)
    session.restore(state)

    def on_epoch(line: str) -> None:
        session.save_state(state)
        print(f"  {recipe.name} {line}", flush=True)

    session.fit(on_epoch)
    return session


def counts_of(recognizer: FilmRecognizer, zone: FilmZone, films: list[Recording]) -> Counts:
    """Return the counts of each film."""
    counts: Counts = {}
    for film in films:
        ((subject, scores),) = whole_scores(recognizer, zone.material(film))
        truth = labelling_of(recognizer).truth(film, subject, (), len(scores), zone.bouts([film]))
        counts[str(film.video_id)] = count_classes(scores, truth.labels, subject.mask(recognizer.behaviors)).tolist()
    return counts


def resampled(counts: Counts, names: tuple[str, ...]) -> tuple[float, np.ndarray]:
    """Return macro F1, and its replicates over films, which are individuals."""
    each = np.array([counts[film] for film in sorted(counts)])
    weights = resampling_weights(["lab"] * len(each))
    return macro_f1(each.sum(0), names)[0], np.array([macro_f1(np.tensordot(row, each, 1), names)[0] for row in weights])


def said(score: float, replicates: np.ndarray) -> str:
    """Return a score with its interval."""
    low, high = percentile_interval(replicates) or (np.nan, np.nan)
    return f"{score:.3f} [{low:.3f}, {high:.3f}]"


def measure(folder: Path, name: str, zone: FilmZone, flags: argparse.Namespace) -> dict[str, Counts]:
    """Train a recipe and count on films of unseen individuals, unless it is done; return counts as they are and with shuffled frames."""
    done = folder / f"{name.replace(':', '-')}.json"
    if done.is_file():
        return dict(json.loads(done.read_text()))
    split = split_videos({one.video_id: one.lab_id for one in zone.annotated_recordings()}, zone.content_groups())
    unseen = [one for one in zone.annotated_recordings() if one.video_id in split.held_out]
    recipe, started = recipe_named(name, flags.epochs, flags.batch, flags.step), time.perf_counter()
    recognizer = trained(zone, recipe, split, folder / f"state-{done.stem}", flags.threads).recognizer()
    assert isinstance(recognizer, FilmRecognizer)
    counts = {"as they are": counts_of(recognizer, zone, unseen)}
    if getattr(recognizer.network_config, "shuffle_frames", None) is False:
        torch.manual_seed(0)
        recognizer.network.config = replace(recognizer.network_config, shuffle_frames=True)  # type: ignore[assignment]
        counts["frames shuffled"] = counts_of(recognizer, zone, unseen)
    print(f"{name}: {len(split.train)} individuals to learn from, {len(unseen)} to test; {time.perf_counter() - started:.0f} s", flush=True)
    write_json(done, counts)
    return counts


def main() -> None:
    """Measure as the flags say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("results/film_accuracy"))
    parser.add_argument("--individuals", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--step", type=int, default=8, help="samples from one training clip to the next")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--recipes", nargs="+", default=["pain_cnn3d", "film_tcn"])
    flags = parser.parse_args()
    flags.folder.mkdir(parents=True, exist_ok=True)
    zone = zone_in(flags.folder, flags.individuals, flags.seconds)
    first: tuple[float, np.ndarray] | None = None
    for name in flags.recipes:
        behaviors = tuple(sorted({triple.behavior for one in zone.annotated_recordings() for triple in one.annotated}))
        for how, counts in measure(flags.folder, name, zone, flags).items():
            score, replicates = resampled(counts, behaviors)
            gain = "" if first is None else f"; against {flags.recipes[0]} {said(score - first[0], replicates - first[1])}"
            first = first or (score, replicates)
            print(f"{name}, {how}: macro F1 {said(score, replicates)}{gain}", flush=True)


if __name__ == "__main__":
    main()
