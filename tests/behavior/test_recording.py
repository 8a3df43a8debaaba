import math

import pytest

from behavior.contract import ContractError
from behavior.recording import Recording, Triple, lab_fault, parse_annotated, recordings_from_rows


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


@pytest.mark.parametrize("text", ["sniff", '["mouse1,sniff"]', '["rat1,mouse2,sniff"]', '["mouse1,mouse2,"]', '{"a": 1', "[3]"])
def test_a_list_of_something_else_is_refused(text: str):
    with pytest.raises(ValueError, match="Expected behaviors_labeled"):
        parse_annotated(text)


def test_all_faults_of_all_rows_are_told_at_once():
    bad = [row(frames_per_second=0, pix_per_cm_approx=None), row(video_id="../../evil", lab_id="a/b"), row(), row()]
    with pytest.raises(ContractError) as caught:
        recordings_from_rows(bad, where="train.csv")
    told = "\n".join(caught.value.faults)
    assert "Expected frames_per_second to be a number above zero, but got 0" in told
    assert "Expected pix_per_cm_approx" in told
    assert "but got '../../evil'" in told
    assert "but got 'a/b'" in told
    assert "train.csv, row 4" in told
    assert "once" in told
    assert len(caught.value.faults) == 5


@pytest.mark.parametrize("lab", ["AdaptableSnail", "MABe22_movies", "lab 3", "Zürich.1", "CalMS21_task1"])
def test_lab_names_that_can_be_folders_pass(lab: str):
    assert lab_fault(lab) is None


@pytest.mark.parametrize("lab", ["", "..", ".hidden", "a/b", "a\\b", "a=b", "null", "x" * 129, "a\nb", "end.", None, 7, "a%2Fb", "_x"])
def test_lab_names_that_could_leave_the_store_are_refused(lab: object):
    assert "Rename the lab" in str(lab_fault(lab))


def test_recordings_are_plain_values():
    assert Recording("a", 1, 30.0, 10.0, 1, 1) == Recording("a", 1, 30.0, 10.0, 1, 1)
