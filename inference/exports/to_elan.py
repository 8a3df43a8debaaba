"""Bouts for ELAN: one .eaf file for each recording, with a tier for each triple that was looked for.

ELAN does not allow overlaps in a tier; so each triple has its own, named mouse1,mouse2,sniff as in behaviors_labeled, and the agent is its
participant. A tier without annotations is a behavior that was looked for and never seen. Times are whole milliseconds.
"""

from pathlib import Path

from behavior.whole_file import whole_file
from inference.exports.tidy_bouts import TidyBouts, triple_text

AUTHORS = {True: "experts", False: "recognizer"}
"""Author of the file: people or a recognizer."""


def write_elan(tidy: TidyBouts, folder: Path) -> list[Path]:
    """Write <folder>/<recording>.eaf for each recording. Bouts of one triple must not overlap (`TidyBouts.merged`)."""
    from pympi.Elan import Eaf

    written = []
    for video, film in tidy.films.items():
        document = Eaf(author=AUTHORS[tidy.by_person])
        document.remove_tier("default")
        document.add_linked_file(film.media, mimetype="video/mp4")
        for triple in film.looked_for:
            document.add_tier(triple, part=triple.split(",")[0] if "," in triple else None)
        for bout in tidy.of(video):
            tier = triple_text(bout.agent, bout.target, bout.behavior)
            document.add_annotation(tier, round(1000 * bout.start_s), round(1000 * bout.stop_s), bout.behavior)
        path = folder / f"{film.file_name}.eaf"
        with whole_file(path) as draft:
            document.to_file(str(draft), pretty=True)
        written.append(path)
    return written
