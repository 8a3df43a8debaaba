import pytest

from behavior.bodypart_spellings import known_bodypart


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
