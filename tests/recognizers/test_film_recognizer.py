"""Recognizers of films: clips are aligned with their frames, at the ends too; checkpoints give the same scores."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from film_in_memory import FilmInMemory
from small_recognizer import PROVENANCE
from torch import Tensor, nn

from behavior.contract import ContractError
from behavior.film import PictureSettings
from behavior.material import Material
from behavior.pain import PAIN_BEHAVIORS
from behavior.recording import Recording, Triple
from behavior.views.film_views import FilmEmbeddings, FilmPictures
from recognizers.checkpoint import save
from recognizers.families import load_recognizer, network_family
from recognizers.film_recognizer import FilmFamily, FilmRecognizer
from recognizers.film_scores import FilmScorer, SampledRows, centers_of
from recognizers.recognizer import Decoding, whole_scores
from recognizers.windowed import Windowing
from training.recipes.named import RECIPES

PICTURE = PictureSettings(8, 8)
TINY = {
    "pain_cnn3d": {"channels": (4, 8), "hidden": 8},
    "film_tcn": {"channels": (4, 8), "width": 8, "dilations": (1, 2)},
    "embedding_tcn": {"width": 8, "dilations": (1, 2)},
}


def recording(fps: float = 30.0, annotated: tuple[str, ...] = ()) -> Recording:
    return Recording("lab", 5, fps, float("nan"), 8, 8, annotated=tuple(Triple(1, 1, name) for name in annotated))


def film(frames: int = 40, seed: int = 0) -> FilmInMemory:
    generator = np.random.default_rng(seed)
    return FilmInMemory(generator.integers(0, 255, (frames, 8, 8), np.uint8), generator.normal(size=(frames, 3)).astype(np.float32))


def recognizer_of(name: str, window: int = 16, stride: int = 2) -> FilmRecognizer:
    torch.manual_seed(0)
    family = network_family(name)
    assert isinstance(family, FilmFamily)
    view = FilmEmbeddings(3) if name == "embedding_tcn" else FilmPictures(PICTURE, stride=stride)
    config, network = family.build(TINY[name], len(view.names), len(PAIN_BEHAVIORS))
    decoding = Decoding((0.0,) * len(PAIN_BEHAVIORS), {})
    return FilmRecognizer(family, network.eval(), config, PAIN_BEHAVIORS, view, Windowing(window, window // 2), decoding, batch=4)


def scores_of(recognizer: FilmRecognizer, of_film: FilmInMemory, of_recording: Recording | None = None) -> np.ndarray:
    ((_, scores),) = whole_scores(recognizer, Material.with_film(of_recording or recording(), of_film))
    return scores


class MiddleNetwork(nn.Module):
    """Answers with the gray level of the frame that a clip is about."""

    CENTERED = True

    def forward(self, clips: Tensor, valid: Tensor | None = None, context: Tensor | None = None) -> Tensor:
        return clips[:, clips.shape[1] // 2, 0, :1].float()[:, None]


class EveryNetwork(nn.Module):
    def forward(self, clips: Tensor, valid: Tensor | None = None, context: Tensor | None = None) -> Tensor:
        return clips[:, :, 0, :1].float()


def numbered(frames: int) -> FilmInMemory:
    return FilmInMemory(np.broadcast_to(np.arange(frames, dtype=np.uint8)[:, None, None], (frames, 8, 8)))


def plain(network: nn.Module, stride: int) -> FilmRecognizer:
    """A recognizer whose scores are the network's answers."""

    class Plain(FilmRecognizer):
        def _scorer(self) -> FilmScorer:
            return FilmScorer(self.network, self.windowing.window, "cpu", lambda logits: logits)

    own = recognizer_of("pain_cnn3d", stride=stride)
    return Plain(**{**{name: getattr(own, name) for name in own.__dataclass_fields__}, "network": network, "behaviors": ("rest",)})


def test_a_clip_is_about_the_frame_in_its_middle_at_the_ends_too():
    assert scores_of(plain(MiddleNetwork(), 1), numbered(20))[:, 0].tolist() == list(range(20))


def test_with_a_stride_every_frame_has_the_scores_of_the_nearest_clip():
    assert scores_of(plain(MiddleNetwork(), 3), numbered(10))[:, 0].tolist() == [1, 1, 1, 4, 4, 4, 7, 7, 7, 9]


@pytest.mark.parametrize("frames", [5, 16, 50])
def test_a_network_that_answers_for_every_sample_is_aligned_too(frames: int):
    assert scores_of(plain(EveryNetwork(), 1), numbered(frames))[:, 0].tolist() == list(range(frames))


def test_a_film_at_another_rate_has_scores_on_its_own_frames():
    scores = scores_of(plain(MiddleNetwork(), 1), numbered(50), recording(fps=60.0))[:, 0]
    assert len(scores) == 50
    assert np.abs(scores - np.arange(50)).max() <= 1


def test_clips_repeat_the_ends_of_a_film():
    rows = SampledRows.of(numbered(6).pictures, 30.0, 30.0)
    assert rows.clips(np.array([-2, 4]), 4)[:, :, 0, 0].tolist() == [[0, 0, 0, 1], [4, 5, 5, 5]]


@pytest.mark.parametrize(("samples", "stride", "centers"), [(7, 2, [1, 3, 5, 6]), (6, 3, [1, 4]), (3, 1, [0, 1, 2]), (1, 4, [0])])
def test_centers_cover_all_samples(samples: int, stride: int, centers: list[int]):
    assert centers_of(samples, stride).tolist() == centers


@pytest.mark.parametrize("name", sorted(TINY))
def test_scores_are_probabilities_and_survive_a_checkpoint(name: str, tmp_path: Path):
    recognizer = recognizer_of(name)
    scores = scores_of(recognizer, film())
    assert scores.shape == (40, 6)
    np.testing.assert_allclose(scores.sum(1), 1, atol=1e-5)
    save(tmp_path / "one.safetensors", recognizer, PROVENANCE)
    loaded = load_recognizer([tmp_path / "one.safetensors"])
    np.testing.assert_allclose(scores_of(loaded, film()), scores, atol=1e-6)
    assert loaded.features == recognizer.features


@pytest.mark.parametrize("name", sorted(TINY))
def test_the_batch_changes_no_score(name: str):
    recognizer = recognizer_of(name)
    np.testing.assert_allclose(scores_of(recognizer, film()), scores_of(recognizer.on("cpu", 64), film()), atol=1e-5)


def test_only_annotated_behaviors_have_scores():
    scores = scores_of(recognizer_of("pain_cnn3d"), film(), recording(annotated=("rest", "walk")))
    np.testing.assert_allclose(scores[:, [0, 4]].sum(1), 1, atol=1e-5)
    assert not scores[:, [1, 2, 3, 5]].any()


def test_mirrored_scores_are_the_same_for_a_mirrored_film():
    recognizer = recognizer_of("film_tcn").mirrored()
    one, other = film(), FilmInMemory(film().pictures[:, :, ::-1])
    np.testing.assert_allclose(scores_of(recognizer, one), scores_of(recognizer, other), atol=1e-5)
    assert recognizer_of("embedding_tcn").mirrored() is None


def test_brighter_light_changes_no_score():
    dim = FilmInMemory((film().pictures // 2).astype(np.uint8))
    bright = FilmInMemory(dim.pictures * 2 + 1)
    np.testing.assert_allclose(scores_of(recognizer_of("pain_cnn3d"), dim), scores_of(recognizer_of("pain_cnn3d"), bright), atol=1e-3)


def test_embeddings_of_another_length_are_refused():
    recognizer = replace(recognizer_of("embedding_tcn"), features=FilmEmbeddings(4))
    with pytest.raises(ContractError, match="Expected embeddings of 4 numbers per frame, but got 3"):
        scores_of(recognizer, film())


def test_a_device_without_memory_scores_half_of_the_clips_at_a_time(capsys):
    class Narrow(EveryNetwork):
        def forward(self, clips: Tensor, valid: Tensor | None = None, context: Tensor | None = None) -> Tensor:
            if len(clips) > 2:
                raise torch.OutOfMemoryError("no room")
            return super().forward(clips)

    recognizer = plain(Narrow(), 1).on("cpu", 8)
    assert scores_of(recognizer, numbered(80))[:, 0].tolist() == list(range(80))
    assert "half of them are scored at a time" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "least", "most"), [("pain_cnn3d", 2.7e6, 3.3e6), ("pain_cnn3d_light", 0.5e6, 0.7e6)])
def test_the_networks_of_the_brief_have_their_size(name: str, least: float, most: float):
    recipe = RECIPES[name]()
    _, network = network_family(recipe.family).build(asdict(recipe.network), 1, 6)
    assert least < sum(value.numel() for value in network.parameters()) < most
    assert network(torch.zeros(2, 16, 64, 64)).shape == (2, 1, 6)
    assert sum(isinstance(layer, nn.Conv3d) for layer in network.modules()) == 4
    assert sum(isinstance(layer, nn.Linear) for layer in network.modules()) == 2


def test_a_checkpoint_of_other_weights_is_refused(tmp_path: Path):
    recognizer = recognizer_of("pain_cnn3d")
    other = replace(recognizer, network_config=replace(recognizer.network_config, hidden=16))
    save(tmp_path / "one.safetensors", other, PROVENANCE)
    with pytest.raises(ContractError, match="Expected the weights of its own network"):
        load_recognizer([tmp_path / "one.safetensors"])
