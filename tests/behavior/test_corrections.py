"""Corrections of a person: what becomes of the annotation in a window, and of the window itself."""

import pandas as pd

from behavior.corrections import ANNOTATION, Correction, clip_bouts, clip_id, corrected
from behavior.recording import Triple

SNIFF, ATTACK = Triple(1, 2, "sniff"), Triple(1, 2, "attack")


def annotation(*rows: tuple[int, int, str, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=ANNOTATION[:5])


def rows(table: pd.DataFrame) -> list[tuple]:
    return [tuple(None if value != value else value for value in row) for row in table[ANNOTATION].itertuples(index=False, name=None)]


def test_a_bout_that_is_wrong_goes_and_others_stay() -> None:
    before = annotation((1, 2, "sniff", 100, 120), (1, 2, "attack", 105, 115), (2, 1, "sniff", 100, 120), (1, 2, "sniff", 300, 320))
    after = corrected(before, [Correction(7, SNIFF, (80, 140), ())], "Ada")
    assert rows(after) == [(2, 1, "sniff", 100, 120, None), (1, 2, "attack", 105, 115, None), (1, 2, "sniff", 300, 320, None)]


def test_a_bout_gets_the_edges_and_the_name_of_the_person() -> None:
    after = corrected(annotation((1, 2, "sniff", 100, 120)), [Correction(7, SNIFF, (80, 140), ((SNIFF, 90, 110),))], "Ada")
    assert rows(after) == [(1, 2, "sniff", 90, 110, "Ada")]


def test_a_bout_that_reaches_beyond_the_window_is_cut_there_and_joined_where_it_goes_on() -> None:
    before = annotation((1, 2, "sniff", 50, 200))
    wrong = corrected(before, [Correction(7, SNIFF, (100, 120), ())], "Ada")
    assert rows(wrong) == [(1, 2, "sniff", 50, 100, None), (1, 2, "sniff", 120, 200, None)]
    shorter = corrected(before, [Correction(7, SNIFF, (100, 150), ((SNIFF, 100, 130),))], "Ada")
    assert rows(shorter) == [(1, 2, "sniff", 50, 130, "Ada"), (1, 2, "sniff", 150, 200, None)]
    same = corrected(before, [Correction(7, SNIFF, (100, 150), ((SNIFF, 90, 160),))], "Ada")
    assert rows(same) == [(1, 2, "sniff", 50, 200, "Ada")]


def test_another_behavior_replaces_the_predicted_one() -> None:
    after = corrected(annotation((1, 2, "sniff", 100, 120)), [Correction(7, SNIFF, (100, 120), ((ATTACK, 100, 120),))], "Ada")
    assert rows(after) == [(1, 2, "attack", 100, 120, "Ada")]


def test_taking_the_same_corrections_again_changes_nothing() -> None:
    corrections = [Correction(7, SNIFF, (80, 140), ((SNIFF, 90, 110),)), Correction(7, ATTACK, (100, 150), ())]
    once = corrected(annotation((1, 2, "sniff", 100, 120), (1, 2, "attack", 140, 160)), corrections, "Ada")
    assert rows(corrected(once, corrections, "Ada")) == rows(once)


def test_the_first_bout_of_an_empty_annotation() -> None:
    assert rows(corrected(annotation(), [Correction(7, SNIFF, (0, 50), ((SNIFF, 10, 20),))], "Ada")) == [(1, 2, "sniff", 10, 20, "Ada")]


def test_a_clip_counts_frames_from_its_window_and_has_a_number_of_its_own() -> None:
    one = Correction(7, SNIFF, (1000, 1100), ((SNIFF, 1010, 1130),))
    assert rows(clip_bouts(one, "Ada")) == [(1, 2, "sniff", 10, 100, "Ada")]
    assert rows(clip_bouts(Correction(7, SNIFF, (1000, 1100), ()), "Ada")) == []
    numbers = {clip_id("A", one), clip_id("B", one), clip_id("A", Correction(7, ATTACK, (1000, 1100), ()))}
    assert len(numbers) == 3
    assert clip_id("A", one) == clip_id("A", Correction(7, SNIFF, (1000, 1100), ())), "whatever the person says"
    assert all(0 <= number < 10**17 for number in numbers)


def test_what_is_known_in_a_window() -> None:
    assert Correction(7, SNIFF, (0, 9), ()).known == (SNIFF,)
    assert Correction(7, SNIFF, (0, 9), ((ATTACK, 0, 9),)).known == (ATTACK, SNIFF)
