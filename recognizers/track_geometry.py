"""What a network sees of bare tracks: the motion of each mouse in its own frame of reference, where the other one is, and the arena.

Axes: B batch, W window samples, P points of one mouse, L lags, F columns of tracks; 2 mice (agent, target).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from behavior.views.anchors import ANCHORS
from behavior.views.pair_tracks import ARENA, CM_PER_M, COORDINATES

_FRONT, _CENTER, _BACK = range(len(ANCHORS))
_BODY_CM = 3.0
"""Unit of length for places in or near a body: about half a mouse."""
_NEARLY_ZERO = 1e-2
"""Added to squared lengths, cm^2, so that no root and no logarithm is of 0."""
_STILL = 1e-4
"""Added to mean squared displacements, cm^2: a tenth of a millimeter is no motion."""
_SEEN_FROM = (_FRONT, _CENTER)
"""Anchors whose place in the arena is told."""
_PLACE_WIDTH = 7 * len(_SEEN_FROM)


class Geometry(nn.Module):
    """From tracks to the motion of each mouse, and the place of the other, in its own frame of reference. It has no weights."""

    def __init__(self, lags: tuple[int, ...], points: int, place: bool = False, stir: tuple[int, ...] = ()) -> None:
        """Prepare for mice of so many points; with `place`, the last ones are the arena.

        `stir` are half widths of the windows in which speeds are averaged, in samples.
        """
        super().__init__()
        self.stir = stir
        self.lags = (*(-lag for lag in lags), *lags)
        self.of_arena = len(ARENA) if place else 0
        self.points = points = points - self.of_arena
        anchors, n_lags = len(ANCHORS), len(self.lags)
        self.mouse_width = 3 * points + 2 * anchors * n_lags + 2 * n_lags + 1 + (_PLACE_WIDTH if place else 0)
        self.mouse_width += len(stir) * (points + anchors)
        self.relation_width = 2 * points + anchors**2 + 2 + (2 + anchors**2) * n_lags

    def forward(self, features: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return mice [2, B, W, .] and relations [2, B, W, .] (agent to target, target to agent) for tracks [B, W, F]."""
        whole = features.unflatten(-1, (2, self.points + self.of_arena, len(COORDINATES))).permute(2, 0, 1, 3, 4)  # [2, B, W, P, 3]
        tracks, arena = whole.split((self.points, self.of_arena), 3)
        place, seen = tracks[..., :2] * CM_PER_M, tracks[..., 2]
        ahead = place[..., _FRONT, :] - place[..., _BACK, :]
        length = ahead.square().sum(-1, keepdim=True).add(_NEARLY_ZERO).sqrt()
        heading = ahead / length  # [2, B, W, 2]
        center, anchors = place[..., _CENTER, None, :], place[..., : len(ANCHORS), :]
        apart = anchors[..., None, :] - anchors.flip(0)[..., None, :, :]
        distance = apart.square().sum(-1).add(_NEARLY_ZERO).sqrt().flatten(-2)  # [2, B, W, anchors^2]

        now = torch.cat([anchors.flatten(-2), heading, distance], -1)
        then = self._lagged(now, valid)  # [2, B, W, L, .]
        moved, headed, nearer = (then - now[..., None, :]).split((2 * len(ANCHORS), 2, len(ANCHORS) ** 2), -1)
        moved = moved.unflatten(-1, (-1, 2))  # [2, B, W, L, anchors, 2]
        motion = _squashed(in_frame_of(moved.flatten(-3, -2), heading))
        other_motion = _squashed(in_frame_of(moved.flip(0)[..., _CENTER, :], heading))
        headed_to = in_frame_of(headed + heading[..., None, :], heading)
        shape = _squashed(in_frame_of(place - center, heading) / _BODY_CM)
        there = _squashed(in_frame_of(place.flip(0) - center, heading) / _BODY_CM)
        toward = in_frame_of(heading.flip(0)[..., None, :], heading)
        mice = [shape.flatten(-2), seen, length.log(), motion.flatten(-2), headed_to.flatten(-2)]
        if self.of_arena:
            mice.append(_squashed(in_arena(anchors[..., _SEEN_FROM, :], heading, arena[..., :2] * CM_PER_M)).flatten(-2))
        if self.stir:
            mice.append(stir_around(place, valid, self.stir))
        relations = [there.flatten(-2), distance.log(), toward.flatten(-2), _squashed(nearer).flatten(-2), other_motion.flatten(-2)]
        return torch.cat(mice, -1), torch.cat(relations, -1)

    def _lagged(self, values: Tensor, valid: Tensor | None) -> Tensor:
        """Return values [2, B, W, N] at all lags: [2, B, W, L, N]; beyond the ends of a window without padding, its end is repeated."""
        window = values.shape[2]
        rows = (torch.arange(window, device=values.device)[:, None] + torch.tensor(self.lags, device=values.device)).clamp(0, window - 1)
        if valid is None:
            return values[:, :, rows]
        rows = rows.minimum(valid.sum(1)[:, None, None] - 1)  # [B, W, L]
        return values[:, torch.arange(rows.shape[0], device=values.device)[:, None, None], rows]


def in_frame_of(vectors: Tensor, heading: Tensor) -> Tensor:
    """Return vectors [..., N, 2] in the frame of reference with its x axis along `heading` [..., 2]."""
    along, across = heading[..., None, 0], heading[..., None, 1]
    x, y = vectors[..., 0], vectors[..., 1]
    return torch.stack([x * along + y * across, y * along - x * across], -1)


def stir_around(place: Tensor, valid: Tensor | None, halves: tuple[int, ...]) -> Tensor:
    """Return how much the points [2, B, W, P, 2] of each mouse move around each sample: [2, B, W, windows x (anchors + P)].

    The logarithm of the root mean square of displacements between two samples, cm, in centered windows up to `halves` samples away: of the
    anchors, and of all points relative to the center. On this scale a mouse that rests differs from one that grooms, as much as from one
    that walks; in a displacement over one time the difference is lost. A point that is not tracked does not move.
    """
    tracked = (place != 0).any(-1)
    twice = tracked[:, :, 1:] & tracked[:, :, :-1]  # [2, B, W - 1, P]
    step = (place[:, :, 1:] - place[:, :, :-1]) * twice[..., None]
    own = (step - step[..., _CENTER, None, :]).square().sum(-1) * twice
    moved = torch.cat([step[..., : len(ANCHORS), :].square().sum(-1), own], -1)  # [2, B, W - 1, anchors + P]
    moved = functional.pad(moved, (0, 0, 1, 0)).flatten(0, 1).transpose(1, 2)  # [2 B, anchors + P, W]
    counts = torch.ones_like(moved[:1, :1]) if valid is None else valid[:, None].to(moved.dtype).repeat(2, 1, 1)  # [.., 1, W]
    moved = moved if valid is None else moved * counts
    means = [_window_mean(moved, half) / _window_mean(counts, half).clamp(min=_NEARLY_ZERO) for half in halves]
    return (torch.cat(means, 1) + _STILL).log().mul(0.5).transpose(1, 2).unflatten(0, (2, -1))


def _window_mean(values: Tensor, half: int) -> Tensor:
    """Return the mean of values [N, F, W] over the samples up to `half` away; those beyond the ends count as 0."""
    return functional.avg_pool1d(values, 2 * half + 1, stride=1, padding=half)


def in_arena(places: Tensor, heading: Tensor, arena: Tensor) -> Tensor:
    """Return where in the arena places [..., N, 2] are, and how a mouse with this heading [..., 2] faces its walls: [..., N, 7].

    Places are in cm; the arena [..., 2, 2] is two opposite corners. First the distances to the nearest and to the second nearest wall, in
    body units; the same as shares of the half width, where 1 is the middle; the distance from the middle, where 1 is a wall; then the share
    of the heading toward these two walls. Turning the arena by a right angle, or mirroring it, changes nothing.
    """
    middle, half = arena.mean(-2, keepdim=True), (arena[..., :1, :] - arena[..., 1:, :]).abs() / 2
    apart = places - middle
    inside = half - apart.abs()  # [..., N, 2]: to the nearer wall along x, and along y
    along_x_first = inside[..., :1] <= inside[..., 1:]
    toward = heading[..., None, :] * torch.where(apart < 0, -1.0, 1.0)
    shares = inside / half.clamp(min=1.0)  # an arena that is not known has no width
    from_middle = (apart / half.clamp(min=1.0)).square().sum(-1, keepdim=True).add(_NEARLY_ZERO).sqrt()
    by_wall = [torch.where(along_x_first, part, part.flip(-1)) for part in (inside / _BODY_CM, shares, toward)]
    return torch.cat([*by_wall[:2], from_middle, by_wall[2]], -1)


def _squashed(values: Tensor) -> Tensor:
    """Return values almost unchanged near 0, and on a logarithmic scale far from it, so that jumps of the tracker have little effect."""
    return torch.asinh(values)
