"""Simulated mice: each behavior looks like itself, the script is kept, and the files have the published shape and faults."""

import csv
import json
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from behavior.curation import curate
from behavior.ethogram import BEHAVIORS, SELF_BEHAVIORS
from behavior.recording import recordings_from_rows
from behavior.simulated.lab_habits import HABITUAL
from behavior.simulated.lab_profiles import BOUT_MEDIANS_S
from behavior.simulated.recordings import PROFILES, LabProfile, SimulatedRecording, draw_script, profiles_of, simulate
from behavior.skeleton import BODYPARTS
from behavior.tables import RAW_ANNOTATION, RAW_METADATA, RAW_TRACKING

PLAIN = LabProfile(
    name="QuietOtter",
    fps=30,
    pix_per_cm=10,
    bodyparts=("body_center", "nose", "tail_base"),
    arena_cm=(60, 60),
    behaviors=("sniff",),
    missing_rate=0,
    noise_cm=0,
)
CENTER, NOSE, TAIL_BASE = 0, 1, 2
EDGE = 6  # frames at both ends of a bout where one motion glides into the other


@dataclass(frozen=True)
class Scene:
    """One bout: where agent and target are, [n, K, 2] in cm from the arena's middle."""

    agent: np.ndarray
    target: np.ndarray


@cache
def scenes(behavior: str) -> list[Scene]:
    """All bouts of two minutes in which a tracker without faults sees the mice do nothing but this."""
    recording = simulate(replace(PLAIN, behaviors=(behavior,), bout_medians_s={behavior: 1.5}), seed=4, seconds=120)
    xy = np.stack([recording.tracking["x"].to_numpy(), recording.tracking["y"].to_numpy()], axis=-1)
    points = (xy.reshape(3600, 2, 3, 2) - [recording.metadata["video_width_pix"] / 2, recording.metadata["video_height_pix"] / 2]) / 10
    bouts = [bout for bout in recording.annotation.to_pylist() if bout["stop_frame"] - bout["start_frame"] > 4 * EDGE]
    assert len(bouts) >= 10
    pieces = [(bout, points[bout["start_frame"] + EDGE : bout["stop_frame"] - EDGE]) for bout in bouts]
    return [Scene(piece[:, bout["agent_id"] - 1], piece[:, bout["target_id"] - 1]) for bout, piece in pieces]


@cache
def of_lab(lab: str) -> SimulatedRecording:
    return simulate(PROFILES[lab], seed=3, seconds=40)


def speed(points: np.ndarray) -> np.ndarray:
    """Of [n, 2] at 30 frames a second, cm/s."""
    return np.linalg.norm(np.diff(points, axis=0), axis=-1) * 30


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a - b, axis=-1)


def heading(mouse: np.ndarray) -> np.ndarray:
    ahead = mouse[:, NOSE] - mouse[:, TAIL_BASE]
    return ahead / np.linalg.norm(ahead, axis=-1, keepdims=True)


@pytest.mark.parametrize("behavior", BEHAVIORS)
def test_every_behavior_of_the_ethogram_can_be_acted(behavior: str):
    recording = simulate(replace(PLAIN, behaviors=(behavior,)), seed=1, seconds=60)
    assert set(recording.annotation["action"].to_pylist()) == {behavior}
    alone = [bout["agent_id"] == bout["target_id"] for bout in recording.annotation.to_pylist()]
    assert all(alone) if behavior in SELF_BEHAVIORS else not any(alone)
    assert recording.tracking.num_rows == 1800 * 2 * 3


def test_a_chasing_mouse_runs_and_stays_behind_the_other_within_two_body_lengths():
    for scene in scenes("chase"):
        assert speed(scene.agent[:, CENTER]).mean() > 25
        assert speed(scene.target[:, CENTER]).mean() > 25
        behind = ((scene.target[:, CENTER] - scene.agent[:, CENTER]) * heading(scene.target)).sum(axis=-1)
        assert behind.min() > 4
        assert distance(scene.agent[:, CENTER], scene.target[:, CENTER]).max() < 16


def test_following_is_a_slow_chase():
    for scene in scenes("follow"):
        assert 6 < speed(scene.agent[:, CENTER]).mean() < 18
        assert ((scene.target[:, CENTER] - scene.agent[:, CENTER]) * heading(scene.target)).sum(axis=-1).min() > 4


@pytest.mark.parametrize(("behavior", "sign"), [("approach", -1), ("escape", 1), ("avoid", 1), ("disengage", 1)])
def test_the_distance_shrinks_in_an_approach_and_grows_when_a_mouse_leaves(behavior: str, sign: int):
    for scene in scenes(behavior):
        apart = distance(scene.agent[:, CENTER], scene.target[:, CENTER])
        assert sign * (apart[-1] - apart[0]) > 2
        towards = ((scene.target[:, CENTER] - scene.agent[:, CENTER]) * heading(scene.agent)).sum(axis=-1)
        assert np.all(sign * towards < 0)


def test_a_frozen_mouse_stands_stretched_and_a_resting_one_lies_curled():
    for scene in scenes("freeze"):
        assert speed(scene.agent[:, NOSE]).max() < 0.5
        assert distance(scene.agent[:, NOSE], scene.agent[:, TAIL_BASE]).min() > 8.5
    for scene in scenes("rest"):
        assert speed(scene.agent[:, NOSE]).max() < 0.5
        assert distance(scene.agent[:, NOSE], scene.agent[:, TAIL_BASE]).max() < 6.5


def test_a_rearing_mouse_looks_short_from_above():
    for scene in scenes("rear"):
        assert distance(scene.agent[:, NOSE], scene.agent[:, TAIL_BASE]).max() < 5.5


def test_a_grooming_mouse_swings_its_nose_several_times_a_second_without_walking():
    for scene in scenes("selfgroom"):
        assert speed(scene.agent[:, CENTER]).mean() < 2
        ahead = scene.agent[:, NOSE] - scene.agent[:, CENTER]
        swing = np.unwrap(np.arctan2(ahead[:, 1], ahead[:, 0]))
        turns = np.count_nonzero(np.diff(np.sign(np.diff(swing)))) / (len(swing) / 30)
        assert 6 < turns < 14  # 5 swings a second turn around 10 times


@pytest.mark.parametrize(
    ("behavior", "place"), [("sniffface", NOSE), ("sniffgenital", TAIL_BASE), ("sniffbody", CENTER), ("sniff", CENTER)]
)
def test_a_sniffing_mouse_holds_its_nose_at_the_other_and_hardly_walks(behavior: str, place: int):
    limit = {"sniffface": 2.0, "sniffgenital": 1.5, "sniffbody": 4.0, "sniff": 4.5}[behavior]
    for scene in scenes(behavior):
        assert np.median(distance(scene.agent[:, NOSE], scene.target[:, place])) < limit
        assert speed(scene.target[:, CENTER]).mean() < 3


def test_a_mounting_mouse_lies_on_the_others_back_and_looks_the_same_way():
    for scene in scenes("mount"):
        assert np.median(distance(scene.agent[:, CENTER], scene.target[:, CENTER])) < 3
        assert np.median((heading(scene.agent) * heading(scene.target)).sum(axis=-1)) > 0.9


def test_an_attack_is_in_contact_and_trembles_where_sniffing_does_not():
    def tremble(behavior: str) -> float:
        return float(np.median([np.abs(np.diff(scene.agent[:, CENTER], n=2, axis=0)).mean() for scene in scenes(behavior)]))

    for scene in scenes("attack"):
        assert np.median(distance(scene.agent[:, CENTER], scene.target[:, CENTER])) < 5
    assert tremble("attack") > 5 * tremble("sniff")


def test_a_climbing_mouse_has_its_nose_at_a_wall():
    for scene in scenes("climb"):
        assert np.median(30 - np.abs(scene.agent[:, NOSE]).max(axis=-1)) < 1


def test_running_is_fast():
    assert all(speed(scene.agent[:, CENTER]).mean() > 30 for scene in scenes("run"))


def test_between_bouts_mice_stroll_and_pause_inside_the_arena_and_never_jump():
    recording = simulate(replace(PLAIN, behaviors=()), seed=2, seconds=120)
    assert recording.annotation.num_rows == 0
    xy = np.stack([recording.tracking["x"].to_numpy(), recording.tracking["y"].to_numpy()], axis=-1).reshape(3600, 2, 3, 2) / 10
    for mouse in range(2):
        moving = speed(xy[:, mouse, CENTER])
        assert 2 < moving.mean() < 15
        assert moving.max() < 60
        assert (moving < 0.5).mean() > 0.05
        assert np.abs(xy[:, mouse, CENTER] - 36).max() < 30  # the picture is 72 cm wide, the arena 60


@pytest.mark.parametrize("lab", PROFILES)
def test_bouts_lie_within_the_recording_and_a_mouse_does_one_thing_at_a_time(lab: str):
    recording = of_lab(lab)
    frames = round(40 * PROFILES[lab].fps)
    bouts = recording.annotation.to_pylist()
    assert bouts
    assert all(0 <= bout["start_frame"] < bout["stop_frame"] <= frames for bout in bouts)
    assert [bout["start_frame"] for bout in bouts] == sorted(bout["start_frame"] for bout in bouts)
    last: dict[tuple[int, int], int] = {}
    for bout in bouts:
        pair = bout["agent_id"], bout["target_id"]
        assert bout["start_frame"] >= last.get(pair, 0)
        last[pair] = bout["stop_frame"]


@pytest.mark.parametrize("lab", PROFILES)
def test_a_lab_annotates_only_what_it_lists_and_lists_also_what_never_occurs(lab: str):
    profile = PROFILES[lab]
    recording = of_lab(lab)
    (parsed,) = recordings_from_rows([recording.metadata])
    done = {(bout["agent_id"], bout["target_id"], bout["action"]) for bout in recording.annotation.to_pylist()}
    assert done <= set(parsed.annotated)
    assert {triple.behavior for triple in parsed.annotated} == {*profile.behaviors, *profile.listed_only}
    assert not {action for _, _, action in done} & set(profile.listed_only)


def test_experts_annotate_only_some_pairs_and_mice_act_in_the_others_too():
    (resident,) = recordings_from_rows([simulate(PROFILES["CalMS21_task1"], seed=0, seconds=5).metadata])
    assert {pair for pair in resident.pairs if pair[0] != pair[1]} == {(1, 2)}
    (crowd,) = recordings_from_rows([simulate(PROFILES["AdaptableSnail"], seed=0, seconds=5).metadata])
    assert len([pair for pair in crowd.pairs if pair[0] != pair[1]]) == 9  # three quarters of the 12 of four mice
    everything = simulate(replace(PLAIN, mice=4), seed=0, seconds=120).annotation.num_rows
    assert 0 < simulate(replace(PLAIN, mice=4, annotated_share=0.5), seed=0, seconds=120).annotation.num_rows < everything


def test_what_both_mice_do_is_annotated_in_both_directions():
    bouts = simulate(replace(PLAIN, behaviors=("reciprocalsniff",)), seed=0, seconds=30).annotation.to_pylist()
    there = {(bout["start_frame"], bout["stop_frame"]) for bout in bouts if bout["agent_id"] == 1}
    back = {(bout["start_frame"], bout["stop_frame"]) for bout in bouts if bout["agent_id"] == 2}
    assert there == back
    assert there


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_recording():
    def everything(seed: int) -> tuple[str, bytes, bytes]:
        recording = simulate(PROFILES["GroovyShrew"], seed, seconds=20)
        return json.dumps(recording.metadata), _bytes(recording.tracking), _bytes(recording.annotation)

    assert everything(8) == everything(8)
    assert all(one != other for one, other in zip(everything(8)[:2], everything(9)[:2], strict=True))


def test_lost_points_have_no_row_at_the_asked_rate():
    recording = simulate(replace(PLAIN, missing_rate=0.05), seed=0, seconds=200)
    assert recording.tracking.num_rows / (6000 * 2 * 3) == pytest.approx(0.95, abs=0.01)
    assert not np.isnan(recording.tracking["x"].to_numpy()).any()
    assert len(np.unique(recording.tracking["video_frame"].to_numpy())) == 6000


def test_whole_frames_are_absent_at_the_asked_rate():
    recording = simulate(replace(PLAIN, gap_rate=0.1), seed=0, seconds=200)
    present = len(np.unique(recording.tracking["video_frame"].to_numpy()))
    assert present / 6000 == pytest.approx(0.9, abs=0.03)
    assert recording.tracking.num_rows == present * 2 * 3


def test_one_lab_writes_some_lost_points_as_nan():
    x = simulate(PROFILES["JovialSwallow"], seed=0).tracking["x"].to_numpy()
    assert np.isnan(x).mean() == pytest.approx(0.04 * 0.3, abs=0.004)


def test_the_files_have_the_published_types_and_order():
    recording = simulate(PLAIN, seed=2, seconds=10)
    assert recording.tracking.schema.names == ["video_frame", "mouse_id", "bodypart", "x", "y"]
    assert recording.tracking.schema.types == [pa.int16(), pa.int8(), pa.string(), pa.float32(), pa.float32()]
    assert recording.annotation.schema.names == ["agent_id", "target_id", "action", "start_frame", "stop_frame"]
    assert recording.annotation.schema.types == [pa.int8(), pa.int8(), pa.string(), pa.int16(), pa.int16()]
    RAW_TRACKING.check(recording.tracking, "tracking")
    RAW_ANNOTATION.check(recording.annotation, "annotation")


def test_frames_are_int32_where_int16_is_too_small_and_in_files_of_odd_seeds_of_some_labs():
    long = simulate(replace(PLAIN, fps=120, bodyparts=("nose",)), seed=0, seconds=275)
    assert long.tracking.schema.field("video_frame").type == pa.int32()
    assert long.annotation.schema.field("stop_frame").type == pa.int32()
    mixed = [simulate(PROFILES["ElegantMink"], seed, seconds=10).annotation.schema.field("start_frame").type for seed in (0, 1)]
    assert mixed == [pa.int16(), pa.int32()]


def test_metadata_has_the_38_columns_of_train_csv_in_their_order():
    metadata = simulate(PROFILES["UppityFerret"], seed=0, video_id=77, seconds=12).metadata
    assert list(metadata) == RAW_METADATA.schema.names[:38]
    assert (metadata["lab_id"], metadata["video_id"], metadata["frames_per_second"]) == ("UppityFerret", 77, 25.0)
    assert (metadata["video_duration_sec"], metadata["arena_shape"], metadata["mouse3_id"]) == (12.0, "circular", None)
    assert json.loads(str(metadata["body_parts_tracked"]))[0] == "body_center"
    assert "mouse1,self,huddle" in json.loads(str(metadata["behaviors_labeled"]))


@pytest.mark.realdata
def test_metadata_has_the_columns_of_a_real_train_csv(real_data):
    with (real_data / "train.csv").open(encoding="utf-8") as file:
        assert list(simulate(PLAIN, seed=0, seconds=2).metadata) == next(csv.reader(file))


def test_labs_differ_as_the_published_ones_do():
    assert len(PROFILES) == 19
    assert {behavior for profile in PROFILES.values() for behavior in profile.behaviors} == set(BEHAVIORS) == set(BOUT_MEDIANS_S)
    assert all(set(way.bodyparts) <= set(BODYPARTS) for lab in PROFILES for way in profiles_of(lab))
    counts = {
        lab: len(PROFILES[lab].bodyparts) for lab in ("AdaptableSnail", "UppityFerret", "DeliriousFly", "BoisterousParrot", "GroovyShrew")
    }
    assert counts == {"AdaptableSnail": 18, "UppityFerret": 14, "DeliriousFly": 8, "BoisterousParrot": 5, "GroovyShrew": 4}
    assert {(way.mice, way.fps, len(way.bodyparts)) for way in profiles_of("AdaptableSnail")} == {(4, 30, 18), (3, 30, 10), (3, 25, 10)}


def test_stray_quotes_repeat_the_list_and_fall_together_when_read():
    metadata = simulate(PROFILES["ReflectiveManatee"], seed=0, seconds=5).metadata
    assert "'mouse1','mouse2','sniff'" in json.loads(str(metadata["behaviors_labeled"]))
    (parsed,) = recordings_from_rows([metadata])
    assert [triple.behavior for triple in parsed.annotated] == ["attack", "sniff"]


def test_a_mouse_may_be_alone():
    recording = simulate(replace(PLAIN, mice=1, behaviors=("rear", "dig")), seed=0, seconds=20)
    assert set(recording.tracking["mouse_id"].to_pylist()) == {1}
    assert set(recording.annotation["action"].to_pylist()) == {"rear", "dig"}
    assert json.loads(str(recording.metadata["behaviors_labeled"])) == ["mouse1,self,dig", "mouse1,self,rear"]


def test_all_29_bodyparts_can_be_tracked_and_curated():
    recording = simulate(replace(PROFILES["AdaptableSnail"], bodyparts=BODYPARTS, mice=3), seed=0, seconds=4)
    (parsed,) = recordings_from_rows([recording.metadata])
    curated = curate(recording.tracking, parsed)
    assert curated.pose.mice == (1, 2, 3)
    nose, tail = (curated.pose.xy[:, 0, curated.pose.bodyparts.index(part)] for part in ("nose", "tail_tip"))
    assert 10 < np.median(np.linalg.norm(nose - tail, axis=0)) < 17
    assert np.abs(curated.pose.xy).max() < 45  # the arena is 60 cm wide, its middle 0; a tail may hang over a wall


def test_what_is_on_no_list_happens_and_is_in_no_annotation():
    profile = replace(PLAIN, behaviors=("sniff",), unlisted=("rest",), bout_medians_s={"rest": 4.0})
    recording = simulate(profile, seed=0, seconds=120)
    assert set(recording.annotation["action"].to_pylist()) == {"sniff"}
    assert "rest" not in str(recording.metadata["behaviors_labeled"])
    acted = {bout.behavior for bout in draw_script(profile, 3600, np.random.default_rng(0))}
    assert acted == {"sniff", "rest"}


def test_a_lab_may_call_several_things_by_one_name():
    profile = replace(PLAIN, behaviors=("sniff",), meanings={"sniff": ("sniffface", "sniffgenital")})
    script = draw_script(profile, 3600, np.random.default_rng(0))
    assert {bout.behavior for bout in script} == {"sniffface", "sniffgenital"}
    recording = simulate(profile, seed=0, seconds=120)
    assert set(recording.annotation["action"].to_pylist()) == {"sniff"}


def test_bouts_begin_and_end_by_the_habit_of_the_lab():
    plain, habit = (simulate(replace(PLAIN, margins_s=margins), seed=0, seconds=60).annotation for margins in ((0.0, 0.0), (0.2, -0.1)))
    assert [start - 6 for start in plain["start_frame"].to_pylist()] == habit["start_frame"].to_pylist()
    assert [stop - 3 for stop in plain["stop_frame"].to_pylist()] == habit["stop_frame"].to_pylist()


@pytest.mark.parametrize("lab", PROFILES)
def test_with_habits_a_lab_lists_the_same_and_bouts_of_a_pair_do_not_overlap(lab: str):
    profile = HABITUAL[lab]
    recording = simulate(profile, seed=3, seconds=40)
    assert recording.metadata["behaviors_labeled"] == of_lab(lab).metadata["behaviors_labeled"]
    last: dict[tuple[int, int], int] = {}
    for bout in recording.annotation.to_pylist():
        assert bout["action"] in profile.behaviors
        pair = bout["agent_id"], bout["target_id"]
        assert last.get(pair, 0) <= bout["start_frame"] < bout["stop_frame"] <= round(40 * profile.fps)
        last[pair] = bout["stop_frame"]


def test_most_labs_leave_something_unlisted_and_mean_something_of_their_own():
    assert sum(bool(profile.unlisted) for profile in HABITUAL.values()) >= 10
    assert sum(bool(profile.meanings) for profile in HABITUAL.values()) >= 10
    assert len({profile.margins_s for profile in HABITUAL.values()}) >= 10


def test_two_names_for_one_thing_are_refused():
    with pytest.raises(ValueError, match="Expected at most one name for what a mouse does"):
        replace(PLAIN, behaviors=("sniff", "sniffface"), meanings={"sniff": ("sniff", "sniffface")})
    with pytest.raises(ValueError, match="Expected a name to mean self behaviors or pair behaviors"):
        replace(PLAIN, meanings={"sniff": ("sniff", "rear")})
    with pytest.raises(ValueError, match="Expected margins that fit between two bouts"):
        replace(PLAIN, margins_s=(0.3, 0.3))


def test_a_profile_that_nobody_can_act_is_refused_with_all_its_faults():
    with pytest.raises(ValueError) as caught:
        replace(PLAIN, mice=7, behaviors=("sniff", "yodel"), missing_rate=1.5)
    assert str(caught.value) == (
        "Expected 1 to 4 mice, but got 7. Change `mice`.\n"
        "Expected behaviors of behavior.ethogram, but got yodel. Simulated mice know no other behaviors.\n"
        "Expected missing_rate to lie in 0 to 1, but got 1.5. Change the profile."
    )


def _bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()
