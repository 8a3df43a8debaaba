"""Small simulated films as a lab has them, and the zone that curation makes of them."""

from pathlib import Path

from behavior.simulated.films import simulate_film
from films.film_encoding import write_film
from training import curate_films
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


def curate(folder: Path, zone: Path, *flags: str) -> int:
    return curate_films.main(["--data-dir", str(folder), "--zone", str(zone), *flags])


def make_zone(folder: Path, **sizes) -> FilmZone:
    """Films below `folder`/raw, the zone in `folder`/zone, small frames in `folder`/cache."""
    write_films(folder / "raw", **sizes)
    assert curate(folder / "raw", folder / "zone") == 0
    return FilmZone(folder / "zone", folder / "cache")
