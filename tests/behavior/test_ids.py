import pytest

from behavior.ids import lab_fault, video_fault, video_of_name


@pytest.mark.parametrize("lab", ["AdaptableSnail", "MABe22_movies", "lab 3", "Zürich.1", "CalMS21_task1", "01001", "2A001"])
def test_lab_names_that_can_be_folders_pass(lab: str):
    assert lab_fault(lab) is None


@pytest.mark.parametrize(
    "lab", ["", "..", ".hidden", "a/b", "a\\b", "a=b", "null", "NULL", "x" * 129, "a\nb", "end.", None, 7, "a%2Fb", "_x"]
)
def test_lab_names_that_could_leave_the_store_are_refused(lab: object):
    fault = lab_fault(lab, "train.csv, row 1")
    assert fault is not None
    assert (fault.code, fault.where, fault.mend) == ("lab-name", "train.csv, row 1", "Rename the lab.")


@pytest.mark.parametrize("video", [0, 7, "7", 7.0, 10**18 - 1])
def test_whole_numbers_are_video_ids(video: object):
    assert video_fault(video) is None


@pytest.mark.parametrize("video", [-1, 7.5, "7.0", "", "..", "../7", "a", None, float("nan"), float("inf"), 10**18, [7]])
def test_anything_else_is_no_video_id(video: object):
    fault = video_fault(video)
    assert fault is not None
    assert fault.code == "video-id"
    assert f"but got {video!r}." in fault.text


def test_a_named_recording_has_the_same_number_everywhere_and_another_one_in_another_lab():
    assert video_of_name("MyLab", "cage1_day2") == 8039443967302433  # also after an update: numbers of users' recordings must never change
    names = [("MyLab", "cage1_day2"), ("MyLab", "cage1_day3"), ("Otter", "cage1_day2"), ("Otter", "souris é 1"), ("MyLabc", "age1_day2")]
    numbers = {video_of_name(*name) for name in names}
    assert len(numbers) == len(names)
    assert all(0 < number <= 2**53 and int(float(number)) == number and video_fault(number) is None for number in numbers)


def test_a_lab_whose_accents_are_characters_of_their_own_is_told_so():
    """A file from a Mac may spell ü as u and an accent; it looks the same."""
    apart = "Zu\u0308rich"
    fault = lab_fault(apart)
    assert fault is not None
    assert fault.mend == "Its accents are characters of their own; write them as one with their letters (Unicode NFC)."


def test_a_lab_name_is_as_long_as_any_file_system_takes():
    assert lab_fault("鼠" * 80) is None
    assert lab_fault("鼠" * 81) is not None
