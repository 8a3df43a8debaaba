"""How well two observers agree: two annotators, or an annotator and a recognizer.

    python inference/agreement.py data held_out.parquet                # annotations of data/, and predictions of recognize.py --held-out
    python inference/agreement.py data data@Ada                        # the annotations, and the second opinion in data/annotators/Ada/
    python inference/agreement.py data@OftRaterA data@OftRaterB        # two labs that annotated the same films under other numbers

An observer is a data directory (its annotations), a data directory with @NAME (the second opinion of an annotator, or one lab), or
bouts.parquet of recognize.py. Recordings belong together if they have the same number or, if no number is the same, the same tracks. Only
behaviors that both looked for are compared: Cohen's kappa per frame with its interval over recordings, F1 of frames, and F1 of bouts that
overlap by at least 10, 30 and 50 % of their union. Neither observer counts as the truth.
Exit codes: 0 compared, 1 something unexpected, 2 usage or a missing file, 4 input breaks its contract or nothing can be compared,
130 interrupted.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, exit_code

if TYPE_CHECKING:
    from behavior.agreement_scores import Agreement


def main(arguments: list[str] | None = None) -> int:
    """Print the agreement as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _compare(flags))


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("first", metavar="A", help="one observer")
    parser.add_argument("second", metavar="B", help="the other observer")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write the table as CSV")
    return parser


def _compare(flags: argparse.Namespace) -> int:
    from behavior.agreement_scores import agreement, behaviors_of
    from behavior.whole_file import check_place
    from inference.observers import matched, read_observer
    from inference.serving import write_csv

    if flags.output:
        check_place(flags.output)
    first, second = (read_observer(text) for text in (flags.first, flags.second))
    found = agreement(first.observed, second.observed, matched(first, second))
    print(as_text(found, flags.first, flags.second))
    if alone := behaviors_of(first.observed, second.observed):
        print(f"Only one of them looked for: {', '.join(alone)}. These are not compared.")
    if flags.output:
        write_csv(found.table, flags.output)
        print(f"Wrote {flags.output}.")
    return EXIT_OK


def as_text(found: "Agreement", first: str, second: str) -> str:
    """Return the table as text of at most 110 columns."""
    names = ("behavior", "films", "minutes", "A, s", "B, s", "kappa", "interval", "frame F1", "bout F1 10 %", "30 %", "50 %")
    lines: list[tuple[str, ...]] = [names]
    for row in found.table.to_dict("records"):
        interval = "" if _none(row["kappa_low"]) else f"[{row['kappa_low']:.2f}, {row['kappa_high']:.2f}]"
        amounts = ("" if _none(row[name]) else f"{row[name]:.1f}" for name in ("minutes", "first_s", "second_s"))
        scores = ("-" if _none(row[name]) else f"{row[name]:.2f}" for name in ("frame_f1", "bout_f1_0.1", "bout_f1_0.3", "bout_f1_0.5"))
        kappa = "-" if _none(row["kappa"]) else f"{row['kappa']:.2f}"
        lines.append((str(row["action"]), str(row["recordings"]), *amounts, kappa, interval, *scores))
    widths = [max(len(line[place]) for line in lines) for place in range(len(names))]
    head = f"A is {first}, B is {second}; {found.recordings} recordings, {found.triples} triples that both looked for"
    body = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in lines]
    return "\n".join([head, *body])


def _none(value: object) -> bool:
    return value != value or value is None


if __name__ == "__main__":
    sys.exit(main())
