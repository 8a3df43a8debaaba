import math

import pytest

from behavior.contract import ContractError
from behavior.recording import Recording, Triple, parse_annotated, parse_names, recordings_from_rows, sound_recordings


def row(**changes: object) -> dict[str, object]:
    good: dict[str, object] = {
        "lab_id": "QuietOtter",
        "video_id": 7,
        "frames_per_second": 25.0,
        "pix_per_cm_approx": 12.5,
        "video_width_pix": 400,
        "video_height_pix": 200,
        "behaviors_labeled": '["mouse1,mouse2,sniff", "mouse2,self,rear"]',
    }
    return good | changes


def test_a_row_becomes_a_recording_with_its_annotated_triples():
    (recording,) = recordings_from_rows([row()])
    assert recording.annotated == (Triple(1, 2, "sniff"), Triple(2, 2, "rear"))
    assert recording.pairs == ((1, 2), (2, 2))
    assert recording.behaviors_of(1, 2) == ("sniff",)
    assert recording.behaviors_of(2, 1) == ()


def test_the_pictures_middle_is_the_center_unless_the_arenas_is_known():
    assert recordings_from_rows([row()])[0].center_px == (200, 100)
    measured = row(arena_center_x_pix=150.0, arena_center_y_pix=90.0)
    assert recordings_from_rows([measured])[0].center_px == (150, 90)


def test_copies_with_stray_quotes_fall_together_with_the_clean_triple():
    assert parse_annotated("[\"'mouse1','mouse2','sniff'\", \"mouse1,mouse2,sniff\"]") == (Triple(1, 2, "sniff"),)


@pytest.mark.parametrize("nothing", [None, "", math.nan, "[]"])
def test_an_unlabelled_recording_was_annotated_nothing(nothing: object):
    assert parse_annotated(nothing) == ()


@pytest.mark.parametrize(
    "text", ["sniff", '["mouse1,sniff"]', '["rat1,mouse2,sniff"]', '["mouse1,mouse2,"]', '{"a": 1', "[3]", "[" * 200_000]
)
def test_a_list_of_something_else_is_refused(text: str):
    with pytest.raises(ValueError, match="Expected behaviors_labeled"):
        parse_annotated(text)


def test_all_faults_of_all_rows_are_told_at_once():
    bad = [row(frames_per_second=0, pix_per_cm_approx=-1), row(video_id="../../evil", lab_id="a/b"), row(), row()]
    with pytest.raises(ContractError) as caught:
        recordings_from_rows(bad, where="train.csv")
    told = str(caught.value)
    assert "Expected frames_per_second to be a number from 1 to 2,000, but got 0" in told
    assert "Expected pix_per_cm_approx" in told
    assert "but got '../../evil'" in told
    assert "but got 'a/b'" in told
    assert "train.csv, row 4" in told
    assert "once" in told
    assert len(caught.value.faults) == 5


@pytest.mark.parametrize(
    ("column", "code", "sound", "wrong"),
    [
        ("frames_per_second", "frame-rate", [1, 29.97, 2000], [0, 0.5, 2001, 1e9, -30, math.inf, math.nan, None, "fast"]),
        ("pix_per_cm_approx", "scale", [0.1, 65, 10_000], [0, 1e-30, 1e30, -5, "12 px"]),
        ("video_width_pix", "picture-size", [1, 1920], [0, 10**9, None]),
        ("video_height_pix", "picture-size", [1, 1080], [0, -1, math.inf]),
        ("arena_center_x_pix", "arena-center", [None, math.nan, 0, 200, -30], [1e30, math.inf, -500]),
        ("arena_center_y_pix", "arena-center", [None, 100, 230], [1e30, 500]),
    ],
)
def test_what_no_camera_has_is_refused(column: str, code: str, sound: list, wrong: list):
    for value in sound:
        assert len(recordings_from_rows([row(**{column: value})])) == 1
    for value in wrong:
        recordings, (fault,) = sound_recordings([row(**{column: value})])
        assert (recordings, fault.code) == ([], code)
        assert f"Expected {column} to " in fault.text
        assert repr(value) in fault.text


def test_sound_rows_and_the_faults_of_the_others_come_together():
    rows = [row(video_id=7), row(video_id=8, frames_per_second=0), row(video_id=9), row(video_id=7, lab_id="LoudHeron")]
    recordings, faults = sound_recordings(rows, "train.csv")
    assert [(recording.video_id, recording.lab_id) for recording in recordings] == [(7, "QuietOtter"), (9, "QuietOtter")]
    assert [(fault.code, fault.where) for fault in faults] == [
        ("frame-rate", "train.csv, row 2 (lab 'QuietOtter', video 8)"),
        ("video-repeated", "train.csv, row 4 (lab 'LoudHeron', video 7)"),
    ]


def test_the_faults_of_a_row_carry_codes_and_its_place():
    _, faults = sound_recordings([row(lab_id="..", video_id=-1, pix_per_cm_approx=0, behaviors_labeled="sniff")], "train.csv")
    assert sorted(fault.code for fault in faults) == ["annotated-list", "lab-name", "scale", "video-id"]
    assert {fault.where for fault in faults} == {"train.csv, row 1 (lab '..', video -1)"}


@pytest.mark.parametrize("nothing", [None, "", math.nan])
def test_a_recording_without_a_scale_is_sound_and_says_that_it_has_none(nothing: object):
    (recording,) = recordings_from_rows([row(pix_per_cm_approx=nothing)])
    assert recording.pix_per_cm is None


def test_a_recording_is_shown_by_the_name_of_its_lab_or_else_by_its_number():
    named, numbered = recordings_from_rows([row(recording_name="cage1_day2"), row(video_id=8, recording_name=None)])
    assert (named.name, named.shown, numbered.name, numbered.shown) == ("cage1_day2", "cage1_day2", "", "8")
    _, (fault,) = sound_recordings([row(recording_name="cage1_day2", frames_per_second=0)], "train.csv")
    assert fault.where == "train.csv, row 1 (lab 'QuietOtter', video 7, recording 'cage1_day2')"


def test_recordings_are_plain_values():
    assert Recording("a", 1, 30.0, 10.0, 1, 1) == Recording("a", 1, 30.0, 10.0, 1, 1)


@pytest.mark.parametrize(
    ("text", "names"),
    [('["resident", "7"]', ("resident", "7")), ('["0", "1"]', ()), ("[]", ()), ("resident", ()), ('{"a": 1}', ()), (None, ()), ("", ())],
)
def test_names_of_mice_are_those_of_a_list_that_are_more_than_numbers(text, names):
    assert parse_names(text) == names


def test_a_mouse_without_a_name_has_its_number():
    recording = Recording("Lab", 1, 30.0, 10.0, 400, 200, mouse_names=("resident", ""))
    assert [recording.named_mouse(mouse) for mouse in (1, 2, 3)] == ["resident", "mouse2", "mouse3"]
