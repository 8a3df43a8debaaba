"""The films of a data directory, with their labels: every file is of one film, or is named as a fault."""

from pathlib import Path

import pytest
from painted_film import painted, write_film

from behavior.contract import ContractError
from behavior.film_keys import film_number, recording_beside
from films.film_sources import Findings, find_films

FRAMES = [painted(number) for number in range(3)]


def write(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".csv":
            path.write_text("Frame,Action\n0,0\n")
        else:
            write_film(path, FRAMES, "mpeg4" if path.suffix == ".avi" else "libx264")
    return folder


def listed(found: Findings) -> dict[str, tuple[str, str | None]]:
    return {one.path.name: (one.lab, one.labels and one.labels.name) for one in found.films}


def codes(found: Findings) -> dict[tuple[str, str], list[str]]:
    return {who: [fault.code for fault in faults] for who, faults in found.faulty.items()}


def test_folders_of_labs_are_read_and_labels_belong_to_the_film_with_the_longest_fitting_name(tmp_path: Path):
    write(tmp_path, "Videos/lab_a/123.mp4", "Videos/lab_b/x_1.avi", "Videos/x_1_b.mkv")
    write(tmp_path, "Annotations/lab_a/123.csv", "Annotations/x_1_scored.csv", "Annotations/x_1_b_scored.csv")
    (tmp_path / "films.toml").write_text('lab = "mine"\n')
    found = find_films(tmp_path)
    assert codes(found) == {}
    assert listed(found) == {
        "123.mp4": ("lab_a", "123.csv"),
        "x_1.avi": ("lab_b", "x_1_scored.csv"),
        "x_1_b.mkv": ("mine", "x_1_b_scored.csv"),
    }


def test_two_labs_may_have_a_film_of_one_name_and_each_keeps_its_own_labels(tmp_path: Path):
    write(tmp_path, "Videos/lab_a/7.mp4", "Videos/lab_b/7.mp4", "Annotations/lab_a/7_Ada.csv", "Annotations/lab_b/7_Zoe.csv")
    found = find_films(tmp_path)
    assert codes(found) == {}
    assert [(one.lab, one.labels and one.labels.name) for one in found.films] == [("lab_a", "7_Ada.csv"), ("lab_b", "7_Zoe.csv")]
    assert len({one.video_id for one in found.films}) == 2


def test_labels_in_no_folder_of_a_lab_are_refused_where_two_labs_have_such_a_film(tmp_path: Path):
    write(tmp_path, "Videos/lab_a/7.mp4", "Videos/lab_b/7.mp4", "Videos/lab_b/8.mp4", "Annotations/7.csv", "Annotations/8.csv")
    found = find_films(tmp_path)
    assert codes(found) == {("lab_a", "7"): ["label-layout"], ("lab_b", "7"): ["label-layout"]}
    assert listed(found) == {"8.mp4": ("lab_b", "8.csv")}, "only one lab has a film 8"
    assert "because 2 labs have a film 7" in found.faulty["lab_a", "7"][0].text


def test_an_individual_may_be_told_by_lab_and_film(tmp_path: Path):
    (tmp_path / "individuals.csv").write_text("film,individual\n7.mp4,m1\nlab_b/7.mp4,m2\nVideos/8.mp4,m3\n")
    rules = find_films(tmp_path).rules
    assert [rules.individual_of(*who) for who in (("lab_a", "7"), ("lab_b", "7"), ("lab_b", "8"), ("lab_b", "9"))] == [
        "m1",
        "m2",
        "m3",
        None,
    ]


def test_two_label_files_of_one_film_are_a_fault_of_that_film_alone(tmp_path: Path):
    write(tmp_path, "Videos/a.mp4", "Videos/b.mp4", "Annotations/a_one.csv", "Annotations/a_two.csv", "Annotations/b.csv")
    found = find_films(tmp_path)
    assert listed(found) == {"b.mp4": ("lab", "b.csv")}
    assert codes(found) == {("lab", "a"): ["label-layout"]}


def test_labels_without_a_film_are_a_fault_also_if_another_lab_has_such_a_film(tmp_path: Path):
    write(tmp_path, "Videos/lab_a/a.mp4", "Annotations/gone.csv", "Annotations/lab_b/a.csv")
    found = find_films(tmp_path)
    assert listed(found) == {"a.mp4": ("lab_a", None)}
    assert codes(found) == {("lab", "gone"): ["film-missing"], ("lab_b", "a"): ["film-missing"]}


def test_one_film_in_two_containers_is_refused(tmp_path: Path):
    found = find_films(write(tmp_path, "Videos/a.mp4", "Videos/a.avi"))
    assert listed(found) == {}
    assert set(codes(found)[("lab", "a")]) == {"video-repeated"}


def test_a_film_has_a_number_of_its_lab_and_name_and_finds_the_recording_of_this_name():
    assert film_number("a", "7") == film_number("a", "7") < 2**53 + 1
    assert len({film_number("a", "7"), film_number("b", "7"), film_number("a", "day 1"), film_number("b", "day 1"), 7}) == 5
    assert recording_beside("a", "7") == 7
    assert recording_beside("a", "007") == film_number("a", "007"), "007 is no number of a recording"
    assert recording_beside("a", "day 1") == film_number("a", "day 1"), "as an import numbers a recording of this name"


@pytest.mark.parametrize(
    ("file", "text", "got"),
    [
        ("individuals.csv", "name,mouse\na,b\n", "Expected the columns film and individual, but got name, mouse"),
        ("films.toml", "lab = \n", "Expected TOML"),
        ("films.toml", 'labs = "x"\n', "Expected lab, also, labels_fps or merge, but got 'labs'"),
        ("films.toml", 'lab = "../x"\n', "Expected lab_id to start with a letter"),
        ("films.toml", "labels_fps = 0\n", "Expected labels_fps from 1 to 2,000, but got 0"),
        ("films.toml", 'also = "groom"\n', "Expected also to be a list"),
        ("films.toml", '[merge]\ndance = "nothing"\n', "Expected merge to name behaviors that count"),
        ("films.toml", "[merge]\ndance = 3\n", "Expected merge to hold lines such as dance"),
    ],
)
def test_what_holds_for_all_films_must_be_readable(tmp_path: Path, file: str, text: str, got: str):
    write(tmp_path, "Videos/a.mp4")
    (tmp_path / file).write_text(text)
    with pytest.raises(ContractError, match=got.replace("(", r"\(")):
        find_films(tmp_path)
