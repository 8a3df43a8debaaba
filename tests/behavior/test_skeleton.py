from behavior.skeleton import BODYPARTS, IGNORED, canonical, canonical_columns, edges


def test_mabe_tracks_29_bodyparts_eight_of_them_on_an_implant():
    assert len(set(BODYPARTS)) == 29
    assert len(IGNORED) == 8


def test_a_hip_and_a_lateral_point_are_one_place():
    assert canonical("hip_left") == canonical("lateral_left") == "lateral_left"
    assert canonical("whisker") == "whisker"


def test_canonical_columns_say_where_each_place_stands():
    assert canonical_columns(("nose", "hip_left", "tail_base")) == {"nose": 0, "lateral_left": 1, "tail_base": 2}
    assert canonical_columns(("hip_left", "lateral_left")) == {"lateral_left": 1}  # its own name wins


def test_a_skeleton_joins_what_is_tracked_along_the_spine_and_to_the_limbs():
    parts = ("ear_left", "ear_right", "hip_left", "hip_right", "neck", "nose", "tail_base")
    joined = {frozenset((parts[one], parts[other])) for one, other in edges(parts)}
    assert joined == {
        frozenset(pair)
        for pair in (
            ("nose", "neck"),
            ("neck", "tail_base"),
            ("ear_left", "nose"),
            ("ear_right", "nose"),
            ("ear_left", "neck"),
            ("ear_right", "neck"),
            ("hip_left", "neck"),
            ("hip_right", "neck"),
            ("hip_left", "tail_base"),
            ("hip_right", "tail_base"),
        )
    }


def test_every_tracked_bodypart_but_the_implant_hangs_on_the_skeleton():
    hanging = {BODYPARTS[place] for pair in edges(BODYPARTS) for place in pair}
    assert {canonical(part) for part in hanging} == {canonical(part) for part in BODYPARTS if part not in IGNORED}


def test_one_bodypart_alone_has_nothing_to_be_joined_to():
    assert edges(("forepaw_left",)) == edges(("tail_tip", "unknown_part")) == ()
