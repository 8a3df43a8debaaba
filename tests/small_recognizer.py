"""Small recognizers with random weights: enough for everything but the score."""

from dataclasses import replace

import numpy as np
import torch

from behavior.curation import CuratedTracking
from behavior.film import PictureSettings
from behavior.groups import GROUP_NAMES
from behavior.material import Material
from behavior.pain import PAIN_BEHAVIORS
from behavior.recording import Recording
from behavior.views.arena_features import ArenaFeatures
from behavior.views.film_views import FilmPictures
from behavior.views.pair_features import PairFeatures
from behavior.views.pair_tracks import PairTracks
from behavior.views.scaler import RobustScaler
from recognizers.cnn_transformer import CnnTransformer, CnnTransformerConfig
from recognizers.cnn_transformer_plus import CnnTransformerPlus, CnnTransformerPlusConfig
from recognizers.conv_bilstm import ConvBilstm, ConvBilstmConfig
from recognizers.families import network_family
from recognizers.film_recognizer import FilmFamily, FilmRecognizer
from recognizers.network_recognizer import NetworkRecognizer
from recognizers.recognizer import Decoding, Recognizer, whole_scores
from recognizers.windowed import Windowing

CONFIG = CnnTransformerConfig(width=16, layers=1, heads=2, kernel=3, feedforward=2)


def random_recognizer(
    behaviors: tuple[str, ...],
    seed: int = 0,
    fps: float = 30.0,
    threshold: float = 0.5,
    occurring: dict[str, frozenset[str]] | None = None,
    bodyparts: tuple[str, ...] = ("body_center", "nose", "tail_base"),
) -> NetworkRecognizer:
    torch.manual_seed(seed)
    features = PairFeatures(bodyparts, fps)
    n_features = len(features.names)
    network = CnnTransformer(CONFIG, n_features, len(behaviors)).eval()
    scaler = RobustScaler(np.linspace(-1, 1, n_features, dtype=np.float32), np.linspace(5, 50, n_features, dtype=np.float32))
    decoding = Decoding((threshold,) * len(behaviors), occurring or {})
    return NetworkRecognizer(
        network_family("cnn_transformer"), network, CONFIG, behaviors, features, scaler, Windowing(32, 16), decoding, batch=8
    )


def random_plus_recognizer(
    behaviors: tuple[str, ...], labs: tuple[str, ...] = (), threshold: float = 0.5, seed: int = 0
) -> NetworkRecognizer:
    torch.manual_seed(seed)
    features = PairTracks(("body_center", "ear_left", "ear_right", "nose", "tail_base"), place=True)
    n_features = len(features.names)
    small = CnnTransformerPlusConfig(width=16, layers=1, heads=2, kernel=3, feedforward=2, dilations=(1, 2), token=8, lags_s=(0.1, 0.5))
    config = replace(small, place=True, stir_s=(0.2, 1.0), joint=True)
    network = CnnTransformerPlus(config, n_features, len(behaviors)).eval()
    with torch.no_grad():
        network.logits.weight *= 10  # answers that change from frame to frame
        network.logits.bias.zero_()
    scaler = RobustScaler(np.zeros(n_features, np.float32), np.ones(n_features, np.float32))
    decoding = Decoding((threshold,) * len(behaviors), {})
    parts = (behaviors, features, scaler, Windowing(32, 16), decoding, labs)
    return NetworkRecognizer(network_family("cnn_transformer_plus"), network, config, *parts, batch=8)


def random_arena_recognizer(seed: int = 0, motion: bool = True) -> NetworkRecognizer:
    torch.manual_seed(seed)
    features = ArenaFeatures(motion)
    config = ConvBilstmConfig(channels=(8, 16), hidden=8, layers=1)
    network = ConvBilstm(config, len(features.names), len(GROUP_NAMES)).eval()
    with torch.no_grad():
        network.logits.weight *= 20  # answers that change from frame to frame
    scaler = RobustScaler(np.zeros(len(features.names), np.float32), np.full(len(features.names), 5, np.float32))
    decoding = Decoding((0.0,) * len(GROUP_NAMES), {})
    return NetworkRecognizer(
        network_family("conv_bilstm"), network, config, GROUP_NAMES, features, scaler, Windowing(50, 25), decoding, batch=8
    )


def random_film_recognizer(name: str = "pain_cnn3d", window: int = 16) -> FilmRecognizer:
    torch.manual_seed(1)
    family = network_family(name)
    assert isinstance(family, FilmFamily)
    sizes = {"channels": (4, 8)} | ({"hidden": 8} if name == "pain_cnn3d" else {"width": 8, "dilations": (1, 2)})
    view, behaviors = FilmPictures(PictureSettings(16, 16)), PAIN_BEHAVIORS
    config, network = family.build(sizes, len(view.names), len(behaviors))
    decoding = Decoding((0.0,) * len(behaviors), {})
    return FilmRecognizer(family, network.eval(), config, behaviors, view, Windowing(window, window // 2), decoding)


def scores_of(recognizer: Recognizer, curated: CuratedTracking, recording: Recording) -> dict[tuple[int | None, int | None], np.ndarray]:
    """Return all scores [T, C] by agent and target."""
    answers = whole_scores(recognizer, Material.with_tracking(recording, curated))
    return {(subject.agent, subject.target): scores for subject, scores in answers}


PROVENANCE = {
    "recipe": {"name": "test"},
    "videos": {"train": [101], "validation": [102], "held_out": [103]},
    "metrics": {},
    "seed": 0,
}
