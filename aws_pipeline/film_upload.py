"""The plan of an upload of films: the sound films of a data directory with their labels and embeddings, and those that are left out."""

from dataclasses import dataclass
from pathlib import Path

from aws_pipeline.landed import Present, Stamp
from aws_pipeline.upload_item import Upload
from behavior.balance import Balance
from behavior.contract import ContractError, Fault, UsageError
from behavior.film_keys import (
    FILM,
    INDIVIDUALS_FILE,
    INDIVIDUALS_KEY,
    RULES_FILE,
    RULES_KEY,
    FilmPart,
    RawFilmObject,
    film_number,
)
from behavior.keys import recording_name
from behavior.verdicts import QuarantineEntry
from films.film_sources import Findings

FILM_METADATA = {RULES_KEY: RULES_FILE, INDIVIDUALS_KEY: INDIVIDUALS_FILE}
"""Keys of what holds for all films, and their files."""


@dataclass(frozen=True)
class FilmUploads:
    """Files of films to send, and films that are left out."""

    uploads: tuple[Upload, ...]
    metadata: tuple[Upload, ...]
    """What holds for all films, if the lab says anything."""
    left_out: tuple[QuarantineEntry, ...]
    """Films with a fault, and labels without a film; the ETL puts them aside for these reasons."""
    balance: Balance
    """Films, by outcome."""
    gone: tuple[str, ...]
    """Keys of labels, embeddings and tables of the raw zone that the data directory does not have any more; films are never removed."""


def plan_film_uploads(data_dir: Path, found: Findings, present: Present, *, force: bool) -> FilmUploads:
    """Check the films of a data directory: that each can be opened, and that its labels have a known layout.

    What was landed and nothing has touched since is not opened again. Raises UsageError without PyAV.
    """
    uploads, left_out, expected = list[Upload](), list[QuarantineEntry](), set[str]()
    labs = {one.lab for one in found.films} | {lab for lab, _ in found.faulty}
    names = {(one.lab, one.path.stem) for one in found.films}
    for one in found.films:
        parts = {FilmPart.PICTURES: one.path, FilmPart.LABELS: one.labels, FilmPart.EMBEDDINGS: one.embeddings}
        own, faults = list[Upload](), list[Fault]()
        for part, path in ((part, path) for part, path in parts.items() if path):
            item = _upload(data_dir, path, RawFilmObject(part, one.lab, one.path.stem, path.suffix.lower()), present, force)
            own += [item] if item else []
            faults += film_file_faults(path, item.source, part) if item and not item.unchanged else ()
        expected |= {item.key for item in own}
        if faults:
            sources = tuple(item.source for item in own)
            left_out.append(QuarantineEntry(recording_name(FILM, one.video_id), tuple(faults), one.lab, sources))
        else:
            uploads += own
    for (lab, name), faults_of_folder in found.faulty.items():
        sources = tuple(path.relative_to(data_dir).as_posix() for path in found.files[lab, name])
        left_out.append(QuarantineEntry(recording_name(FILM, film_number(lab, name)), faults_of_folder, lab, sources))
    metadata = [each for key, file in FILM_METADATA.items() if (each := _metadata(data_dir / file, key, present, force))]
    held = ((key, RawFilmObject.of_key(key)) for key in present.objects)
    gone = [
        key
        for key, each in held
        if each and each.part is not FilmPart.PICTURES and each.lab in labs and (each.lab, each.name) in names and key not in expected
    ]
    gone += sorted(FILM_METADATA.keys() & present.objects.keys() - {each.key for each in metadata})
    total = len(found.films) + len(found.faulty)
    balance = Balance("films", total, {"sound": total - len(left_out), "put aside": len(left_out)})
    return FilmUploads(tuple(uploads), tuple(metadata), tuple(left_out), balance, tuple(sorted(gone)))


def film_file_faults(path: Path, where: str, part: FilmPart) -> tuple[Fault, ...]:
    """Return the faults that a file of a film shows at once; a film is opened, not decoded. Raises UsageError without PyAV."""
    if part is FilmPart.EMBEDDINGS:
        return ()  # their length can only be compared with that of the film
    if part is FilmPart.LABELS:
        from behavior.film_labels import layout_faults  # it loads pandas, which an upload without new labels does not need

        return layout_faults(path.read_bytes(), where)
    try:
        from films.decoding import opened
    except ModuleNotFoundError as error:
        raise UsageError(f"Expected PyAV, to open {where}, but got no {error.name}. Run pip install av.") from None
    try:
        with opened(path):
            return ()
    except ContractError as error:
        return tuple(Fault(one.code, where, one.text, one.mend) for one in error.faults)


def _upload(data_dir: Path, path: Path, held: RawFilmObject, present: Present, force: bool) -> Upload | None:
    stamp = Stamp.of(path)
    if stamp is None:  # it was removed meanwhile
        return None
    source, name = path.relative_to(data_dir).as_posix(), recording_name(FILM, held.video)
    return Upload.compared(path, held.key, source, stamp, present, recording=name, force=force)


def _metadata(path: Path, key: str, present: Present, force: bool) -> Upload | None:
    stamp = Stamp.of(path)
    return Upload.compared(path, key, path.name, stamp, present, force=force) if stamp else None
