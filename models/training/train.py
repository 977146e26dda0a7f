"""One training run: the same settings, data and thread count give the same net."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.scores import fit_temperature
from models.training.augment import augment
from models.training.dataset import Dataset
from models.training.net import PartsNet
from models.training.settings import NetSettings, Schedule
from senbetsu_errors import NeedsOperator

_CHUNK = 256
_torch: Any = torch  # torch annotates these in part only


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands after an epoch, 1-based; accuracies are shares, loss is the epoch's mean cross entropy."""

    epoch: int
    epochs: int
    loss: float
    validation_accuracy: float


@dataclass(frozen=True, slots=True)
class Trained:
    """A net in evaluation mode, with the temperature that fits its validation logits, float32 [V, C]."""

    net: PartsNet
    temperature: float
    validation_logits: NDArray[np.float32]


def train(
    dataset: Dataset, net_settings: NetSettings, schedule: Schedule, seed: int, report: Callable[[Progress], None]
) -> Trained:
    """Teaches a new net the crops of `dataset` that are not for validation.

    Classes are drawn equally often. The validation crops choose nothing but the temperature: the net is
    the last epoch's. Raises NeedsOperator `training.no_crops` for a class without training crops or a
    dataset without validation crops.
    """
    learned = dataset.where(~dataset.validation)
    held = dataset.where(dataset.validation)
    _require_crops(learned, held)
    threads_before = torch.get_num_threads()
    torch.set_num_threads(schedule.threads)
    try:
        with _torch.random.fork_rng(devices=[]):
            _torch.manual_seed(seed)
            net = PartsNet(len(dataset.classes), net_settings.widths)
        _optimise(net, learned, held, schedule, torch.Generator().manual_seed(seed), report)
        validation_logits = logits(net, held.crops)
    finally:
        torch.set_num_threads(threads_before)
    return Trained(net, fit_temperature(validation_logits, held.labels), validation_logits)


def logits(net: PartsNet, crops: NDArray[np.uint8], half_size: bool = False) -> NDArray[np.float32]:
    """The net's answers float32 [N, C] to uint8 [N, S, S, 3] RGB crops, on request shown at half their size."""
    net.eval()
    with torch.inference_mode():
        chunks = [
            net(_as_images(_torch.from_numpy(part), half_size))
            for part in np.array_split(crops, len(crops) // _CHUNK + 1)
        ]
    return cast("NDArray[np.float32]", torch.cat(chunks).numpy())


def _require_crops(learned: Dataset, held: Dataset) -> None:
    counts = np.bincount(learned.labels, minlength=len(learned.classes))
    empty = [name for name, count in zip(learned.classes, counts, strict=True) if count == 0]
    if empty:
        raise NeedsOperator(
            "training.no_crops",
            f"There are no training crops of {', '.join(empty)}.",
            "Add crops of them, or take them out of `labels`.",
        )
    if len(held) == 0:
        raise NeedsOperator("training.no_crops", "There are no validation crops.", "Hold some crops back.")


def _optimise(
    net: PartsNet,
    learned: Dataset,
    held: Dataset,
    schedule: Schedule,
    rng: torch.Generator,
    report: Callable[[Progress], None],
) -> None:
    crops, labels = _torch.from_numpy(learned.crops), _torch.from_numpy(learned.labels)
    weights = _sampling_weights(learned)
    steps = max(1, len(learned) // schedule.batch)
    optimiser: Any = torch.optim.AdamW(net.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay)
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, schedule.learning_rate, total_steps=steps * schedule.epochs, pct_start=0.15
    )
    for epoch in range(1, schedule.epochs + 1):
        half_size = epoch <= schedule.half_size_epochs
        net.train()
        losses = 0.0
        for _ in range(steps):
            chosen = torch.multinomial(weights, schedule.batch, replacement=True, generator=rng)
            images = augment(_as_images(crops[chosen], half_size), rng)
            loss: Any = functional.cross_entropy(net(images), labels[chosen], label_smoothing=schedule.label_smoothing)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            rate.step()
            losses += loss.item()
        answers = logits(net, held.crops, half_size).argmax(axis=1)
        report(Progress(epoch, schedule.epochs, losses / steps, float((answers == held.labels).mean())))
    net.eval()


def _sampling_weights(dataset: Dataset) -> Tensor:
    """float64 [N]: every class weighs the same; in it photographs and rendered crops by the root of their numbers,
    so that forty photographs of one part are neither drowned nor learned by heart."""
    groups = dataset.labels * 2 + dataset.real
    sizes = np.bincount(groups, minlength=2 * len(dataset.classes))
    roots = np.sqrt(sizes).reshape(-1, 2)
    shares = (roots / roots.sum(axis=1, keepdims=True)).reshape(-1)
    return _torch.from_numpy(shares[groups] / sizes[groups])


def _as_images(crops: Tensor, half_size: bool) -> Tensor:
    images = crops.permute(0, 3, 1, 2).float() / 255.0
    return functional.avg_pool2d(images, 2) if half_size else images
