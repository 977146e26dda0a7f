"""One training run: the same settings, data and thread count give the same net, also when it was interrupted."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from models.predict import Predictor
from models.training.augment import Grounds, augment
from models.training.dataset import Dataset
from models.training.foreign import Foreign
from models.training.net import PartsNet
from models.training.settings import OTHER, Cycle, NetSettings, Schedule
from senbetsu_errors import NeedsOperator

_CHUNK = 128
_REPORT_STEPS = 20
_torch: Any = torch  # torch annotates these in part only


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands after a step, 1-based; `loss` is the mean since the last report, all its terms together."""

    step: int
    steps: int
    loss: float


Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Teacher:
    """A model with the classes of the net to be trained; its own crops have `size_px`, no smaller than the net's."""

    predictor: Predictor
    size_px: int


@dataclass(frozen=True, slots=True)
class Run:
    """How one net is trained. `grounds` are uint8 [K, S0, S0, 3] RGB, what cut-out objects are pasted onto;
    `teacher` answers every crop too, with the same classes, and the net learns its answers."""

    net: NetSettings
    schedule: Schedule
    seed: int
    grounds: NDArray[np.uint8]
    teacher: Teacher | None = None
    checkpoint: Path | None = None


def train(dataset: Dataset, run: Run, report: Report) -> PartsNet:
    """Teaches a new net the crops of `dataset` that are not for validation; goes on from `run.checkpoint`.

    Classes are drawn equally often. The validation crops choose nothing: the net, in evaluation mode, is the
    running mean of the last steps'. Raises NeedsOperator `training.no_crops` for a class without training crops or a
    dataset without validation crops, `training.crop_size` for larger crops asked for than there are, and
    `training.checkpoint` for a checkpoint of another run.
    """
    learned = dataset.where(~dataset.validation)
    _require_crops(dataset, learned)
    _require_room(run)
    threads_before = torch.get_num_threads()
    torch.set_num_threads(run.schedule.threads)
    try:
        with _torch.random.fork_rng(devices=[]):
            _torch.manual_seed(run.seed)
            return _optimise(PartsNet(len(dataset.classes), run.net), learned, run, report)
    finally:
        torch.set_num_threads(threads_before)


def answers(net: PartsNet, crops: NDArray[np.uint8], size_px: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The net's logits float32 [N, C] and embeddings [N, D] of uint8 [N, S0, S0, 3] RGB crops, shown at `size_px`."""
    net.eval()
    with torch.inference_mode():
        starts = range(0, len(crops), _CHUNK)
        found: list[tuple[Tensor, Tensor]] = [net(as_shown(crops[s : s + _CHUNK], size_px)) for s in starts]
    logits, embeddings = zip(*found, strict=True) if found else ((torch.zeros(0, 0),), (torch.zeros(0, 0),))
    return (
        cast("NDArray[np.float32]", torch.cat(logits).numpy()),
        cast("NDArray[np.float32]", torch.cat(embeddings).numpy()),
    )


def as_shown(crops: NDArray[np.uint8], size_px: int) -> Tensor:
    """Crops uint8 [N, S0, S0, 3] as the line would cut them: float32 [N, 3, size_px, size_px], whole grey levels."""
    return _smaller(_torch.from_numpy(crops).permute(0, 3, 1, 2).float(), size_px).round() / 255.0


def as_shown_uint8(crops: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """The same as uint8 [N, size_px, size_px, 3]."""
    chunks = [
        (as_shown(crops[start : start + _CHUNK], size_px) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
        for start in range(0, len(crops), _CHUNK)
    ]
    return cast("NDArray[np.uint8]", torch.cat(chunks).numpy())


def _smaller(images: Tensor, size_px: int) -> Tensor:
    """Images [N, 3, S, S] at `size_px`."""
    if images.shape[-1] == size_px:
        return images
    return functional.interpolate(images, size=[size_px, size_px], mode="area")


def _require_crops(dataset: Dataset, learned: Dataset) -> None:
    counts = np.bincount(learned.labels, minlength=len(learned.classes))
    empty = [name for name, count in zip(learned.classes, counts, strict=True) if count == 0]
    if empty:
        raise NeedsOperator(
            "training.no_crops",
            f"There are no training crops of {', '.join(empty)}.",
            "Add crops of them, or take them out of `labels`.",
        )
    if not dataset.validation.any():
        raise NeedsOperator("training.no_crops", "There are no validation crops.", "Hold some crops back.")


def _require_room(run: Run) -> None:
    side = run.grounds.shape[1]
    wanted = {
        "schedule.features_px": run.schedule.features_px or 0,
        "size_px of a cycle": max(cycle.size_px or 0 for cycle in run.schedule.cycles),
        "the teacher's size_px": run.teacher.size_px if run.teacher else 0,
    }
    for name, size_px in wanted.items():
        if size_px > side:
            raise NeedsOperator(
                "training.crop_size",
                f"Crops are kept at {side} px, smaller than {name}, {size_px}.",
                f"Choose at most {side} px, or a larger net.size_px.",
            )


def _optimise(net: PartsNet, learned: Dataset, run: Run, report: Report) -> PartsNet:
    """The running mean of the last cycle's last steps."""
    batches = _Batches(learned, run)
    held = _Held.of(learned, run)
    steps = sum(cycle.steps for cycle in run.schedule.cycles)
    done = 0
    for number, cycle in enumerate(run.schedule.cycles):
        state = _State(run, number, batches.rng)
        net = _cycle(net, held, cycle, batches, state, done, steps, report)
        done += cycle.steps
    return net.eval()


def _cycle(
    net: PartsNet,
    held: "_Held",
    cycle: Cycle,
    batches: "_Batches",
    state: "_State",
    done: int,
    steps: int,
    report: Report,
) -> PartsNet:
    run, schedule = batches.run, batches.run.schedule
    rates = [cycle.learning_rate, cycle.learning_rate * schedule.head_rate_factor]
    groups = [
        {"params": list(net.backbone.parameters()), "lr": rates[0]},
        {"params": list(net.head.parameters()), "lr": rates[1]},
    ]
    optimiser: Any = torch.optim.AdamW(groups, weight_decay=schedule.weight_decay)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, rates, total_steps=cycle.steps, pct_start=0.15)
    fade = cast("Any", get_ema_multi_avg_fn(schedule.average))
    mean = AveragedModel(net, multi_avg_fn=fade, use_buffers=True)
    first = state.resume({"net": net, "mean": mean, "optimiser": optimiser, "rate": rate})
    losses: list[float] = []
    net.train()
    for step in range(first + 1, cycle.steps + 1):
        own = cycle.size_px is None or step > cycle.steps - cycle.last_steps
        size_px = run.net.size_px if own or cycle.size_px is None else cycle.size_px
        largest = max(size_px, run.teacher.size_px if run.teacher else 0, schedule.features_px or 0)
        images, labels = batches.next(largest, cycle.strength)
        logits, embedding = net(_smaller(images, size_px))
        loss: Any = functional.cross_entropy(logits, labels, label_smoothing=schedule.label_smoothing)
        if held.pretrained:
            before = _smaller(images, schedule.features_px or size_px)
            loss = loss + schedule.keep_features * _drift(embedding, before, held.pretrained)
        if held.foreign:
            loss = loss + schedule.foreign * held.foreign.loss(net.head, embedding, labels, batches.rng)
        if run.teacher:
            shown = _smaller(images, run.teacher.size_px)
            loss = (loss + _teaching_loss(logits, shown, run.teacher.predictor)) / 2
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
        mean.update_parameters(net)
        losses.append(loss.item())
        if step % _REPORT_STEPS == 0 or step == cycle.steps:
            report(Progress(done + step, steps, float(np.mean(losses))))
            losses.clear()
        if step % schedule.checkpoint_steps == 0 or step == cycle.steps:
            state.save(step)
    return cast("PartsNet", mean.module) if schedule.average > 0 else net


@dataclass(frozen=True, slots=True)
class _Held:
    """What a pretrained backbone knows and the net is to keep, None where the schedule does not ask for it."""

    pretrained: PartsNet | None
    foreign: Foreign | None

    @classmethod
    def of(cls, learned: Dataset, run: Run) -> "_Held":
        schedule = run.schedule
        return cls(
            PartsNet(len(learned.classes), run.net).eval() if schedule.keep_features > 0 else None,
            Foreign(learned.classes.index(OTHER)) if schedule.foreign > 0 else None,
        )


def _drift(embedding: Tensor, images: Tensor, pretrained: PartsNet) -> Tensor:
    """How far the features of every second crop, compared with the others', have turned from the pretrained ones.

    1 - cosine of the embeddings without their mean over the crops: feature distillation (Romero et al. 2015) from the
    net as it was. Half of the batch says as much for half the time.
    """
    with torch.no_grad():
        before = pretrained.embed(images[::2])
    now = embedding[::2]
    return 1 - functional.cosine_similarity(now - now.mean(0), before - before.mean(0)).mean()


def _teaching_loss(logits: Tensor, images: Tensor, teacher: Predictor) -> Tensor:
    """Cross entropy against the teacher's probabilities of the same pictures (Hinton et al. 2015)."""
    crops = (images.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
    wanted = _torch.from_numpy(teacher.probabilities(crops))
    return functional.cross_entropy(logits, wanted)


class _Batches:
    """Random batches, augmented. Every class weighs the same; in it each source by the root of its number of crops,
    so that forty photographs of one part are neither drowned nor learned by heart."""

    def __init__(self, dataset: Dataset, run: Run) -> None:
        self.rng = torch.Generator().manual_seed(run.seed)
        self._dataset = dataset
        self.run = run
        self._weights = _torch.from_numpy(_sampling_weights(dataset))
        pictures = _torch.from_numpy(np.ascontiguousarray(run.grounds.transpose(0, 3, 1, 2)))
        self._grounds = Grounds(pictures, run.schedule.paste_share)
        self._other = dataset.classes.index(OTHER) if run.schedule.bare_share > 0 else None

    def next(self, size_px: int, strength: float) -> tuple[Tensor, Tensor]:
        """Images float32 [B, 3, size_px, size_px] and labels int64 [B]."""
        data = self._dataset
        chosen = torch.multinomial(self._weights, self.run.schedule.batch, replacement=True, generator=self.rng)
        rows = chosen.numpy()
        images = _torch.from_numpy(data.crops[rows]).permute(0, 3, 1, 2).float() / 255.0
        covers = np.zeros((len(rows), 1, *data.crops.shape[1:3]), np.float32)
        cut_out = data.cover_of[rows] >= 0
        covers[cut_out, 0] = data.covers[data.cover_of[rows[cut_out]]] / np.float32(255)
        labels, covers = _torch.from_numpy(data.labels[rows]), _torch.from_numpy(covers)
        if self._other is not None:
            self._bare(images, covers, labels == self._other)
        return augment(images, covers, self._grounds, size_px, self.rng, strength), labels

    def _bare(self, images: Tensor, covers: Tensor, others: Tensor) -> None:
        """Puts bare grounds in the place of a share of the `others`."""
        pictures = self._grounds.pictures
        bare = others & (torch.rand(len(images), generator=self.rng) < self.run.schedule.bare_share)
        which = torch.randint(0, len(pictures), (int(bare.sum()),), generator=self.rng)
        images[bare] = pictures[which].float() / 255.0
        covers[bare] = 0.0


def _sampling_weights(dataset: Dataset) -> NDArray[np.float64]:
    """float64 [N]."""
    groups = dataset.labels * len(dataset.origins) + dataset.sources
    sizes = np.bincount(groups, minlength=len(dataset.classes) * len(dataset.origins))
    roots = np.sqrt(sizes).reshape(-1, len(dataset.origins))
    shares = (roots / np.maximum(roots.sum(axis=1, keepdims=True), 1e-9)).reshape(-1)
    return shares[groups] / sizes[groups]


class _State:
    """All that a cycle needs to go on as if it had not been interrupted, in one file a cycle."""

    def __init__(self, run: Run, cycle: int, rng: torch.Generator) -> None:
        self._path = run.checkpoint and run.checkpoint.with_name(f"{run.checkpoint.stem}-{cycle}.pt")
        self._parts: dict[str, Any] = {}
        self._rng = rng
        before = run.schedule.model_copy(update={"cycles": run.schedule.cycles[: cycle + 1]})
        self._key = repr((run.net, before, run.seed, run.teacher is not None, run.grounds.shape))

    def save(self, step: int) -> None:
        """Replaces the checkpoint; a run killed while writing keeps the one before."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        states = {name: part.state_dict() for name, part in self._parts.items()}
        states |= {"rng": self._rng.get_state(), "global_rng": _torch.get_rng_state()}
        unfinished = self._path.with_suffix(".new")
        torch.save({"key": self._key, "step": step, "states": states}, unfinished)
        unfinished.replace(self._path)

    def resume(self, parts: dict[str, Any]) -> int:
        """Brings `parts` to where the checkpoint is; the last step done, 0 where there is none."""
        self._parts = parts
        if self._path is None or not self._path.is_file():
            return 0
        found = cast("dict[str, Any]", torch.load(self._path, weights_only=True))
        if found["key"] != self._key:
            raise NeedsOperator(
                "training.checkpoint",
                f"{self._path} is of a run with other settings.",
                "Delete it to start anew, or train into another folder (-o).",
            )
        for name, part in parts.items():
            part.load_state_dict(found["states"][name])
        self._rng.set_state(found["states"]["rng"])
        _torch.set_rng_state(found["states"]["global_rng"])
        return cast("int", found["step"])
