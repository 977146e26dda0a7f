"""A small one-stage detector of plain convolutions, and the output layouts that detectors come in.

A grid of one cell every 8 pixels; every cell answers a logit a class and how far the edges of a box lie from its
centre (as FCOS does: Tian et al. 2019). The four layouts are the same answers written down differently, so that each
can be tried with a net that finds something; `models.detector_manifest` describes them.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.detector_manifest import Layout

STRIDE_PX = 8


def _block(before: int, after: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )


class DetectorNet(nn.Module):
    """Three scales, the coarse ones added back to the finest, one head."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(_block(3, 16, 2), _block(16, 32, 2), _block(32, 48, 2), _block(48, 48, 1))
        self.middle = nn.Sequential(_block(48, 64, 2), _block(64, 64, 1))
        self.coarse = nn.Sequential(_block(64, 96, 2), _block(96, 96, 1), _block(96, 64, 1))
        self.to_fine = nn.Conv2d(64, 48, 1)
        self.head = nn.Sequential(_block(48, 48, 1), _block(48, 48, 1))
        self.scores = nn.Conv2d(48, classes, 1)
        self.edges = nn.Conv2d(48, 4, 1)
        nn.init.constant_(cast("Tensor", self.scores.bias), -4.0)  # few cells hold a part: focal loss's prior
        nn.init.constant_(cast("Tensor", self.edges.bias), 3.0)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Of images float32 [B, 3, H, W], values 0..1, H and W multiples of 32: class logits [B, C, H/8, W/8], and
        the distances in pixels from each cell's centre to the box's left, top, right and bottom [B, 4, H/8, W/8]."""
        fine = self.stem(images - 0.4)
        middle = self.middle(fine)
        middle = middle + functional.interpolate(self.coarse(middle), scale_factor=2.0, mode="nearest")
        fine = fine + functional.interpolate(self.to_fine(middle), scale_factor=2.0, mode="nearest")
        found = self.head(fine)
        return self.scores(found), functional.softplus(self.edges(found)) * STRIDE_PX


def cell_centres(rows: int, columns: int) -> Tensor:
    """float32 [rows * columns, 2] of x, y in pixels, row by row."""
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return (torch.stack([x, y], dim=-1).reshape(-1, 2).float() + 0.5) * STRIDE_PX


def boxes_of(edges: Tensor, centres: Tensor) -> Tensor:
    """Corners x0, y0, x1, y1 [..., A, 4] of distances [..., A, 4] from centres [A, 2]."""
    return torch.cat([centres - edges[..., :2], centres + edges[..., 2:]], dim=-1)


class Exported(nn.Module):
    """The detector as one file of a layout, for square pictures of `side_px`.

    It takes float32 [B, 3, S, S] RGB, values 0..1. `queries` bounds the answers of the layouts without suppression:
    there a cell counts only where it is the best of its neighbours (Zhou et al. 2019, CenterNet).
    """

    def __init__(self, net: DetectorNet, layout: Layout, side_px: int, queries: int = 100) -> None:
        super().__init__()
        self.net = net
        self.layout = layout
        self.side_px = side_px
        self.queries = queries
        cells = side_px // STRIDE_PX
        self.register_buffer("centres", cell_centres(cells, cells))

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """One tensor, or logits and boxes for `detr`."""
        maps, edges = self.net(images)
        logits = maps.flatten(2).transpose(1, 2)
        corners = boxes_of(edges.flatten(2).transpose(1, 2), cast("Tensor", self.centres))
        middle = torch.cat([(corners[..., :2] + corners[..., 2:]) / 2, corners[..., 2:] - corners[..., :2]], dim=-1)
        if self.layout == "yolo":
            return torch.cat([middle, logits.sigmoid()], dim=-1).transpose(1, 2)
        if self.layout == "yolo_objectness":
            scores = logits.sigmoid()
            objectness = scores.amax(dim=-1, keepdim=True)
            return torch.cat([middle, objectness, scores / objectness], dim=-1)
        best, label = maps.max(dim=1, keepdim=True)
        peak = best >= functional.max_pool2d(best, 5, stride=1, padding=2)
        ranked = torch.where(peak, best, torch.full_like(best, -30.0)).flatten(1)
        top, at = ranked.topk(self.queries, dim=1)
        where = at.unsqueeze(-1)
        if self.layout == "end_to_end":
            chosen = corners.gather(1, where.expand(-1, -1, 4))
            label = label.flatten(1).gather(1, at).float()
            return torch.cat([chosen, top.sigmoid().unsqueeze(-1), label.unsqueeze(-1)], dim=-1)
        found = logits.gather(1, where.expand(-1, -1, logits.shape[-1]))
        # What is no peak is nothing, whatever its classes: pushed down with its best.
        found = found + (top.unsqueeze(-1) - found.amax(dim=-1, keepdim=True))
        return found, middle.gather(1, where.expand(-1, -1, 4)) / self.side_px
