"""The arena view at work: group scores, their masks, and checkpoints of another view."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulated_lake import profile
from small_recognizer import PROVENANCE, random_arena_recognizer, random_recognizer

from behavior.contract import ContractError
from behavior.curation import Curated, curate
from behavior.recording import Recording, Triple, recordings_from_rows
from behavior.simulated.recordings import simulate
from recognizers import FAMILIES, load_recognizer
from recognizers.arena_view import among_annotated, load_arena_recognizer
from recognizers.checkpoint import read_header
from recognizers.pair_view import load_pair_recognizer
from recognizers.recognizer import Head, View

SOCIAL, MATING, AGGRESSIVE = 1, 2, 3


@pytest.fixture(scope="module")
def filmed() -> tuple[Curated, Recording]:
    """Two mice for 6 s at 30 frames a second, annotated sniffing, mounting and attacks."""
    made = simulate(profile("CalMS21_task2"), seed=3, seconds=6)
    (recording,) = recordings_from_rows([made.metadata])
    return curate(made.tracking, recording), recording


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "groups.safetensors"
    random_arena_recognizer().save(path, PROVENANCE)
    return path


def test_every_frame_has_scores_that_sum_to_one(filmed: tuple[Curated, Recording]) -> None:
    scores = random_arena_recognizer().group_scores(*filmed)
    assert scores.shape == (180, 4)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-5)
    assert len(np.unique(scores.argmax(1))) > 1


@pytest.mark.parametrize("motion", [False, True])
def test_what_is_loaded_scores_as_what_was_saved(filmed: tuple[Curated, Recording], tmp_path: Path, motion: bool) -> None:
    recognizer = random_arena_recognizer(motion=motion)
    recognizer.save(tmp_path / "groups.safetensors", PROVENANCE)
    loaded = load_arena_recognizer(tmp_path / "groups.safetensors", batch=3)
    assert (loaded.features, loaded.windowing, loaded.decoding) == (recognizer.features, recognizer.windowing, recognizer.decoding)
    np.testing.assert_allclose(loaded.group_scores(*filmed), recognizer.group_scores(*filmed), atol=1e-6)
    np.testing.assert_array_equal(loaded.on(loaded.device, 8).group_scores(*filmed), recognizer.group_scores(*filmed))


def test_the_header_says_view_and_head(saved: Path) -> None:
    header = read_header(saved)
    assert (header["family"], header["view"], header["head"]) == ("conv_bilstm", "arena", "exclusive")
    assert header["behaviors"] == ["background", "social", "mating", "aggressive"]
    assert (FAMILIES["conv_bilstm"].view, FAMILIES["conv_bilstm"].head) == (View.ARENA, Head.EXCLUSIVE)


def test_a_group_nobody_annotated_scores_zero(filmed: tuple[Curated, Recording]) -> None:
    curated, recording = filmed
    whole = random_arena_recognizer().group_scores(curated, recording)
    annotated = replace(recording, annotated=(Triple(1, 2, "sniff"), Triple(1, 2, "mount")))
    scores = random_arena_recognizer().group_scores(curated, annotated)
    assert not scores[:, AGGRESSIVE].any()
    np.testing.assert_allclose(scores[:, :AGGRESSIVE], whole[:, :AGGRESSIVE] / (1 - whole[:, [AGGRESSIVE]]), rtol=1e-3, atol=1e-6)


def test_without_an_annotated_group_all_is_background_but_an_unlabelled_recording_is_asked_for_all(
    filmed: tuple[Curated, Recording],
) -> None:
    curated, recording = filmed
    solo = random_arena_recognizer().group_scores(curated, replace(recording, annotated=(Triple(1, 1, "rear"),)))
    assert (solo == [1, 0, 0, 0]).all()
    unlabelled = random_arena_recognizer().group_scores(curated, replace(recording, annotated=()))
    np.testing.assert_array_equal(unlabelled.max(0) > 0, [True] * 4)


def test_a_network_that_is_sure_of_an_unannotated_group_still_gives_numbers() -> None:
    scores = among_annotated(np.array([[0, 0, 0, 1]], np.float32), np.array([True, True, False, False]))
    assert scores.tolist() == [[0.5, 0.5, 0, 0]]


@pytest.mark.parametrize(("fps", "frames"), [(120.0, 480), (10.0, 40), (30.0, 7)])
def test_scores_are_on_the_recordings_own_frames(fps: float, frames: int, recording: Recording, tracking_rows) -> None:
    clocked = replace(recording, fps=fps, annotated=(Triple(1, 2, "sniff"),))
    rows = [(frame, mouse, "nose", 100 + frame / fps, 50.0 * mouse) for frame in range(frames) for mouse in (1, 2)]
    assert random_arena_recognizer().group_scores(curate(tracking_rows(rows), clocked), clocked).shape == (frames, 4)


def test_a_checkpoint_of_groups_is_refused_where_a_submission_is_made(saved: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.safetensors"
    random_recognizer(("attack",)).save(pairs, PROVENANCE)
    with pytest.raises(
        ContractError, match=r"says which mouse does what to which, but got .*groups.safetensors of family conv_bilstm"
    ) as told:
        load_recognizer([pairs, saved])
    assert len(told.value.faults) == 1


def test_a_checkpoint_of_another_view_is_refused_by_name(saved: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.safetensors"
    random_recognizer(("attack",)).save(pairs, PROVENANCE)
    with pytest.raises(ContractError, match="Expected a recognizer of the arena view, but got the pair view"):
        load_arena_recognizer(pairs)
    with pytest.raises(ContractError, match="Expected a recognizer of the pair view, but got the arena view"):
        load_pair_recognizer(saved)
