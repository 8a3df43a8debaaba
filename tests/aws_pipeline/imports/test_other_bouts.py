"""Annotations of all programs but BORIS."""

import json
from datetime import UTC, datetime

import pandas as pd
import pytest

from aws_pipeline.imports.bout_formats import read_observations
from aws_pipeline.imports.foreign_bouts import ForeignBout
from behavior.contract import ContractError, UsageError


def read(tmp_path, text, name="cage1.csv", **how):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    (one,) = read_observations(path, **how)
    return one


def edges(observation):
    return [(bout.behavior, bout.start, bout.stop) for bout in observation.bouts]


def test_events_of_sleap_include_their_last_frame(tmp_path):
    import sleap_io as sio

    tracks, video = [sio.Track("resident"), sio.Track("intruder")], sio.Video("/films/cage1.mp4", open_backend=False)
    types = [sio.EventType("attack"), sio.EventType("mount")]
    event = sio.UserEvent(types[0], video, 10, 19, subject=tracks[0], target=tracks[1])
    labels = sio.Labels(videos=[video], tracks=tracks, event_types=types, events=[event])
    labels.save(str(tmp_path / "a.slp"), verbose=False)
    (one,) = read_observations(tmp_path / "a.slp")
    assert one.bouts == (ForeignBout("resident", "intruder", "attack", 10, 20),)
    assert (one.in_frames, one.ethogram, one.films[0].name) == (True, ("attack", "mount"), "/films/cage1.mp4")


def elan(path, tiers):
    from pympi.Elan import Eaf

    document = Eaf(author="Ada")
    document.remove_tier("default")
    document.add_linked_file("/films/cage1.mp4", mimetype="video/mp4")
    for tier, participant, annotations in tiers:
        document.add_tier(tier, part=participant)
        for annotation in annotations:
            document.add_annotation(tier, *annotation)
    return document


def test_tiers_of_elan_are_subjects_and_its_vocabularies_say_what_was_looked_for(tmp_path):
    document = elan(tmp_path, [("left mouse", "resident", [(1000, 2500, "attack")]), ("intruder", None, [(3000, 3500, "rear")])])
    document.add_controlled_vocabulary("behaviors")
    document.add_language("eng")
    for name in ("attack", "rear", "mount"):
        document.add_cv_entry("behaviors", name, [(name, "eng", "")])
    document.to_file(str(tmp_path / "cage1.eaf"))
    (one,) = read_observations(tmp_path / "cage1.eaf")
    assert one.bouts == (ForeignBout("resident", "", "attack", 1.0, 2.5), ForeignBout("intruder", "", "rear", 3.0, 3.5))
    assert (one.ethogram, one.looked_for, one.annotator, one.name) == (("attack", "rear", "mount"), None, "Ada", "cage1")


def test_a_tier_for_each_triple_says_also_what_never_occurs(tmp_path):
    elan(tmp_path, [("mouse1,mouse2,sniff", None, [(0, 40, "sniff")]), ("mouse1,self,rear", None, [])]).to_file(str(tmp_path / "a.eaf"))
    (one,) = read_observations(tmp_path / "a.eaf")
    assert one.bouts == (ForeignBout("mouse1", "mouse2", "sniff", 0.0, 0.04),)
    assert one.looked_for == ("mouse1,mouse2,sniff", "mouse1,self,rear")


def test_a_tier_may_be_a_behavior_of_nobody_in_particular(tmp_path):
    elan(tmp_path, [("freeze", None, [(0, 400, "")])]).to_file(str(tmp_path / "a.eaf"))
    (one,) = read_observations(tmp_path / "a.eaf")
    assert one.bouts == (ForeignBout("", "", "freeze", 0.0, 0.4),)


@pytest.mark.filterwarnings("ignore")
def test_bouts_of_nwb_files_have_an_ethogram(tmp_path):
    import pynwb
    from ndx_ethogram import Ethogram, EthogramBouts

    file = pynwb.NWBFile("tests", "id", datetime(2026, 1, 1, tzinfo=UTC), session_id="cage1")
    catalog = Ethogram(name="ethogram", description="d", exclusive=False)
    for name in ("sniff", "rear"):
        catalog.add_row(behavior=name, definition="d")
    table = EthogramBouts(name="bouts", description="d", labeling_method="manual", annotator="Ada", ethogram=catalog)
    table.add_column("agent", "who")
    table.add_row(start_time=1.0, stop_time=2.0, label="sniff", agent="resident")
    module = file.create_processing_module("behavior", "d")
    module.add(catalog)
    module.add(table)
    with pynwb.NWBHDF5IO(str(tmp_path / "a.nwb"), "w") as io:
        io.write(file)
    (one,) = read_observations(tmp_path / "a.nwb")
    assert one.bouts == (ForeignBout("resident", "", "sniff", 1.0, 2.0),)
    assert (set(one.ethogram), one.annotator, one.films[0].name) == ({"sniff", "rear"}, "Ada", "cage1")


BENTO = """Bento annotation file
Movie file(s):  D:\\films\\cage1.seq

Annotation start frame: 1
Annotation framerate: 30.000000

List of channels:
Ch1

List of annotations:
Attack
Mount

Ch1----------
>Attack
Start	 Stop	 Duration
{rows}

"""


@pytest.mark.parametrize(
    ("rows", "in_frames", "expected"),
    [
        ("91\t157\t67\n", True, [("Attack", 90, 157)]),
        ("91\t157\t66\n", True, [("Attack", 90, 156)]),
        ("3.03333333333\t5.23333333333\t2.23333333333\n", False, [("Attack", 3.0, 157 / 30)]),
        ("3.03333333333\t5.23333333333\t2.2\n", False, [("Attack", 3.0, 156 / 30)]),
    ],
    ids=["frames, stop included", "frames, stop excluded", "seconds, stop included", "seconds, stop excluded"],
)
def test_durations_of_bento_say_whether_the_stop_is_included(tmp_path, rows, in_frames, expected):
    one = read(tmp_path, BENTO.format(rows=rows), "cage1.annot")
    assert (one.in_frames, one.ethogram, one.fps) == (in_frames, ("Attack", "Mount"), 30.0)
    ((behavior, start, stop),) = edges(one)
    assert (behavior, start, stop) == (expected[0][0], pytest.approx(expected[0][1]), pytest.approx(expected[0][2]))


def test_a_real_bento_file_is_read(formats):
    (one,) = read_observations(formats / "bento_excerpt.annot")
    assert [(name, round(start * 30), round(stop * 30)) for name, start, stop in edges(one)][:2] == [
        ("Attack", 90, 157),
        ("Attack", 158, 200),
    ]


def test_the_caltech_annotator_counts_frames_from_1_and_includes_the_stop(tmp_path):
    text = "Caltech Behavior Annotator - Annotation File\n\nConfiguration file:\nother o\nsniff s\nmount m\n\n"
    text += "S1: start    end     type\n-----------------------------\n    1   100   other\n  101   150   sniff\n"
    one = read(tmp_path, text, "cage1.txt")
    assert (edges(one), one.in_frames) == ([("other", 0, 100), ("sniff", 100, 150)], True)
    assert one.ethogram == ("other", "sniff", "mount")


def test_labels_of_jabs_include_their_stop_and_frames_without_a_label_are_unknown(tmp_path):
    blocks = {
        "rear": [{"start": 0, "end": 4, "present": True}, {"start": 5, "end": 9, "present": False}],
        "dig": [{"start": 2, "end": 3, "present": True}],
    }
    one = read(tmp_path, json.dumps({"file": "cage1.avi", "num_frames": 10, "labels": {"0": blocks}, "labeler": "Ada"}), "x.json")
    assert sorted(edges(one)) == [("dig", 2, 4), ("rear", 0, 5)]
    assert (one.ethogram, one.subjects, one.annotator, one.films[0].name) == (("rear",), ("0",), "Ada", "cage1.avi")
    assert one.notes[0].startswith("dig is labeled in some frames only, and the others are unknown")


def test_a_column_of_0_and_1_for_each_behavior(tmp_path):
    one = read(tmp_path, ",background,attack,dig\n0,1,0,-1\n1,0,1,-1\n2,0,1,0\n3,1,0,1\n")
    assert (edges(one), one.in_frames, one.program) == ([("attack", 1, 3), ("dig", 3, 4)], True, "DeepEthogram")
    assert one.ethogram == ("background", "attack")
    assert one.notes == ("dig is labeled in 2 of 4 frames: it does not count as annotated.",)


def test_behaviors_among_features_are_named_and_frames_counted_from_the_index(tmp_path):
    text = ",nose_x,attack\n100,3.5,1\n101,4.5,1\n102,5.5,0\n"
    assert edges(read(tmp_path, text, chosen=("attack",))) == [("attack", 100, 102)]
    with pytest.raises(ContractError, match="name them with --annotated"):
        read(tmp_path, text)
    with pytest.raises(ContractError, match="Expected a row for each frame, in order"):
        read(tmp_path, "frame,attack\n0,1\n2,0\n")
    with pytest.raises(ContractError, match="Expected 2 cells in each row, but got 1 in row 3"):
        read(tmp_path, "frame,attack\n0,1\n1\n")


def test_tables_of_bouts_in_frames_or_seconds(tmp_path):
    one = read(tmp_path, "Animal;Behaviour;Start_frame;Stop_frame\nresident;attack;10;20\n")
    assert (one.bouts, one.in_frames) == ((ForeignBout("resident", "", "attack", 10, 20),), True)
    one = read(tmp_path, "behavior,start (s),end (s),target\nattack,1.5,2,intruder\n")
    assert (one.bouts, one.in_frames) == ((ForeignBout("", "intruder", "attack", 1.5, 2.0),), False)
    with pytest.raises(UsageError, match="Give --unit frames or --unit seconds"):
        read(tmp_path, "behavior,start,stop\nattack,1,2\n")
    assert edges(read(tmp_path, "behavior,start,stop\nattack,1,2\n", unit="frames", stop_included=True)) == [("attack", 1, 3)]
    assert read(tmp_path, "behavior,start,stop\nattack,1,2\n", unit="seconds").in_frames is False
    with pytest.raises(ContractError, match="but got others in row 2"):
        read(tmp_path, "behavior,start_s,stop_s\nattack,one,2\n")


def test_the_tidy_table_in_csv_and_parquet_holds_several_recordings(tmp_path):
    columns = [
        "recording",
        "video_id",
        "lab_id",
        "agent",
        "target",
        "behavior",
        "start_frame",
        "stop_frame",
        "start_s",
        "stop_s",
        "confidence",
        "source",
    ]
    rows = [
        ["cage1", 7, "MyLab", "mouse1", "mouse2", "sniff", 30, 60, 1.0, 2.0, None, "Ada"],
        ["cage2", 8, "MyLab", "mouse2", "self", "rear", 0, 15, 0.0, 0.5, None, "Ada"],
    ]
    table = pd.DataFrame(rows, columns=columns)
    table.to_csv(tmp_path / "a.csv", index=False)
    table.to_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        first, second = read_observations(tmp_path / name)
        assert (first.name, first.bouts, first.in_frames) == ("cage1", (ForeignBout("mouse1", "mouse2", "sniff", 30, 60),), True)
        assert (second.name, second.bouts) == ("cage2", (ForeignBout("mouse2", "self", "rear", 0, 15),))


def test_a_table_may_say_who_wrote_each_bout(tmp_path):
    one = read(tmp_path, "behavior,start_frame,stop_frame,annotator\nattack,1,2,Ada\nattack,5,9,Ben\n")
    assert ([bout.annotator for bout in one.bouts], one.annotator) == (["Ada", "Ben"], "")
    assert read(tmp_path, "behavior,start_frame,stop_frame,annotator\nattack,1,2,Ada\n").annotator == "Ada"


def test_raw_annotations_are_read_again(real_data):
    (one,) = read_observations(real_data / "train_annotation/FreezeBox/240325440.parquet")
    assert (one.name, len(one.bouts), one.bouts[0]) == ("240325440", 20, ForeignBout("mouse1", "mouse1", "freeze", 505, 573))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "but got an empty one"),
        (b"{", "Expected json, but got"),
        (b'{"keypoints": []}', "but got json of another program"),
        (b"PAR1 cut", "Expected a Parquet file, but got"),
        (b"\x89HDF\r\n\x1a\n cut", "Expected an HDF5 file, but got"),
        (b"\x00\x01", "but got another binary file"),
        (b"<?xml version='1.0'?><ANNOTATION_DOCUMENT", "Expected an ELAN document, but got"),
        (b"hello", "but got a text that begins with 'hello'. Export it again."),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, content, told):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ContractError) as caught:
        read_observations(tmp_path / "a.csv")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
