import pytest

from behavior.skeleton import BODYPARTS, IGNORED, canonical, canonical_columns, known_bodypart


def test_mabe_tracks_29_bodyparts_eight_of_them_on_an_implant():
    assert len(set(BODYPARTS)) == 29
    assert len(IGNORED) == 8


def test_a_hip_and_a_lateral_point_are_one_place():
    assert canonical("hip_left") == canonical("lateral_left") == "lateral_left"
    assert canonical("whisker") == "whisker"


def test_canonical_columns_say_where_each_place_stands():
    assert canonical_columns(("nose", "hip_left", "tail_base")) == {"nose": 0, "lateral_left": 1, "tail_base": 2}
    assert canonical_columns(("hip_left", "lateral_left")) == {"lateral_left": 1}  # its own name wins


@pytest.mark.parametrize(
    ("spelling", "ours"),
    [
        *((name, "nose") for name in ("nose", "Nose", "NOSE", "snout", "noseTip")),
        *((name, "ear_left") for name in ("ear_left", "Left_ear", "LEFT_EAR", "leftEar", "leftear", "Ear_L", "LEar", "earleft")),
        *((name, "tail_base") for name in ("tailbase", "Tail_base", "BASE_TAIL", "baseoftail", "Tailroot", "tail base", "TTI")),
        ("Forehand-Right", "forepaw_right"),
        ("RIGHT_REAR_PAW", "hindpaw_right"),
        ("Left_bhip", "hip_left"),
        ("CENTER_SPINE", "body_center"),
        ("TailTip", "tail_tip"),
        ("Spine_2", "spine_2"),
    ],
)
def test_what_other_programs_call_a_bodypart_is_known(spelling: str, ours: str):
    assert known_bodypart(spelling) == ours


@pytest.mark.parametrize("name", ["ear", "left", "left_nose", "paw1LH_top", "Tail_1", "shoulder", "Left_fhip", "whisker", "", "é"])
def test_what_is_not_surely_one_of_ours_is_not_guessed(name: str):
    assert known_bodypart(name) is None
