"""Mirrors: who walks left walks right, and left ears are right ears."""

from dataclasses import replace

import numpy as np
import pytest

from behavior.curation import CuratedTracking, curate
from behavior.labelling import Subject
from behavior.recording import Recording
from behavior.views.arena_features import ArenaFeatures
from behavior.views.features import Features
from behavior.views.mirror import mirror_of
from behavior.views.pair_features import PairFeatures
from behavior.views.pair_tracks import PairTracks

PARTS = ("body_center", "ear_left", "ear_right", "nose", "tail_base")


def mirrored(curated: CuratedTracking) -> CuratedTracking:
    """The same mice filmed in a mirror: x turns around, and what was tracked as the left ear is the right one."""
    other = [curated.bodyparts.index(part) for part in ("body_center", "ear_right", "ear_left", "nose", "tail_base")]
    turned = np.array([-1, 1], np.float32)[:, None, None, None]
    pose = replace(curated.pose, xy=curated.xy[:, :, other] * turned, seen=curated.seen[:, other])
    return CuratedTracking(pose, curated.velocity[:, :, other] * turned)


@pytest.fixture
def wandering(tracking_rows, recording: Recording) -> CuratedTracking:
    """Two mice, whose points are lost now and then."""
    rng = np.random.default_rng(0)
    rows = [
        (frame, mouse, part, float(100 * mouse + rng.normal()), float(50 + rng.normal()))
        for frame in range(60)
        for mouse in (1, 2)
        for part in PARTS
        if frame in (0, 59) or rng.random() < 0.9
    ]
    return curate(tracking_rows(rows), recording)


@pytest.mark.parametrize("features", [PairFeatures(PARTS), PairTracks(PARTS), ArenaFeatures(bodyparts=PARTS)])
def test_the_mirror_of_features_is_the_features_of_the_mirror_image(features: Features, wandering: CuratedTracking) -> None:
    mirror = features.mirror
    assert mirror is not None
    seen = features.of(wandering, 30.0, Subject(1, 2))
    np.testing.assert_array_equal(mirror(seen), features.of(mirrored(wandering), 30.0, Subject(1, 2)))
    assert not np.array_equal(mirror(seen), seen, equal_nan=True)
    np.testing.assert_array_equal(mirror(mirror(seen)), seen)


def test_columns_turn_around_or_change_places() -> None:
    names = ("x_nose", "vx_ear_left", "vx_ear_right", "y_nose", "t_x_nose", "rel_dx", "rel_dy", "rel_dist", "m_ear_left", "m_ear_right")
    mirror = mirror_of(names)
    assert mirror(np.arange(10.0)).tolist() == [0, -2, -1, 3, -4, -5, 6, 7, 9, 8]


def test_a_left_without_its_right_stays_where_it_is() -> None:
    assert mirror_of(("y_ear_left", "y_nose"))(np.array([1.0, 2.0])).tolist() == [1.0, 2.0]
