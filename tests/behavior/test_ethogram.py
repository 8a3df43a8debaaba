from behavior.ethogram import BEHAVIORS, GROUPS, PAIR_BEHAVIORS, SELF_BEHAVIORS, ethogram


def test_mabe_has_37_behaviors_11_of_them_self():
    assert len(SELF_BEHAVIORS) == 11
    assert len(PAIR_BEHAVIORS) == 26
    assert len(set(BEHAVIORS)) == 37


def test_every_grouped_behavior_is_a_known_one_and_the_groups_are_three():
    assert set(GROUPS) <= set(BEHAVIORS)
    assert set(GROUPS.values()) == {"social", "mating", "aggressive"}
    assert GROUPS["chase"] == "aggressive"


def test_a_labs_own_behaviors_come_behind_the_known_ones_by_name():
    assert ethogram(["wiggle", "sniff", "attack", "bite", "rear", "sniff"]) == ("rear", "attack", "sniff", "bite", "wiggle")
