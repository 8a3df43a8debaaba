"""Small simulated films as a lab has them, and the curated zone that the ETL's own tasks make of them, without AWS."""

from pathlib import Path

import pyarrow.parquet as pq

from aws_pipeline.curation_plan import plan_work
from aws_pipeline.curation_task import curate_part
from aws_pipeline.film_state import manifest_rows
from aws_pipeline.outcome import Outcome, settle
from behavior.film_keys import CURATED_FILM_FOLDERS
from behavior.keys import DATA_DIRECTORY, key_of
from behavior.simulated.films import simulate_film
from behavior.tables import FILM_LABELS, VIDEO_MANIFEST
from behavior.verdicts import Rules
from films.film_encoding import write_film
from training.material.film_zone import FilmZone


def write_films(folder: Path, individuals: int = 4, films: int = 1, seconds: float = 4.0, size: int = 32) -> Path:
    """Write films mouse<i>_<n>.mp4 with labels and individuals below `folder`."""
    lines = ["film,individual"]
    for individual in range(individuals):
        for number in range(films):
            film = simulate_film(individual, number, seconds, height=size, width=size)
            name = f"mouse{individual}_{number}"
            write_film(folder / "Videos" / f"{name}.mp4", film.frames, film.fps)
            rows = [f"{start},{stop},{action}" for action, start, stop in film.bouts.itertuples(index=False)]
            labels = folder / "Annotations" / f"{name}_labels.csv"
            labels.parent.mkdir(parents=True, exist_ok=True)
            labels.write_text("\n".join(["start,stop,label", *rows]) + "\n")
            lines.append(f"{name},mouse{individual}")
    (folder / "individuals.csv").write_text("\n".join(lines) + "\n")
    return folder


def curate(folder: Path, zone: Path) -> Outcome:
    """Curate the films of a data directory into a zone without a catalog and without lists; return what became of them."""
    raw = folder.resolve().as_uri()
    plan = plan_work(raw, Rules(), DATA_DIRECTORY)
    for one in plan.films:
        for name in (*CURATED_FILM_FOLDERS, FILM_LABELS.name):
            (zone / name / f"lab_id={one.lab}").mkdir(parents=True, exist_ok=True)
    ids = {FILM_LABELS.name: {name: number for number, name in enumerate(FILM_LABELS.schema.names, start=1)}}
    outcome = settle(plan, list(curate_part(plan.films, raw, zone.resolve().as_uri(), "run", ids)), raw, DATA_DIRECTORY)
    manifest = zone / key_of(VIDEO_MANIFEST)
    manifest.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(manifest_rows(outcome.films, plan.films), manifest)
    return outcome


def make_zone(folder: Path, **sizes) -> FilmZone:
    """Films below `folder`/raw, the zone in `folder`/zone, small frames in `folder`/cache."""
    write_films(folder / "raw", **sizes)
    assert not curate(folder / "raw", folder / "zone").put_aside
    return FilmZone(folder / "zone", folder / "cache")
