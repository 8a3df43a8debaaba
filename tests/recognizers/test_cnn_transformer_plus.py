"""The CNN-Transformer over tracks: blind to turns and shifts, told of lab and list, padding without effect, and able to learn."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from behavior.views.pair_tracks import PairTracks
from recognizers.cnn_transformer_plus import CnnTransformerPlus, CnnTransformerPlusConfig, Geometry

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


def test_it_notices_who_is_agent_and_who_is_target() -> None:
    given = tracks(3, 40)
    swapped = given.unflatten(-1, (2, -1)).flip(2).flatten(2)
    assert not torch.allclose(network()(given, None, context(3, 3)), network()(swapped, None, context(3, 3)), atol=1e-3)


def test_what_each_mouse_does_is_told_in_its_own_frame_of_reference() -> None:
    """Both mice look up. The agent walks up by 1 cm a sample; the target stands 4 cm to its right."""
    place = torch.zeros(1, 5, 2, 3, 2)
    place[:, :, :, 0, 1], place[:, :, :, 2, 1] = 0.03, -0.03  # front and back
    place[0, :, 0, :, 1] += 0.01 * torch.arange(5.0)[:, None]
    place[0, :, 1, :, 0] = 0.04
    given = torch.cat([place, torch.ones(1, 5, 2, 3, 1)], -1).flatten(2)
    mice, relations = Geometry((1,), 3)(given, None)
    agent, there = mice[0, 0, 2], relations[0, 0, 0]
    front_along, front_across = torch.sinh(agent[:2]) * 3  # the front, 3 cm ahead of the center
    assert front_along.item() == pytest.approx(3.0, abs=1e-3)
    assert front_across.item() == pytest.approx(0.0, abs=1e-3)
    motion = torch.sinh(agent[3 * 3 + 1 :][: 2 * 3 * 2]).unflatten(0, (2, 3, 2))  # lag, anchor, (along, across)
    torch.testing.assert_close(motion[0], torch.tensor([[-1.0, 0.0]] * 3), atol=1e-3, rtol=0)  # a sample before it was behind
    torch.testing.assert_close(motion[1], torch.tensor([[1.0, 0.0]] * 3), atol=1e-3, rtol=0)
    center_along, center_across = torch.sinh(there[2:4]) * 3
    assert center_along.item() == pytest.approx(0.0, abs=1e-3)
    assert center_across.item() == pytest.approx(-4.0, abs=1e-3)  # right is across to the minus


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
        ({"lags_s": (0.01,)}, "lags of a sample or more at 30.0 samples a second"),
        ({"width": 60, "heads": 8}, "width to be a multiple of 2 x heads"),
    ],
)
def test_contradictions_are_refused(fields: dict, expected: str) -> None:
    with pytest.raises(ValueError, match=f"Expected {expected}"):
        CnnTransformerPlusConfig(**fields)
