"""One import of annotations: read each file, match it with recordings, write what was understood, put aside what cannot be used."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from aws_pipeline.imports.bout_formats import read_observations
from aws_pipeline.imports.bout_rows import IN_FILE, Annotation, BoutChoices, Place, annotate, behaviors_labeled, nearest
from aws_pipeline.imports.foreign_bouts import Film, Observation, stem
from aws_pipeline.imports.raw_directory import KnownRecordings, write_rows
from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_PUT_ASIDE, UNFIT, ContractError, Fault, UsageError
from behavior.keys import LakeObject
from behavior.parquet_file import read_rows
from behavior.recording import mouse_name, parse_annotated
from behavior.tables import RAW_ANNOTATION, RAW_TRACKING
from reports.progress import progress

_WHOLE = Film("")
_ANNOTATIONS = LakeObject(RAW_ANNOTATION, "train", "lab", 0).file.partition("/")[0]
"""Folder of a data directory with annotations."""


@dataclass(frozen=True)
class Target:
    """Where annotations go, and how."""

    data_dir: Path
    recording: str | None = None
    """Name or number of the recording; None to find it by the names in the files."""
    lab: str | None = None
    add: bool = False
    """Keep what is there of other triples."""
    replace: bool = False
    """Replace what another annotator wrote."""
    dry_run: bool = False


def import_annotations(
    files: Sequence[Path], target: Target, choices: BoutChoices, unit: str | None = None, stop_included: bool = False
) -> tuple[list[dict[str, Any]], list[Fault], int]:
    """Import files; return what was understood of each recording, the faults of what was put aside, and the exit code."""
    work = _Import(target, choices)
    names = tuple(name for name in choices.annotated if name != IN_FILE)
    for path in progress(files, "import", len(files)):
        try:
            observations = read_observations(path, names, unit, stop_included)
            work.add(path.name, observations, path.resolve().is_relative_to(target.data_dir.resolve() / _ANNOTATIONS))
        except ContractError as error:
            work.faults += error.faults
    if not target.dry_run:
        work.recordings.files["train"].save()
    if not work.faults:
        return work.done, [], EXIT_OK
    return work.done, work.faults, EXIT_PUT_ASIDE if work.done else EXIT_CONTRACT


class _Import:
    """What was understood of each recording, and the faults of what was put aside."""

    def __init__(self, target: Target, choices: BoutChoices) -> None:
        self.target, self.choices = target, choices
        self.recordings = KnownRecordings(target.data_dir)
        self.done: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self._places: dict[str, str] = {}

    def add(self, where: str, observations: Sequence[Observation], is_own: bool = False) -> None:
        """Import all observations of a file. Of several, those of other films are left out; if all are, this is a fault.

        `is_own` says that the file is the annotation in the data directory, which may be corrected only once.
        """
        if self.target.recording and len(observations) > 1:
            names = ", ".join(one.name for one in observations)
            raise UsageError(f"{where}: Expected one observation with --recording, but got {names}. Import them by their names.")
        matched = [(one, list(self._matches(one))) for one in observations]
        if not any(found for _, found in matched):
            raise ContractError(self._no_recording(observations, where))
        for observation, found in matched:
            for film, name in found:
                place = where if len(observations) == 1 else f"{where}, {observation.name}"
                try:
                    self._import(_part(observation, film), name, place, is_own)
                except ContractError as error:
                    self.faults += error.faults

    def _matches(self, observation: Observation) -> Iterator[tuple[Film, str]]:
        """Yield the recordings that an observation is about: as a person said, by its own name, or by those of its films."""
        if self.target.recording:
            yield _WHOLE, self.target.recording
            return
        for name in (observation.name, stem(observation.name)):
            if self.recordings.find(name, self.target.lab):
                yield _WHOLE, name
                return
        for film in observation.films:
            for name in (film.name, stem(film.name)):
                if self.recordings.find(name, self.target.lab):
                    yield film, name
                    break

    def _no_recording(self, observations: Sequence[Observation], where: str) -> Fault:
        names = [name for one in observations for name in (one.name, *(stem(film.name) for film in one.films))]
        got = ", ".join(dict.fromkeys(names))
        near = nearest(observations[0].name, self.recordings.names)
        mend = f"Name it with --recording{f', such as {near}' if near else ''}, or import its poses first."
        return Fault(UNFIT, where, f"Expected the name of a recording in {self.target.data_dir}, but got {got}.", mend)

    def _import(self, observation: Observation, name: str, where: str, is_own: bool) -> None:
        found = self.recordings.find(name, self.target.lab)
        if found is None:
            raise ContractError(self._no_recording([replace(observation, name=name)], where))
        split, row = found
        if split != "train":
            message = f"Expected recording {name} in train.csv, but got it in {split}.csv, whose recordings have no annotations."
            raise ContractError(Fault(UNFIT, where, message, "Import its poses without --test."))
        if (first := self._places.setdefault(row["video_id"], where)) != where:
            message = f"Expected one file for each recording, but got {name} of {first} again."
            raise ContractError(Fault(UNFIT, where, message, "Import it alone; --add keeps what is there."))
        place = _place(self.target.data_dir, row, where)
        annotation = annotate(observation, place, self.choices, where)
        former = row.get("annotator") or ""
        if is_own:
            annotation = _again(annotation, row, where)
        elif former and annotation.annotator != former and not self.target.replace and not self.target.add:
            message = f"Expected annotations of {former}, who annotated {name}, but got those of {annotation.annotator or 'nobody named'}."
            mend = "Import the poses again with another --name for a second annotator, or give --replace, or --add."
            raise ContractError(Fault(UNFIT, where, message, mend))
        state = self._write(row, annotation, where)
        self.done.append({"file": where, "state": state, **_facts(place, observation, annotation)})

    def _write(self, row: dict[str, str], annotation: Annotation, where: str) -> str:
        video, lab = int(row["video_id"]), row["lab_id"]
        path = self.target.data_dir / LakeObject(RAW_ANNOTATION, "train", lab, video).file
        rows, annotated = annotation.rows, set(annotation.annotated)
        if self.target.add and path.is_file():
            former = read_rows(RAW_ANNOTATION, path, where)
            triples = zip(*(former.column(name).to_pylist() for name in ("agent_id", "target_id", "action")), strict=True)
            others = former.filter(pa.array([triple not in annotated for triple in triples], pa.bool_()))
            rows = pa.concat_tables([others, rows]).sort_by([("start_frame", "ascending"), ("stop_frame", "ascending")])
            annotated |= set(parse_annotated(row.get("behaviors_labeled")))
        values = {
            "behaviors_labeled": behaviors_labeled(sorted(annotated)),
            "annotator": annotation.annotator,
            "annotation_correction": annotation.correction,
        }
        is_new = not path.is_file()
        changed = self.recordings.files["train"].change(row, values)
        if self.target.dry_run:
            return "would be imported"
        changed |= write_rows(self.target.data_dir, RAW_ANNOTATION, "train", lab, video, rows)
        return "added" if is_new else "changed" if changed else "unchanged"


def _again(annotation: Annotation, row: dict[str, str], where: str) -> Annotation:
    """Return the annotation of the data directory itself, with what its metadata say. Raises ContractError for a second correction."""
    before = row.get("annotation_correction") or ""
    if before and annotation.correction:
        message = f"Expected an annotation that is not corrected yet, but got one that is: {before}."
        raise ContractError(Fault(UNFIT, where, message, "Import the original file with the whole correction."))
    return replace(annotation, annotator=annotation.annotator or row.get("annotator") or "", correction=before or annotation.correction)


def _part(observation: Observation, film: Film) -> Observation:
    """Return the part of an observation that is about one of its films, in the time of that film."""
    if film is _WHOLE or observation.in_frames or (len(observation.films) == 1 and not film.start_s):
        return observation
    end = film.start_s + film.length_s if film.length_s else float("inf")
    last = film.length_s is None or not any(other.start_s >= end for other in observation.films)
    bouts = tuple(
        replace(bout, start=max(bout.start, film.start_s) - film.start_s, stop=(bout.stop if last else min(bout.stop, end)) - film.start_s)
        for bout in observation.bouts
        if bout.stop >= film.start_s and (last or bout.start < end)
    )
    return replace(observation, bouts=bouts)


def _place(data_dir: Path, row: dict[str, str], where: str) -> Place:
    """Return what tracking and metadata say of a recording."""
    path = data_dir / LakeObject(RAW_TRACKING, "train", row["lab_id"], int(row["video_id"])).file
    tracking = read_rows(RAW_TRACKING.only("video_frame", "mouse_id"), path, path.name)
    frames = pc.min_max(tracking.column("video_frame")).as_py()
    try:
        fps, names = float(row["frames_per_second"]), json.loads(row.get("mouse_names") or "[]")
    except ValueError:
        message = f"Expected frames_per_second and mouse_names of {row['video_id']} in train.csv, but got others."
        raise ContractError(Fault(UNFIT, where, message, "Correct train.csv.")) from None
    mice = sorted(pc.unique(tracking.column("mouse_id")).to_pylist())
    numbers = sorted({*mice, *range(1, len(names) + 1)})
    named = {number: str(names[number - 1]) if number <= len(names) else "" for number in numbers}
    listed = parse_annotated(row.get("behaviors_labeled"))
    return Place(row.get("recording_name") or row["video_id"], fps, range(0, int(frames["max"]) + 1), named, listed)


def _facts(place: Place, observation: Observation, annotation: Annotation) -> dict[str, Any]:
    """Return what was understood of a recording, for a person or a program."""
    rows = annotation.rows
    counts = Counter(rows.column("action").to_pylist())
    listed = Counter(triple.behavior for triple in annotation.annotated)
    seconds = dict.fromkeys(counts, 0.0)
    for action, start, stop in zip(*(rows.column(name).to_pylist() for name in ("action", "start_frame", "stop_frame")), strict=True):
        seconds[action] += (stop - start) / place.fps
    return {
        "recording": place.name,
        "program": observation.program,
        "bouts": len(rows),
        "behaviors": {name: {"bouts": counts[name], "seconds": round(seconds.get(name, 0.0), 3)} for name in sorted({*counts, *listed})},
        "annotated": [f"{mouse_name(a)},{'self' if a == t else mouse_name(t)},{b}" for a, t, b in annotation.annotated],
        "mice": {mouse_name(number): name for number, name in place.mice.items()},
        "renamed": annotation.renamed,
        "annotator": annotation.annotator,
        "correction": annotation.correction,
        "notes": list(annotation.notes),
    }
