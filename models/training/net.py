"""The net: plain 3 x 3 convolutions, which are the fastest and the int8-friendliest here (reference/vision.md)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

MEAN = (0.45, 0.45, 0.45)
STD = (0.25, 0.25, 0.25)


class PartsNet(nn.Module):
    """Two convolutions a stage, the first at stride 2, then the mean over the picture and one linear layer."""

    def __init__(self, classes: int, widths: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in widths:
            for channels, stride in ((before, 2), (width, 1)):
                layers.append(nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False))
                layers.append(nn.BatchNorm2d(width))
                layers.append(nn.ReLU())
            before = width
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(before, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits float32 [B, classes] of images float32 [B, 3, S, S], values 0..1."""
        mean = torch.tensor(MEAN).view(1, 3, 1, 1)
        std = torch.tensor(STD).view(1, 3, 1, 1)
        return self.head(self.features((images - mean) / std).mean((2, 3)))


class FromPixels(nn.Module):
    """The net as it is shipped: uint8 [B, S, S, 3] RGB in, logits float32 [B, classes] out."""

    def __init__(self, net: PartsNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, crops: Tensor) -> Tensor:
        """Logits of raw crops; scaling and normalisation are part of the graph."""
        return self.net(crops.permute(0, 3, 1, 2).float() / 255.0)
