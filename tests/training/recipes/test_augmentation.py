"""Augmentation: nothing by default, noise of the right size, windows late or early, padding untouched."""

import pytest
import torch

from behavior.views.pair_features import PairFeatures
from training.material.datasets import Batch
from training.recipes.augmentation import Augmentation

FEATURES = PairFeatures(("nose",))


def batch(valid: torch.Tensor | None = None) -> Batch:
    """Two windows of 50 samples; the feature is the sample's number."""
    features = torch.arange(1.0, 51.0).repeat(2, 1)[..., None]
    if valid is not None:
        features = features * valid[..., None]
    labels = torch.ones(2, 50, 1, dtype=torch.bool)
    return Batch(features, valid, labels, labels, torch.zeros(2, 2), (7,))


def test_nothing_is_changed_and_no_random_number_drawn_by_default() -> None:
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    given = batch()
    assert Augmentation().of(FEATURES)(given) is given
    assert torch.equal(torch.random.get_rng_state(), before)


def test_noise_has_the_spread_it_says() -> None:
    torch.manual_seed(0)
    noise = torch.cat([(Augmentation(noise=0.01).of(FEATURES)(batch()).features - batch().features).flatten() for _ in range(20)])
    assert noise.std().item() == pytest.approx(0.01, rel=0.1)
    assert abs(noise.mean().item()) < 1e-3


def test_a_window_is_up_to_two_samples_early_or_late_and_its_labels_stay() -> None:
    torch.manual_seed(0)
    shifts = set()
    for _ in range(40):
        moved = Augmentation(jitter=2).of(FEATURES)(batch())
        assert moved.labels is not None
        for window in moved.features[..., 0]:
            shift = int(window[25] - 26)
            shifts.add(shift)
            assert window.tolist() == [min(max(number + shift, 1), 50) for number in range(1, 51)]
    assert shifts == {-2, -1, 0, 1, 2}


def test_padding_stays_zero() -> None:
    torch.manual_seed(0)
    valid = torch.ones(2, 50, dtype=torch.bool)
    valid[1, 30:] = False
    moved = Augmentation(noise=0.01, jitter=2).of(FEATURES)(batch(valid))
    assert not moved.features[1, 30:].any()
    assert (moved.features[1, :30] > 0.5).all()


def test_less_than_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected noise and jitter of 0 or more"):
        Augmentation(jitter=-1)
