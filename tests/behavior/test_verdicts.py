"""Reasons and decisions survive being kept, and rules say what holds for one recording."""

import json

from behavior.contract import Fault, Severity
from behavior.policy import Policy
from behavior.verdicts import Decision, QuarantineEntry, Rules, Verdict, by_name

TORN = Fault("file-unreadable", "7.parquet", "Expected a Parquet file, but got: no magic bytes.", "Copy the file again.", 3)
FAR = Fault("point-far", "7.parquet", "Expected points near, but got 3 farther.", "They count as lost.")


def test_reasons_are_kept_as_json_and_read_again():
    one = QuarantineEntry("train-7", (TORN,), "QuietOtter", ("train_tracking/lab_id=QuietOtter/7.parquet",), 12, run="run-1")
    assert QuarantineEntry.from_json(one.to_json()) == one
    content = json.loads(one.to_json())
    assert (content["run"], content["contract"], content["faults"][0]["mend"]) == ("run-1", 2, "Copy the file again.")


def test_a_decision_is_kept_as_json_and_read_again():
    one = Decision("train-7", Verdict.RELEASE, "looked at it", ("point-far",), "2026-11-25T12:00:00+00:00")
    assert Decision.from_json(one.to_json()) == one
    assert json.loads(one.to_json())["verdict"] == "release"


def test_a_release_holds_for_one_recording_and_an_exclusion_too():
    strict = Policy(frozenset({"point-far"}))
    decisions = {"train-7": Decision("train-7", Verdict.RELEASE, codes=("point-far",)), "train-8": Decision("train-8", Verdict.EXCLUDE)}
    rules = Rules(strict, decisions)
    assert rules.policy_of("train-7").severity("point-far") is Severity.REPAIR
    assert rules.policy_of("train-8").severity("point-far") is rules.policy_of("train-9").severity("point-far") is Severity.REJECT
    assert [rules.excludes(name) for name in ("train-7", "train-8", "train-9")] == [False, True, False]


def test_what_was_put_aside_is_sorted_by_name_and_its_faults_by_their_lines():
    parts = by_name([QuarantineEntry("train-8", ()), QuarantineEntry("train-7", (FAR, TORN, FAR))])
    assert [one.name for one in parts] == ["train-7", "train-8"]
    assert parts[0].faults == (TORN, FAR)
