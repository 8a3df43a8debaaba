"""A policy decides for all recordings, a release or an exclusion for one; both count, and both can be taken back."""

import json
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from faults.night import BAD, GOOD, annotation, tracking, walk

from aws_pipeline import glue_job, s3_upload
from aws_pipeline.accepted_recordings import read_accepted
from aws_pipeline.config import REPOSITORY
from aws_pipeline.preparation import nothing_to_do
from aws_pipeline.quarantine import read_quarantine, released, resolve
from aws_pipeline.quarantine_store import read_decisions, write_decision
from behavior.contract import ContractError, UsageError
from behavior.verdicts import Decision, Verdict

TWO_PLACES = [*walk(range(9)), (3, 1, "nose", 999.0, 1.0)]
FAR = [*walk(range(9)), (9, 1, "nose", 1e30, 100.0)]


def command(*arguments):
    script = REPOSITORY / "aws_pipeline" / "quarantine.py"
    return subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_a_policy_makes_a_rejecting_fault_a_repair_for_all_recordings(night):
    for recording in (BAD, GOOD):
        night.put(night.tracking(*recording), tracking(TWO_PLACES))
    assert night.run()["put_aside"] != []
    summary = night.run('contract = 2\n[severity]\nplace-contradiction = "repair"')
    assert summary["put_aside"] == []
    assert night.accepted() == [7, 8, 9]
    assert summary["notes"] == {"place-contradiction": 2}
    assert summary["by_leave"] == {"train-7": ["place-contradiction"], "train-8": ["place-contradiction"]}
    (file,) = (night.curated / "tracking_curated" / "lab_id=QuietOtter").glob("train-7-*.parquet")
    rows = pq.ParquetFile(file).read()
    assert rows.column("seen").to_pylist() == [True] * 3 + [False] + [True] * 5


def test_a_policy_makes_a_repair_a_rejecting_fault(night):
    night.put(night.tracking(*BAD), tracking(FAR))
    summary = night.run('contract = 2\n[severity]\npoint-far = "reject"')
    assert night.accepted() == [8, 9]
    assert "Expected points within 4,000 pixels of the center, but got 1 farther away." in summary["put_aside"][0]["faults"][0]
    assert night.run()["put_aside"] == []


def test_a_policy_lets_other_peoples_objects_lie(night):
    (night.raw / "train_tracking" / "notes.txt").write_text("mouse 2 escapes")
    summary = night.run('contract = 2\n[severity]\nkey-foreign = "flag"')
    assert summary["put_aside"] == []
    assert summary["balances"]["files"]["of no recording"] == 1
    assert summary["notes"] == {"key-foreign": 1}


def test_a_release_accepts_one_recording_in_spite_of_its_fault_and_of_no_other(night):
    for recording in (BAD, GOOD):
        night.put(night.tracking(*recording), tracking(TWO_PLACES))
    night.run()
    curated = night.settings.uri("curated")
    write_decision(curated, released("train-7", read_quarantine(night.settings), "looked at it"))
    summary = night.run()
    assert night.accepted() == [7, 9]
    assert night.reasons() == ["train-8"]
    assert summary["by_leave"] == {"train-7": ["place-contradiction"]}
    night.put(night.annotation(*BAD), annotation([(1, 1, "rear", 6, 2)]))
    night.run()
    assert night.reasons() == ["train-7", "train-8"], "another fault sends it back to quarantine"
    assert released("train-7", read_quarantine(night.settings), "").codes == ("bout-reversed", "place-contradiction")


def test_what_cannot_be_read_cannot_be_released(night):
    night.tracking(*BAD).write_bytes(b"")
    night.run()
    with pytest.raises(UsageError, match=r"train-7: Expected faults among .*, but got file-unreadable\. Correct the recording"):
        released("train-7", read_quarantine(night.settings), "")
    with pytest.raises(UsageError, match="Expected a recording in quarantine, but got train-9"):
        released("train-9", read_quarantine(night.settings), "")


def test_an_excluded_recording_is_left_out_and_counted_and_its_files_stay(night):
    night.run()
    write_decision(night.settings.uri("curated"), Decision("train-7", Verdict.EXCLUDE, "mouse 2 escapes"))
    summary = night.run()
    assert night.accepted() == [8, 9]
    assert (summary["put_aside"], summary["excluded"], night.reasons()) == ([], ["train-7"], [])
    assert summary["balances"] == {
        "recordings": {"in": 3, "accepted": 2, "quarantined": 0, "excluded": 1, "repeated": 0},
        "files": {"in": 6, "accepted": 4, "quarantined": 0, "excluded": 2, "of no recording": 0},
        "tracking rows": {"in": 30, "accepted": 20, "quarantined": 0, "excluded": 10},
    }
    assert night.tracking(*BAD).is_file()
    night.tracking(*BAD).write_bytes(b"")
    assert night.run()["put_aside"] == [], "nobody asks whether an excluded recording is sound"


def test_if_a_person_excluded_everything_the_run_is_refused(night):
    for video in (7, 8, 9):
        write_decision(night.settings.uri("curated"), Decision(f"train-{video}", Verdict.EXCLUDE, "all wrong"))
    with pytest.raises(ContractError, match=r"Expected a sound recording in train\.csv, but got none: 0 put aside, 3 excluded"):
        night.run()


def test_the_commands_say_what_they_do_and_end_with_their_exit_codes(night):
    night.put(night.tracking(*BAD), tracking(TWO_PLACES))
    night.run()
    listed = command("list")
    assert listed.returncode == 0, listed.stderr
    assert "train-7              QuietOtter             place-contradiction; may be released" in listed.stdout
    assert "1 put aside, 0 with a decision" in listed.stdout
    shown = json.loads(command("show", "7", "--json").stdout)
    assert shown["put_aside"]["keys"][0] == "train_tracking/lab_id=QuietOtter/7.parquet"
    assert command("release", "7", "--reason", "looked at it").stdout.startswith("train-7 is released.")
    assert command("exclude", "9", "--reason", "mouse 2 escapes").stdout.startswith("train-9 is excluded.")
    night.run()
    assert night.accepted() == [7, 8]
    entries = {one["name"]: (one["decision"], one["reason"]) for one in json.loads(command("list", "--json").stdout)}
    assert entries == {"train-7": ("release", "looked at it"), "train-9": ("exclude", "mouse 2 escapes")}
    assert command("include", "train-9").returncode == 0
    assert set(read_decisions(night.settings.uri("curated"))) == {"train-7"}
    unknown = command("show", "99")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (2, 1)
    assert "Expected a recording of the raw zone or of the quarantine, but got 99." in unknown.stderr
    assert command("exclude", "8", "--reason", " ").returncode == 2
    assert command("include", "8").returncode == 2


def test_a_name_in_both_splits_must_be_said_in_full():
    assert resolve("8", {"train-7", "train-8", "test-7"}) == "train-8"
    with pytest.raises(UsageError, match="Expected one recording, but got train-7 and test-7"):
        resolve("7", {"train-7", "test-7"})


def test_a_decision_that_somebody_else_wrote_is_told_and_refuses_the_run(night):
    file = night.curated / "quarantine" / "decisions" / "train-7.json"
    file.parent.mkdir(parents=True)
    file.write_text("exclude it, please")
    with pytest.raises(
        ContractError, match=r"quarantine/decisions/train-7\.json: Expected JSON in the format of aws_pipeline/quarantine\.py"
    ):
        night.run()


def test_what_the_upload_left_out_is_put_aside_for_the_reason_that_the_upload_saw(night, tmp_path):
    """An older version of it lies in the raw zone, and is not taken for the new one."""
    night.download(tmp_path)
    (tmp_path / "train_tracking/QuietOtter/7.parquet").write_bytes(b"cut off")
    s3_upload.upload(tmp_path, night.settings)
    assert night.tracking(*BAD).stat().st_size > len(b"cut off")
    summary = night.run()
    assert night.accepted() == [8, 9]
    (fault,) = summary["put_aside"][0]["faults"]
    assert fault.startswith("train_tracking/QuietOtter/7.parquet: Expected a Parquet file, but got")
    with pytest.raises(UsageError, match="but got file-unreadable"):
        released("train-7", read_quarantine(night.settings), "")


def test_recognizing_reads_what_was_accepted_but_for_contradictions_that_files_still_hold(night):
    night.put(night.tracking(*BAD), tracking(TWO_PLACES))
    night.put(night.annotation(*GOOD), annotation([(1, 1, "rear", 6, 2), (1, 1, "rear", 2, 6)]))
    summary = night.run('contract = 2\n[severity]\nplace-contradiction = "repair"\nbout-reversed = "repair"')
    assert night.accepted() == [7, 8, 9]
    assert read_accepted(night.settings.uri("curated"), summary["by_leave"]) == {"train": {8, 9}, "film": set()}


def test_a_recording_that_is_broken_in_another_way_now_makes_a_run_that_says_so(night, tmp_path):
    """The upload puts it aside each time; only its reasons change."""
    night.download(tmp_path)
    file = tmp_path / "train_tracking" / BAD[0] / f"{BAD[1]}.parquet"
    whole = file.read_bytes()
    told = []
    for content in (whole[:-20], None):
        file.write_bytes(content) if content else file.unlink()
        s3_upload.upload(tmp_path, night.settings)
        if nothing_to_do(glue_job.prepared(night.settings), "") is None:
            night.run()
        told.append([str(fault) for fault in read_quarantine(night.settings).reasons["train-7"].faults])
    assert "Expected a Parquet file, but got" in told[0][0]
    assert "Expected a file train_tracking/QuietOtter/7.parquet, but got none." in told[1][0]
    assert nothing_to_do(glue_job.prepared(night.settings), "") is not None
