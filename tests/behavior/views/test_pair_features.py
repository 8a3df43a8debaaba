import numpy as np
import pytest

from behavior.curation import curate
from behavior.labelling import Subject
from behavior.views.pair_features import PairFeatures, common_bodyparts
from behavior.views.sampling import frame_samples, sample_frames
from behavior.views.scaler import RobustScaler

NOSE = PairFeatures(bodyparts=("nose",), fps=30.0)


def column(features, settings, name):
    return features[:, settings.names.index(name)]


@pytest.fixture
def two_mice(tracking_rows, recording):
    """Mouse 1 stands at (0, 0); mouse 2 stands 3 cm right and 4 cm below, and is lost in frame 1."""
    rows = [(frame, 1, "nose", 200, 100) for frame in range(3)] + [(frame, 2, "nose", 230, 140) for frame in (0, 2)]
    return curate(tracking_rows(rows), recording)


def test_the_pair_view_holds_agent_target_distance_and_masks(two_mice):
    features = NOSE.of(two_mice, 30.0, Subject(1, 2))
    assert features.shape == (3, len(NOSE.names)) == (3, 13)
    assert column(features, NOSE, "x_nose").tolist() == [0, 0, 0]
    assert column(features, NOSE, "t_y_nose").tolist() == [4, 4, 4]
    assert column(features, NOSE, "rel_dx").tolist() == [3, 3, 3]
    assert column(features, NOSE, "rel_dist").tolist() == [5, 5, 5]
    assert column(features, NOSE, "m_nose").tolist() == [1, 1, 1]
    assert column(features, NOSE, "t_m_nose").tolist() == [1, 0, 1]


def test_agent_and_target_are_not_the_same_the_other_way_round(two_mice):
    features = NOSE.of(two_mice, 30.0, Subject(2, 1))
    assert column(features, NOSE, "rel_dx").tolist() == [-3, -3, -3]
    assert column(features, NOSE, "m_nose").tolist() == [1, 0, 1]


def test_a_mouse_by_itself_is_its_own_target_at_distance_zero(two_mice):
    features = NOSE.of(two_mice, 30.0, Subject(2, 2))
    assert column(features, NOSE, "x_nose").tolist() == column(features, NOSE, "t_x_nose").tolist() == [3, 3, 3]
    assert column(features, NOSE, "rel_dist").tolist() == [0, 0, 0]


def test_a_bodypart_or_mouse_nobody_tracks_is_unknown_with_mask_0(two_mice):
    settings = PairFeatures(bodyparts=("nose", "tail_base"))
    features = settings.of(two_mice, 30.0, Subject(1, 4))
    assert np.isnan(column(features, settings, "x_tail_base")).all()
    assert np.isnan(column(features, settings, "t_x_nose")).all()
    assert np.isnan(column(features, settings, "rel_dist")).all()
    assert not column(features, settings, "t_m_nose").any()


def test_hips_stand_for_lateral_points(tracking_rows, recording):
    curated = curate(tracking_rows([(0, 1, "hip_left", 210, 100)]), recording)
    settings = PairFeatures(bodyparts=common_bodyparts([("hip_left", "headpiece_topbackleft"), ("nose",)]))
    assert settings.bodyparts == ("lateral_left", "nose")
    assert column(settings.of(curated, 30.0, Subject(1, 1)), settings, "x_lateral_left").tolist() == [1.0]


def test_a_recording_of_120_frames_a_second_is_sampled_at_every_fourth_frame():
    assert sample_frames(12, 120.0, 30.0).tolist() == [2, 6, 10]
    assert frame_samples(12, 120.0, 30.0).tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_a_recording_of_10_frames_a_second_repeats_each_frame_three_times():
    assert sample_frames(2, 10.0, 30.0).tolist() == [0, 0, 0, 1, 1, 1]
    assert frame_samples(2, 10.0, 30.0).tolist() == [1, 4]


def test_at_the_recognizers_own_rate_frames_and_samples_are_the_same():
    assert sample_frames(5, 30.0, 30.0).tolist() == frame_samples(5, 30.0, 30.0).tolist() == [0, 1, 2, 3, 4]


def test_the_scaler_subtracts_the_median_divides_by_the_quartiles_and_cuts_at_five():
    features = np.array([[0, 1], [1, 0], [2, 1], [3, 1], [4, 1]], np.float32)
    scaler = RobustScaler.fit(features, np.array([False, True]))
    assert scaler.median.tolist() == [2, 0]
    assert scaler.iqr.tolist() == [2, 1]
    scaled = scaler.transform(np.array([[3, 1], [np.nan, 0], [1000, 0]], np.float32))
    assert scaled.tolist() == [[0.5, 1], [0, 0], [5, 0]]


def test_a_constant_or_unknown_column_does_not_break_the_scaler():
    scaler = RobustScaler.fit(np.array([[7, np.nan]] * 4, np.float32), np.array([False, False]))
    assert scaler.transform(np.array([[8, 3]], np.float32)).tolist() == [[1, 3]]


@pytest.mark.parametrize("wrong", [{"bodyparts": ()}, {"bodyparts": ("nose", "nose")}, {"bodyparts": ("nose",), "fps": 0.0}])
def test_settings_that_contradict_themselves_are_refused(wrong):
    with pytest.raises(ValueError, match="Expected"):
        PairFeatures(**wrong)
