"""The CNN-Transformer over bare tracks: one network for all labs; shifting or rotating the arena does not change its scores.

The network computes its features from the tracks.

Axes: B batch, W window samples, P points of one mouse, L lags, F columns of tracks, D width, E width of a token, C behaviors.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from behavior.views.anchors import ANCHORS
from behavior.views.pair_tracks import CM_PER_M, COORDINATES
from recognizers.cnn_transformer import CnnTransformerConfig, Dropout, ResidualConvolution, TransformerLayer, sinusoidal_positions

_FRONT, _CENTER, _BACK = range(len(ANCHORS))
_BODY_CM = 3.0
"""Unit of length for places in or near a body: about half a mouse."""
_NEARLY_ZERO = 1e-2
"""Added to squared lengths, cm^2, so that no root and no logarithm is of 0."""


@dataclass(frozen=True)
class CnnTransformerPlusConfig(CnnTransformerConfig):
    """Size of the network, and which of its parts it has (ablations leave one out)."""

    token: int = 64
    """Width of one mouse or one relation at one sample, E."""
    lags_s: tuple[float, ...] = (1 / 30, 0.1, 0.3, 0.8, 2.0)
    """Displacements are computed over these times, backward and forward, s."""
    fps: float = 30.0
    """Samples per second of its input, 1/s."""
    labs: int = 32
    """Most labs that have an embedding; 0 for a network without labs."""
    lab_width: int = 16
    """Width of the embedding of a lab."""
    pool: int = 4
    """Attention works on means of so many samples: convolutions locate borders, attention adds context."""
    pair_attention: bool = True
    """Whether the tokens of the two mice and their two relations attend to each other in every sample."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "lags_s", tuple(self.lags_s))  # JSON brings a list
        if self.token % self.heads or min(self.token, self.labs + 1, self.lab_width, self.pool) < 1 or not self.fps > 0:
            expected = "a token that is a multiple of heads, lab_width and pool of 1 or more, labs of 0 or more and fps above 0"
            raise ValueError(f"Expected {expected}, but got {self}. Change the sizes.")
        if not self.lags_s or min(self.lags_s) * self.fps < 0.5:
            raise ValueError(f"Expected lags of a sample or more at {self.fps} samples a second, but got {self.lags_s}. Use longer ones.")


class CnnTransformerPlus(nn.Module):
    """Map windows of tracks to one logit per sample and behavior."""

    CONFIG: ClassVar = CnnTransformerPlusConfig

    def __init__(self, config: CnnTransformerPlusConfig, n_features: int, n_behaviors: int) -> None:
        super().__init__()
        self.config = config
        points = n_features // (2 * len(COORDINATES))
        self.geometry = Geometry(tuple(round(lag * config.fps) for lag in config.lags_s), points)
        self.mouse = _token(self.geometry.mouse_width, config)
        self.relation = _token(self.geometry.relation_width, config)
        self.roles = nn.Parameter(torch.randn(4, config.token) * 0.1)
        self.pairs = _token_attention(config) if config.pair_attention else None
        self.lab = nn.Embedding(config.labs + 1, config.lab_width) if config.labs else None
        # checkpoints have this name for the weights of lab and annotated behaviors
        self.told = nn.Linear(n_behaviors + (config.lab_width if config.labs else 0), config.width)
        self.together = nn.Linear(4 * config.token, config.width)
        self.convolutions = nn.ModuleList(ResidualConvolution(config.width, config, dilation) for dilation in config.dilations)
        self.layers = nn.ModuleList(TransformerLayer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.logits = nn.Linear(config.width, n_behaviors)
        nn.init.constant_(self.logits.bias, -3.0)  # behaviors are rare: the first steps do not have to learn this

    def forward(self, features: Tensor, valid: Tensor | None, context: Tensor) -> Tensor:
        """Return logits [B, W, C] for tracks [B, W, F], `valid` [B, W] bool (false on padding) and `context` [B, 1 + C]."""
        mice, relations = self.geometry(features.float(), valid)  # [2, B, W, .] each
        tokens = torch.cat([self.mouse(mice), self.relation(relations)]).permute(1, 2, 0, 3) + self.roles  # [B, W, 4, E]
        if self.pairs is not None:
            tokens = self.pairs(tokens.flatten(0, 1), None).unflatten(0, tokens.shape[:2])
        hidden = self.together(tokens.flatten(2)) + self._condition(context)[:, None]
        hidden = hidden if valid is None else hidden * valid[..., None]
        hidden = hidden.transpose(1, 2)  # [B, D, W]
        for convolution in self.convolutions:
            hidden = convolution(hidden, valid)
        hidden = hidden + self._surroundings(hidden, valid)
        return self.logits(self.norm(hidden.transpose(1, 2)))

    def _surroundings(self, hidden: Tensor, valid: Tensor | None) -> Tensor:
        """Return [B, D, W]: the context of each sample from the whole window, by attention over means of `pool` samples."""
        pool = self.config.pool
        coarse, mask = functional.avg_pool1d(hidden, pool, ceil_mode=True), None  # [B, D, V]
        if valid is not None:  # padding has no part in attention or in means
            share = functional.avg_pool1d(valid[:, None].to(hidden.dtype), pool, ceil_mode=True)  # [B, 1, V]
            coarse, mask = coarse / share.clamp(min=1e-6), share[:, :, None] > 0
        coarse = coarse.transpose(1, 2)
        coarse = coarse + sinusoidal_positions(coarse.shape[1], coarse.shape[2], coarse.device).to(coarse.dtype)
        for layer in self.layers:
            coarse = layer(coarse, mask)
        return coarse.transpose(1, 2).repeat_interleave(pool, dim=2)[..., : hidden.shape[2]]

    def _condition(self, context: Tensor) -> Tensor:
        """Return [B, D]: the projection of lab and annotated behaviors."""
        parts = [context[:, 1:]]
        if self.lab is not None:
            parts.append(self.lab(context[:, 0].long().clamp(max=self.config.labs)))
        return self.told(torch.cat(parts, dim=1))


class Geometry(nn.Module):
    """From tracks to the motion of each mouse, and the place of the other, in its own frame of reference. It has no weights."""

    def __init__(self, lags: tuple[int, ...], points: int) -> None:
        super().__init__()
        self.lags = (*(-lag for lag in lags), *lags)
        self.points = points
        anchors, n_lags = len(ANCHORS), len(self.lags)
        self.mouse_width = 3 * points + 2 * anchors * n_lags + 2 * n_lags + 1
        self.relation_width = 2 * points + anchors**2 + 2 + (2 + anchors**2) * n_lags

    def forward(self, features: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return mice [2, B, W, .] and relations [2, B, W, .] (agent to target, target to agent) for tracks [B, W, F]."""
        tracks = features.unflatten(-1, (2, self.points, 3)).permute(2, 0, 1, 3, 4)  # [2, B, W, P, 3]
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


def _squashed(values: Tensor) -> Tensor:
    """Return values almost unchanged near 0, and on a logarithmic scale far from it, so that jumps of the tracker have little effect."""
    return torch.asinh(values)


def _token(width: int, config: CnnTransformerPlusConfig) -> nn.Module:
    return nn.Sequential(
        LastNorm(width), nn.Linear(width, 2 * config.token), nn.GELU(), Dropout(config.dropout), nn.Linear(2 * config.token, config.token)
    )


class LastNorm(nn.Module):
    """Batch norm over the last axis."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)

    def forward(self, values: Tensor) -> Tensor:
        """Map [..., N] to [..., N]."""
        return self.norm(values.flatten(0, -2)).unflatten(0, values.shape[:-1])


def _token_attention(config: CnnTransformerPlusConfig) -> nn.Module:
    return TransformerLayer(CnnTransformerConfig(width=config.token, heads=config.heads, feedforward=2, dropout=config.dropout))
