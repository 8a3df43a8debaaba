"""What all features over tracks promise: a part is what the whole holds there, and settings make sense."""

import numpy as np
import pytest

from behavior.curation import CuratedTracking, curate
from behavior.labelling import Subject
from behavior.recording import Recording
from behavior.views.arena_features import ArenaFeatures
from behavior.views.features import Features, refuse_bad_settings
from behavior.views.pair_features import PairFeatures
from behavior.views.pair_statistics import PairStatistics
from behavior.views.pair_tracks import PairTracks

PARTS = ("body_center", "nose", "tail_base")


@pytest.fixture
def wandering(tracking_rows, recording: Recording) -> CuratedTracking:
    """Two mice for three seconds; the nose of mouse 1 is lost from frame 20 to 50."""
    rng = np.random.default_rng(0)
    rows = [
        (frame, mouse, part, 100 * mouse + frame + float(rng.normal()), 50 + float(rng.normal()))
        for frame in range(90)
        for mouse in (1, 2)
        for part in PARTS
        if (mouse, part) != (1, "nose") or not 20 <= frame < 50
    ]
    return curate(tracking_rows(rows), recording)


@pytest.mark.parametrize("rate", [30.0, 12.0, 70.0])
@pytest.mark.parametrize("kind", [PairFeatures, PairTracks, lambda parts, rate: ArenaFeatures(bodyparts=parts, fps=rate)])
def test_a_part_is_what_the_whole_holds_there(kind, rate: float, wandering: CuratedTracking) -> None:
    """Also where a point is lost on both sides of a border of the part; what lies beyond the end is left out."""
    features: Features = kind(PARTS, rate)
    whole = features.of(wandering, 30.0, Subject(1, 2))
    samples = len(whole)
    assert whole.shape == (round(3 * rate), len(features.names))
    for part in (slice(0, 1), slice(samples // 3, samples // 2), slice(samples // 2, samples + 9)):
        np.testing.assert_array_equal(features.of(wandering, 30.0, Subject(1, 2), part), whole[part])


def test_statistics_have_no_mirror_image_and_all_else_has_one() -> None:
    assert PairStatistics(PARTS).mirror is None
    for features in (PairFeatures(PARTS), PairTracks(PARTS), PairTracks(PARTS, place=True), ArenaFeatures()):
        assert len(features.mirror.columns) == len(features.names)


def test_the_arena_looks_the_same_whoever_is_asked_about(wandering: CuratedTracking) -> None:
    features = ArenaFeatures(bodyparts=PARTS)
    np.testing.assert_array_equal(features.of(wandering, 30.0, Subject()), features.of(wandering, 30.0, Subject(2, 1)))


def test_bodyparts_are_given_once_each_and_a_rate_is_above_zero() -> None:
    refuse_bad_settings(("nose",), 30.0)
    for wrong in ((), ("nose", "nose")):
        with pytest.raises(ValueError, match="Expected each bodypart once"):
            refuse_bad_settings(wrong, 30.0)
    for fps in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="Expected fps above zero"):
            refuse_bad_settings(("nose",), fps)
