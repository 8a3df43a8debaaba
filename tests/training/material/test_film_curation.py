"""From films and label files to a zone: what is sound is used, all else is put aside with its reason."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from film_zone import curate, write_films
from painted_film import painted, write_film

from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_PUT_ASIDE, EXIT_USAGE, ContractError
from training.material import film_curation
from training.material.film_curation import content_groups
from training.material.film_sources import find_films
from training.material.film_zone import FilmZone


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_films(tmp_path_factory.mktemp("raw"), individuals=2, films=2, seconds=2)


@pytest.fixture
def raw(films: Path, tmp_path: Path) -> Path:
    return shutil.copytree(films, tmp_path / "raw")


def manifest(zone: Path) -> dict[str, dict]:
    rows = pq.read_table(zone / "video_manifest" / "video_manifest.parquet").to_pylist()
    return {row["name"]: row for row in rows}


def reasons(zone: Path) -> list[tuple[str, str]]:
    return [(one["code"], Path(one["where"]).name) for one in json.loads((zone / "put_aside.json").read_text())["reasons"]]


def test_sound_films_become_a_zone_that_training_reads(raw: Path, tmp_path: Path, capsys):
    assert curate(raw, tmp_path / "zone") == EXIT_OK
    assert "films: 4 in = 4 curated + 0 put aside" in capsys.readouterr().out
    row = manifest(tmp_path / "zone")["mouse0_0"]
    assert (row["frames"], row["rate_numerator"], row["rate_denominator"], row["labelled_frames"]) == (60, 30, 1, 60)
    zone = FilmZone(tmp_path / "zone", tmp_path / "cache")
    recordings = zone.annotated_recordings()
    assert len(recordings) == 4
    bouts = zone.bouts(recordings)
    assert set(bouts["action"]) <= {"rest", "paw_withdraw", "paw_lick", "paw_shake", "walk", "active"}
    assert zone.material(recordings[0]).film.frames == 60
    assert zone.data_faults(recordings) == []


def test_films_of_one_individual_are_one_content(raw: Path, tmp_path: Path):
    curate(raw, tmp_path / "zone")
    rows = manifest(tmp_path / "zone")
    groups = {name: row["content_group"] for name, row in rows.items()}
    assert groups["mouse0_0"] == groups["mouse0_1"] != groups["mouse1_0"] == groups["mouse1_1"]
    zone = FilmZone(tmp_path / "zone")
    recordings = zone.annotated_recordings()
    assert len({content.pose for content in zone.contents(recordings, zone.bouts(recordings))}) == 2


def test_the_same_film_under_another_name_is_one_content():
    rows = [
        {"video_id": 7, "lab_id": "a", "sha256": "x", "pictures": "p", "individual": None},
        {"video_id": 3, "lab_id": "a", "sha256": "y", "pictures": "p", "individual": "m1"},
        {"video_id": 9, "lab_id": "a", "sha256": "z", "pictures": "q", "individual": "m1"},
        {"video_id": 5, "lab_id": "b", "sha256": "w", "pictures": "r", "individual": "m1"},
    ]
    assert content_groups(rows) == {7: 3, 3: 3, 9: 3, 5: 5}


def test_a_film_that_has_not_changed_is_not_decoded_again(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    curate(raw, tmp_path / "zone")
    first = manifest(tmp_path / "zone")
    labels = raw / "Annotations" / "mouse1_1_labels.csv"
    labels.write_text("start,stop,label\n0,60,rest\n")
    opened = []
    probed = film_curation.FilmFile

    def counted(path: Path) -> object:
        opened.append(path.name)
        return probed(path)

    monkeypatch.setattr(film_curation, "FilmFile", counted)
    assert curate(raw, tmp_path / "zone") == EXIT_OK
    assert opened == ["mouse1_1.mp4"]
    second = manifest(tmp_path / "zone")
    assert second["mouse0_0"] == first["mouse0_0"]
    assert second["mouse1_1"]["labels_sha256"] != first["mouse1_1"]["labels_sha256"]


def test_broken_films_and_labels_are_put_aside_and_the_others_are_used(raw: Path, tmp_path: Path, capsys):
    (raw / "Videos" / "mouse0_0.mp4").write_bytes(b"no film at all")
    (raw / "Annotations" / "mouse0_1_labels.csv").write_text("start,stop,label\n0,70,rest\n")
    (raw / "Annotations" / "mouse1_0_labels.csv").write_text("start,stop,label\n0,60,dance\n")
    (raw / "Annotations" / "mouse7_0_labels.csv").write_text("start,stop,label\n0,60,rest\n")
    assert curate(raw, tmp_path / "zone") == EXIT_PUT_ASIDE
    assert sorted(manifest(tmp_path / "zone")) == ["mouse1_1"]
    assert sorted(reasons(tmp_path / "zone")) == [
        ("film-missing", "mouse7_0_labels.csv"),
        ("film-unreadable", "mouse0_0.mp4"),
        ("label-beyond", "mouse0_1_labels.csv"),
        ("label-class", "mouse1_0_labels.csv"),
    ]
    printed = capsys.readouterr()
    assert "films: 4 in = 1 curated + 3 put aside" in printed.out
    assert "Traceback" not in printed.err


def test_a_film_without_labels_is_in_the_zone_but_not_for_training(raw: Path, tmp_path: Path):
    (raw / "Annotations" / "mouse0_0_labels.csv").unlink()
    assert curate(raw, tmp_path / "zone") == EXIT_OK
    assert manifest(tmp_path / "zone")["mouse0_0"]["behaviors"] is None
    assert len(FilmZone(tmp_path / "zone").annotated_recordings()) == 3


def test_partly_labelled_films_say_how_many_frames_are_known(raw: Path, tmp_path: Path, capsys):
    (raw / "Annotations" / "mouse0_0_labels.csv").write_text("start,stop,label\n10,25,walk\n")
    assert curate(raw, tmp_path / "zone") == EXIT_OK
    assert manifest(tmp_path / "zone")["mouse0_0"]["labelled_frames"] == 15
    assert "none in 45 of 60" in capsys.readouterr().err


def test_a_folder_of_nothing_but_broken_films_is_refused(tmp_path: Path):
    (tmp_path / "raw" / "Videos").mkdir(parents=True)
    (tmp_path / "raw" / "Videos" / "a.mp4").write_bytes(b"nothing")
    assert curate(tmp_path / "raw", tmp_path / "zone") == EXIT_CONTRACT


def test_a_folder_without_films_and_a_missing_folder_are_refused(tmp_path: Path, capsys):
    assert curate(tmp_path / "none", tmp_path / "zone") == EXIT_USAGE
    (tmp_path / "empty").mkdir()
    assert curate(tmp_path / "empty", tmp_path / "zone") == EXIT_CONTRACT
    assert "Expected films, but got none" in capsys.readouterr().err


def test_folders_of_labs_are_read_and_numbers_stay_numbers(tmp_path: Path):
    frames = [painted(number) for number in range(5)]
    write_film(tmp_path / "train_video" / "lab_a" / "123.mp4", frames)
    write_film(tmp_path / "Videos" / "lab_b" / "x_1.avi", frames, "mpeg4")
    write_film(tmp_path / "Videos" / "x_1_b.mkv", frames)
    for name in ("train_annotation/lab_a/123.csv", "Annotations/lab_b/x_1_scored.csv", "Annotations/x_1_b_scored.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("Frame,Action\n0,0\n")
    found = find_films(tmp_path, "mine")
    assert found.faults == ()
    listed = {one.path.name: (one.lab, one.labels and one.labels.name) for one in found.films}
    assert listed == {
        "123.mp4": ("lab_a", "123.csv"),
        "x_1.avi": ("lab_b", "x_1_scored.csv"),
        "x_1_b.mkv": ("mine", "x_1_b_scored.csv"),
    }
    assert {one.path.name: one.video_id for one in found.films}["123.mp4"] == 123


def test_two_label_files_of_one_film_are_a_fault(tmp_path: Path):
    write_film(tmp_path / "Videos" / "a.mp4", [painted(0)])
    write_film(tmp_path / "Videos" / "b.mp4", [painted(0)])
    (tmp_path / "Annotations").mkdir()
    for name in ("a_one.csv", "a_two.csv", "b.csv"):
        (tmp_path / "Annotations" / name).write_text("Frame,Action\n0,0\n")
    found = find_films(tmp_path, "lab")
    assert [one.path.name for one in found.films] == ["b.mp4"]
    assert [fault.code for fault in found.faults] == ["label-layout"]


def test_a_table_of_individuals_needs_its_columns(raw: Path):
    (raw / "individuals.csv").write_text("name,mouse\na,b\n")
    with pytest.raises(ContractError, match="Expected the columns film and individual"):
        find_films(raw, "lab")


def test_merged_and_added_behaviors_are_said_by_flags(raw: Path, tmp_path: Path, capsys):
    (raw / "Annotations" / "mouse0_0_labels.csv").write_text("start,stop,label\n0,30,dance\n30,60,groom\n")
    assert curate(raw, tmp_path / "zone", "--merge", "dance=active", "--also", "groom") == EXIT_OK
    zone = FilmZone(tmp_path / "zone")
    bouts = zone.bouts([one for one in zone.annotated_recordings() if zone.manifest[one.video_id]["name"] == "mouse0_0"])
    assert bouts["action"].tolist() == ["active", "groom"]
    assert curate(raw, tmp_path / "zone", "--merge", "dance") == EXIT_USAGE
    assert curate(raw, tmp_path / "zone", "--merge", "dance=nothing") == EXIT_USAGE


def test_a_zone_without_a_film_names_it(raw: Path, tmp_path: Path):
    curate(raw, tmp_path / "zone")
    zone = FilmZone(tmp_path / "zone")
    recording = zone.annotated_recordings()[0]
    (zone.root / zone.manifest[recording.video_id]["file"]).unlink()
    assert len(zone.data_faults(zone.annotated_recordings())) == 1


def test_small_frames_of_the_zone_are_those_of_the_film(raw: Path, tmp_path: Path):
    from behavior.film import PictureSettings

    curate(raw, tmp_path / "zone")
    zone = FilmZone(tmp_path / "zone", tmp_path / "cache")
    recording = zone.annotated_recordings()[0]
    small = zone.material(recording).film.small(PictureSettings(16, 16))
    assert small.shape == (60, 16, 16)
    assert isinstance(small, np.memmap)
