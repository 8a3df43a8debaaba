"""Files that appear whole: nothing is seen of one that was broken off, and the old one stays."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from behavior.contract import UsageError
from behavior.whole_file import whole_file, write_json


def test_a_file_appears_with_its_folder_when_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "told.csv"
    with whole_file(path) as beside:
        beside.write_text("whole")
        assert beside.suffix == ".csv"  # writers that look at the name know what it is
        assert not path.exists()
    assert path.read_text() == "whole"
    assert [file.name for file in path.parent.iterdir()] == ["told.csv"]


def test_what_breaks_off_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "told.csv"
    path.write_text("old")

    def broken() -> None:
        with whole_file(path) as beside:
            beside.write_text("hal")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        broken()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["told.csv"]


def test_a_json_file_is_whole_and_holds_no_number_that_json_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "new" / "told.json"
    write_json(path, {"score": 0.5, "labs": ["A"]})
    assert json.loads(path.read_text()) == {"score": 0.5, "labs": ["A"]}
    assert path.read_text().endswith("}\n")
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"score": float("nan")})
    assert json.loads(path.read_text()) == {"score": 0.5, "labs": ["A"]}
    assert [file.name for file in path.parent.iterdir()] == ["told.json"]


def test_a_place_where_no_file_can_be_written_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("old")
    for path, sentence in [
        (tmp_path, "to be a file, but got a folder"),
        (tmp_path / "plain.txt" / "new.csv", "plain.txt to be a folder, but got a file"),
        (tmp_path / "plain.txt" / "deeper" / "new.csv", "plain.txt to be a folder, but got a file"),
    ]:
        with pytest.raises(UsageError, match=sentence):
            write_json(path, {})
    assert [file.name for file in tmp_path.iterdir()] == ["plain.txt"]


def test_a_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="pipe to be a file, but got a device"):
        write_json(pipe, {})
    assert pipe.is_fifo()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="Expected a folder that you may write to"):
        write_json(tmp_path / "new" / "score.json", {})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_a_sentence_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "state.csv"
    path.write_text("old")

    def write() -> None:
        with whole_file(path) as beside, open("/dev/full", "w") as full:
            beside.write_text("half")
            full.write("x" * 100_000)

    with pytest.raises(UsageError, match=r"Expected room on the disk for .*state.csv, but got: .*No space left.* Free some space"):
        write()
    assert path.read_text() == "old"


def test_what_a_library_says_of_a_full_disk_is_known_by_its_words(tmp_path: Path) -> None:
    """safetensors raises an error of its own, without a number."""

    def write() -> None:
        with whole_file(tmp_path / "state.safetensors"):
            raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")

    with pytest.raises(UsageError, match="Expected room on the disk"):
        write()


def test_threads_that_write_one_file_at_once_do_not_write_into_each_others_draft(tmp_path: Path):
    both_began, path = threading.Barrier(2), tmp_path / "frames.npy"

    def write(text: str) -> None:
        with whole_file(path) as draft:
            draft.write_text(text)
            both_began.wait(20)
            assert draft.read_text() == text

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(write, ["first", "second"])) == [None, None]
    assert path.read_text() in ("first", "second")
    assert [one.name for one in tmp_path.iterdir()] == ["frames.npy"]
