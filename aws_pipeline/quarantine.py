"""Quarantine: recordings that were put aside, the reasons, and the decisions of a person about them.

    python aws_pipeline/quarantine.py list                                what the last run or upload put aside, and all decisions
    python aws_pipeline/quarantine.py show RECORDING                      every reason in full
    python aws_pipeline/quarantine.py release RECORDING [--reason "..."]  accept it from the next run on, with its faults
    python aws_pipeline/quarantine.py exclude RECORDING --reason "..."    leave it out from the next run on, even if it is sound
    python aws_pipeline/quarantine.py include RECORDING                   undo a release or an exclusion

RECORDING is a video id, or train-7, test-7 or film-7 if several have it. Only some faults can be released, because for example a broken
file cannot be used: python aws_pipeline/validate.py --codes lists all codes. A released recording goes to quarantine again if it has a
fault of another code. Nothing is deleted from the raw zone.

Reads   quarantine/reasons/ of both zones, metadata/ of the raw zone.
Writes  quarantine/decisions/<recording>.json of the curated zone.

Exit codes: 0 done, 1 unexpected, 2 usage, no such recording, a fault that cannot be released, or a full disk, 4 an object in
            quarantine/ cannot be read, 5 AWS refuses.
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.lake import list_objects, read_object
from aws_pipeline.quarantine_store import read_decisions, read_reasons, remove_decision, write_decision
from aws_pipeline.terminal import run
from behavior.contract import EXIT_OK, UsageError
from behavior.film_keys import FILM, RAW_FILM_FOLDERS, RawFilmObject
from behavior.keys import SPLITS, key_of, recording_name
from behavior.metadata_rows import judge_metadata
from behavior.policy import LEEWAY, releasable
from behavior.tables import RAW_METADATA
from behavior.verdicts import Decision, QuarantineEntry, Verdict

_NEXT = "From the next run on: python aws_pipeline/glue_etl.py"
_RECORDING = re.compile(rf"(?:{'|'.join((*SPLITS, FILM))})-[0-9]+")


@dataclass(frozen=True)
class Quarantine:
    """Entries in quarantine, and decisions of a person."""

    reasons: Mapping[str, QuarantineEntry]
    """By name: of the last run, and of an upload after it."""
    decisions: Mapping[str, Decision]
    """By name of the recording."""

    def listing(self) -> list[dict[str, Any]]:
        """Return one entry for each recording or object, by name."""
        return [self._entry(name) for name in sorted({*self.reasons, *self.decisions})]

    def _entry(self, name: str) -> dict[str, Any]:
        aside, decision = self.reasons.get(name), self.decisions.get(name)
        faults = aside.faults if aside else ()
        return {
            "name": name,
            "lab": aside.lab if aside else "",
            "codes": sorted({fault.code for fault in faults}),
            "first": str(faults[0]) if faults else "",
            "releasable": bool(faults) and _is_recording(name) and all(releasable(fault.code) for fault in faults),
            "decision": decision.verdict.value if decision else "",
            "reason": decision.reason if decision else "",
        }


def read_quarantine(chosen: Settings) -> Quarantine:
    """Return the quarantine. Entries of a run replace those of an upload, because a run repeats them."""
    reasons = {**read_reasons(chosen.uri("raw")), **read_reasons(chosen.uri("curated"))}
    return Quarantine(reasons, read_decisions(chosen.uri("curated")))


def resolve(recording: str, names: set[str]) -> str:
    """Return the name of a recording from a name or a video id. Raises UsageError if there is none, or one in each split."""
    matches = [name for name in (recording, *(f"{split}-{recording}" for split in (*SPLITS, FILM))) if name in names]
    if not matches:
        raise UsageError(
            f"Expected a recording of the raw zone or of the quarantine, but got {recording}. Give its video id, or a name like train-7."
        )
    if len(matches) > 1:
        raise UsageError(f"Expected one recording, but got {' and '.join(matches)}. Give one of these names.")
    return matches[0]


def released(name: str, quarantine: Quarantine, reason: str) -> Decision:
    """Return the decision to accept a recording with its faults. Raises UsageError for faults that cannot be released."""
    aside = quarantine.reasons.get(name)
    if aside is None or not _is_recording(name):
        raise UsageError(f"Expected a recording in quarantine, but got {name}. See what there is: python aws_pipeline/quarantine.py list.")
    if firm := sorted({fault.code for fault in aside.faults if not releasable(fault.code)}):
        message = f"Expected faults among {', '.join(sorted(LEEWAY))}, but got {', '.join(firm)}."
        raise UsageError(f"{name}: {message} Correct the recording and upload it again.")
    before = quarantine.decisions.get(name)
    earlier = before.codes if before and before.verdict is Verdict.RELEASE else ()
    codes = tuple(sorted({*earlier, *(fault.code for fault in aside.faults)}))
    return Decision(name, Verdict.RELEASE, reason, codes, _now())


def _names(chosen: Settings, quarantine: Quarantine) -> set[str]:
    """Return the names of all films, and of all recordings in the metadata, in quarantine, or with a decision."""
    names = {*quarantine.reasons, *quarantine.decisions}
    films = map(RawFilmObject.of_key, list_objects(chosen.uri("raw"), RAW_FILM_FOLDERS))
    names |= {recording_name(FILM, one.video) for one in films if one}
    for split in SPLITS:
        where = key_of(RAW_METADATA, split)
        try:
            data = read_object(chosen.uri("raw"), where).to_pybytes()
        except FileNotFoundError:
            continue
        rows = judge_metadata(data, split, where).rows
        names |= {recording_name(split, row.video) for row in rows if row.video is not None}
    return names


def _is_recording(name: str) -> bool:
    return _RECORDING.fullmatch(name) is not None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _decide(arguments: argparse.Namespace, chosen: Settings, quarantine: Quarantine) -> Decision | None:
    """Store or remove a decision; return the one that is valid from now on."""
    name = resolve(arguments.recording, _names(chosen, quarantine))
    if arguments.command == "include":
        if name not in quarantine.decisions:
            raise UsageError(f"Expected {name} to be released or excluded, but got no decision about it. It is judged like all others.")
        remove_decision(chosen.uri("curated"), name)
        return None
    if arguments.command == "release":
        decision = released(name, quarantine, arguments.reason)
    elif not _is_recording(name):
        raise UsageError(f"Expected a recording, but got {name}. Correct the metadata or remove the object.")
    elif not arguments.reason.strip():
        raise UsageError('Expected a reason, but got none. Give one: --reason "mouse 2 escapes".')
    else:
        decision = Decision(name, Verdict.EXCLUDE, arguments.reason, (), _now())
    write_decision(chosen.uri("curated"), decision)
    return decision


def _list(quarantine: Quarantine, as_json: bool) -> None:
    entries = quarantine.listing()
    if as_json:
        print(json.dumps(entries))
        return
    for one in entries:
        decided = f"; {one['decision']}d: {one['reason'] or 'no reason given'}" if one["decision"] else ""
        mark = "; may be released" if one["releasable"] and not one["decision"] else ""
        what = ", ".join(one["codes"]) or "not put aside"
        print(f"{one['name']:<20} {one['lab']:<22} {what}{mark}{decided}")
        if one["first"]:
            print(f"{'':<20} {one['first']}")
    aside = sum(bool(one["codes"]) for one in entries)
    print(f"{aside} put aside, {sum(bool(one['decision']) for one in entries)} with a decision")


def _show(name: str, quarantine: Quarantine, as_json: bool) -> None:
    aside, decision = quarantine.reasons.get(name), quarantine.decisions.get(name)
    if as_json:
        print(json.dumps({"put_aside": aside and asdict(aside), "decision": decision and asdict(decision)}))
        return
    print(name)
    if aside:
        print(f"lab     {aside.lab or 'unknown'}")
        print(f"run     {aside.run or 'none yet: the upload left it out'}")
        print(f"rows    {aside.rows:,} of tracking, as far as they can be counted")
        print("\n".join(f"file    {key}" for key in aside.keys))
        for fault in aside.faults:
            note = "may be released" if releasable(fault.code) else "cannot be released"
            print(f"fault   {fault.code} ({note}): {fault}")
    else:
        print("not put aside")
    if decision:
        print(f"decided {decision.verdict}, {decision.decided}: {decision.reason or 'no reason given'}")


def _main() -> int:
    """Parse the command line and run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in ("list", "show", "release", "exclude", "include"):
        command = commands.add_parser(name, allow_abbrev=False)
        command.add_argument("--json", action="store_true", help="print one JSON value")
        if name != "list":
            command.add_argument("recording", metavar="RECORDING", help="a video id, or a name such as train-7")
        if name in ("release", "exclude"):
            command.add_argument("--reason", default="", required=name == "exclude", help="the reason, in your words")
    arguments = parser.parse_args()
    chosen = settings()
    with endpoint(chosen):
        quarantine = read_quarantine(chosen)
        if arguments.command == "list":
            _list(quarantine, arguments.json)
        elif arguments.command == "show":
            _show(resolve(arguments.recording, _names(chosen, quarantine)), quarantine, arguments.json)
        else:
            decision = _decide(arguments, chosen, quarantine)
            message = f"{decision.name} is {decision.verdict}d." if decision else "The decision is undone."
            print(json.dumps(decision and asdict(decision)) if arguments.json else f"{message} {_NEXT}")
    return EXIT_OK


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
