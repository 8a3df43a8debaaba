"""What a network sees of tracks: motion in the frame of reference of each mouse, and the place in the arena."""

import pytest
import torch

from recognizers.track_geometry import Geometry, in_arena, stir_around

ARENA = torch.tensor([[-10.0, -20.0], [10.0, 20.0]])  # 20 by 40 cm


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


def test_the_place_is_told_by_the_two_nearest_walls_and_how_the_mouse_faces_them() -> None:
    """The mouse is 3 cm from the right wall and 14 cm from the upper one, and runs straight to the right."""
    place = in_arena(torch.tensor([[7.0, 6.0]]), torch.tensor([1.0, 0.0]), ARENA)[0]
    torch.testing.assert_close(place[:2], torch.tensor([3.0, 14.0]) / 3)
    torch.testing.assert_close(place[2:4], torch.tensor([0.3, 0.7]))
    assert place[4].item() == pytest.approx((0.49 + 0.09) ** 0.5, abs=0.01)
    torch.testing.assert_close(place[5:], torch.tensor([1.0, 0.0]))


def test_mirrored_turned_or_given_by_its_other_corners_an_arena_is_the_same() -> None:
    torch.manual_seed(0)
    places, heading = torch.rand(5, 2) * 18 - 9, torch.tensor([0.6, -0.8])
    expected = in_arena(places, heading, ARENA)
    mirrored = torch.tensor([-1.0, 1.0])
    torch.testing.assert_close(in_arena(places * mirrored, heading * mirrored, ARENA * mirrored), expected)
    torch.testing.assert_close(in_arena(places.flip(1), heading.flip(0), ARENA.flip(1)), expected)
    torch.testing.assert_close(in_arena(places + 5, heading, ARENA + 5), expected, atol=1e-4, rtol=1e-4)


def test_an_arena_that_is_not_known_gives_finite_numbers() -> None:
    assert in_arena(torch.rand(4, 2), torch.tensor([1.0, 0.0]), torch.zeros(2, 2)).isfinite().all()


def test_stir_tells_a_mouse_that_grooms_from_one_that_rests_and_one_that_walks() -> None:
    """The agent walks by 0.4 cm a sample, and its fourth point stays a millimeter a sample behind; the target does not move at all."""
    place = torch.ones(2, 1, 9, 4, 2)
    along = 0.4 * torch.arange(9.0)
    place[0, 0, :, :3, 0] += along[:, None]
    place[0, 0, :, 3, 0] += 0.3 / 0.4 * along
    stir = stir_around(place, None, (0, 2))  # [2, 1, W, 2 windows x (3 + 4)]
    now, around = stir[:, 0, 4, :7].exp(), stir[:, 0, 4, 7:].exp()
    torch.testing.assert_close(now, around)
    torch.testing.assert_close(now[0], torch.tensor([0.4, 0.4, 0.4, 0.01, 0.01, 0.01, 0.1]), atol=1e-3, rtol=0)
    torch.testing.assert_close(now[1], torch.full((7,), 0.01), atol=1e-3, rtol=0)


def test_a_point_that_is_not_tracked_does_not_move_and_padding_is_not_counted() -> None:
    place = torch.ones(2, 1, 8, 4, 2) + 0.4 * torch.arange(8.0)[None, None, :, None, None]
    place[:, :, :, 3] = 0
    valid = torch.arange(8)[None] < 5
    stir = stir_around(place * valid[None, ..., None, None], valid, (1,))
    torch.testing.assert_close(stir[:, :, :5], stir_around(place[:, :, :5], None, (1,)))
    torch.testing.assert_close(stir[0, 0, 3, 6].exp(), torch.tensor(0.01), atol=1e-3, rtol=0)
    short, long = stir_around(place, None, (1,)), stir_around(place, None, (200,))
    assert short.isfinite().all()
    assert long.isfinite().all()
