import h5py
import numpy as np
import pytest
import sleap_io as sio

from aws_pipeline.imports.pose_formats import read_poses
from behavior.contract import ContractError

NODES = ["nose", "tail_base"]


def instance(skeleton, track, x, score=0.8, kind=sio.PredictedInstance):
    points = np.array([[x, 5.0], [np.nan, np.nan]])
    if kind is sio.Instance:
        return sio.Instance.from_numpy(points, skeleton=skeleton, track=track)
    return sio.PredictedInstance.from_numpy(points, skeleton=skeleton, point_scores=np.array([score, 0.0]), score=1.0, track=track)


def project(path, films=("cage1.mp4",), tracks=("b", "a"), frames=(3, 4)):
    """In each film, `tracks` stand side by side, 100 pixels apart."""
    skeleton, known = sio.Skeleton(NODES), [sio.Track(name) for name in tracks]
    videos = [sio.Video(film, open_backend=False) for film in films]
    labeled = [
        sio.LabeledFrame(video, frame, [instance(skeleton, track, 100.0 * n + frame) for n, track in enumerate(known)])
        for video in videos
        for frame in frames
    ]
    labels = sio.Labels(labeled, videos=videos, skeletons=[skeleton], tracks=known)
    labels.save(str(path), verbose=False)
    return labels


def test_a_project_is_read_with_its_frames_tracks_and_scores(tmp_path):
    project(tmp_path / "cage1_day2.mp4.predictions.slp")
    (pose,) = read_poses(tmp_path / "cage1_day2.mp4.predictions.slp")
    assert (pose.name, pose.animals, pose.bodyparts, pose.frames.tolist()) == ("cage1_day2", ("b", "a"), ("nose", "tail_base"), [3, 4])
    assert pose.xy[0, :, 0].tolist() == [[3, 4], [103, 104]]
    assert np.isnan(pose.xy[:, :, 1]).all()
    assert pose.likelihood[0, 0].tolist() == pytest.approx([0.8, 0.8])


def test_each_film_of_a_project_is_a_recording_with_the_name_of_the_film(tmp_path):
    project(tmp_path / "all.slp", films=("C:\\films\\cage1.mp4", "/films/souris é 2.avi"))
    assert [(pose.name, pose.xy.shape) for pose in read_poses(tmp_path / "all.slp")] == [
        ("cage1", (2, 2, 2, 2)),
        ("souris é 2", (2, 2, 2, 2)),
    ]


def test_a_correction_of_a_person_counts_more_than_the_prediction(tmp_path):
    labels = project(tmp_path / "a.slp", tracks=("a",))
    labels[0].instances.append(instance(labels.skeleton, labels.tracks[0], 50.0, kind=sio.Instance))
    labels.save(str(tmp_path / "b.slp"), verbose=False)
    (pose,) = read_poses(tmp_path / "b.slp")
    assert pose.xy[0, 0, 0].tolist() == [50, 4]


def test_one_animal_needs_no_track_and_several_do(tmp_path):
    skeleton, video = sio.Skeleton(NODES), sio.Video("a.mp4", open_backend=False)
    for name, count in (("one", 1), ("two", 2)):
        frame = sio.LabeledFrame(video, 0, [instance(skeleton, None, 10.0 * n) for n in range(count)])
        sio.Labels([frame], videos=[video], skeletons=[skeleton]).save(str(tmp_path / f"{name}.slp"), verbose=False)
    (pose,) = read_poses(tmp_path / "one.slp")
    assert (pose.animals, pose.xy[0, 0, 0].tolist()) == (("mouse",), [0])
    with pytest.raises(ContractError, match="Expected one track for each animal, but got instances without tracks, up to 2 in a frame"):
        read_poses(tmp_path / "two.slp")


def test_a_project_without_labeled_frames_is_refused_and_not_read_as_nothing(tmp_path):
    project(tmp_path / "a.slp", frames=())
    with pytest.raises(ContractError, match="Expected tracked frames, but got 0 frames"):
        read_poses(tmp_path / "a.slp")


@pytest.mark.parametrize("preset", ["matlab", "standard"])
def test_analysis_files_in_both_orders_of_axes_hold_the_same(tmp_path, preset):
    labels = project(tmp_path / "a.slp", frames=(0, 1, 2))
    path = tmp_path / "labels.v001.cage1.analysis.h5"
    sio.save_analysis_h5(labels, str(path), preset=preset)
    (pose,) = read_poses(path)
    assert (pose.name, pose.animals, pose.bodyparts) == ("labels.v001.cage1", ("b", "a"), ("nose", "tail_base"))
    assert pose.xy[0, :, 0].tolist() == [[0, 1, 2], [100, 101, 102]]


def test_an_analysis_file_whose_names_do_not_fit_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["tracks"], file["node_names"], file["track_names"] = np.zeros((1, 2, 3, 4)), [b"nose"], [b"a"]
    with pytest.raises(ContractError, match="Expected tracks of 1 animals with 1 nodes, but got axes of"):
        read_poses(tmp_path / "a.h5")


def test_real_projects_and_their_analysis_files_hold_the_same(formats):
    (project_pose,), (analysis,) = (read_poses(formats / f"sleap_one_mouse.{kind}") for kind in ("slp", "analysis.h5"))
    np.testing.assert_allclose(project_pose.xy, analysis.xy, rtol=1e-6)
    assert project_pose.name == analysis.name == "sleap_one_mouse"
    (three,) = read_poses(formats / "sleap_three_mice.slp")
    assert (three.animals, three.xy.shape, three.frames[[0, -1]].tolist()) == (
        ("track_0", "track_1", "track_2"),
        (2, 3, 15, 400),
        [70805, 71204],
    )
    assert (three.fps, three.size_px) == (50.0, (1280, 1024))
    (matlab,) = read_poses(formats / "sleap_matlab_layout.analysis.h5")
    assert matlab.xy[0, 1].tolist() == [[300, 301, 302], [350, 351, 352]]
