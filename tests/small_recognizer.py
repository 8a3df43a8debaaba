"""A small pair recognizer with random weights: enough for everything but the score."""

import numpy as np
import torch

from behavior.features import PairFeatures, RobustScaler
from recognizers.cnn_transformer import CnnTransformer, CnnTransformerConfig
from recognizers.pair_view import PairRecognizer, Windowing
from recognizers.recognizer import Decoding

CONFIG = CnnTransformerConfig(width=16, layers=1, heads=2, kernel=3, feedforward=2)


def random_recognizer(
    behaviors: tuple[str, ...],
    seed: int = 0,
    fps: float = 30.0,
    threshold: float = 0.5,
    occurring: dict[str, frozenset[str]] | None = None,
    bodyparts: tuple[str, ...] = ("body_center", "nose", "tail_base"),
) -> PairRecognizer:
    torch.manual_seed(seed)
    features = PairFeatures(bodyparts, fps)
    n_features = len(features.names)
    network = CnnTransformer(CONFIG, n_features, len(behaviors)).eval()
    scaler = RobustScaler(np.linspace(-1, 1, n_features, dtype=np.float32), np.linspace(5, 50, n_features, dtype=np.float32))
    decoding = Decoding((threshold,) * len(behaviors), occurring or {})
    return PairRecognizer("cnn_transformer", network, CONFIG, behaviors, features, scaler, Windowing(32, 16), decoding, batch=8)


PROVENANCE = {
    "recipe": {"name": "test"},
    "videos": {"train": [101], "validation": [102], "held_out": [103]},
    "metrics": {},
    "seed": 0,
}
