"""What the pretrained backbone knows and no class of the model is, as examples of `other`.

Nobody has photographs of everything else. The released weights have a row for each of ImageNet's 1000 classes, and
the features of a class gather in the direction of its row (Papyan et al. 2020). From rows of things that no class is,
virtual features are made and taken for `other`, as outliers are in Du et al. 2022 (VOS); decision 49 has what it moves.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.training.net import imagenet_head

LIKE_OURS = {
    481: "cassette",
    482: "cassette player",
    485: "CD player",
    487: "cellular telephone",
    508: "computer keyboard",
    527: "desktop computer",
    530: "digital clock",
    531: "digital watch",
    590: "hand-held computer",
    592: "hard disc",
    605: "iPod",
    620: "laptop",
    632: "loudspeaker",
    662: "modem",
    664: "monitor",
    677: "nail",
    681: "notebook computer",
    732: "Polaroid camera",
    754: "radio",
    759: "reflex camera",
    761: "remote control",
    764: "rifle",
    772: "safety pin",
    782: "screen",
    783: "screw",
    784: "screwdriver",
    826: "stopwatch",
    844: "switch",
    845: "syringe",
    848: "tape player",
    851: "television",
}
"""ImageNet's classes that are ours, look like one of ours or are taken for one by the pretrained net."""

_A_STEP = 32
_REACH = (0.5, 1.5)
_torch: Any = torch  # torch annotates these in part only


class Foreign:
    """Makes features of foreign things and says how badly a head takes them for the class `other`, an index."""

    def __init__(self, other: int) -> None:
        rows = imagenet_head()
        rows = rows - rows.mean(0)
        foreign = np.setdiff1d(np.arange(len(rows)), list(LIKE_OURS))
        self._directions = functional.normalize(rows, dim=1)[_torch.from_numpy(foreign)]
        self._other = other

    def loss(self, head: nn.Linear, embedding: Tensor, labels: Tensor, rng: torch.Generator) -> Tensor:
        """Mean cross entropy of a few of them, of the size and spread that `embedding` [B, D] has now.

        Each is the batch's centre, moved towards a foreign class by half to one and a half times the mean distance of
        its crops from there, and what one of them differs by from the mean of its class, `labels` int64 [B]. Only the
        head learns from it: the features are not moved.
        """
        features = embedding.detach()
        centre: Any = features.mean(0)
        spread = (features - centre).norm(dim=1).mean()
        differences = _within_classes(features, labels, len(head.bias))
        which = torch.randint(0, len(self._directions), (_A_STEP,), generator=rng)
        whose = torch.randint(0, len(differences), (_A_STEP,), generator=rng)
        nearest, farthest = _REACH
        reach = nearest + (farthest - nearest) * torch.rand(_A_STEP, 1, generator=rng)
        foreign: Any = centre + reach * spread * self._directions[which] + differences[whose]
        logits = head(foreign.clamp(min=0))  # features are means of ReLU6's
        return functional.cross_entropy(logits, torch.full((_A_STEP,), self._other))


def _within_classes(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """How features [B, D] differ from their class's mean, as far as classes have two: [M, D], else one row of 0."""
    members = functional.one_hot(labels, classes).to(features.dtype)
    counts = members.sum(0)
    means = (members.T @ features) / counts.clamp(min=1)[:, None]
    of_class = counts[labels]
    several = of_class > 1
    if not bool(several.any()):
        return torch.zeros(1, features.shape[1])
    unbiased = torch.sqrt(of_class / (of_class - 1).clamp(min=1))[:, None]
    return ((features - means[labels]) * unbiased)[several]
