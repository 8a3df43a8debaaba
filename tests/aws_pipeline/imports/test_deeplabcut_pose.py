import numpy as np
import pandas as pd
import pytest
from foreign_files import SCORER, dlc_table

from aws_pipeline.imports.pose_formats import read_poses
from behavior.contract import ContractError


def one(path):
    (pose,) = read_poses(path)
    return pose


def place(pose, animal, part):
    return pose.xy[0, pose.animals.index(animal), pose.bodyparts.index(part)].tolist()


@pytest.mark.parametrize("kind", ["csv", "h5"])
def test_a_table_of_one_animal_is_read(tmp_path, kind):
    path = tmp_path / f"cage1_day2{SCORER}.{kind}"
    dlc_table().to_csv(path) if kind == "csv" else dlc_table().to_hdf(path, key="df_with_missing", mode="w", format="table")
    pose = one(path)
    assert (pose.name, pose.tracker, pose.animals) == ("cage1_day2", f"DeepLabCut {SCORER}", ("mouse",))
    assert (pose.bodyparts, pose.frames.tolist(), pose.notes) == (("nose", "tail_base"), [0, 1, 2], ())
    assert place(pose, "mouse", "tail_base") == [10, 11, 12]
    np.testing.assert_allclose(pose.likelihood, 0.9)


@pytest.mark.parametrize("kind", ["csv", "h5"])
def test_five_animals_with_27_points_under_four_header_rows(tmp_path, kind):
    parts, animals = [f"point{n}" for n in range(27)], [f"ind{n}" for n in range(1, 6)]
    table, path = dlc_table(parts, range(4), animals), tmp_path / f"tracks_el.{kind}"
    table.to_csv(path) if kind == "csv" else table.to_hdf(path, key="tracks", mode="w")
    pose = one(path)
    assert pose.xy.shape == (2, 5, 27, 4)
    assert place(pose, "ind5", "point26") == [660, 661, 662, 663]


def test_an_index_that_starts_at_100_keeps_its_frame_numbers(tmp_path):
    dlc_table(frames=range(100, 103)).to_csv(tmp_path / "a.csv")
    assert one(tmp_path / "a.csv").frames.tolist() == [100, 101, 102]


@pytest.mark.parametrize("kind", ["csv", "h5"])
def test_columns_in_another_order_are_found_by_their_names(tmp_path, kind):
    table = dlc_table(animals=["b", "a"])
    shuffled = table.iloc[:, np.random.default_rng(0).permutation(table.shape[1])]
    path = tmp_path / f"a.{kind}"
    shuffled.to_csv(path) if kind == "csv" else shuffled.to_hdf(path, key="tracks", mode="w")
    pose = one(path)
    assert [place(pose, "b", "nose"), place(pose, "a", "tail_base")] == [[0, 1, 2], [110, 111, 112]]


def test_a_named_index_has_a_row_of_its_own(tmp_path):
    dlc_table(animals=["a", "b"]).rename_axis("frame").to_csv(tmp_path / "a.csv")
    assert place(one(tmp_path / "a.csv"), "b", "nose") == [100, 101, 102]


def test_points_of_no_animal_are_left_out_by_name(tmp_path):
    things = dlc_table(["corner_tl", "corner_br"], animals=["single"])
    pd.concat([dlc_table(animals=["m1", "m2"]), things], axis=1).to_csv(tmp_path / "a.csv")
    pose = one(tmp_path / "a.csv")
    assert (pose.animals, pose.bodyparts) == (("m1", "m2"), ("nose", "tail_base"))
    assert pose.notes == ("Left out, because they belong to no animal (single): corner_tl, corner_br.",)


def test_a_point_at_the_corner_with_likelihood_0_was_not_found(tmp_path):
    table = dlc_table(animals=["m1", "m2"])
    table.iloc[1, :3] = 0.0
    table.to_csv(tmp_path / "a.csv")
    lost = np.isnan(one(tmp_path / "a.csv").xy[0])
    assert (int(lost.sum()), bool(lost[0, 0, 1])) == (1, True)


def test_names_with_accents_and_spaces_and_semicolons_of_a_spreadsheet(tmp_path):
    path = tmp_path / "souris é 1.csv"
    dlc_table(["oreille é", "tail base"], animals=["mâle 1", "mâle 2"]).to_csv(path, sep=";", encoding="cp1252")
    pose = one(path)
    assert (pose.name, pose.animals, pose.bodyparts) == ("souris é 1", ("mâle 1", "mâle 2"), ("oreille é", "tail base"))
    assert place(pose, "mâle 2", "tail base") == [110, 111, 112]


def test_more_coordinates_of_a_smoother_are_not_read_and_named(tmp_path):
    table = dlc_table()
    table[SCORER, "nose", "x_ens_var"] = 1.0
    table.sort_index(axis=1).to_csv(tmp_path / "a.csv")
    pose = one(tmp_path / "a.csv")
    assert (place(pose, "mouse", "nose"), pose.notes) == ([0, 1, 2], ("Not read: x_ens_var.",))


def test_filtered_2_d_poses_of_anipose_have_one_more_column_for_each_point(tmp_path):
    table = dlc_table()
    for part in ("nose", "tail_base"):
        table[SCORER, part, "interpolated"] = 1.0
    table.columns = pd.MultiIndex.from_tuples([("scorer", *rest) for _, *rest in table.columns], names=table.columns.names)
    table.sort_index(axis=1).to_hdf(tmp_path / "cage1-camA.h5", key="df_with_missing", format="table", mode="w")
    pose = one(tmp_path / "cage1-camA.h5")
    assert (pose.name, place(pose, "mouse", "nose"), pose.notes) == ("cage1-camA", [0, 1, 2], ("Not read: interpolated.",))


def refused(path):
    with pytest.raises(ContractError) as caught:
        read_poses(path)
    return str(caught.value)


def test_a_csv_cut_in_mid_row_is_refused_with_its_row(tmp_path):
    path = tmp_path / "a.csv"
    dlc_table(frames=range(100)).to_csv(path)
    path.write_text(path.read_text()[:-20])
    told = refused(path)
    assert "a.csv: Expected 7 numbers in each row, but got Expected 7 columns, got 3" in told
    assert told.endswith("The file may be cut off. Export the file again.")


def test_a_csv_without_its_last_line_end_is_read_with_a_warning(tmp_path):
    path = tmp_path / "a.csv"
    dlc_table().to_csv(path)
    path.write_text(path.read_text().rstrip("\n"))
    assert one(path).notes == ("The last row has no line end: the file may be cut off there.",)


@pytest.mark.parametrize("kind", ["csv", "h5"])
def test_a_table_of_no_frames_is_refused(tmp_path, kind):
    table, path = dlc_table(frames=range(0)), tmp_path / f"a.{kind}"
    table.to_csv(path) if kind == "csv" else table.to_hdf(path, key="tracks", mode="w")
    assert "Expected tracked frames, but got 0 frames of 1 animals with 2 bodyparts" in refused(path)


def test_bodyparts_without_a_name_are_refused_by_their_columns(tmp_path):
    dlc_table(["nose", "Unnamed: 3", "1"]).to_csv(tmp_path / "a.csv")
    told = refused(tmp_path / "a.csv")
    assert "Expected names of bodyparts, but got 'Unnamed: 3', '1'. Name these columns and export the file again." in told
    dlc_table(["nose", ""]).to_csv(tmp_path / "b.csv")
    assert "Expected a name over each column, but got none over column 5, 6, 7" in refused(tmp_path / "b.csv")


def test_labels_for_training_are_not_tracks(tmp_path):
    table = dlc_table()
    table.index = [f"labeled-data/film/img{n}.png" for n in range(3)]
    table.to_csv(tmp_path / "CollectedData.csv")
    assert "Expected tracks, but got labels for training (image 'labeled-data/film/img0.png')" in refused(tmp_path / "CollectedData.csv")


def test_frames_that_are_there_twice_and_3_d_tracks_and_all_lost_tracks_are_refused(tmp_path):
    dlc_table(frames=[0, 1, 1]).to_csv(tmp_path / "a.csv")
    assert "Expected ascending frame numbers, but got 1 after 1" in refused(tmp_path / "a.csv")
    deep = dlc_table().rename(columns={"likelihood": "z"}, level="coords")
    deep.to_csv(tmp_path / "b.csv")
    assert "Expected 2-D tracks, but got a coordinate z" in refused(tmp_path / "b.csv")
    (dlc_table() * np.nan).to_csv(tmp_path / "c.csv")
    assert "Expected tracked points, but got none in 3 frames" in refused(tmp_path / "c.csv")
    (dlc_table() / 1000).to_csv(tmp_path / "d.csv")
    assert "Expected positions in pixels, but got shares of the picture" in refused(tmp_path / "d.csv")


@pytest.mark.parametrize(
    ("file", "animals", "shape", "tracker"),
    [
        ("deeplabcut_single.csv", ("mouse",), (2, 1, 4, 100), "DeepLabCut DLC_resnet50_SubLearnSleepBoxRedLightJun26shuffle1_100000"),
        ("deeplabcut_two_mice.csv", ("mouse_black_tail", "mouse_white_tail"), (2, 2, 14, 97), None),
        ("deeplabcut_two_rats.h5", ("rat 1", "rat 2"), (2, 2, 5, 1000), None),
        ("lightning_pose.csv", ("mouse",), (2, 1, 17, 994), "Lightning Pose heatmap_tracker"),
    ],
)
def test_real_files_are_read_whole(formats, file, animals, shape, tracker):
    pose = one(formats / file)
    assert (pose.animals, pose.xy.shape) == (animals, shape)
    assert tracker in (None, pose.tracker)


def test_a_real_csv_holds_the_numbers_that_pandas_reads(formats):
    table = pd.read_csv(formats / "deeplabcut_two_mice.csv", header=[1, 2, 3], index_col=0)
    pose = one(formats / "deeplabcut_two_mice.csv")
    own = table["mouse_white_tail"]["Tail_base"]
    np.testing.assert_allclose(place(pose, "mouse_white_tail", "Tail_base"), own["x"].where(own["likelihood"] > 0), rtol=1e-6)
