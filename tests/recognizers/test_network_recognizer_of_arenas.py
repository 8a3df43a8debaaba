"""The arena view at work: group scores, their masks, and checkpoints of another view."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulated_lake import profile
from small_recognizer import PROVENANCE, random_arena_recognizer, random_recognizer, scores_of

from behavior.contract import ContractError
from behavior.curation import Curated, curate
from behavior.groups import GROUP_NAMES
from behavior.labelling import among_annotated
from behavior.recording import Recording, Triple, recordings_from_rows
from behavior.simulated.recordings import simulate
from recognizers import checkpoint
from recognizers.checkpoint import read_header
from recognizers.competition import refuse_nameless
from recognizers.families import load_recognizer, network_family
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
    checkpoint.save(path, random_arena_recognizer(), PROVENANCE)
    return path


def test_every_frame_has_scores_that_sum_to_one(filmed: tuple[Curated, Recording]) -> None:
    scores = scores_of(random_arena_recognizer(), *filmed)[None, None]
    assert scores.shape == (180, 4)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-5)
    assert len(np.unique(scores.argmax(1))) > 1


@pytest.mark.parametrize("motion", [False, True])
def test_what_is_loaded_scores_as_what_was_saved(filmed: tuple[Curated, Recording], tmp_path: Path, motion: bool) -> None:
    recognizer = random_arena_recognizer(motion=motion)
    checkpoint.save(tmp_path / "groups.safetensors", recognizer, PROVENANCE)
    loaded = load_recognizer([tmp_path / "groups.safetensors"], batch=3)
    assert (loaded.features, loaded.windowing, loaded.decoding) == (recognizer.features, recognizer.windowing, recognizer.decoding)
    np.testing.assert_allclose(scores_of(loaded, *filmed)[None, None], scores_of(recognizer, *filmed)[None, None], atol=1e-6)
    np.testing.assert_array_equal(scores_of(loaded.on(loaded.device, 8), *filmed)[None, None], scores_of(recognizer, *filmed)[None, None])


def test_the_header_says_view_and_head(saved: Path) -> None:
    header = read_header(saved)
    assert (header["family"], header["view"], header["head"]) == ("conv_bilstm", "arena", "exclusive")
    assert header["behaviors"] == ["background", "social", "mating", "aggressive"]
    assert (network_family("conv_bilstm").view, network_family("conv_bilstm").head) == (View.ARENA, Head.EXCLUSIVE)


def test_a_group_nobody_annotated_scores_zero(filmed: tuple[Curated, Recording]) -> None:
    curated, recording = filmed
    whole = scores_of(random_arena_recognizer(), curated, recording)[None, None]
    annotated = replace(recording, annotated=(Triple(1, 2, "sniff"), Triple(1, 2, "mount")))
    scores = scores_of(random_arena_recognizer(), curated, annotated)[None, None]
    assert not scores[:, AGGRESSIVE].any()
    np.testing.assert_allclose(scores[:, :AGGRESSIVE], whole[:, :AGGRESSIVE] / (1 - whole[:, [AGGRESSIVE]]), rtol=1e-3, atol=1e-6)


def test_without_an_annotated_group_nobody_is_asked_but_an_unlabelled_recording_is_asked_for_all(
    filmed: tuple[Curated, Recording],
) -> None:
    curated, recording = filmed
    assert not scores_of(random_arena_recognizer(), curated, replace(recording, annotated=(Triple(1, 1, "rear"),)))
    unlabelled = scores_of(random_arena_recognizer(), curated, replace(recording, annotated=()))[None, None]
    np.testing.assert_array_equal(unlabelled.max(0) > 0, [True] * 4)


def test_a_network_that_is_sure_of_an_unannotated_group_still_gives_numbers() -> None:
    scores = among_annotated(np.array([[0, 0, 0, 1]], np.float32), np.array([True, True, False, False]))
    assert scores.tolist() == [[0.5, 0.5, 0, 0]]


@pytest.mark.parametrize(("fps", "frames"), [(120.0, 480), (10.0, 40), (30.0, 7)])
def test_scores_are_on_the_recordings_own_frames(fps: float, frames: int, recording: Recording, tracking_rows) -> None:
    clocked = replace(recording, fps=fps, annotated=(Triple(1, 2, "sniff"),))
    rows = [(frame, mouse, "nose", 100 + frame / fps, 50.0 * mouse) for frame in range(frames) for mouse in (1, 2)]
    assert scores_of(random_arena_recognizer(), curate(tracking_rows(rows), clocked), clocked)[None, None].shape == (frames, 4)


def test_recognizers_of_arenas_are_averaged_among_themselves(filmed: tuple[Curated, Recording], saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    checkpoint.save(other, random_arena_recognizer(seed=1), PROVENANCE)
    both = load_recognizer([saved, other])
    assert both.behaviors == GROUP_NAMES
    one, two = (scores_of(random_arena_recognizer(seed=seed), *filmed)[None, None] for seed in (0, 1))
    np.testing.assert_allclose(scores_of(both, *filmed)[None, None], (one + two) / 2, atol=1e-6)


def test_recognizers_of_several_views_are_not_averaged(saved: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.safetensors"
    checkpoint.save(pairs, random_recognizer(("attack",)), PROVENANCE)
    with pytest.raises(ContractError, match=r"Expected recognizers of one kind, but got the views arena, pair\. ") as refused:
        load_recognizer([pairs, saved])
    assert len(refused.value.faults) == 2, "their heads differ too"


def test_what_names_no_mouse_is_refused_where_a_submission_is_made(saved: Path) -> None:
    with pytest.raises(ContractError, match=r"whose bouts name agent and target, but got .*groups.safetensors of the arena view"):
        refuse_nameless(load_recognizer([saved]), str(saved))
