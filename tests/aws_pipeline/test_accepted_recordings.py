"""Recognizing and scoring read the accepted recordings only, as they came."""

from aws_pipeline.accepted_recordings import accepted_recordings
from behavior.film_keys import FILM, film_number
from films.film_sources import find_films


def test_a_directory_of_accepted_recordings_is_used_as_it_is(data_dir, tmp_path):
    assert accepted_recordings(data_dir, {"train": {7, 8}}, tmp_path / "view") == data_dir
    assert not (tmp_path / "view").exists()


def test_what_was_put_aside_is_not_in_the_view_and_the_rest_is_as_it_came(data_dir, tmp_path):
    (data_dir / "test.csv").write_text((data_dir / "train.csv").read_text())
    view = accepted_recordings(data_dir, {"train": {7}}, tmp_path / "view")
    assert view == tmp_path / "view"
    header, row = (view / "train.csv").read_text().splitlines()
    assert header == (data_dir / "train.csv").read_text().splitlines()[0]
    assert row == 'QuietOtter,7,30,10,400,200,"[""mouse1,self,rear""]"'
    assert not (view / "test.csv").exists(), "no test recording was accepted"
    here, there = (folder / "train_tracking/QuietOtter/7.parquet" for folder in (view, data_dir))
    assert here.read_bytes() == there.read_bytes()
    again = accepted_recordings(data_dir, {"train": {8}}, tmp_path / "view")
    assert (again / "train.csv").read_text().splitlines()[1:] == ["LoudHeron,8,25,10,400,200,"]
    assert there.is_file(), "the view is replaced, what it links to is not touched"


def test_rows_that_are_there_again_are_there_once(data_dir, tmp_path):
    csv = data_dir / "train.csv"
    csv.write_text(csv.read_text() + "LoudHeron,8,25,10,400,200,\n")
    view = accepted_recordings(data_dir, {"train": {7, 8}}, tmp_path / "view")
    assert (view / "train.csv").read_text().count("LoudHeron,8") == 1


def test_films_that_were_put_aside_are_not_in_the_view_and_the_others_lie_in_folders_of_their_labs(tmp_path):
    folder = tmp_path / "data"
    for name in ("Videos/one.mp4", "Videos/two.mp4", "Videos/LabB/one.mp4", "Annotations/LabB/one_Ada.csv", "individuals.csv"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("film,individual\n" if path.suffix == ".csv" else name)
    numbers = {film_number("lab", "one"), film_number("lab", "two"), film_number("LabB", "one")}
    assert accepted_recordings(folder, {FILM: numbers}, tmp_path / "view") == folder
    view = accepted_recordings(folder, {FILM: numbers - {film_number("lab", "two")}}, tmp_path / "view")
    kept = sorted(path.relative_to(view).as_posix() for path in view.rglob("*") if path.is_file())
    assert kept == ["Annotations/LabB/one_Ada.csv", "Videos/LabB/one.mp4", "Videos/lab/one.mp4", "individuals.csv"]
    assert (view / "Videos/LabB/one.mp4").read_text() == "Videos/LabB/one.mp4"
    assert {one.video_id for one in find_films(view).films} == {film_number("lab", "one"), film_number("LabB", "one")}
