"""Every column of every view has a family that a biologist understands."""

import pytest

from behavior.views.arena_features import ArenaFeatures
from behavior.views.feature_families import families
from behavior.views.pair_features import PairFeatures
from behavior.views.pair_statistics import PairStatistics
from behavior.views.pair_tracks import PairTracks

PARTS = ("ear_left", "nose", "tail_base")
ALLOWED = {
    *(f"{owner}: {kind}" for owner in ("agent", "target", "both") for kind in ("speed", "turning", "posture", "place in the arena")),
    *(f"{owner}: where its {region} is" for owner in ("agent", "target") for region in ("head", "body", "tail")),
    *(f"mouse {number}: {kind}" for number in range(1, 5) for kind in ("speed", "place in the arena")),
    *("distance between the mice", "who faces whom", "approach", "lost points"),
}


@pytest.mark.parametrize(
    "features",
    [
        PairFeatures(PARTS),
        PairTracks(PARTS, place=True),
        PairStatistics(PARTS),
        PairStatistics(PARTS, symmetric=True),
        PairStatistics(PARTS, beside_s=(0.4,), place=True),
        ArenaFeatures(),
    ],
)
def test_every_column_has_a_family(features):
    assert set(families(features.names)) <= ALLOWED


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("vx_nose", "agent: speed"),
        ("t_y_nose", "target: place in the arena"),
        ("m_nose", "lost points"),
        ("rel_dist", "distance between the mice"),
        ("t_x_m_tail_base", "target: where its tail is"),
        ("seen_nose", "lost points"),
        ("t_x_m_arena_low", "target: place in the arena"),
        ("center speed 0.5s", "agent: speed"),
        ("t_turn 1s mean 2s", "target: turning"),
        ("ear_left nose cm dev 0.5s", "agent: posture"),
        ("nose to tail_base cm", "distance between the mice"),
        ("nose nose cm mean 5s", "distance between the mice"),
        ("t_turn 1s mean 0.25s, -0.4s", "target: turning"),
        ("edge dev 1s", "agent: place in the arena"),
        ("low front ahead cm", "who faces whom"),
        ("opening 0.033s", "approach"),
        ("high bend", "both: posture"),
        ("speed_mouse2_nose", "mouse 2: speed"),
        ("x_mouse2_nose", "mouse 2: place in the arena"),
    ],
)
def test_a_column_belongs_where_a_biologist_looks_for_it(name, family):
    assert families([name]) == (family,)
