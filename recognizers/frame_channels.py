"""What networks over films compute first from gray pictures: the same in training and in serving.

Axes: B batch, W frames of a clip, H and W pixels.
"""

import torch
from torch import Tensor


def standardized(clips: Tensor) -> Tensor:
    """Return clips [B, W, H, W] of any type as float, each clip with mean 0 and deviation 1: the light of a room says nothing."""
    pictures = clips.float()
    deviation, mean = torch.std_mean(pictures, dim=(1, 2, 3), keepdim=True)
    return (pictures - mean) / (deviation + 1e-3)


def with_motion(pictures: Tensor) -> Tensor:
    """Return channels [B, W, 3, H, W]: the picture, its change since the frame before, and its change to the frame after.

    Changes are three times as strong, because they are small.
    """
    change = 3 * (pictures[:, 1:] - pictures[:, :-1])
    nothing = torch.zeros_like(pictures[:, :1])
    since, until = torch.cat([nothing, change], 1), torch.cat([change, nothing], 1)
    return torch.stack([pictures, since, until], 2)
