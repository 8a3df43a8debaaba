"""From an observation of another program to the raw layout: who acts on whom, our names of behaviors, and what was annotated."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from aws_pipeline.imports.bout_clock import Clock, on_film
from aws_pipeline.imports.foreign_bouts import NO_BEHAVIORS, ForeignBout, Observation
from aws_pipeline.imports.known_mice import NOBODY, KnownMice
from behavior.contract import UNFIT, ContractError, Fault
from behavior.ethogram import BEHAVIORS, PAIR_BEHAVIORS, SELF_BEHAVIORS
from behavior.recording import Triple, mouse_name
from behavior.tables import RAW_ANNOTATION

IN_FILE = "in-file"
"""Said instead of behaviors: the observer looked for those that occur in the file, and for no others."""


BOUT_COLUMNS = ["agent_id", "target_id", "action", "start_frame", "stop_frame"]


@dataclass(frozen=True)
class BoutChoices:
    """What a person says about the annotations of one import."""

    annotated: tuple[str, ...] = ()
    """Behaviors that the observer looked for, as the file calls them or as we do; or `IN_FILE`."""
    annotator: str = ""
    subjects: Mapping[str, int] = field(default_factory=dict)
    """Animals as the file calls them, or `NOBODY`, to numbers of mice."""
    behaviors: Mapping[str, str] = field(default_factory=dict)
    """Behaviors as the file calls them, to names of ours."""
    self_behaviors: tuple[str, ...] = ()
    """Behaviors that a mouse does by itself; the known ones need not be named."""
    pair_behaviors: tuple[str, ...] = ()
    """Behaviors toward another mouse; the known ones need not be named."""
    agents: tuple[str, ...] = ()
    """Animals that the observer looked at; without it, those that the file names."""
    annotation_fps: float | None = None
    shift_frames: int = 0
    point_frames: int = 1


@dataclass(frozen=True)
class Place:
    """The recording that an observation is about."""

    name: str
    fps: float
    film_frames: range
    """Tracked frames, in the numbers of the film."""
    mice: Mapping[int, str]
    """Tracked mice, with their names (empty if they have none)."""
    annotated: tuple[Triple, ...] = ()
    """What its metadata list already; it holds on if nobody says otherwise."""


@dataclass(frozen=True)
class Annotation:
    """The annotation of one recording in the raw layout."""

    rows: pa.Table
    """In the schema of `RAW_ANNOTATION`, with `BOUT_COLUMNS` filled."""
    annotated: tuple[Triple, ...]
    """Sorted."""
    annotator: str
    correction: str
    """How the clock was corrected; empty if it was not."""
    renamed: dict[str, str]
    """Behaviors with another name in the file."""
    notes: tuple[str, ...]


def annotate(observation: Observation, place: Place, choices: BoutChoices, where: str) -> Annotation:
    """Return the annotation. Raises ContractError with everything that must be said, and with names that nobody knows."""
    clock = Clock(place.fps, observation.in_frames, choices.annotation_fps, choices.shift_frames, choices.point_frames)
    notes = list(observation.notes)
    if observation.fps and abs(observation.fps - place.fps) > 0.01 * place.fps and not choices.annotation_fps:
        notes.append(f"The file says {observation.fps:g} frames a second, the recording {place.fps:g}: its clock may be another one.")
    kept = [bout for bout in observation.bouts if bout.behavior.strip().lower() not in NO_BEHAVIORS]
    bouts, told = on_film(kept, clock, place.film_frames)
    names = {bout.behavior for bout in bouts} | set(observation.ethogram or ()) | {*choices.annotated}.difference([IN_FILE])
    ours = {name: _our_name(name, choices) for name in sorted(names) if name.strip().lower() not in NO_BEHAVIORS}
    mice = KnownMice(place.mice, choices.subjects)
    faults: list[Fault] = []
    triples = _triples(bouts, ours, mice, choices, where, faults)
    silent = observation.ethogram is None and not observation.looked_for and not choices.annotated
    if silent and place.annotated:
        notes.append("The file does not say what the observer looked for; what the metadata list stays.")
        annotated = set(place.annotated)
    else:
        annotated = _annotated(observation, triples, ours, mice, choices, where, faults)
    if faults:
        raise ContractError(faults)
    rows = {Triple(*triple) for triple in triples}
    if unlisted := sorted({triple.behavior for triple in rows.difference(annotated)}):
        notes.append(f"Kept, but not annotated: {', '.join(unlisted)}.")
    columns = list(zip(*((*triple, bout.start, bout.stop) for triple, bout in zip(triples, bouts, strict=True)), strict=True)) or [()] * 5
    kinds = [RAW_ANNOTATION.schema.field(name).type for name in BOUT_COLUMNS]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    annotator = choices.annotator or observation.annotator
    authors = pa.array([bout.annotator or annotator or None for bout in bouts], pa.string())
    table = RAW_ANNOTATION.check(pa.table([*arrays, authors], names=[*BOUT_COLUMNS, "annotator"]), where)
    renamed = {name: own for name, own in ours.items() if name != own}
    return Annotation(table, tuple(sorted(annotated)), annotator, clock.correction, renamed, (*notes, *told))


def _triples(
    bouts: Sequence[ForeignBout], ours: Mapping[str, str], mice: KnownMice, choices: BoutChoices, where: str, faults: list[Fault]
) -> list[tuple[int, int, str]]:
    """Return agent, target and behavior of each bout; what is missing is added to `faults`."""
    triples, strangers, nobody, no_target = [], set(), 0, set()
    for bout in bouts:
        agent, behavior = mice.find(bout.subject), ours[bout.behavior]
        if agent is None:
            strangers |= {bout.subject} - {""}
            nobody += not bout.subject
            continue
        target = mice.target(bout.target, agent) or _usual_target(agent, behavior, mice, choices)
        if target is None:
            no_target.add(behavior)
            continue
        triples.append((agent, target, behavior))
    if strangers:
        message = f"Expected subjects among {mice.shown}, but got {', '.join(sorted(strangers))}."
        faults.append(Fault(UNFIT, where, message, f"Give --subject {sorted(strangers)[0]!r}=1 and so on."))
    if nobody:
        message = f"Expected the mouse that acts, one of {mice.shown}, but got {nobody} bouts without a subject."
        faults.append(Fault(UNFIT, where, message, f"Give --subject {NOBODY}=1, or another number."))
    faults += [_unknown_kind(behavior, mice, where) for behavior in sorted(no_target)]
    return triples


def _usual_target(agent: int, behavior: str, mice: KnownMice, choices: BoutChoices) -> int | None:
    """Return the target of a behavior for which the file names none; None if nobody can know it."""
    kind = _kind(behavior, mice, choices)
    others = [number for number in mice.numbers if number != agent]
    return agent if kind == "self" else others[0] if kind == "pair" and len(others) == 1 else None


def _kind(behavior: str, mice: KnownMice, choices: BoutChoices) -> str | None:
    if behavior in choices.self_behaviors or (behavior in SELF_BEHAVIORS and behavior not in choices.pair_behaviors):
        return "self"
    if behavior in choices.pair_behaviors or behavior in PAIR_BEHAVIORS:
        return "pair"
    return "self" if len(mice.numbers) == 1 else None


def _unknown_kind(behavior: str, mice: KnownMice, where: str) -> Fault:
    if behavior in PAIR_BEHAVIORS and len(mice.numbers) != 2:
        message = f"Expected the target of {behavior} among {len(mice.numbers)} mice, but got none."
        return Fault(UNFIT, where, message, "Name the target in the file: as a modifier in BORIS, as a column target in a table.")
    message = f"Expected to know if {behavior} is toward another mouse, but got no target."
    return Fault(UNFIT, where, message, f"Give --self-behaviors {behavior} or --pair-behaviors {behavior}.")


def _annotated(
    observation: Observation,
    triples: Iterable[tuple[int, int, str]],
    ours: Mapping[str, str],
    mice: KnownMice,
    choices: BoutChoices,
    where: str,
    faults: list[Fault],
) -> set[Triple]:
    """Return the triples that the observer looked for; what is missing is added to `faults`."""
    own = {Triple(*triple) for triple in triples}
    if choices.annotated == (IN_FILE,):
        return own
    if observation.looked_for and not choices.annotated:
        return _told(observation.looked_for, mice, choices, where, faults)
    listed = choices.annotated or observation.ethogram
    if listed is None:
        occurring = ",".join(sorted({ours[bout.behavior] for bout in observation.bouts if bout.behavior in ours}))
        got = f"only the behaviors that occur: {occurring}" if occurring else "no bouts"
        message = f"Expected the behaviors that the observer looked for, which the file does not say, but got {got}."
        faults.append(Fault(UNFIT, where, message, f"Give --annotated {occurring or 'A,B'} and more, or --annotated {IN_FILE}."))
        return set()
    named = choices.agents or tuple(name for name in observation.subjects if mice.find(name))
    agents = {mice.find(name) for name in named} or {triple.agent for triple in own}
    if None in agents:
        faults.append(Fault(UNFIT, where, f"Expected --agents among {mice.shown}, but got {', '.join(named)}.", "Correct it."))
    if not agents and not faults:
        message = f"Expected the mice that the observer looked at, of {mice.shown}, but got none."
        faults.append(Fault(UNFIT, where, message, "Give --agents."))
    found = set()
    for behavior in dict.fromkeys(ours[name] for name in listed if name in ours):
        kinds = {"self" if triple.agent == triple.target else "pair" for triple in own if triple.behavior == behavior}
        kinds = kinds or {kind for kind in (_kind(behavior, mice, choices),) if kind}
        if not kinds and (fault := _unknown_kind(behavior, mice, where)) not in faults:
            faults.append(fault)
        for agent in agents.difference([None]):
            targets = [agent] if "self" in kinds else []
            targets += [number for number in mice.numbers if number != agent] if "pair" in kinds else []
            found |= {Triple(int(agent or 0), int(target or 0), behavior) for target in targets}
    return found


def _told(looked_for: Iterable[str], mice: KnownMice, choices: BoutChoices, where: str, faults: list[Fault]) -> set[Triple]:
    """Return triples that a file lists, such as mouse1,self,rear."""
    found = set()
    for text in looked_for:
        agent_name, target_name, behavior = (part.strip() for part in text.split(",", 2))
        agent = mice.find(agent_name)
        target = mice.target(target_name, agent) if agent else None
        if not agent or not target:
            message = f"Expected triples of {mice.shown}, but got {text}."
            faults.append(Fault(UNFIT, where, message, f"Give --subject {agent_name}=1 and so on."))
        else:
            found.add(Triple(agent, target, _our_name(behavior, choices)))
    return found


def _our_name(name: str, choices: BoutChoices) -> str:
    """Return our name of a behavior: as a person said, else the known behavior that is spelled alike, else its own."""
    if name in choices.behaviors:
        return choices.behaviors[name]
    plain = re.sub(r"[^a-z0-9]", "", name.casefold())
    plain = plain if plain in BEHAVIORS else plain.removesuffix("ing")  # Sniffing is sniff
    return plain if plain in BEHAVIORS else name.strip().replace(",", ";")


def nearest(name: str, names: Iterable[str]) -> str:
    """Return up to three names that are spelled alike, for a message."""
    return ", ".join(difflib.get_close_matches(name, list(names), n=3, cutoff=0.3))


def behaviors_labeled(annotated: Iterable[Triple]) -> str:
    """Return the text of the column behaviors_labeled."""
    texts = [f"{mouse_name(one.agent)},{'self' if one.agent == one.target else mouse_name(one.target)},{one.behavior}" for one in annotated]
    return json.dumps(texts, ensure_ascii=False) if texts else ""
