"""The CNN-Transformer over bare tracks: one network for all labs; shifting or rotating the arena does not change its scores.

The network computes its features from the tracks.

Axes: B batch, W window samples, F columns of tracks, D width, E width of a token, C behaviors.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from behavior.views.pair_tracks import COORDINATES
from recognizers.cnn_transformer import CnnTransformerConfig, Dropout, ResidualConvolution, TransformerLayer, sinusoidal_positions
from recognizers.track_geometry import Geometry


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
    place: bool = False
    """Whether it sees where in the arena each mouse is; its tracks then have the arena as two points more."""
    stir_s: tuple[float, ...] = ()
    """Widths of centered windows in which it sees how much each point moves, on a logarithmic scale, s; () for none."""
    joint: bool = False
    """One softmax over all behaviors and "nothing", if the labels of the training recordings show that they exclude each other."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lags_s", "stir_s"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON brings lists
        if self.token % self.heads or min(self.token, self.labs + 1, self.lab_width, self.pool) < 1 or not self.fps > 0:
            expected = "a token that is a multiple of heads, lab_width and pool of 1 or more, labs of 0 or more and fps above 0"
            raise ValueError(f"Expected {expected}, but got {self}. Change the sizes.")
        if not self.lags_s or min(self.lags_s) * self.fps < 0.5:
            raise ValueError(f"Expected lags of a sample or more at {self.fps} samples a second, but got {self.lags_s}. Use longer ones.")
        if min((1.0, *self.stir_s)) <= 0:
            raise ValueError(f"Expected stir_s of windows above 0 s, but got {self.stir_s}. Use (0.25, 1, 3).")


class CnnTransformerPlus(nn.Module):
    """Map windows of tracks to one logit per sample and behavior."""

    CONFIG: ClassVar = CnnTransformerPlusConfig

    def __init__(self, config: CnnTransformerPlusConfig, n_features: int, n_behaviors: int) -> None:
        super().__init__()
        self.config = config
        points = n_features // (2 * len(COORDINATES))
        lags = tuple(round(lag * config.fps) for lag in config.lags_s)
        stir = tuple(round(width * config.fps / 2) for width in config.stir_s)
        self.geometry = Geometry(lags, points, config.place, stir)
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
        logits = self.logits(self.norm(hidden.transpose(1, 2)))
        return against_all_others(logits) if self.config.joint else logits

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


def against_all_others(logits: Tensor) -> Tensor:
    """Return the log-odds [..., C] of each behavior in one softmax over all of them and "nothing", whose logit is 0.

    So the sigmoid of the result is the probability in that softmax, and loss and answer are those of any other network.
    """
    behaviors = logits.shape[-1]
    own = torch.eye(behaviors, dtype=torch.bool, device=logits.device)
    others = logits[..., None, :].expand(*logits.shape, behaviors).masked_fill(own, 0.0)  # "nothing" takes the place of the own one
    return logits - others.logsumexp(-1)


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
