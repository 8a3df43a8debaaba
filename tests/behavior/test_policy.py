"""A policy changes what may be changed, and says of everything else why not."""

import pyarrow as pa
import pytest

from behavior.annotations import sound_bouts
from behavior.contract import SEVERITY, ContractError, Fault, Severity, UsageError
from behavior.policy import EXAMPLE, LEEWAY, STANDARD, Policy, codes_table, parse_policy, releasable
from behavior.tables import RAW_ANNOTATION
from behavior.tracking import to_pose

HEAD = "contract = 2\n[severity]\n"


def test_without_a_policy_every_code_is_what_the_contract_says():
    assert all(STANDARD.severity(code) is severity for code, severity in SEVERITY.items())
    assert parse_policy("contract = 2", "p.toml") == STANDARD == parse_policy(HEAD + 'point-far = "repair"', "p.toml")


def test_a_policy_makes_one_code_stricter_and_another_gentler():
    policy = parse_policy(HEAD + 'point-far = "reject"\nbout-reversed = "repair"', "p.toml")
    assert policy.severity("point-far") is Severity.REJECT
    assert policy.severity("bout-reversed") is Severity.REPAIR
    assert policy.severity("bout-empty") is Severity.REPAIR
    with pytest.raises(ContractError, match="far away"):
        policy.refuse([Fault("bout-reversed", "a", "turned"), Fault("point-far", "b", "far away")])
    policy.refuse([Fault("bout-reversed", "a", "turned")])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEAD + 'file-unreadable = "flag"', "Expected file-unreadable to be reject, but got 'flag'. Such input cannot be used otherwise"),
        (HEAD + 'point-far = "flag"', "Expected point-far to be repair or reject, but got 'flag'."),
        (HEAD + 'place-contradiction = "flag"', "Expected place-contradiction to be reject or repair, but got 'flag'."),
        (HEAD + 'point-fur = "reject"', "Expected a code of contract 2, but got point-fur. See python aws_pipeline/validate.py --codes."),
        ('[severity]\npoint-far = "reject"', "Expected contract = 2, but got none."),
        ("contract = 1", "Expected contract = 2, but got 1."),
        ("contract = 2\nseverity = 3", "Expected a table [severity], but got a value."),
        ("contract = 2\nseverities = 3", "Expected only contract and [severity], but got severities."),
        ("contract = ", "Expected a policy in TOML, but got"),
    ],
)
def test_a_policy_that_means_nothing_is_told_line_by_line(text, told):
    with pytest.raises(UsageError) as caught:
        parse_policy(text, "p.toml")
    assert f"p.toml: {told}" in str(caught.value)


def test_the_example_is_a_policy():
    assert parse_policy(EXAMPLE, "p.toml").changed == {"place-contradiction", "point-far"}


def test_all_wrong_lines_are_told_at_once():
    with pytest.raises(UsageError) as caught:
        parse_policy('[severity]\npoint-fur = "reject"\nscale = "flag"', "p.toml")
    assert str(caught.value).count("p.toml: Expected") == 3


def test_only_codes_of_which_something_sound_can_be_made_may_be_released():
    assert releasable("place-contradiction")
    assert releasable("point-far")
    assert not any(map(releasable, ("file-unreadable", "file-missing", "scale", "column-missing", "bout-clock")))
    assert all(LEEWAY[code][0] is not SEVERITY[code] for code in LEEWAY)


def test_a_release_turns_a_rejecting_code_whoever_made_it_reject_and_leaves_the_others():
    strict = Policy(frozenset({"point-far"}))
    released = strict.releasing(["point-far", "place-contradiction", "scale", "bout-empty"])
    assert released.severity("point-far") is Severity.REPAIR
    assert released.severity("place-contradiction") is Severity.REPAIR
    assert released.severity("scale") is Severity.REJECT
    assert released.severity("bout-empty") is Severity.REPAIR


def test_the_table_of_codes_says_what_each_may_become():
    lines = codes_table().splitlines()
    assert lines[0] == "contract 2"
    row = next(number for number, line in enumerate(lines) if line.startswith("place-contradiction"))
    assert lines[row].split()[:2] == ["place-contradiction", "reject"]
    assert lines[row + 1].strip() == "may be repair: the keypoint counts as lost in that frame"


def test_a_keypoint_at_two_places_counts_as_lost_in_that_frame_if_the_policy_says_so(tracking_rows):
    torn = [(1, 1, "nose", 2, 2), (1, 1, "nose", 99, 2), (1, 1, "nose", 2, 2)]
    rows = [(0, 1, "nose", 1, 1), *torn, (2, 1, "nose", 3, 3), (2, 1, "nose", 3, 3)]
    pose = to_pose(tracking_rows(rows), policy=Policy(frozenset({"place-contradiction"})))
    assert pose.seen[0, 0].tolist() == [True, False, True]
    assert pose.xy[0, 0, 0, [0, 2]].tolist() == [1, 3]
    assert [(note.code, note.count) for note in pose.notes] == [("place-contradiction", 1), ("row-repeated", 1)]
    with pytest.raises(ContractError, match="Expected one place per keypoint and frame"):
        to_pose(tracking_rows(rows))


def test_bouts_that_are_turned_or_begin_before_the_film_are_left_out_and_cut_if_the_policy_says_so():
    names = list(RAW_ANNOTATION.keys)
    raw = [(1, 1, "rear", 5, 4), (1, 1, "rear", -2, 4), (1, 1, "run", 6, 8), (1, 1, "run", -5, -1)]
    table = pa.table([pa.array(column) for column in zip(*raw, strict=True)], names=names)
    bouts, notes = sound_bouts(table, range(10), "a", Policy(frozenset({"bout-reversed", "bout-negative"})))
    assert [tuple(row.values())[2:5] for row in bouts.to_pylist()] == [("rear", 0, 4), ("run", 6, 8)]
    assert [(note.code, note.count) for note in notes] == [("bout-negative", 2), ("bout-reversed", 1)]
    with pytest.raises(ContractError) as refused:
        sound_bouts(table, range(10), "a", Policy(frozenset({"bout-reversed"})))
    assert [fault.code for fault in refused.value.faults] == ["bout-negative"]
