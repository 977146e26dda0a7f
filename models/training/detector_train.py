"""Teaches the small detector: cells within a part answer its class and its edges (FCOS; focal loss and GIoU)."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.training.detector_data import DetectorScene
from models.training.detector_net import STRIDE_PX, DetectorNet, boxes_of, cell_centres

_torch = cast("Any", torch)
_CENTRE_STRIDES = 1.5  # a cell this near a part's middle, in strides, answers for it
_KEPT = 0.6  # share of a part that a window must show for it to be asked for
_GAMMA, _ALPHA = 2.0, 0.25  # of the focal loss (Lin et al. 2017)

Report = Callable[[int, int, float], None]
"""Is told the step, of how many, and the mean loss since the last call."""


def train_detector(
    scenes: Sequence[DetectorScene],
    classes: int,
    *,
    side_px: int,
    steps: int,
    batch: int,
    learning_rate: float,
    seed: int,
    report: Report,
    threads: int = 1,
) -> DetectorNet:
    """A new net, taught random windows of `side_px` of the scenes, turned by quarters and lit differently."""
    torch.set_num_threads(threads)
    rng = np.random.default_rng(seed)
    with _torch.random.fork_rng(devices=[]):
        _torch.manual_seed(seed)
        net = DetectorNet(classes)
    optimiser: Any = torch.optim.AdamW(net.parameters(), lr=learning_rate, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps, pct_start=0.1)
    centres = cell_centres(side_px // STRIDE_PX, side_px // STRIDE_PX)
    losses: list[float] = []
    net.train()
    for step in range(1, steps + 1):
        windows = [_window(scenes[int(rng.integers(len(scenes)))], side_px, rng) for _ in range(batch)]
        images = _torch.from_numpy(np.stack([picture for picture, _, _ in windows])).permute(0, 3, 1, 2).contiguous()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            maps, edges = net(images)
        loss = _loss(maps.float(), edges.float(), centres, [(boxes, labels) for _, boxes, labels in windows])
        optimiser.zero_grad()
        cast("Any", loss).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()
        rate.step()
        losses.append(loss.item())
        if step % 25 == 0 or step == steps:
            report(step, steps, float(np.mean(losses)))
            losses.clear()
    return net.eval()


def _window(
    scene: DetectorScene, side: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """A window float32 [S, S, 3] of 0..1, the boxes in it, cut at its edges, and their labels."""
    room = scene.picture.shape[0] - side
    x, y = (int(v) for v in rng.integers(0, room + 1, 2))
    picture = scene.picture[y : y + side, x : x + side].astype(np.float32) / 255
    boxes = scene.boxes - np.array([x, y, x, y], np.float32)
    cut = boxes.clip(0, side)
    areas = (cut[:, 2:] - cut[:, :2]).prod(axis=1)
    kept = areas >= _KEPT * (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    boxes, labels = cut[kept], scene.labels[kept]
    for _ in range(int(rng.integers(4))):  # a quarter turn: (x, y) -> (y, S - x); a mirrored part would be another
        picture = np.rot90(picture)
        boxes = np.stack([boxes[:, 1], side - boxes[:, 2], boxes[:, 3], side - boxes[:, 0]], axis=1)
    gain = rng.uniform(0.75, 1.3) * rng.uniform(0.93, 1.07, 3)
    picture = picture * gain.astype(np.float32) + rng.normal(0, rng.uniform(0, 0.02), picture.shape).astype(np.float32)
    return np.ascontiguousarray(picture.clip(0, 1), np.float32), boxes.astype(np.float32), labels


def _loss(
    maps: Tensor, edges: Tensor, centres: Tensor, truth: Sequence[tuple[NDArray[np.float32], NDArray[np.int64]]]
) -> Tensor:
    logits = maps.flatten(2).transpose(1, 2)
    boxes = boxes_of(edges.flatten(2).transpose(1, 2), centres)
    wanted = torch.zeros_like(logits)
    overlap: list[Tensor] = []
    for k, (parts, labels) in enumerate(truth):
        owner = _owners(centres, _torch.from_numpy(parts))
        cells = torch.nonzero(owner >= 0).flatten()
        mine = owner[cells]
        wanted[k, cells, _torch.from_numpy(labels)[mine]] = 1.0
        overlap.append(_giou(boxes[k, cells], _torch.from_numpy(parts)[mine]))
    count = max(1, sum(len(part) for part in overlap))
    chance = logits.sigmoid()
    hit = wanted * chance + (1 - wanted) * (1 - chance)
    weight = (wanted * _ALPHA + (1 - wanted) * (1 - _ALPHA)) * (1 - hit) ** _GAMMA
    classes = (weight * functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")).sum()
    places = (1 - torch.cat(overlap)).sum() if count else classes * 0
    return (classes + places) / count


def _owners(centres: Tensor, boxes: Tensor) -> Tensor:
    """int64 [A]: which box each cell answers for, -1 for none; the smaller one where two claim it."""
    if not len(boxes):
        return torch.full((len(centres),), -1)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    near = (centres[:, None] - middle).abs().amax(dim=-1) < _CENTRE_STRIDES * STRIDE_PX
    inside = ((centres[:, None] >= boxes[:, :2]) & (centres[:, None] <= boxes[:, 2:])).all(dim=-1)
    # The cell that holds the middle answers even for a part smaller than a cell.
    holds = (centres[:, None] - middle).abs().amax(dim=-1) <= STRIDE_PX / 2
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1).expand(len(centres), -1)
    areas = torch.where((near & inside) | holds, areas, torch.inf)
    smallest, owner = areas.min(dim=1)
    return torch.where(smallest.isinf(), -1, owner)


def _giou(found: Tensor, wanted: Tensor) -> Tensor:
    """Generalised intersection over union (Rezatofighi et al. 2019) of boxes [K, 4] each, -1..1."""
    common = (torch.minimum(found[:, 2:], wanted[:, 2:]) - torch.maximum(found[:, :2], wanted[:, :2])).clamp(min=0)
    hull = torch.maximum(found[:, 2:], wanted[:, 2:]) - torch.minimum(found[:, :2], wanted[:, :2])
    intersection, around = common.prod(dim=1), hull.prod(dim=1).clamp(min=1e-6)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(dim=1) for boxes in (found, wanted)]
    union = (areas[0] + areas[1] - intersection).clamp(min=1e-6)
    return intersection / union - (around - union) / around
