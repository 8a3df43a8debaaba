"""The pair view at work: rates, lost mice, mirrors."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_recognizer import random_arena_recognizer, random_plus_recognizer, random_recognizer, scores_of

from behavior.curation import CuratedTracking, curate
from behavior.recording import Recording, Triple
from behavior.views.pair_statistics import PairStatistics
from recognizers.ensemble import Ensemble

CPU = torch.device("cpu")


@pytest.mark.parametrize("fps", [10.0, 30.0, 120.0])
def test_scores_come_on_the_frames_of_the_recording(fps: float, recording, tracking_rows) -> None:
    frames = 90
    rows = [
        (frame, mouse, part, 100 + frame, 50.0 * mouse) for frame in range(frames) for mouse in (1, 2) for part in ("nose", "tail_base")
    ]
    clocked = replace(recording, fps=fps, annotated=(Triple(1, 1, "rear"), Triple(1, 2, "sniff")))
    scores = scores_of(random_recognizer(("rear", "sniff")), curate(tracking_rows(rows), clocked), clocked)
    assert set(scores) == {(1, 1), (1, 2)}
    assert all(one.shape == (frames, 2) for one in scores.values())


def test_a_recording_at_twice_the_rate_of_the_network_repeats_each_score(recording, tracking_rows) -> None:
    rows = [(frame, 1, "nose", 100 + 3 * frame, 50.0) for frame in range(80)]
    fast = replace(recording, fps=60.0, annotated=(Triple(1, 1, "rear"),))
    ((_, scores),) = scores_of(random_recognizer(("rear",)), curate(tracking_rows(rows), fast), fast).items()
    np.testing.assert_array_equal(scores[0::2], scores[1::2])
    assert len(np.unique(scores)) > 20


def test_pairs_with_a_mouse_that_was_not_tracked_are_left_out(recording, tracking_rows) -> None:
    annotated = replace(recording, annotated=(Triple(1, 1, "rear"), Triple(1, 2, "sniff"), Triple(3, 3, "rear")))
    rows = [(frame, mouse, "nose", 100.0, 50.0 * mouse) for frame in range(40) for mouse in (1, 2)]
    scores = scores_of(random_recognizer(("rear", "sniff")), curate(tracking_rows(rows), annotated), annotated).items()
    assert [pair for pair, _ in scores] == [(1, 1), (1, 2)]


def mirrored(curated: CuratedTracking) -> CuratedTracking:
    """The same mice filmed in a mirror: x turns around, and what was tracked as the left ear is the right one."""
    other = [curated.bodyparts.index(_other_ear(part)) for part in curated.bodyparts]
    turned = np.array([-1, 1], np.float32)[:, None, None, None]
    pose = replace(curated.pose, xy=curated.xy[:, :, other] * turned, seen=curated.seen[:, other])
    return CuratedTracking(pose, curated.velocity[:, :, other] * turned)


def _other_ear(part: str) -> str:
    return {"ear_left": "ear_right", "ear_right": "ear_left"}.get(part, part)


@pytest.fixture
def wandering(recording, tracking_rows) -> tuple[CuratedTracking, Recording]:
    """Two mice for 3 s; a tenth of their points is lost."""
    rng = np.random.default_rng(0)
    parts = ("body_center", "ear_left", "ear_right", "nose", "tail_base")
    places = rng.normal(0, 2, (90, 2, 5, 2)).cumsum(0)
    rows = [
        (frame, mouse, part, float(100 + x), float(50 + y))
        for frame in range(90)
        for mouse in (1, 2)
        for part, (x, y) in zip(parts, places[frame, mouse - 1], strict=True)
        if frame == 0 or rng.random() < 0.9
    ]
    annotated = replace(recording, annotated=(Triple(1, 2, "rear"), Triple(1, 2, "sniff"), Triple(2, 2, "rear")))
    return curate(tracking_rows(rows), annotated), annotated


EARS = {"bodyparts": ("body_center", "ear_left", "ear_right", "nose", "tail_base")}


@pytest.mark.parametrize(
    "recognizer", [random_recognizer(("rear", "sniff"), **EARS), random_plus_recognizer(("rear", "sniff"))], ids=lambda one: one.family.name
)
def test_with_a_mirror_a_recording_and_its_mirror_image_score_the_same(recognizer, wandering: tuple[CuratedTracking, Recording]) -> None:
    curated, recording = wandering
    image = mirrored(curated)
    plain, of_image = scores_of(recognizer, curated, recording), scores_of(recognizer, image, recording)
    both, both_of_image = (scores_of(recognizer.mirrored(), one, recording) for one in (curated, image))
    assert list(both) == [(1, 2), (2, 2)]
    for pair, scores in both.items():
        assert not np.allclose(plain[pair], of_image[pair], atol=1e-3)
        np.testing.assert_array_equal(scores, both_of_image[pair])
        np.testing.assert_allclose(scores, (plain[pair] + of_image[pair]) / 2, atol=1e-6)


def test_all_networks_of_an_ensemble_look_into_the_mirror(wandering: tuple[CuratedTracking, Recording]) -> None:
    members = (random_recognizer(("rear", "sniff"), **EARS), random_plus_recognizer(("rear", "sniff")))
    (_, both), *_ = scores_of(Ensemble(members).mirrored(), *wandering).items()
    expected = [next(iter(scores_of(member.mirrored(), *wandering).items()))[1] for member in members]
    np.testing.assert_allclose(both, np.mean(expected, axis=0), atol=1e-6)


def test_a_recognizer_of_arenas_looks_into_the_mirror_too(wandering: tuple[CuratedTracking, Recording]) -> None:
    curated, recording = wandering
    recognizer = random_arena_recognizer()
    sniffing = replace(recording, annotated=(Triple(1, 2, "sniff"),))
    both, both_of_image = (scores_of(recognizer.mirrored(), one, sniffing)[None, None] for one in (curated, mirrored(curated)))
    np.testing.assert_allclose(both, both_of_image, atol=1e-6)
    assert not np.allclose(both, scores_of(recognizer, curated, sniffing)[None, None], atol=1e-3)


def test_statistics_of_mirrored_mice_are_the_same_so_trees_have_no_mirror() -> None:
    assert PairStatistics(("nose", "tail_base")).mirror is None
    members = (random_recognizer(("rear",)), random_recognizer(("rear",), seed=1))
    assert [member.mirror for member in Ensemble(members).mirrored().members] == [True, True]
