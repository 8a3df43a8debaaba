"""Augmentation of tracks: mirrors, sizes, lost bodyparts, changed places, forgotten labs; padding untouched."""

from dataclasses import replace

import pytest
import torch

from behavior.views.pair_features import PairFeatures
from behavior.views.pair_tracks import PairTracks
from training.material.datasets import Batch
from training.recipes.track_augmentation import TrackAugmentation

LAYOUT = PairTracks(("ear_left", "ear_right", "nose"))
NOTHING = {
    "mirror": 0.0,
    "scale": 0.0,
    "noise_cm": 0.0,
    "drop_bodypart": 0.0,
    "swap": 0.0,
    "lose_mouse": 0.0,
    "swap_for_a_while": 0.0,
    "forget_lab": 0.0,
}


def batch(windows: int = 200, valid: torch.Tensor | None = None) -> Batch:
    torch.manual_seed(0)
    features = torch.rand(windows, 5, 2, len(LAYOUT.points), 3) + 0.5
    features = features.flatten(2) if valid is None else features.flatten(2) * valid[..., None]
    labels = torch.ones(windows, 5, 1, dtype=torch.bool)
    return Batch(features, valid, labels, labels, torch.ones(windows, 2), (7,))


def parts(of: Batch) -> torch.Tensor:
    """Return [B, W, 2, P, 3]."""
    return of.features.unflatten(-1, (2, len(LAYOUT.points), 3))


def augmented(given: Batch, **fields: float) -> Batch:
    return TrackAugmentation(**{**NOTHING, **fields}).of(LAYOUT)(given)


def test_switched_off_it_changes_nothing() -> None:
    given = batch()
    torch.testing.assert_close(augmented(given).features, given.features)


def test_in_a_mirror_x_changes_its_sign_and_the_ears_their_names() -> None:
    given = batch()
    seen, expected = parts(augmented(given, mirror=1.0)), parts(given)[..., [0, 1, 2, 4, 3, 5], :] * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(seen, expected)


def test_half_of_the_windows_are_mirrored_whole() -> None:
    given = batch()
    changed = (parts(augmented(given, mirror=0.5)) != parts(given)).flatten(1).any(1)
    assert 70 < int(changed.sum()) < 130


def test_every_window_has_one_size() -> None:
    given = batch()
    ratio = parts(augmented(given, scale=0.1))[..., :2] / parts(given)[..., :2]
    assert 0.9 <= ratio.min() < 0.92
    assert 1.08 < ratio.max() <= 1.1
    torch.testing.assert_close(ratio.flatten(1).amax(1), ratio.flatten(1).amin(1))


def test_noise_has_the_spread_it_says_and_leaves_the_sight_alone() -> None:
    given = batch()
    difference = parts(augmented(given, noise_cm=0.5)) - parts(given)
    assert difference[..., :2].std().item() == pytest.approx(0.005, rel=0.05)
    assert not difference[..., 2].any()


def test_a_lost_bodypart_is_lost_for_a_whole_window_and_anchors_never() -> None:
    seen = parts(augmented(batch(), drop_bodypart=0.5))
    assert (seen[..., :3, :] != 0).all()
    lost = (seen[..., 3:, :] == 0).flatten(1, 2)  # [B, W x 2, bodyparts, 3]
    assert torch.equal(lost.any(1), lost.all(1))
    assert lost.float().mean().item() == pytest.approx(0.5, abs=0.06)


def test_the_arena_is_never_lost_and_grows_with_the_mice() -> None:
    layout = replace(LAYOUT, place=True)
    given = replace(batch(), features=torch.ones(200, 5, len(layout.names)))
    seen = TrackAugmentation(**{**NOTHING, "drop_bodypart": 1.0, "scale": 0.1}).of(layout)(given).features.unflatten(-1, (2, -1, 3))
    assert not seen[..., 3:-2, :].any()
    torch.testing.assert_close(seen[..., -2:, :2], seen[..., :2, :2])


def test_agent_and_target_trade_places_and_nothing_else_happens() -> None:
    given = batch()
    torch.testing.assert_close(parts(augmented(given, swap=1.0)), parts(given).flip(2))


def test_mice_that_are_mixed_up_for_a_while_are_exchanged_in_one_section() -> None:
    given = batch()
    mixed = parts(augmented(given, swap_for_a_while=1.0))
    exchanged = (mixed == parts(given).flip(2)).flatten(2).all(2)  # [B, W]
    as_before = (mixed == parts(given)).flatten(2).all(2)
    assert (exchanged | as_before).all()
    borders = (exchanged[:, 1:] != exchanged[:, :-1]).sum(1)
    assert set(borders.tolist()) <= {0, 1, 2}
    assert 0.2 < exchanged.float().mean().item() < 0.45


def test_a_lost_mouse_is_on_the_line_between_where_it_was_seen_and_the_other_stays() -> None:
    windows, layout = 50, LAYOUT
    walk = torch.arange(12.0)[None, :, None, None, None].expand(windows, 12, 2, len(layout.points), 3).clone()
    walk[..., 1] = walk[..., 1] ** 2 / 12  # a curve, so that a straight line differs from it
    walk[..., 2] = 1.0
    given = replace(batch(windows), features=walk.flatten(2))
    after = parts(augmented(given, lose_mouse=1.0))
    lost = (after[..., 2] == 0).all(3)  # [B, W, 2]
    assert (lost == (after[..., 2] == 0).any(3)).all()
    assert not (lost[..., 0] & lost[..., 1]).any()
    assert lost.any(1).sum(0).min() > 5  # each of the two in some windows
    assert torch.equal(after[~lost], walk[~lost])
    whole = next(window for window in range(windows) if lost[window].sum() > 2 and not lost[window, [0, -1]].any())
    mouse = int(lost[whole].any(0).nonzero())
    first, last = lost[whole, :, mouse].nonzero()[[0, -1]].flatten().tolist()
    ends = walk[whole, first - 1, mouse, 0, 1], walk[whole, last + 1, mouse, 0, 1]
    line = torch.linspace(*map(float, ends), last - first + 3)[1:-1]
    torch.testing.assert_close(after[whole, first : last + 1, mouse, 0, 1], line)


def test_a_forgotten_lab_is_an_unknown_one_and_the_list_is_kept() -> None:
    context = augmented(batch(), forget_lab=0.5).context
    assert set(context[:, 0].tolist()) == {0.0, 1.0}
    assert (context[:, 1] == 1).all()


def test_padding_stays_zero() -> None:
    valid = torch.ones(200, 5, dtype=torch.bool)
    valid[:, 3:] = False
    assert not TrackAugmentation().of(LAYOUT)(batch(valid=valid)).features[:, 3:].any()


def test_what_are_no_tracks_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected tracks to augment, but got PairFeatures"):
        TrackAugmentation().of(PairFeatures(("nose",)))


def test_shares_beyond_one_are_refused() -> None:
    with pytest.raises(ValueError, match="Expected shares from 0 to 1"):
        TrackAugmentation(mirror=1.5)
