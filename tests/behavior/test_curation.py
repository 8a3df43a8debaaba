import hashlib
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from behavior.annotations import enrich
from behavior.contract import ContractError
from behavior.curation import CURATION_VERSION, WRITE_OPTIONS, curate, from_table, to_table
from behavior.recording import Recording, recordings_from_rows
from behavior.simulated.lab_profiles import PROFILES
from behavior.simulated.recordings import simulate
from behavior.tables import TRACKING_CURATED


def walk(frames, mouse=1, part="nose", px_per_frame=2.0):
    """A mouse walks right, at 30 frames a second and 10 pixels a centimeter: 2 pixels a frame are 6 cm/s."""
    return [(frame, mouse, part, 200 + px_per_frame * frame, 100) for frame in frames]


def test_pixels_become_centimeters_from_the_pictures_middle(tracking_rows, recording):
    curated = curate(tracking_rows([(0, 1, "nose", 230, 90)]), recording)
    assert curated.xy[:, 0, 0, 0].tolist() == pytest.approx([3.0, -1.0])
    assert curated.xy.dtype == np.float32


def test_a_mouse_walking_right_has_velocity_6_cm_per_s_from_the_second_frame_on(tracking_rows, recording):
    curated = curate(tracking_rows(walk(range(4))), recording)
    assert curated.velocity[0, 0, 0].tolist() == pytest.approx([0, 6, 6, 6])
    assert curated.velocity[1, 0, 0].tolist() == [0, 0, 0, 0]


def test_the_same_walk_filmed_at_120_frames_is_four_times_as_fast(tracking_rows):
    fast = Recording("QuietOtter", 7, fps=120.0, pix_per_cm=10.0, width_px=400, height_px=200)
    assert curate(tracking_rows(walk(range(3))), fast).velocity[0, 0, 0, 1:].tolist() == pytest.approx([24, 24])


def test_a_mouse_lost_for_three_frames_stands_still_and_comes_back_without_a_spike(tracking_rows, recording):
    curated = curate(tracking_rows(walk([0, 1, 5, 6])), recording)
    assert curated.seen[0, 0].tolist() == [True, True, False, False, False, True, True]
    assert curated.xy[0, 0, 0].tolist() == pytest.approx([0, 0.2, 0.2, 0.2, 0.2, 1.0, 1.2])
    assert curated.velocity[0, 0, 0].tolist() == pytest.approx([0, 6, 0, 0, 0, 6, 6])


def test_before_its_first_sight_a_point_stands_where_it_is_first_seen(tracking_rows, recording):
    rows = walk([0, 1, 2, 3], part="tail") + walk([2, 3])
    curated = curate(tracking_rows(rows), recording)
    nose = curated.bodyparts.index("nose")
    assert curated.xy[0, 0, nose].tolist() == pytest.approx([0.4, 0.4, 0.4, 0.6])
    assert curated.velocity[0, 0, nose].tolist() == pytest.approx([0, 0, 0, 6])


def test_a_point_that_is_never_seen_stays_unknown_and_is_null_in_the_table(tracking_rows, recording):
    rows = walk([0, 1], mouse=1) + walk([0, 1], mouse=1, part="tail") + walk([0, 1], mouse=2)
    curated = curate(tracking_rows(rows), recording)
    assert np.isnan(curated.xy[:, 1, 1]).all()
    assert np.isnan(curated.velocity[:, 1, 1]).all()
    table = to_table(curated, recording, "train")
    assert table.column("x_cm").null_count == table.column("vx_cm_per_s").null_count == 2
    assert not np.isnan(table.column("x_cm").drop_null().to_numpy()).any()


def test_rows_are_dense_sorted_and_typed_as_the_table_says(tracking_rows, recording):
    table = to_table(curate(tracking_rows(walk([0, 3]) + walk([1], mouse=2)), recording), recording, "test")
    assert table.schema == TRACKING_CURATED.schema
    assert table.column("mouse_id").to_pylist() == [1, 1, 1, 1, 2, 2, 2, 2]
    assert table.column("video_frame").to_pylist() == [0, 1, 2, 3, 0, 1, 2, 3]
    assert set(table.column("split").to_pylist()) == {"test"}
    assert set(table.column("video_id").to_pylist()) == {7}


def test_a_point_beyond_any_arena_poisons_neither_place_nor_velocity(tracking_rows, recording):
    """Without it the mouse walks 2 pixels a frame, which is 6 cm/s; the wild point counts as lost."""
    rows = [*walk([0, 1]), (2, 1, "nose", 1e30, 100), *walk([3, 4])]
    curated = curate(tracking_rows(rows), recording)
    assert curated.xy[0, 0, 0].tolist() == pytest.approx([0, 0.2, 0.2, 0.6, 0.8])
    assert curated.velocity[0, 0, 0].tolist() == pytest.approx([0, 6, 0, 6, 6])
    assert curated.seen[0, 0].tolist() == [True, True, False, True, True]


def test_a_clip_keeps_the_films_numbers_in_its_rows_and_when_it_is_read_again(tracking_rows, recording):
    rows = tracking_rows(walk([0, 1, 3]))
    clip = curate(rows.set_column(0, "video_frame", pa.array([100_000, 100_001, 100_003])), recording)
    whole = curate(rows, recording)
    np.testing.assert_array_equal(clip.xy, whole.xy)
    np.testing.assert_array_equal(clip.velocity, whole.velocity)
    assert clip.seen.mean() == 3 / 4
    table = to_table(clip, recording, "train")
    assert table.column("video_frame").to_pylist() == [100_000, 100_001, 100_002, 100_003]
    again = from_table(table)
    assert (again.first_frame, again.frames) == (100_000, 4)
    np.testing.assert_array_equal(again.xy, clip.xy)


@given(st.sets(st.tuples(st.integers(0, 9), st.integers(1, 3), st.sampled_from(["nose", "tail"])), min_size=1), st.randoms())
def test_what_is_written_and_read_again_is_the_same(points, random):
    recording = Recording("QuietOtter", 7, fps=30.0, pix_per_cm=10.0, width_px=400, height_px=200)
    points = sorted(points)
    random.shuffle(points)
    frame, mouse, part = zip(*points, strict=True)
    xs = [random.uniform(-50, 450) for _ in points]
    curated = curate(pa.table({"video_frame": frame, "mouse_id": mouse, "bodypart": part, "x": xs, "y": xs}), recording)
    file = io.BytesIO()
    pq.write_table(to_table(curated, recording, "train"), file, **WRITE_OPTIONS)
    again = from_table(pq.read_table(pa.BufferReader(file.getvalue()), page_checksum_verification=True))
    assert (again.mice, again.bodyparts) == (curated.mice, curated.bodyparts)
    np.testing.assert_array_equal(again.xy, curated.xy)
    np.testing.assert_array_equal(again.velocity, curated.velocity)
    np.testing.assert_array_equal(again.seen, curated.seen)
    seen_speed = np.abs(curated.velocity[:, curated.seen])
    assert not len(seen_speed) or seen_speed.max() <= 500 / 10 * 30  # no farther than across the picture within one frame
    assert (curated.velocity[:, ~curated.seen] == 0).sum() + np.isnan(curated.velocity[:, ~curated.seen]).sum() == 2 * (~curated.seen).sum()


def test_rows_of_two_recordings_are_not_one(tracking_rows, recording):
    table = to_table(curate(tracking_rows(walk([0, 1])), recording), recording, "train")
    with pytest.raises(ContractError, match="one recording"):
        from_table(pa.concat_tables([table, table.slice(0, 1)]))


@pytest.mark.realdata
def test_a_real_recording_with_a_third_of_its_points_missing_is_curated_whole(real_data):
    from behavior.recording import recordings_from_rows
    from behavior.tables import parse_metadata

    recordings = recordings_from_rows(parse_metadata((real_data / "train.csv").read_bytes(), "train.csv").to_pylist())
    recording = next(recording for recording in recordings if recording.video_id == 76961964)
    rows = pq.read_table(real_data / "train_tracking" / recording.lab_id / "76961964.parquet", partitioning=None)
    curated = curate(rows, recording)
    assert curated.frames == 14734
    assert curated.seen.mean() == pytest.approx(0.5906, abs=1e-4)  # point_coverage in the data's own manifest
    assert np.isfinite(curated.xy).all()


def test_other_rows_need_another_version_of_the_curation():
    """If this fails and you meant it: raise CURATION_VERSION, and put the new digest here."""
    simulated = simulate(PROFILES["CautiousGiraffe"], seed=1, video_id=7, seconds=20.0)
    (recording,) = recordings_from_rows([simulated.metadata])
    curated = curate(simulated.tracking, recording)
    rounded = [np.rint(np.nan_to_num(array, nan=-999.0) * 1000).astype(np.int64) for array in (curated.xy, curated.velocity)]
    bouts = enrich(simulated.annotation, recording).to_pylist()
    text = json.dumps([hashlib.sha256(array.tobytes()).hexdigest() for array in rounded]) + curated.seen.tobytes().hex() + str(bouts)
    assert (CURATION_VERSION, hashlib.sha256(text.encode()).hexdigest()[:16]) == (2, "f180ecf9cf488770")
