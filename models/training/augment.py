"""Random changes that leave a part what it is, on whole batches in torch.

Every function takes and gives float32 [B, 3, S, S] of values 0..1 and draws from `rng`. Mirroring is
not among them: flips erase the difference of mirrored parts (reference/vision.md).
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

_SCALE = (0.85, 1.2)
_SHIFT = 0.06
_GAIN = (0.7, 1.35)
_TEMPERATURE = 0.12
_CONTRAST = (0.75, 1.25)
_NOISE_SIGMA = 0.035
_BLUR_SHARE = 0.3
_CUTOUT_SHARE = 0.15
_CUTOUT_SIDE = (0.1, 0.3)


def augment(images: Tensor, rng: torch.Generator) -> Tensor:
    """Turned, scaled, shifted, recoloured, blurred, partly hidden and noisy copies of `images`."""
    return _noise(_cutout(_blur(_colour(_place(images, rng), rng), rng), rng), rng).clamp(0.0, 1.0)


def _uniform(count: int, low: float, high: float, rng: torch.Generator) -> Tensor:
    return torch.rand(count, generator=rng) * (high - low) + low


def _place(images: Tensor, rng: torch.Generator) -> Tensor:
    """Any angle, a little larger or smaller, a little aside; what comes in from outside repeats the border."""
    count = len(images)
    angle = _uniform(count, -math.pi, math.pi, rng)
    scale = _uniform(count, *_SCALE, rng)
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    shift = [_uniform(count, -_SHIFT, _SHIFT, rng) for _ in range(2)]
    rows = [torch.stack([cosine, -sine, shift[0]], 1), torch.stack([sine, cosine, shift[1]], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _colour(images: Tensor, rng: torch.Generator) -> Tensor:
    """Brightness, colour temperature (red against blue, with a little of every channel) and contrast."""
    count = len(images)
    warmth = _uniform(count, -_TEMPERATURE, _TEMPERATURE, rng)
    channels = torch.stack([1 + warmth, torch.ones(count), 1 - warmth], 1)
    channels = channels * (1 + (torch.rand(count, 3, generator=rng) - 0.5) * 0.1)
    contrast = _uniform(count, *_CONTRAST, rng).view(-1, 1)
    gain = _uniform(count, *_GAIN, rng).view(-1, 1) * channels * contrast
    offset = (1 - contrast) * images.mean((1, 2, 3)).view(-1, 1)
    return images * gain[:, :, None, None] + offset[:, :, None, None]


def _blur(images: Tensor, rng: torch.Generator) -> Tensor:
    """A share of the images is mixed with its 3 x 3 mean, applied twice."""
    chosen = torch.rand(len(images), generator=rng) < _BLUR_SHARE
    amount = torch.rand(int(chosen.sum()), generator=rng).view(-1, 1, 1, 1)
    sharp = images[chosen]
    soft = sharp
    for _ in range(2):
        soft = functional.avg_pool2d(functional.pad(soft, (1, 1, 1, 1), mode="replicate"), 3, 1)
    images[chosen] = torch.lerp(sharp, soft, amount)
    return images


def _cutout(images: Tensor, rng: torch.Generator) -> Tensor:
    """A share of the images has a rectangle of one random colour put over it."""
    count, _, side, _ = images.shape
    axis = torch.arange(side) / side
    covered = (torch.rand(count, generator=rng) < _CUTOUT_SHARE).view(-1, 1, 1)
    for dimension in (1, 2):
        start = _uniform(count, 0.0, 1.0 - _CUTOUT_SIDE[1], rng).view(-1, 1)
        inside = (axis >= start) & (axis < start + _uniform(count, *_CUTOUT_SIDE, rng).view(-1, 1))
        covered = covered & inside.unsqueeze(3 - dimension)
    colour = torch.rand(count, 3, 1, 1, generator=rng)
    return torch.where(covered.unsqueeze(1), colour, images)


def _noise(images: Tensor, rng: torch.Generator) -> Tensor:
    sigma = _uniform(len(images), 0.0, _NOISE_SIGMA, rng).view(-1, 1, 1, 1)
    return images + torch.randn(images.shape, generator=rng) * sigma
