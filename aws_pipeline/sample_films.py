"""Simulate films of a pain test, with labels, as a lab would have them: Videos/*.mp4, Annotations/<film>_labels.csv, individuals.csv.

    python aws_pipeline/sample_films.py --data-dir data/films

Each film shows one mouse on a glass floor, seen from below. Films of one individual look alike. The same flags give the same films.
Exit codes: 0 written, 1 something unexpected, 2 usage, 130 interrupted.
"""

import argparse
import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, UsageError, exit_code


def main(arguments: list[str] | None = None) -> int:
    """Write films as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _write(flags))


def _write(flags: argparse.Namespace) -> int:
    if min(flags.individuals, flags.films, flags.seconds, flags.size) < 1:
        raise UsageError("Expected individuals, films, seconds and size of 1 or more, but got less. Raise them.")
    from behavior.simulated.films import simulate_film
    from behavior.whole_file import write_text
    from films.film_encoding import write_film

    lines = ["film,individual"]
    for individual in range(flags.individuals):
        for number in range(flags.films):
            name = f"mouse{individual:03d}_{number}"
            film = simulate_film(individual, number, flags.seconds, flags.fps, flags.size, flags.size)
            write_film(flags.data_dir / "Videos" / f"{name}.mp4", film.frames, film.fps)
            rows = [f"{start},{stop},{action}" for action, start, stop in film.bouts.itertuples(index=False)]
            write_text(flags.data_dir / "Annotations" / f"{name}_labels.csv", "\n".join(["start,stop,label", *rows]) + "\n")
            lines.append(f"{name},mouse{individual:03d}")
    write_text(flags.data_dir / "individuals.csv", "\n".join(lines) + "\n")
    print(f"Wrote {flags.individuals * flags.films} films of {flags.individuals} individuals to {flags.data_dir}.")
    return EXIT_OK


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--data-dir", type=Path, default=Path("data/films"), help="folder to write (default: %(default)s)")
    parser.add_argument("--individuals", type=int, default=12, help="number of mice (default: %(default)s)")
    parser.add_argument("--films", type=int, default=2, help="films of each mouse (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=12.0, help="length of a film (default: %(default)s)")
    parser.add_argument("--fps", type=float, default=30.0, help="frames per second (default: %(default)s)")
    parser.add_argument("--size", type=int, default=96, help="height and width of the picture, pixels (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
