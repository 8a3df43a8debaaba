import pytest

from aws_pipeline.imports.bout_rows import BoutChoices, Place, annotate, behaviors_labeled
from aws_pipeline.imports.foreign_bouts import ForeignBout, Observation
from behavior.contract import ContractError
from behavior.recording import Triple

TWO = Place("cage1", 30.0, range(0, 1000), {1: "resident", 2: "intruder"})
THREE = Place("cage1", 30.0, range(0, 1000), {1: "a", 2: "b", 3: "c"})
ALONE = Place("cage1", 30.0, range(0, 1000), {1: ""})


def seen(*bouts, ethogram=(), **said):
    """An observation in frames; each bout is subject, target, behavior."""
    rows = tuple(ForeignBout(*who, 10 * n, 10 * n + 5) for n, who in enumerate(bouts))
    return Observation("cage1", "tests", rows, True, ethogram=ethogram, **said)


def triples(annotation):
    return list(zip(*(annotation.rows.column(name).to_pylist() for name in ("agent_id", "target_id", "action")), strict=True))


def refused(observation, place=TWO, **choices):
    with pytest.raises(ContractError) as caught:
        annotate(observation, place, BoutChoices(**choices), "a.csv")
    return str(caught.value)


def test_names_become_mice_and_the_other_mouse_is_the_target_of_a_pair_behavior():
    found = annotate(seen(("Resident", "", "Attack"), ("mouse2", "", "rear"), ("2", "resident", "sniff")), TWO, BoutChoices(), "a")
    assert triples(found) == [(1, 2, "attack"), (2, 2, "rear"), (2, 1, "sniff")]
    assert found.renamed == {"Attack": "attack"}
    assert found.rows.column("start_frame").to_pylist() == [0, 10, 20]


def test_what_was_looked_for_is_annotated_and_everything_else_is_unknown():
    looked = seen(("resident", "", "attack"), ethogram=("attack", "rear"), subjects=("resident", "somebody else"))
    found = annotate(looked, TWO, BoutChoices(), "a")
    assert found.annotated == (Triple(1, 1, "rear"), Triple(1, 2, "attack")), "the intruder was not looked at"
    both = annotate(looked, TWO, BoutChoices(agents=("resident", "intruder")), "a")
    assert set(both.annotated) == {Triple(1, 1, "rear"), Triple(2, 2, "rear"), Triple(1, 2, "attack"), Triple(2, 1, "attack")}
    assert behaviors_labeled(found.annotated) == '["mouse1,self,rear", "mouse1,mouse2,attack"]'


def test_a_file_that_cannot_say_what_was_looked_for_is_asked_about():
    silent = seen(("resident", "", "attack"), ethogram=None)
    told = refused(silent)
    assert (
        "Expected the behaviors that the observer looked for, which the file does not say, but got only the behaviors that occur: attack."
        in told
    )
    assert told.endswith("Give --annotated attack and more, or --annotated in-file.")
    assert annotate(silent, TWO, BoutChoices(annotated=("in-file",)), "a").annotated == (Triple(1, 2, "attack"),)
    assert len(annotate(silent, TWO, BoutChoices(annotated=("attack", "mount", "rear")), "a").annotated) == 3


def test_bouts_of_a_behavior_that_nobody_looked_for_are_kept_and_not_annotated():
    found = annotate(seen(("resident", "", "attack"), ethogram=("rear",)), TWO, BoutChoices(), "a")
    assert (triples(found), found.annotated) == ([(1, 2, "attack")], (Triple(1, 1, "rear"),))
    assert found.notes == ("Kept, but not annotated: attack.",)


def test_triples_that_the_file_lists_count_more_than_names():
    looked = seen(("mouse1", "mouse2", "sniff"), ethogram=("sniff", "rear"), looked_for=("mouse1,mouse2,sniff", "mouse2,self,rear"))
    assert annotate(looked, TWO, BoutChoices(), "a").annotated == (Triple(1, 2, "sniff"), Triple(2, 2, "rear"))


def test_a_recording_in_which_nothing_occurs_is_annotated_all_the_same():
    found = annotate(seen(ethogram=("attack",), subjects=("resident",)), TWO, BoutChoices(), "a")
    assert (len(found.rows), found.annotated) == (0, (Triple(1, 2, "attack"),))
    assert "Expected the mice that the observer looked at, of resident, intruder" in refused(seen(ethogram=("attack",)))


def test_subjects_that_nobody_knows_are_asked_about_once():
    told = refused(seen(("subject1", "", "attack"), ("subject2", "", "attack"), ("", "", "rear"), ethogram=("attack",)))
    assert "Expected subjects among resident, intruder, but got subject1, subject2. Give --subject 'subject1'=1 and so on." in told
    assert "Expected the mouse that acts, one of resident, intruder, but got 1 bouts without a subject. Give --subject none=1" in told
    said = {"subject1": 1, "subject2": 2, "none": 2}
    found = annotate(
        seen(("subject1", "", "attack"), ("subject2", "", "attack"), ("", "", "rear"), ethogram=("attack",)),
        TWO,
        BoutChoices(subjects=said),
        "a",
    )
    assert triples(found) == [(1, 2, "attack"), (2, 1, "attack"), (2, 2, "rear")]


def test_a_mouse_by_itself_needs_no_subject_and_no_kind():
    found = annotate(seen(("", "", "twitch"), ethogram=("twitch",)), ALONE, BoutChoices(), "a")
    assert (triples(found), found.annotated) == ([(1, 1, "twitch")], (Triple(1, 1, "twitch"),))


def test_an_unknown_behavior_is_asked_about_and_a_target_answers():
    told = refused(seen(("resident", "", "lick"), ethogram=("lick",)))
    assert "Expected to know if lick is toward another mouse, but got no target." in told
    assert told.endswith("Give --self-behaviors lick or --pair-behaviors lick.")
    pair = annotate(seen(("resident", "", "lick"), ethogram=("lick",)), TWO, BoutChoices(pair_behaviors=("lick",)), "a")
    assert (triples(pair), pair.annotated) == ([(1, 2, "lick")], (Triple(1, 2, "lick"),))
    own = annotate(seen(("resident", "self", "lick"), ethogram=("lick",)), TWO, BoutChoices(), "a")
    assert (triples(own), own.annotated) == ([(1, 1, "lick")], (Triple(1, 1, "lick"),))


def test_among_three_mice_the_target_must_be_in_the_file():
    told = refused(seen(("a", "", "sniff"), ethogram=("sniff",)), THREE)
    assert "Expected the target of sniff among 3 mice, but got none. Name the target in the file: as a modifier in BORIS" in told
    found = annotate(seen(("a", "face|c", "sniff"), ethogram=("sniff",)), THREE, BoutChoices(), "a")
    assert (triples(found), found.annotated) == ([(1, 3, "sniff")], (Triple(1, 2, "sniff"), Triple(1, 3, "sniff")))


def test_names_that_are_numbers_are_names():
    jabs = Place("cage1", 30.0, range(0, 1000), {1: "0", 2: "1"})
    assert triples(annotate(seen(("1", "", "rear")), jabs, BoutChoices(), "a")) == [(2, 2, "rear")]
    assert "but got 2." in refused(seen(("2", "", "rear")), jabs)


def test_the_time_between_is_no_behavior_and_names_are_changed_by_choice():
    found = annotate(
        seen(("", "", "other"), ("", "", "Scent, deep"), ethogram=("other", "Scent, deep", "Rearing")), ALONE, BoutChoices(), "a"
    )
    assert triples(found) == [(1, 1, "Scent; deep")]
    assert {one.behavior for one in found.annotated} == {"Scent; deep", "rear"}
    chosen = BoutChoices(behaviors={"Scent, deep": "sniff"}, subjects={"none": 1})
    assert triples(annotate(seen(("", "", "Scent, deep")), TWO, chosen, "a")) == [(1, 2, "sniff")]


def test_a_rate_that_is_not_the_recordings_is_told():
    found = annotate(seen(("resident", "", "rear"), fps=25.0), TWO, BoutChoices(), "a")
    assert found.notes[0] == "The file says 25 frames a second, the recording 30: its clock may be another one."
    assert found.correction == ""
    corrected = annotate(seen(("resident", "", "rear"), ("resident", "", "rear"), fps=25.0), TWO, BoutChoices(annotation_fps=25), "a")
    assert (corrected.rows.column("start_frame").to_pylist(), corrected.correction) == (
        [0, 12],
        "its clock has 25 frames a second, the film 30",
    )
