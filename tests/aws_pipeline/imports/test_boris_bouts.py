import json

import pytest

from aws_pipeline.imports.bout_formats import read_observations
from aws_pipeline.imports.foreign_bouts import ForeignBout
from behavior.contract import ContractError

EVENTS = [
    (1.0, "resident", "attack", "", "START"),
    (2.0, "resident", "attack", "", "STOP"),
    (2.5, "", "flinch", "", "POINT"),
    (3.0, "intruder", "sniff", "resident", "START"),
    (4.25, "intruder", "sniff", "resident", "STOP"),
]
BOUTS = (
    ForeignBout("resident", "", "attack", 1.0, 2.0),
    ForeignBout("", "", "flinch", 2.5, 2.5),
    ForeignBout("intruder", "resident", "sniff", 3.0, 4.25),
)


def project(events=EVENTS, offset=0.0, films=("cage1.mp4",), **changed):
    """A project with one observation, as BORIS 9 writes it: the order of the events says which of them stops a state."""
    types = {"attack": "State event", "flinch": "Point event", "sniff": "State event", "mount": "State event"}
    observation = {
        "file": {"1": list(films), "2": []},
        "type": "MEDIA",
        "description": "",
        "time offset": offset,
        "events": [[time + offset, subject, code, modifier, "", "NA"] for time, subject, code, modifier, _ in events],
        "media_info": {"length": dict.fromkeys(films, 10.0), "fps": dict.fromkeys(films, 30.0), "offset": {"1": 0.0}},
    }
    return {
        "behaviors_conf": {str(n): {"code": code, "type": kind} for n, (code, kind) in enumerate(types.items())},
        "subjects_conf": {"0": {"name": "resident"}, "1": {"name": "intruder"}},
        "observations": {"day 1": observation | changed},
    }


def read(tmp_path, content, name="boris.csv"):
    path = tmp_path / name
    path.write_text(json.dumps(content) if isinstance(content, dict) else content, encoding="utf-8")
    return read_observations(path)


def old_layout(events=EVENTS, delimiter="\t", offset=0.0, fps="30.0"):
    lines = [["Observation id", "day 1"], [""], ["Player #1", "cage1.mp4"], ["Time offset (s)", str(offset)], [""]]
    lines += [
        ["Time", "Media file path", "Total length", "FPS", "Subject", "Behavior", "Modifier 1", "Behavioral category", "Comment", "Status"]
    ]
    lines += [
        [f"{time + offset:.3f}", "cage1.mp4", "10.000", fps, subject, code, modifier, "", "", status]
        for time, subject, code, modifier, status in events
    ]
    return "\n".join(delimiter.join(line + [""] * (10 - len(line))) for line in lines) + "\n"


def new_layout(events=EVENTS, delimiter=",", offset=0.0, fps="30.0"):
    header = [
        "Observation id",
        "Observation date",
        "Description",
        "Observation duration",
        "Observation type",
        "Source",
        "Time offset (s)",
        "Media duration (s)",
        "FPS (frame/s)",
        "Subject",
        "Observation duration by subject by observation",
        "Behavior",
        "Behavioral category",
        "Modifier #1",
        "Behavior type",
        "Time",
        "Media file name",
        "Image index",
        "Image file path",
        "Comment",
    ]
    lines = [header]
    for time, subject, code, modifier, status in events:
        who = [subject or "No focal subject", "9", code, "", modifier, status, f"{time + offset:.3f}"]
        lines.append(
            [
                "day 1",
                "2026-01-01",
                "",
                "9",
                "Media file(s)",
                "player #1:cage1.mp4",
                str(offset),
                "10.0",
                fps,
                *who,
                "cage1.mp4",
                "NA",
                "NA",
                "",
            ]
        )
    return "\n".join(delimiter.join(line) for line in lines) + "\n"


def aggregated():
    header = "Observation id\tMedia file\tTotal length\tFPS\tSubject\tBehavior\tModifiers\tBehavior type\tStart (s)\tStop (s)\tDuration (s)"
    rows = [
        "day 1\tcage1.mp4\t10\t30\tresident\tattack\t\tSTATE\t1.0\t2.0\t1.0",
        "day 1\tcage1.mp4\t10\t30\tNo focal subject\tflinch\t\tPOINT\t2.5\t2.5\tNA",
        "day 1\tcage1.mp4\t10\t30\tintruder\tsniff\tresident\tSTATE\t3.0\t4.25\t1.25",
    ]
    return "\n".join([header, *rows]) + "\n"


@pytest.mark.parametrize("offset", [0.0, 3600.5])
@pytest.mark.parametrize("layout", [project, old_layout, new_layout], ids=["project", "old", "new"])
def test_project_and_both_layouts_of_events_give_equal_bouts_without_the_time_offset(tmp_path, layout, offset):
    (one,) = read(tmp_path, layout(offset=offset))
    assert (one.name, one.program, one.fps, one.in_frames) == ("day 1", "BORIS", 30.0, False)
    assert [(bout.subject, bout.target, bout.behavior) for bout in one.bouts] == [(b.subject, b.target, b.behavior) for b in BOUTS]
    assert [edge for bout in one.bouts for edge in (bout.start, bout.stop)] == pytest.approx([1, 2, 2.5, 2.5, 3, 4.25])
    assert [film.name for film in one.films] == ["cage1.mp4"]


def test_aggregated_events_give_the_same_bouts(tmp_path):
    (one,) = read(tmp_path, aggregated())
    assert one.bouts == BOUTS


@pytest.mark.parametrize("delimiter", ["\t", ","])
@pytest.mark.parametrize(("text", "fps"), [("30;30;30", 30.0), ("30.0", 30.0), ("25;30", None), ("NA", None), ("", None)])
def test_the_frame_rate_is_what_all_films_have(tmp_path, text, fps, delimiter):
    for layout in (old_layout, new_layout):
        (one,) = read(tmp_path, layout(delimiter=delimiter, fps=text))
        assert (one.fps, len(one.bouts)) == (fps, 3)


def test_only_a_project_says_what_the_observer_looked_for(tmp_path):
    (one,) = read(tmp_path, project())
    assert (one.ethogram, one.subjects) == (("attack", "flinch", "sniff", "mount"), ("resident", "intruder"))
    assert read(tmp_path, old_layout())[0].ethogram is None
    assert read(tmp_path, new_layout())[0].ethogram is None
    (told,) = read(tmp_path, project(description='["mouse1,self,rear"]'))
    assert told.looked_for == ("mouse1,self,rear",)


def test_films_follow_each_other_and_other_players_have_offsets(tmp_path):
    media = {
        "length": {"a.mp4": 10.0, "b.mp4": 20.0, "top.mp4": 30.0},
        "fps": {"a.mp4": 30, "b.mp4": 30, "top.mp4": 25},
        "offset": {"2": 5.0},
    }
    (one,) = read(tmp_path, project(file={"1": ["a.mp4", "b.mp4"], "2": ["top.mp4"]}, media_info=media))
    assert [(film.name, film.start_s, film.length_s) for film in one.films] == [("a.mp4", 0, 10), ("b.mp4", 10, 20), ("top.mp4", 5, 30)]
    assert one.fps is None, "the films differ"


def test_columns_of_boris_9_with_several_films_and_players(tmp_path):
    """The columns of export_tabular_events in BORIS's own source, with an independent variable and two modifiers."""
    header = "Observation id,Observation date,Description,Observation duration,Observation type,Source,Time offset (s),"
    header += "Media duration (s),FPS,light,Subject,Behavior,Behavioral category,Modifier #1,Modifier #2,Behavior type,Time,"
    header += "Media file name,Image index,Image file path,Comment"
    source = "player #1:/films/a.mp4;/films/b.mp4|player #2:/films/top.mp4"
    place = f"day 1,2026-01-01 10:00:00,,30.0,Media file(s),{source},0.0,10.000;20.000|30.000,30.000;30.000|30.000,dark"
    events = [
        ("resident", "sniff", "intruder", "nose", "START", "9.500", "a.mp4"),
        ("resident", "sniff", "intruder", "nose", "STOP", "12.000", "b.mp4"),
        ("No focal subject", "flinch", "", "", "POINT", "31.000", "Not found"),
    ]
    rows = [
        f"{place},{subject},{code},,{first},{second},{status},{time},{film},NA,NA,"
        for subject, code, first, second, status, time, film in events
    ]
    (one,) = read(tmp_path, "\n".join([header, *rows]) + "\n")
    assert one.bouts == (ForeignBout("resident", "intruder|nose", "sniff", 9.5, 12.0), ForeignBout("", "", "flinch", 31.0, 31.0))
    assert [(film.name, film.start_s, film.length_s) for film in one.films] == [("/films/a.mp4", 0.0, 10.0), ("/films/b.mp4", 10.0, 20.0)]
    assert one.fps == 30.0


def test_columns_of_aggregated_events_of_boris_7_and_9(tmp_path):
    """The columns of BORIS's own test files and of its source; a film in which an event begins is no film of the whole observation."""
    old = "Observation id\tObservation date\tDescription\tMedia file\tTotal length\tFPS\ta\tSubject\tBehavior\tBehavioral category"
    old += "\tModifiers\tBehavior type\tStart (s)\tStop (s)\tDuration (s)\tComment start\tComment stop"
    row = "day 1\t2016-12-01\t\t{film}\t30.000\t25.0\t1\t{who}\t{code}\t\t\t{kind}\t{start}\t{stop}\t{lasts}\t\t"
    rows = [
        row.format(film="a.mp4", who="No focal subject", code="s", kind="STATE", start="1.800", stop="8.125", lasts="6.325"),
        row.format(film="b.mp4", who="subject1", code="p", kind="POINT", start="12.5", stop="12.5", lasts="NA"),
    ]
    (one,) = read(tmp_path, "\n".join([old, *rows]) + "\n", "boris.tsv")
    expected = (ForeignBout("", "", "s", 1.8, 8.125), ForeignBout("subject1", "", "p", 12.5, 12.5))
    assert (one.bouts, one.films, one.fps) == (expected, (), 25.0)
    new = "Observation id,Observation date,Description,Observation type,Source,Time offset (s),Coding duration,Media duration (s),"
    new += "FPS (frame/s),Subject,Observation duration by subject by observation,Behavior,Behavioral category,Behavior type,Start (s),"
    new += "Stop (s),Duration (s),Media file name,Image index start,Image index stop,Image file path start,Image file path stop,"
    new += "Comment start,Comment stop"
    live = "day 1,2026-01-01,,Live observation,NA,0.0,11.000,NA,NA"
    rows = [
        f"{live},No focal subject,6.325,s,Not defined,STATE,1.800,8.125,6.325,NA,NA,NA,NA,NA,,",
        f"{live},subject1,0,p,Not defined,POINT,12.5,12.5,NA,NA,NA,NA,NA,NA,,",
    ]
    (one,) = read(tmp_path, "\n".join([new, *rows]) + "\n")
    assert (one.bouts, one.films, one.fps) == (expected, (), None)


def test_a_state_that_never_stops_ends_with_the_film_and_one_that_never_began_is_left_out(tmp_path):
    events = [(1.0, "resident", "attack", "", "START"), (2.0, "resident", "sniff", "", "STOP"), (3.0, "resident", "mount", "", "START")]
    (one,) = read(tmp_path, old_layout([*events, (4.0, "resident", "mount", "", "START"), (5.0, "resident", "mount", "", "STOP")]))
    assert [(bout.behavior, bout.start, bout.stop) for bout in one.bouts] == [("attack", 1, 10), ("mount", 3, 4), ("mount", 4, 5)]
    assert one.notes == (
        "Left out: sniff stops at 2 s and never began.",
        "mount starts at 4 s while it lasts; the first bout ends there.",
        "attack starts at 1 s and never stops; it ends with the film.",
    )


def test_several_observations_below_each_other_are_told_apart(tmp_path):
    text = old_layout() + old_layout().replace("day 1", "day 2")
    assert [(one.name, len(one.bouts)) for one in read(tmp_path, text)] == [("day 1", 3), ("day 2", 3)]
    rows = new_layout() + "\n".join(new_layout().replace("day 1", "day 2").splitlines()[1:]) + "\n"
    assert [(one.name, len(one.bouts)) for one in read(tmp_path, rows)] == [("day 1", 3), ("day 2", 3)]


def test_times_of_another_kind_are_refused(tmp_path):
    with pytest.raises(ContractError, match="Expected times in seconds, but got '00:01'"):
        read(tmp_path, old_layout().replace("1.000", "00:01"))


def test_real_files_are_read_and_project_and_events_agree(formats):
    observations = {one.name: one for one in read_observations(formats / "boris_project.boris")}
    (events,) = read_observations(formats / "boris_events.tsv")
    assert events.bouts == observations["observation #1"].bouts
    assert len(events.bouts) == 4
    assert [film.start_s for film in observations["offset positif"].films] == [0.0, 20.0]
    assert [film.start_s for film in observations["observation #2"].films] == [0.0, 179.96]
    (mice,) = read_observations(formats / "boris_events_real_mice.csv")
    assert (mice.name, len(mice.bouts), mice.bouts[0]) == ("DLC1", 15, ForeignBout("adult", "", "interact", 17.075, 22.1))
