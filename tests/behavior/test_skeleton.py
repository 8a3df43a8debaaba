from behavior.skeleton import BODYPARTS, IGNORED, canonical, canonical_columns


def test_mabe_tracks_29_bodyparts_eight_of_them_on_an_implant():
    assert len(set(BODYPARTS)) == 29
    assert len(IGNORED) == 8


def test_a_hip_and_a_lateral_point_are_one_place():
    assert canonical("hip_left") == canonical("lateral_left") == "lateral_left"
    assert canonical("whisker") == "whisker"


def test_canonical_columns_say_where_each_place_stands():
    assert canonical_columns(("nose", "hip_left", "tail_base")) == {"nose": 0, "lateral_left": 1, "tail_base": 2}
    assert canonical_columns(("hip_left", "lateral_left")) == {"lateral_left": 1}  # its own name wins
