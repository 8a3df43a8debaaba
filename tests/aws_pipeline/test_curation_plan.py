from dataclasses import replace

from raw_zone import HERON, ODD, OTTER, PLAIN, TEST, walk

from aws_pipeline.curation_plan import plan_work
from aws_pipeline.curation_work import Work, in_parts


def faults_of(zone):
    return tuple(str(fault) for one in plan_work(zone.uri).put_aside for fault in one.faults)


def test_a_recording_is_planned_with_its_tracking_and_its_annotation(zone):
    zone.annotation(OTTER, [(1, 1, "rear", 0, 1)])
    plan = plan_work(zone.uri)
    (work,) = plan.work
    assert plan.faults == ()
    assert (work.split, work.recording) == ("train", OTTER)
    assert (work.tracking, work.annotation) == (
        "train_tracking/lab_id=QuietOtter/7.parquet",
        "train_annotation/lab_id=QuietOtter/7.parquet",
    )
    assert work.n_bytes == zone.file("train_tracking", OTTER).stat().st_size


def test_an_empty_zone_says_what_to_do(settings):
    (fault,) = plan_work("s3://raw-zone/nothing").faults
    assert fault.code == "file-missing"
    assert str(fault) == "s3://raw-zone/nothing: Expected an object metadata/train.csv, but got none. Run python aws_pipeline/s3_upload.py."


def test_recordings_that_no_metadata_names_are_left_out_and_counted(zone):
    zone.tracking(PLAIN, walk([0]))
    zone.tracking(TEST, walk([0]), split="test")
    plan = plan_work(zone.uri)
    assert plan.faults == ()
    assert [work.recording for work in plan.work] == [OTTER]
    assert plan.ignored == (f"train_tracking/lab_id={ODD}/9.parquet", "test_tracking/lab_id=QuietOtter/500.parquet")


def test_a_row_without_tracking_is_told(zone):
    zone.metadata(OTTER, HERON)
    assert faults_of(zone) == (
        "metadata/train.csv: Expected an object train_tracking/lab_id=LoudHeron/8.parquet, but got none. Upload it or remove the row.",
    )


def test_a_recording_that_lies_in_another_labs_folder_is_told_once(zone):
    zone.tracking(replace(HERON, lab_id=ODD), walk([0]))
    zone.metadata(OTTER, HERON)
    (fault,) = faults_of(zone)
    assert fault.startswith(f"train_tracking/lab_id={ODD}/8.parquet: Expected lab LoudHeron as metadata/train.csv says, but got {ODD}.")


def test_two_objects_of_one_recording_and_a_key_that_names_none_are_told(zone):
    zone.tracking(replace(OTTER, lab_id="LoudHeron"), walk([0]))
    (zone.folder / "train_tracking" / "notes.txt").write_text("x")
    assert {fault.split(": ")[0] for fault in faults_of(zone)} >= {
        "train_tracking/lab_id=QuietOtter/7.parquet",
        "train_tracking/notes.txt",
    }


def test_unusable_metadata_is_told_and_the_other_recordings_are_planned_all_the_same(zone):
    zone.metadata(OTTER, replace(HERON, fps=0.0), replace(PLAIN, pix_per_cm=0.0))
    zone.tracking(HERON, walk([0]))
    zone.tracking(PLAIN, walk([0]))
    plan = plan_work(zone.uri)
    assert [work.recording for work in plan.work] == [OTTER]
    assert plan.faults == ()
    assert [(one.name, one.lab) for one in plan.put_aside] == [("train-8", "LoudHeron"), ("train-9", ODD)]
    rate, scale = (fault for one in plan.put_aside for fault in one.faults)
    assert "Expected frames_per_second to be a number from 1 to 2,000" in str(rate)
    assert "Expected pix_per_cm_approx to be a number from 0.1 to 10,000" in str(scale)


def test_parts_are_of_about_equal_size_and_hold_everything_once():
    work = [Work("train", replace(OTTER, video_id=n), "k", n_bytes) for n, n_bytes in enumerate([90 << 20, *[10 << 20] * 9])]
    parts = in_parts(work, cores=1)
    assert sorted(one.recording.video_id for part in parts for one in part) == list(range(10))
    assert sorted(sum(one.n_bytes for one in part) >> 20 for part in parts) == [90, 90]
    assert in_parts([], cores=2) == []
    assert len(in_parts(work[:1], cores=8)) == 1
