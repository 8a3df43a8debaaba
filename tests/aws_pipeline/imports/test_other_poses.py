"""NWB, JABS, CalMS21 and MARS, and files that are no poses."""

import json
from datetime import UTC, datetime

import h5py
import numpy as np
import pytest
import sleap_io as sio
from sleap_io.io import jabs

from aws_pipeline.imports.pose_formats import read_poses
from behavior.contract import ContractError, UsageError


def nwb(path, animals=("resident",), rate=29.97, unit="pixels", timestamps=None, deep=False):
    """Write poses with ndx-pose: the nose of animal n goes right from 100 n."""
    import ndx_pose
    import pynwb

    file = pynwb.NWBFile("tests", "id", datetime(2026, 1, 1, tzinfo=UTC))
    module = file.create_processing_module("behavior", "pose")
    skeletons = ndx_pose.Skeletons(skeletons=[ndx_pose.Skeleton(name=animal, nodes=["nose"]) for animal in animals])
    module.add(skeletons)
    for n, animal in enumerate(animals):
        data = np.stack([100.0 * n + np.arange(4), np.full(4, 5.0), *([np.zeros(4)] if deep else [])], axis=1)
        clock = {"timestamps": timestamps} if timestamps is not None else {"rate": rate}
        series = ndx_pose.PoseEstimationSeries(
            name="nose", description="d", data=data, unit=unit, reference_frame="corner", confidence=np.full(4, 0.7), **clock
        )
        module.add(
            ndx_pose.PoseEstimation(name=animal, pose_estimation_series=[series], skeleton=skeletons[animal], source_software="SLEAP")
        )
    with pynwb.NWBHDF5IO(str(path), "w") as io:
        io.write(file)


@pytest.mark.filterwarnings("ignore")
def test_each_pose_estimation_of_an_nwb_file_is_an_animal(tmp_path):
    nwb(tmp_path / "a.nwb", ("resident", "intruder"))
    (pose,) = read_poses(tmp_path / "a.nwb")
    assert (set(pose.animals), pose.bodyparts, pose.fps, pose.tracker) == ({"resident", "intruder"}, ("nose",), 29.97, "SLEAP")
    assert pose.xy[0, pose.animals.index("intruder"), 0].tolist() == [100, 101, 102, 103]
    assert pose.likelihood[0, 0].tolist() == pytest.approx([0.7] * 4)


@pytest.mark.filterwarnings("ignore")
def test_the_clock_and_the_unit_of_an_nwb_file(tmp_path):
    nwb(tmp_path / "a.nwb", unit="cm", timestamps=np.array([0, 0.04, 0.08, 0.12]))
    (pose,) = read_poses(tmp_path / "a.nwb")
    assert (pose.fps, pose.pix_per_cm) == (25.0, 1.0)
    nwb(tmp_path / "b.nwb", timestamps=np.arange(4.0))
    (pose,) = read_poses(tmp_path / "b.nwb")
    assert (pose.fps, pose.notes) == (None, ("Its timestamps count frames, and say nothing about seconds.",))
    nwb(tmp_path / "c.nwb", deep=True)
    with pytest.raises(ContractError, match="Expected 2-D tracks, but got series nose of shape"):
        read_poses(tmp_path / "c.nwb")


def test_real_nwb_files_are_read_or_refused_in_one_line(formats):
    (pose,) = read_poses(formats / "pose.nwb")
    assert (pose.animals, pose.xy.shape) == (("mouse",), (2, 1, 6, 750))
    with pytest.raises(ContractError, match="one that pynwb cannot read: This PoseEstimation group links 2 Device objects") as caught:
        read_poses(formats / "pose_that_fails_to_load.nwb")
    assert "\n" not in str(caught.value)


def jabs_labels(mice):
    """Mouse n stands at (100 n + 10, 20), and only its nose is found."""
    tracks, points = [sio.Track(str(n)) for n in range(mice)], np.full((12, 2), np.nan)
    instances = []
    for n, track in enumerate(tracks):
        points[0] = (100 * n + 10, 20)
        scores = np.where(np.isnan(points[:, 0]), 0.0, 0.9)
        instances.append(
            sio.PredictedInstance.from_numpy(
                points.copy(), skeleton=jabs.JABS_DEFAULT_SKELETON, point_scores=scores, score=1.0, track=track
            )
        )
    video = sio.Video("cage.avi", open_backend=False)
    frames = [sio.LabeledFrame(video, t, instances) for t in range(3)]
    return sio.Labels(frames, videos=[video], skeletons=[jabs.JABS_DEFAULT_SKELETON], tracks=tracks)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("version", "mice"), [(2, 1), (3, 2), (4, 2), (5, 2), (6, 2), (7, 2), (8, 2)])
def test_jabs_poses_of_all_versions_hold_x_where_they_say_y(tmp_path, version, mice):
    jabs.write_labels(jabs_labels(mice), min(version, 5), str(tmp_path))
    path = tmp_path / f"cage_pose_est_v{version}.h5"
    (tmp_path / f"cage_pose_est_v{min(version, 5)}.h5").rename(path)
    with h5py.File(path, "a") as file:
        file["poseest"].attrs["version"] = np.array([version, 0], np.uint16)
        file["poseest"].attrs["cm_per_pixel"] = np.float32(0.05)
        if version > 5:  # they add segmentation, moving objects and boxes
            file["poseest/seg_data"] = np.zeros((3, 2, 1, 1, 2), np.int32)
            file["dynamic_objects/fecal_boli/points"] = np.zeros((1, 1, 1, 2))
            file["poseest/bbox"] = np.zeros((3, 2, 2, 2), np.float32)
    (pose,) = read_poses(path)
    assert (pose.name, pose.tracker, pose.animals) == ("cage", f"JABS pose v{version}", ("0", "1")[:mice])
    assert pose.pix_per_cm == pytest.approx(20)
    assert pose.xy[:, :, 0, 0].T.tolist() == [[10, 20], [110, 20]][:mice]
    assert np.isnan(pose.xy[:, :, 1:]).all(), "a confidence of 0 is a point that was not found"


def test_poses_of_jabs_that_belong_to_no_mouse_are_left_out(formats):
    (pose,) = read_poses(formats / "jabs_v5.h5")
    assert (pose.animals, pose.xy.shape) == (("0", "1", "2", "3"), (2, 4, 12, 250))
    with h5py.File(formats / "jabs_v5.h5") as file:
        frame, instance = 100, int(np.flatnonzero(file["poseest/instance_embed_id"][100] == 3)[0])
        assert pose.xy[:, 2, 4, frame].tolist() == file["poseest/points"][frame, instance, 4][::-1].tolist()
        fifth = np.count_nonzero(file["poseest/id_mask"][()] == 0)
    assert np.isfinite(pose.xy[0]).any(axis=1).sum() <= fifth
    (single,) = read_poses(formats / "jabs_v2.h5")
    assert (single.xy.shape, single.pix_per_cm) == ((2, 1, 12, 100), None)


def keypoints(frames):
    """The nose of the intruder goes right from 100; all other points lie at 1."""
    points = np.ones((frames, 2, 2, 7))
    points[:, 1, 0, 0] = 100 + np.arange(frames)
    return {"keypoints": points.tolist(), "scores": np.full((frames, 2, 7), 0.5).tolist()}


@pytest.mark.parametrize("wrapped", [True, False])
def test_calms21_and_mars_files_hold_resident_and_intruder(tmp_path, wrapped):
    path = tmp_path / "session.json"
    names = ["task1/train/mouse001_task1_annotator1", "task1/train/mouse002_task1_annotator1"]
    content = {"annotator-id_0": {name: keypoints(4) | {"annotations": [0] * 4} for name in names}} if wrapped else keypoints(4)
    path.write_text(json.dumps(content))
    poses = read_poses(path)
    assert [pose.name for pose in poses] == (["mouse001_task1_annotator1", "mouse002_task1_annotator1"] if wrapped else ["session"])
    assert (poses[0].animals, poses[0].bodyparts[-1]) == (("resident", "intruder"), "tail_base")
    assert poses[-1].xy[0, 1, 0].tolist() == [100, 101, 102, 103]
    assert poses[-1].likelihood.shape == (2, 7, 4)


def test_a_mars_file_of_no_frames_is_refused(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(keypoints(0)))
    with pytest.raises(ContractError, match="Expected tracked frames, but got 0 frames"):
        read_poses(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "but got an empty one"),
        (b"\x80\x04}\x94.", "but got a pickle, which can run any program. Export it as csv or h5."),
        (b'{"keypoints": [', "Expected json, but got"),
        (b'{"behaviors_conf": {}}', "but got json without keypoints. Import annotations with import_annotations.py."),
        (b"nose_x,nose_y,nose_z,fnum\n", "but got 3-D tracks"),
        (b"time,behavior\n", "but got a text that begins with 'time,behavior'"),
        (b"\x00\x00\x00 ftypisom", "but got another binary file"),
        (b"\x89HDF\r\n\x1a\n cut", "Expected an HDF5 file, but got"),
    ],
)
def test_other_files_are_refused_in_one_line_that_says_what_they_are(tmp_path, content, told):
    path = tmp_path / "cage1.csv"  # the content counts, not the ending
    path.write_bytes(content)
    with pytest.raises(ContractError) as caught:
        read_poses(path)
    assert told in str(caught.value)
    assert str(caught.value).startswith("cage1.csv: Expected ")


def test_hdf5_of_something_else_and_no_file_at_all(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["spikes"] = [1]
    with pytest.raises(ContractError, match="but got HDF5 with spikes"):
        read_poses(tmp_path / "a.h5")
    with pytest.raises(UsageError, match="Name an existing file"):
        read_poses(tmp_path / "none.h5")
