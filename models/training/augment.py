"""Random changes that leave a part what it is, on whole batches in torch, drawn from `rng`.

Mirroring is not among them: flips erase the difference of mirrored parts (reference/vision.md).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_SCALE = (0.82, 1.5)  # above 1 the part is shown smaller
_ASPECT = 0.06
_SHIFT = 0.12
_GROUND_GAIN = (0.6, 1.4)
_SHADOW = (0.0, 0.6)
_SHADOW_REACH_PX = 4
_GAIN = (0.6, 1.4)
_TEMPERATURE = 0.15
_CHANNEL = 0.06
_CONTRAST = (0.65, 1.4)
_SATURATION = (0.5, 1.3)
_GREY_SHARE = 0.1
_NOISE_SIGMA = 0.05
_BLUR_SHARE = 0.35
_COARSE_SHARE = 0.2
_CUTOUT_SHARE = 0.15
_CUTOUT_SIDE = (0.1, 0.3)


@dataclass(frozen=True, slots=True)
class Grounds:
    """What cut-out objects are pasted onto: `pictures` uint8 [K, 3, S0, S0], and the share of objects pasted."""

    pictures: Tensor
    paste_share: float


def augment(
    images: Tensor, covers: Tensor, grounds: Grounds, size_px: int, rng: torch.Generator, strength: float = 1.0
) -> Tensor:
    """Other pictures of the same parts, float32 [B, 3, size_px, size_px], of crops [B, 3, S0, S0], values 0..1.

    Turned, scaled, shifted; cut out and pasted onto another ground where `covers` [B, 1, S0, S0] says how;
    recoloured, blurred, shown coarsely, partly hidden and noisy: all of it, but turning and pasting, by the share
    `strength` of what it may be at most.
    """
    images, covers = _place(images, covers, size_px, rng, strength)
    images = _colour(_paste(images, covers, grounds, rng), rng, strength)
    images = _coarse(_blur(images, rng, strength), rng, strength)
    return _noise(_cutout(images, rng, strength), rng, strength).clamp(0.0, 1.0)


def _near_one(span: tuple[float, float], strength: float) -> tuple[float, float]:
    """The span of factors, nearer to 1."""
    return 1 + (span[0] - 1) * strength, 1 + (span[1] - 1) * strength


def _uniform(count: int, low: float, high: float, rng: torch.Generator) -> Tensor:
    return torch.rand(count, generator=rng) * (high - low) + low


def _each(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)


def _place(
    images: Tensor, covers: Tensor, size_px: int, rng: torch.Generator, strength: float
) -> tuple[Tensor, Tensor]:
    """Any angle, larger or smaller, a little aside and out of shape; what comes in from outside mirrors the rim."""
    count = len(images)
    angle = _uniform(count, -math.pi, math.pi, rng)
    scale = _uniform(count, *_near_one(_SCALE, strength), rng)
    aspect = torch.exp(torch.randn(count, generator=rng) * _ASPECT * strength)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    shift = [_uniform(count, -_SHIFT, _SHIFT, rng) * strength for _ in range(2)]
    rows = [torch.stack([cosine * aspect, -sine, shift[0]], 1), torch.stack([sine * aspect, cosine, shift[1]], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), [count, 3, size_px, size_px], align_corners=False)
    return (
        functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False),
        functional.grid_sample(covers, grid, padding_mode="zeros", align_corners=False),
    )


def _paste(images: Tensor, covers: Tensor, grounds: Grounds, rng: torch.Generator) -> Tensor:
    """A share of the objects that are cut out, put with a soft shadow onto another ground."""
    count, _, size_px, _ = images.shape
    chosen = torch.rand(count, generator=rng) < grounds.paste_share
    which = torch.randint(0, len(grounds.pictures), (count,), generator=rng)
    room = grounds.pictures.shape[-1] - size_px
    top, left = (int(torch.randint(0, room + 1, (1,), generator=rng)) for _ in range(2))
    ground = grounds.pictures[which, :, top : top + size_px, left : left + size_px].float() / 255
    ground = (ground * _each(_uniform(count, *_GROUND_GAIN, rng))).clamp(0, 1)
    down, right = (int(torch.randint(-_SHADOW_REACH_PX, _SHADOW_REACH_PX + 1, (1,), generator=rng)) for _ in range(2))
    shadow = torch.roll(functional.avg_pool2d(covers, 7, 1, 3), (down, right), (2, 3)) * _each(
        _uniform(count, *_SHADOW, rng)
    )
    pasted = ground * (1 - shadow) * (1 - covers) + images * covers
    cut_out = covers.amax((1, 2, 3)) > 0
    return torch.where(_each(chosen & cut_out), pasted, images)


def _colour(images: Tensor, rng: torch.Generator, strength: float) -> Tensor:
    """Brightness, colour temperature, every channel a little, contrast and saturation; some lose all colour."""
    count = len(images)
    warmth = _uniform(count, -_TEMPERATURE, _TEMPERATURE, rng) * strength
    channels = torch.stack([1 + warmth, torch.ones(count), 1 - warmth], 1)
    channels = channels * (1 + (torch.rand(count, 3, generator=rng) - 0.5) * 2 * _CHANNEL * strength)
    contrast = _uniform(count, *_near_one(_CONTRAST, strength), rng).view(-1, 1)
    gain = _uniform(count, *_near_one(_GAIN, strength), rng).view(-1, 1) * channels * contrast
    offset = (1 - contrast) * images.mean((1, 2, 3)).view(-1, 1)
    images = images * gain[:, :, None, None] + offset[:, :, None, None]
    grey = torch.rand(count, generator=rng) < _GREY_SHARE * strength
    saturation = torch.where(grey, 0.0, _uniform(count, *_near_one(_SATURATION, strength), rng))
    middle = images.mean(1, keepdim=True)
    return middle + (images - middle) * _each(saturation)


def _blur(images: Tensor, rng: torch.Generator, strength: float) -> Tensor:
    """A share of the images is mixed with its 3 x 3 mean, applied twice."""
    chosen = torch.rand(len(images), generator=rng) < _BLUR_SHARE * strength
    amount = _each(torch.rand(int(chosen.sum()), generator=rng))
    sharp = images[chosen]
    soft = sharp
    for _ in range(2):
        soft = functional.avg_pool2d(functional.pad(soft, (1, 1, 1, 1), mode="replicate"), 3, 1)
    images[chosen] = torch.lerp(sharp, soft, amount)
    return images


def _coarse(images: Tensor, rng: torch.Generator, strength: float) -> Tensor:
    """A share of the images as if taken with half the pixels."""
    chosen = torch.rand(len(images), generator=rng) < _COARSE_SHARE * strength
    size = images.shape[-2:]
    small = functional.avg_pool2d(images[chosen], 2)
    images[chosen] = functional.interpolate(small, size=list(size), mode="bilinear", align_corners=False)
    return images


def _cutout(images: Tensor, rng: torch.Generator, strength: float) -> Tensor:
    """A share of the images has a rectangle of one random colour put over it."""
    count, _, side, _ = images.shape
    axis = torch.arange(side) / side
    covered = (torch.rand(count, generator=rng) < _CUTOUT_SHARE * strength).view(-1, 1, 1)
    for dimension in (1, 2):
        start = _uniform(count, 0.0, 1.0 - _CUTOUT_SIDE[1], rng).view(-1, 1)
        inside = (axis >= start) & (axis < start + _uniform(count, *_CUTOUT_SIDE, rng).view(-1, 1))
        covered = covered & inside.unsqueeze(3 - dimension)
    colour = torch.rand(count, 3, 1, 1, generator=rng)
    return torch.where(covered.unsqueeze(1), colour, images)


def _noise(images: Tensor, rng: torch.Generator, strength: float) -> Tensor:
    sigma = _each(_uniform(len(images), 0.0, _NOISE_SIGMA * strength, rng))
    return images + torch.randn(images.shape, generator=rng) * sigma
