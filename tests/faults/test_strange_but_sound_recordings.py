"""What published recordings are like and looks broken: all of them are accepted, and what was repaired is counted."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from faults.night import BAD, FAR_OFF, GOOD, Night, annotation, tracking, walk

from behavior.tables import METADATA_TRAIN


@dataclass(frozen=True)
class Strange:
    """Something that looks like a fault, and what is counted of it."""

    name: str
    make: Callable[[Night], object]
    notes: dict[str, int] = field(default_factory=dict)
    repeated: int = 0


def tracked(rows, **types):
    return lambda night: night.put(night.tracking(*BAD), tracking(rows, **types))


def bouts(rows, **types):
    return lambda night: night.put(night.annotation(*BAD), annotation(rows, **types))


LOST_FRAMES = [row for row in walk() if row[0] not in (3, 4, 5)]
OF_NOTHING = [*walk(), *((frame, 1, "tail", float("nan"), float("nan")) for frame in range(10))]
OUTSIDE = [(frame, 1, "nose", -30.0, 900.0) for frame in range(10)]
ONE_POSE = [*walk(), *walk(mouse=2)]
TOUCHING = [(1, 1, "rear", 2, 4), (1, 1, "rear", 4, 6), (1, 1, "rear", 6, 7)]
BROKEN_QUOTES = json.dumps(["mouse1,self,rear", "'mouse1','self','rear'"])
STRANGE = [
    Strange("frames are 32-bit numbers", tracked(walk(), video_frame=pa.int32())),
    Strange("frames are whole numbers stored as floats", tracked(walk(), video_frame=pa.float64())),
    Strange("places are doubles", tracked(walk(), x=pa.float64(), y=pa.float64())),
    Strange("bouts have 32-bit frames", bouts([(1, 1, "rear", 2, 6)], start_frame=pa.int32(), stop_frame=pa.int32())),
    Strange("frames are dropped", tracked(LOST_FRAMES)),
    Strange("a bodypart is never seen", tracked(OF_NOTHING), {"bodypart-unseen": 1}),
    Strange("points lie outside the picture", tracked(OUTSIDE), {"point-outside": 10}),
    Strange("a point lies beyond any arena", tracked([*walk(range(9)), (9, 1, "nose", 1e30, 100.0)]), {"point-far": 1}),
    Strange("one pose is written to two mice", tracked(ONE_POSE), {"pose-doubled": 10}),
    Strange("rows are there again, word for word", tracked([*walk(), *walk(range(3))]), {"row-repeated": 3}),
    Strange("bouts touch", bouts(TOUCHING), {"bout-short": 3}),
    Strange("a bout has no length", bouts([(1, 1, "rear", 2, 2), (1, 1, "rear", 3, 6)]), {"bout-empty": 1}),
    Strange("a bout has one frame", bouts([(1, 1, "rear", 2, 3)])),
    Strange("a bout goes past the last frame", bouts([(1, 1, "rear", 2, 6), (1, 1, "rear", 8, 60)]), {"bout-beyond": 1}),
    Strange("a bout is there again", bouts([(1, 1, "rear", 2, 6)] * 2), {"bout-repeated": 1}),
    Strange("a bout is of a mouse that tracking lacks", bouts([(1, 1, "rear", 2, 6), (2, 1, "sniff", 2, 6)])),
    Strange("a bout is of a behavior that nobody annotated", bouts([(1, 1, "rear", 2, 6), (1, 1, "dig", 2, 6)])),
    Strange("the list of behaviors has broken quotes", lambda n: n.spoil_row(behaviors_labeled=BROKEN_QUOTES)),
    Strange("an id has spaces around it", lambda n: n.spoil_row(video_id=" 7 ")),
    Strange(
        "a row of metadata is there again",
        lambda n: n.rows([n.row(*BAD), n.row(*GOOD), n.row(*FAR_OFF), n.row(*BAD)]),
        {"row-repeated": 1},
        repeated=1,
    ),
]


@pytest.mark.parametrize("strange", STRANGE, ids=lambda strange: strange.name)
def test_it_is_accepted_and_what_was_repaired_is_counted(night, strange):
    strange.make(night)
    summary = night.run()
    assert summary["put_aside"] == []
    assert night.accepted() == [7, 8, 9]
    assert night.reasons() == []
    assert summary["notes"] == strange.notes
    recordings = {"in": 3 + strange.repeated, "accepted": 3, "quarantined": 0, "excluded": 0, "repeated": strange.repeated}
    assert summary["balances"]["recordings"] == recordings


BODIES = [(t, 1, part, x, 100.0) for t in range(10) for part, x in (("nose", 200.0), ("tail_base", 60.0))]


def test_a_recording_without_a_scale_is_in_body_lengths_and_its_metadata_say_so(night):
    night.put(night.tracking(*BAD), tracking(BODIES))
    night.spoil_row(pix_per_cm_approx="")
    summary = night.run()
    assert (night.accepted(), summary["put_aside"], summary["notes"]) == ([7, 8, 9], [], {"scale-body": 1})
    rows = night.read(METADATA_TRAIN).sort_by("video_id")
    assert rows["scale_source"].to_pylist() == ["body_length", "measured", "measured"]
    assert rows["pix_per_cm_approx"].to_pylist()[0] is None
    (file,) = (night.curated / "tracking_curated" / "lab_id=QuietOtter").glob("train-7-*.parquet")
    tracked_cm = pq.ParquetFile(file).read()
    assert tracked_cm["x_cm"].to_pylist()[0] - tracked_cm["x_cm"].to_pylist()[-1] == pytest.approx(7)


def test_a_policy_puts_a_recording_without_a_scale_aside(night):
    night.put(night.tracking(*BAD), tracking(BODIES))
    night.spoil_row(pix_per_cm_approx="")
    summary = night.run('contract = 2\n[severity]\nscale-body = "reject"')
    assert night.accepted() == [8, 9]
    assert "the body length of 140.0 pixels counts as 7 cm" in summary["put_aside"][0]["faults"][0]


def test_a_recording_without_annotation_is_unlabelled_and_not_empty(night):
    night.annotation(*BAD).unlink()
    night.spoil_row(behaviors_labeled="")
    assert night.run()["put_aside"] == []
    rows = {row["video_id"]: row for row in night.read(METADATA_TRAIN).to_pylist()}
    assert rows[7]["behaviors_labeled"] is None


def test_recordings_that_no_metadata_names_are_counted_and_left_where_they_are(night):
    night.rows([night.row(*GOOD), night.row(*FAR_OFF)])
    summary = night.run()
    assert night.accepted() == [8, 9]
    assert summary["put_aside"] == []
    assert summary["balances"]["files"] == {"in": 6, "accepted": 4, "quarantined": 0, "excluded": 0, "of no recording": 2}
    assert night.tracking(*BAD).is_file()
