"""Recognizing and scoring read the accepted recordings only, as they came."""

from aws_pipeline.accepted_recordings import accepted_recordings


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
