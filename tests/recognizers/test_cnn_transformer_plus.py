"""The CNN-Transformer over tracks: blind to turns and shifts, told of lab and list, padding without effect, and able to learn."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from behavior.views.pair_tracks import PairTracks
from recognizers.cnn_transformer_plus import CnnTransformerPlus, CnnTransformerPlusConfig, against_all_others

LAYOUT = PairTracks(("ear_left", "ear_right", "nose", "tail_base"))
POINTS = len(LAYOUT.points)
SMALL = CnnTransformerPlusConfig(width=16, layers=1, heads=2, kernel=3, feedforward=2, token=8, dilations=(1, 2), dropout=0.0)


def tracks(batch: int, window: int) -> Tensor:
    """Two mice of 8 cm that wander about: [B, W, F]."""
    wander = torch.randn(batch, window, 2, 1, 2).cumsum(1) * 0.005
    body = torch.tensor([[0.04, 0.0], [0.0, 0.0], [-0.04, 0.0], [0.03, 0.01], [0.03, -0.01], [0.04, 0.0], [-0.04, 0.0]])
    place = wander + body + torch.randn(batch, window, 2, POINTS, 2) * 0.002
    return torch.cat([place, torch.ones(batch, window, 2, POINTS, 1)], -1).flatten(2)


def context(batch: int, behaviors: int, lab: int = 1) -> Tensor:
    return torch.cat([torch.full((batch, 1), float(lab)), torch.ones(batch, behaviors)], 1)


def network(config: CnnTransformerPlusConfig = SMALL, behaviors: int = 3) -> CnnTransformerPlus:
    torch.manual_seed(0)
    return CnnTransformerPlus(config, len(LAYOUT.names), behaviors).eval()


def moved(given: Tensor, angle: float, shift: tuple[float, float]) -> Tensor:
    """Turn the whole arena and shift it."""
    parts = given.unflatten(-1, (2, POINTS, 3))
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return torch.cat([parts[..., :2] @ turn.T + torch.tensor(shift), parts[..., 2:]], -1).flatten(2)


@pytest.mark.parametrize("window", [1, 7, 32, 50])
def test_one_logit_per_sample_and_behavior_whatever_the_window(window: int) -> None:
    assert network()(tracks(4, window), None, context(4, 3)).shape == (4, window, 3)


def test_the_full_size_network_fits_its_features() -> None:
    full = network(CnnTransformerPlusConfig(), behaviors=37)
    assert full(tracks(1, 64), None, context(1, 37)).shape == (1, 64, 37)


def test_it_does_not_notice_how_the_arena_lies() -> None:
    given = tracks(3, 40)
    asked = network()
    torch.testing.assert_close(
        asked(moved(given, 1.1, (0.2, -0.1)), None, context(3, 3)), asked(given, None, context(3, 3)), atol=2e-4, rtol=1e-3
    )


def test_with_the_place_it_notices_a_shift_but_not_a_quarter_turn_of_the_whole_arena() -> None:
    corners = torch.tensor([[-0.3, -0.3, 1.0], [0.3, 0.3, 1.0]]).expand(3, 40, 2, 2, 3)
    given = torch.cat([tracks(3, 40).unflatten(-1, (2, POINTS, 3)), corners], 3)
    torch.manual_seed(0)
    asked = CnnTransformerPlus(replace(SMALL, place=True), given[0, 0].numel(), 3).eval()
    answer = asked(given.flatten(2), None, context(3, 3))
    turned = torch.stack([-given[..., 1], given[..., 0], given[..., 2]], -1)
    torch.testing.assert_close(asked(turned.flatten(2), None, context(3, 3)), answer, atol=2e-4, rtol=1e-3)
    elsewhere = torch.cat([given[..., :POINTS, :] + torch.tensor([0.2, 0.0, 0.0]), corners], 3)
    assert not torch.allclose(asked(elsewhere.flatten(2), None, context(3, 3)), answer, atol=1e-3)


def test_of_a_joint_network_each_score_is_its_share_among_all_behaviors_and_nothing() -> None:
    logits = torch.tensor([[[math.log(2.0), math.log(3.0), 0.0]]])  # and nothing has 1: 7 in all
    torch.testing.assert_close(against_all_others(logits).sigmoid(), torch.tensor([[[2 / 7, 3 / 7, 1 / 7]]]))
    scores = network(replace(SMALL, joint=True))(tracks(2, 16), None, context(2, 3)).sigmoid()
    assert (scores.sum(-1) < 1).all()
    alone = network(replace(SMALL, joint=True), behaviors=1)(tracks(2, 16), None, context(2, 1))
    torch.testing.assert_close(alone, network(behaviors=1)(tracks(2, 16), None, context(2, 1)))  # a share against nothing


def test_it_notices_who_is_agent_and_who_is_target() -> None:
    given = tracks(3, 40)
    swapped = given.unflatten(-1, (2, -1)).flip(2).flatten(2)
    assert not torch.allclose(network()(given, None, context(3, 3)), network()(swapped, None, context(3, 3)), atol=1e-3)


def test_what_lies_on_padding_changes_nothing_before_it() -> None:
    asked, given = network(), tracks(2, 32)
    valid = torch.ones(2, 32, dtype=torch.bool)
    valid[:, 21:] = False
    expected = asked(given * valid[..., None], valid, context(2, 3))[:, :21]
    other = torch.where(valid[..., None], given, 7.0)
    torch.testing.assert_close(asked(other, valid, context(2, 3))[:, :21], expected)
    torch.testing.assert_close(asked(given[:, :21], None, context(2, 3)), expected, atol=1e-4, rtol=1e-3)


def test_lab_and_list_have_a_say_and_an_unknown_lab_is_no_error() -> None:
    asked, given = network(), tracks(1, 16)
    told = asked(given, None, context(1, 3))
    assert not torch.allclose(told, asked(given, None, context(1, 3, lab=2)), atol=1e-4)
    unannotated = context(1, 3)
    unannotated[0, 1] = 0
    assert not torch.allclose(told, asked(given, None, unannotated), atol=1e-4)
    assert asked(given, None, context(1, 3, lab=999)).isfinite().all()


def test_without_lab_or_pair_attention_it_is_a_smaller_network() -> None:
    plain = CnnTransformerPlusConfig(width=16, layers=1, heads=2, kernel=3, token=8, labs=0, pair_attention=False)
    asked, given = network(plain), tracks(1, 16)
    assert torch.equal(asked(given, None, context(1, 3)), asked(given, None, context(1, 3, lab=2)))
    assert not any(name.startswith(("pairs", "lab")) for name in asked.state_dict())


def test_a_mouse_by_itself_and_a_mouse_that_is_nowhere_give_finite_answers() -> None:
    alone = tracks(1, 16).unflatten(-1, (2, -1))
    alone[:, :, 1] = alone[:, :, 0]
    nowhere = torch.zeros(1, 16, len(LAYOUT.names))
    assert network()(alone.flatten(2), None, context(1, 3)).isfinite().all()
    assert network()(nowhere, None, context(1, 3)).isfinite().all()


def test_it_learns_one_batch_by_heart() -> None:
    asked = network().train()
    given, labels = tracks(4, 32), torch.rand(4, 32, 3) < 0.3
    optimizer = torch.optim.AdamW(asked.parameters(), lr=1e-2)
    for _ in range(200):
        loss = functional.binary_cross_entropy_with_logits(asked(given, None, context(4, 3)), labels.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"token": 7}, "a token that is a multiple of heads"),
        ({"pool": 0}, "a token that is a multiple of heads, lab_width and pool of 1 or more"),
        ({"lags_s": ()}, "lags of a sample or more"),
        ({"stir_s": (0.0,)}, "stir_s of windows above 0 s"),
        ({"lags_s": (0.01,)}, "lags of a sample or more at 30.0 samples a second"),
        ({"width": 60, "heads": 8}, "width to be a multiple of 2 x heads"),
    ],
)
def test_contradictions_are_refused(fields: dict, expected: str) -> None:
    with pytest.raises(ValueError, match=f"Expected {expected}"):
        CnnTransformerPlusConfig(**fields)
