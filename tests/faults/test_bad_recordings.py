"""Each fault injected into one recording of three: the others come through, and the bad one lies in quarantine with a reason.

The faults are those of published files and of users; what only looks broken is in test_strange_but_sound_recordings.py.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from faults.night import BAD, FAR_OFF, GOOD, Night, annotation, tracking, walk

from aws_pipeline.curation_plan import plan_work
from aws_pipeline.curation_task import curate_part
from aws_pipeline.outcome import settle
from behavior.contract import ContractError


@dataclass(frozen=True)
class Injected:
    """A fault, how it gets there, and what must be said of it."""

    name: str
    inject: Callable[[Night], object]
    code: str
    words: str
    files: int = 2
    """Objects of the recording."""
    rows: int = 10
    """Tracking rows that can be counted."""


def cut(night):
    file = night.tracking(*BAD)
    file.write_bytes(file.read_bytes()[:-20])


def flip(night):
    night.put(night.tracking(*BAD), tracking(walk()), compression="none", use_dictionary=False, write_page_checksum=True)
    content = bytearray(night.tracking(*BAD).read_bytes())
    content[content.index(np.float32(208).tobytes())] ^= 1
    night.tracking(*BAD).write_bytes(content)


def column_twice(night):
    table = tracking(walk())
    night.put(night.tracking(*BAD), table.append_column("x", table["x"]))


def move(night):
    place = night.tracking("LoudHeron", BAD[1])
    shutil.move(night.tracking(*BAD), place)


def rows_of(rows, **types):
    return lambda night: night.put(night.tracking(*BAD), tracking(rows, **types))


def bouts_of(rows, **types):
    return lambda night: night.put(night.annotation(*BAD), annotation(rows, **types))


def row_of(**changed):
    return lambda night: night.spoil_row(**changed)


def renamed(night):
    night.put(night.tracking(*BAD), tracking(walk()).rename_columns(["video_frame", "mouse_id", "body_part", "x", "y"]))


def cut_annotation(night):
    night.annotation(*BAD).write_bytes(night.annotation(*BAD).read_bytes()[:-9])


def contradicting_rows(night):
    night.rows([night.row(*BAD), night.row(*BAD, frames_per_second=25), night.row(*GOOD), night.row(*FAR_OFF)])


HALF, FAR = [(0.5, 1, "nose", 1.0, 1.0)], [*walk(range(9)), (2 * 10**9, 1, "nose", 1.0, 1.0)]
TORN = [*walk(range(9)), (3, 1, "nose", 999.0, 1.0)]
FAULTS = [
    Injected("tracking is cut off", cut, "file-unreadable", "Expected a Parquet file, but got", rows=0),
    Injected("tracking has no bytes", lambda n: n.tracking(*BAD).write_bytes(b""), "file-unreadable", "size is 0 bytes", rows=0),
    Injected("tracking is a text", lambda n: n.tracking(*BAD).write_text("frame,x\n" * 9), "file-unreadable", "magic bytes", rows=0),
    Injected("a bit of a page is flipped", flip, "file-unreadable", "Expected a Parquet file, but got"),
    Injected("tracking has no rows", rows_of([]), "table-empty", "Expected tracking rows, but got none", rows=0),
    Injected("a column has another name", renamed, "column-missing", "Rename column body_part"),
    Injected("a column is there twice", column_twice, "column-repeated", "Expected a column x once, but got it 2 times"),
    Injected("a place is a text", rows_of([(0, 1, "nose", "NA", 1.0)], x=pa.string()), "column-type", "column x to hold float", rows=1),
    Injected("a frame is half a frame", rows_of(HALF, video_frame=pa.float64()), "column-type", "Expected column video_frame", rows=1),
    Injected("a bodypart has no name", rows_of([(0, 1, None, 1.0, 1.0)]), "value-missing", "but got 1 empty values", rows=1),
    Injected("a frame lies before frame 0", rows_of(walk(range(-1, 9))), "frame-negative", "Expected frames from 0, but got -1"),
    Injected("a frame lies far off", rows_of(FAR, video_frame=pa.int32()), "frame-far", "but got frame 2000000000"),
    Injected("a mouse is numbered 0", rows_of(walk(mouse=0)), "mouse-number", "Expected mice numbered from 1, but got 0"),
    Injected("a keypoint is at two places", rows_of(TORN), "place-contradiction", "Expected one place per keypoint and frame"),
    Injected("tracking is not there", lambda n: n.tracking(*BAD).unlink(), "file-missing", "but got none", files=1, rows=0),
    Injected("tracking lies in another lab's folder", move, "lab-contradiction", "metadata/train.csv says, but got LoudHeron"),
    Injected(
        "tracking is there twice",
        lambda n: n.put(n.tracking("LoudHeron", BAD[1]), tracking(walk())),
        "video-repeated",
        "Expected one object per video",
        files=3,
        rows=20,
    ),
    Injected("annotation is cut off", cut_annotation, "file-unreadable", "train_annotation/lab_id=QuietOtter/7.parquet"),
    Injected("a bout ends before it begins", bouts_of([(1, 1, "rear", 6, 2)]), "bout-reversed", "Expected bouts to end after they begin"),
    Injected("a bout begins before frame 0", bouts_of([(1, 1, "rear", -2, 2)]), "bout-negative", "Expected bouts from frame 0 on"),
    Injected("a bout is of mouse 0", bouts_of([(0, 1, "sniff", 1, 2)]), "mouse-number", "Expected bouts of mice numbered from 1 on"),
    Injected("a bout begins at a text", bouts_of([(1, 1, "rear", "two", 6)], start_frame=pa.string()), "column-type", "column start_frame"),
    Injected("a bout has no action", bouts_of([(1, 1, None, 2, 6)]), "value-missing", "Expected column action to be filled"),
    Injected("the frame rate is 0", row_of(frames_per_second=0), "frame-rate", "Expected frames_per_second to be a number from 1"),
    Injected("the frame rate is a word", row_of(frames_per_second="fast"), "frame-rate", "but got 'fast'"),
    Injected(
        "there is no scale and no body to measure", row_of(pix_per_cm_approx=""), "scale", "to measure the body length, but got neither"
    ),
    Injected("the scale is 0", row_of(pix_per_cm_approx=0), "scale", "Expected pix_per_cm_approx to be a number from 0.1"),
    Injected("the picture has no width", row_of(video_width_pix=0), "picture-size", "Expected video_width_pix"),
    Injected("the lab leads out of its folder", row_of(lab_id="../x"), "lab-name", "but got '../x'"),
    Injected("the lab has 300 letters", row_of(lab_id="x" * 300), "lab-name", "at most 128"),
    Injected("the lab has 100 letters of three bytes", row_of(lab_id="鼠" * 100), "lab-name", "at most 128, in at most 240 bytes"),
    Injected("the lab is called null", row_of(lab_id="null"), "lab-name", "but got 'null'"),
    Injected("behaviors_labeled is no list", row_of(behaviors_labeled="rear"), "annotated-list", "behaviors_labeled to be a JSON list"),
    Injected("another column holds a word", row_of(arena_width_cm="wide"), "column-type", "column arena_width_cm to hold double"),
    Injected("two rows tell different things", contradicting_rows, "video-repeated", "but got 2 that differ"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_bad_recording_lies_in_quarantine_with_its_reason_and_the_others_come_through(night, fault):
    fault.inject(night)
    summary = night.run()
    assert night.accepted() == [8, 9]
    assert night.reasons() == ["train-7"]
    kept = json.loads((night.curated / "quarantine/reasons/train-7.json").read_text())
    assert (kept["name"], kept["run"], kept["contract"]) == ("train-7", summary["run"], 2)
    assert fault.code in {each["code"] for each in kept["faults"]}
    (told,) = summary["put_aside"]
    assert any(fault.words in line for line in told["faults"])
    assert all("Expected" in line and ", but got" in line and line.endswith(".") for line in told["faults"])
    again = summary["balances"]["recordings"]["repeated"]
    assert summary["balances"] == {
        "recordings": {"in": 3 + again, "accepted": 2, "quarantined": 1, "excluded": 0, "repeated": again},
        "files": {"in": 4 + fault.files, "accepted": 4, "quarantined": fault.files, "excluded": 0, "of no recording": 0},
        "tracking rows": {"in": 20 + fault.rows, "accepted": 20, "quarantined": fault.rows, "excluded": 0},
    }


@pytest.mark.parametrize("video", ["../../evil", "-1", "7.5", "", "1e30"])
def test_a_row_without_a_usable_id_is_put_aside_by_its_number(night, video):
    night.spoil_row(video_id=video)
    summary = night.run()
    assert night.accepted() == [8, 9]
    (told,) = summary["put_aside"]
    assert told["name"] == "train-row-1"
    assert "Expected video_id to be a whole number from 0 on" in told["faults"][0]
    assert summary["ignored"] == 2, "no row names the files of video 7 now"
    assert not list(night.curated.parent.parent.rglob("*evil*"))


def test_an_object_that_is_no_recordings_is_put_aside_by_itself(night):
    (night.raw / "train_tracking" / "notes.txt").write_text("mouse 2 escapes")
    summary = night.run()
    assert night.accepted() == [7, 8, 9]
    (told,) = summary["put_aside"]
    assert told["faults"] == [
        "train_tracking/notes.txt: Expected a key like train_tracking/lab_id=<lab>/<video>.parquet, but got this one. Remove the object."
    ]
    assert summary["balances"]["recordings"] == {"in": 3, "accepted": 3, "quarantined": 0, "excluded": 0, "repeated": 0}
    assert summary["balances"]["files"] == {"in": 7, "accepted": 6, "quarantined": 1, "excluded": 0, "of no recording": 0}


def test_several_faults_at_once_are_all_told_each_of_its_recording(night):
    night.rows(
        [night.row(*BAD, pix_per_cm_approx=0, frames_per_second=0), night.row(*GOOD), night.row(*FAR_OFF), night.row("LoudHeron", 10)]
    )
    night.tracking(*GOOD).write_bytes(b"")
    night.put(night.annotation(*GOOD), annotation([(1, 1, "rear", 6, 2)]))
    (night.raw / "train_annotation" / "thumbs.db").write_bytes(b"x")
    summary = night.run()
    assert night.accepted() == [9]
    kept = {name: json.loads((night.curated / f"quarantine/reasons/{name}.json").read_text()) for name in night.reasons()}
    codes = {name: {each["code"] for each in one["faults"]} for name, one in kept.items()}
    foreign = next(name for name in codes if name.startswith("object-"))
    assert codes == {
        "train-7": {"scale", "frame-rate"},
        "train-8": {"file-unreadable", "bout-reversed"},
        "train-10": {"file-missing"},
        foreign: {"key-foreign"},
    }
    assert summary["balances"] == {
        "recordings": {"in": 4, "accepted": 1, "quarantined": 3, "excluded": 0, "repeated": 0},
        "files": {"in": 7, "accepted": 2, "quarantined": 5, "excluded": 0, "of no recording": 0},
        "tracking rows": {"in": 20, "accepted": 10, "quarantined": 10, "excluded": 0},
    }


def test_a_recording_that_breaks_leaves_the_curated_zone_and_comes_back_when_it_is_mended(night):
    night.run()
    assert night.accepted() == [7, 8, 9]
    content = night.tracking(*BAD).read_bytes()
    night.tracking(*BAD).write_bytes(content[:-20])
    assert night.run()["removed"] == 2 + 5, "its two objects, and five of tables that span recordings"
    assert (night.accepted(), night.reasons()) == ([8, 9], ["train-7"])
    night.tracking(*BAD).write_bytes(content)
    assert night.run()["put_aside"] == []
    assert (night.accepted(), night.reasons()) == ([7, 8, 9], [])


def test_no_glob_over_tables_sees_the_quarantine(night):
    cut(night)
    night.run()
    assert (night.curated / "quarantine/reasons/train-7.json").is_file()
    assert all(path.suffix == ".json" for path in (night.curated / "quarantine").rglob("*") if path.is_file())
    assert not [path for path in night.curated.rglob("*.parquet") if "quarantine" in path.parts]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda n: (n.raw / "metadata/train.csv").unlink(), "file-missing"),
        (lambda n: (n.raw / "metadata/train.csv").write_bytes(b"\x00\xff" * 99), "file-unreadable"),
        (lambda n: (n.raw / "metadata/train.csv").write_text("lab_id,video_id\nA,7\n"), "column-missing"),
        (lambda n: shutil.rmtree(n.raw / "train_tracking"), "table-empty"),
    ],
    ids=["no metadata", "metadata that cannot be read", "metadata without columns", "not one sound recording"],
)
def test_a_fault_of_the_whole_data_set_refuses_the_run_and_leaves_all_as_it_was(night, spoil, code):
    night.run()
    before = {path: path.read_bytes() for path in night.curated.rglob("*") if path.is_file()}
    spoil(night)
    with pytest.raises(ContractError) as refused:
        night.run()
    assert code in {fault.code for fault in refused.value.faults}
    assert {path: path.read_bytes() for path in night.curated.rglob("*") if path.is_file()} == before


def test_a_recording_that_gets_lost_or_doubled_on_the_way_is_a_mistake_of_the_program_and_is_told(night):
    uri = night.settings.uri("raw")
    plan = plan_work(uri)
    results = list(curate_part(plan.work, uri, "", "", None))
    settle(plan, results, uri)
    for wrong in (results[1:], [*results, results[0]]):
        with pytest.raises(RuntimeError, match="Expected one result for each recording, but got none or several for train-"):
            settle(plan, wrong, uri)
