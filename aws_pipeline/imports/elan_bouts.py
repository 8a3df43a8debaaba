"""Read ELAN documents (eaf): a tier is a subject, its annotations are behaviors.

A tier named mouse1,mouse2,sniff, as this project exports it, is a triple. A tier without a participant whose annotations are empty is a
behavior of nobody in particular.
"""

import warnings
from pathlib import Path

from aws_pipeline.imports.foreign_bouts import Film, ForeignBout, Observation
from aws_pipeline.imports.foreign_pose import unreadable


def is_elan(head: bytes) -> bool:
    """Return whether a file with these first bytes is an ELAN document."""
    return b"<ANNOTATION_DOCUMENT" in head


def read_elan(path: Path, where: str) -> list[Observation]:
    """Return the observation of one document. What was looked for is in its controlled vocabularies, or in tiers that are triples."""
    from pympi.Elan import Eaf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about versions of ELAN, all of which hold tiers and annotations alike
        try:
            document = Eaf(str(path))
        except Exception as error:  # pympi raises plain Exception for a broken document
            raise unreadable(where, "an ELAN document", f"one that pympi cannot read: {error}") from None
    bouts, triples = [], []
    for tier, (_, _, attributes, _) in document.tiers.items():
        triple = [part.strip() for part in tier.split(",")]
        is_triple = len(triple) == 3 and all(triple)
        if is_triple:
            triples.append(",".join(triple))
        subject = triple[0] if is_triple else attributes.get("PARTICIPANT") or tier
        for start, stop, value, *_ in document.get_annotation_data_for_tier(tier):
            behavior = value.strip() or (triple[2] if is_triple else tier)
            nobody = not is_triple and behavior == tier and not attributes.get("PARTICIPANT")
            target = triple[1] if is_triple else ""
            bouts.append(ForeignBout("" if nobody else subject, target, behavior, start / 1000, stop / 1000))
    vocabularies = document.controlled_vocabularies.values()
    ethogram = [value[0] for _, entries, _ in vocabularies for values, _ in entries.values() for value in values[:1] if value[0]]
    films = tuple(
        Film(media.get("RELATIVE_MEDIA_URL") or media.get("MEDIA_URL", ""), -float(media.get("TIME_ORIGIN") or 0) / 1000)
        for media in document.media_descriptors
    )
    author = str(document.adocument.get("AUTHOR") or "")
    looked_for = tuple(triples) if triples and len(triples) == len(document.tiers) else None
    annotator = "" if author in ("", "pympi", "unspecified") else author
    ordered = tuple(sorted(bouts, key=lambda bout: (bout.start, bout.stop)))
    ethograms = tuple(dict.fromkeys(ethogram)) or None
    return [Observation(path.stem, "ELAN", ordered, False, films, None, ethograms, (), looked_for, annotator)]
