"""Augmentation of clips: each change by itself does to a clip what it says, and nothing to its label."""

from dataclasses import replace

import torch

from training.material.datasets import Batch
from training.recipes.film_augmentation import FilmAugmentation

NONE = FilmAugmentation(flip=0, turn=False, crop=0, light=0, noise=0, jitter=0)


def batch(clips: int = 32, window: int = 6, side: int = 10) -> Batch:
    """In each clip, every sample is its number in the top left corner, and 100 elsewhere in that row."""
    features = torch.zeros(clips, window, side, side)
    features[:, :, 0, :] = 100
    features[:, :, 0, 0] = torch.arange(window).float()
    labels = torch.zeros(clips, 1, 2, dtype=torch.bool)
    labels[:, 0, 1] = True
    return Batch(features, None, labels, torch.ones_like(labels), torch.zeros(clips, 3), ())


def changed(**settings: float) -> torch.Tensor:
    torch.manual_seed(0)
    after = replace(NONE, **settings)(batch())
    assert torch.equal(after.labels, batch().labels)
    return after.features


def test_a_mirrored_clip_has_its_left_side_on_the_right():
    assert torch.equal(changed(flip=1), batch().features.flip(-1))


def test_a_turned_clip_is_turned_whole_by_a_quarter_or_more():
    turned = changed(turn=True)
    ways = [torch.rot90(batch().features[0], quarters, (-2, -1)) for quarters in range(4)]
    found = [next(number for number, way in enumerate(ways) if torch.equal(clip, way)) for clip in turned]
    assert set(found) == {0, 1, 2, 3}


def test_a_cropped_clip_is_shifted_as_one_by_at_most_that_share_and_its_border_repeated():
    seen = changed(crop=0.2)
    down = (seen[:, :, :, 9] == 100).sum(2)  # row 0 is repeated above if the picture moved down, and gone if it moved up
    assert down.min() == 0
    assert down.max() == 3
    assert all(torch.equal(clip, clip[:1].expand_as(clip)) for clip in down), "all samples of a clip are shifted alike"


def test_jitter_shifts_a_clip_against_its_label_and_repeats_its_ends():
    numbers = {tuple(clip) for clip in changed(jitter=1)[:, :, 0, 0].int().tolist()}
    assert numbers == {(0, 0, 1, 2, 3, 4), (0, 1, 2, 3, 4, 5), (1, 2, 3, 4, 5, 5)}


def test_light_changes_a_whole_clip_alike_and_noise_each_pixel():
    lit = changed(light=0.2)
    assert torch.allclose(lit[:, 0, 5], lit[:, 5, 9])
    assert len(set(lit[:, 0, 5, 5].tolist())) > 20
    noisy = changed(noise=3) - batch().features
    assert 0.5 < noisy.std() < 3
    assert len(set(noisy[0, 0].flatten().tolist())) == 100
