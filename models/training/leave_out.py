"""Leave one source out: nets trained without a photograph of some sources, asked about those.

It is what comes nearest to another site. Sources are left out in folds, several together, so that a net sees less
than the one that ships; a class whose only photographs are left out is answered from rendered pictures alone and
is counted apart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.manifest import Accuracy, LeaveOneSourceOut, LeftOut, TaughtElsewhere
from models.training.dataset import Dataset
from models.training.net import PartsNet
from models.training.settings import LeaveOut
from models.training.train import Progress, Run, answers, train

Report = Callable[[str, Progress], None]


@dataclass(frozen=True, slots=True)
class AfterTeaching:
    """Photographs of sources left out, and the answers after `crops_per_class` others of them were taught.

    `labels` int64 [N] and `right` bool [N]; none of them is of a scene that was taught.
    """

    crops_per_class: int
    labels: NDArray[np.int64]
    right: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a net says of the photographs left out, logits float32 [N, C], and what after it was taught."""

    logits: NDArray[np.float32]
    taught: AfterTeaching


Ask = Callable[[PartsNet, Dataset, Dataset], Asked]
"""Of a net, what it was trained on and the photographs left out."""


def leave_out(dataset: Dataset, run: Run, folds: LeaveOut, report: Report, ask: Ask | None = None) -> LeaveOneSourceOut:
    """Trains once a fold and measures on every photograph of the fold, the held-out ones too: as `ask` asks, which
    teaches too, or without it by one look at each whole photograph.

    `report` gets the sources left out and the progress. Raises as `train`.
    """
    found: list[_Answered] = []
    taught: list[AfterTeaching] = []
    for number, fold in enumerate(folds.folds):
        name = ", ".join(fold)
        away = dataset.from_sources(fold)
        checkpoint = run.checkpoint.with_name(f"without-{number}.pt") if run.checkpoint else None
        schedule = run.schedule.model_copy(update={"cycles": folds.cycles})
        shorter = replace(run, schedule=schedule, checkpoint=checkpoint)
        kept = dataset.where(~away)
        net = train(kept, shorter, lambda progress, name=name: report(name, progress))
        unseen = dataset.where(away)
        if ask:
            asked = ask(net, kept, unseen)
            logits = asked.logits
            taught.append(asked.taught)
        else:
            logits = answers(net, unseen.crops, run.net.size_px)[0]
        seen = kept.where(kept.real & ~kept.validation)
        found += [
            _Answered(source, seen, unseen.where(unseen.from_sources([source])), logits[unseen.from_sources([source])])
            for source in fold
        ]
    return _summed(found, _all_taught(taught, dataset.classes))


def _all_taught(taught: Sequence[AfterTeaching], classes: tuple[str, ...]) -> TaughtElsewhere | None:
    if not taught:
        return None
    labels, right = (np.concatenate(each) for each in zip(*((t.labels, t.right) for t in taught), strict=True))
    return TaughtElsewhere(
        crops_per_class=taught[0].crops_per_class,
        measured=Accuracy.of(right),
        per_class={classes[label]: Accuracy.of(right[labels == label]) for label in sorted({int(x) for x in labels})},
    )


class _Answered:
    """What one source's photographs were taken for, by a net that has seen `seen` photographs only."""

    def __init__(self, source: str, seen: Dataset, photographs: Dataset, logits: NDArray[np.float32]) -> None:
        self.source = source
        self.labels = photographs.labels
        self.right = logits.argmax(axis=1) == photographs.labels
        self.has_photographs = np.isin(photographs.labels, seen.labels)
        self._classes = photographs.classes

    def measured(self, chosen: NDArray[np.bool_]) -> tuple[Accuracy | None, dict[str, Accuracy]]:
        """Over the chosen photographs, and a class."""
        per_class: dict[str, Accuracy] = {}
        for index, name in enumerate(self._classes):
            of = chosen & (self.labels == index)
            if of.any():
                per_class[name] = Accuracy.of(self.right[of])
        return (Accuracy.of(self.right[chosen]) if chosen.any() else None), per_class


def _summed(found: list[_Answered], taught: TaughtElsewhere | None) -> LeaveOneSourceOut:
    sources: list[LeftOut] = []
    for each in found:
        for chosen, rendered_only in ((each.has_photographs, False), (~each.has_photographs, True)):
            measured, per_class = each.measured(chosen)
            if measured:
                sources.append(
                    LeftOut(source=each.source, rendered_only=rendered_only, measured=measured, per_class=per_class)
                )
    right = np.concatenate([each.right[each.has_photographs] for each in found])
    shares = [a.accuracy for s in sources if not s.rendered_only for a in s.per_class.values()]
    return LeaveOneSourceOut(
        overall=Accuracy.of(right),
        mean_of_classes=float(np.mean(shares)),
        sources=tuple(sources),
        taught=taught,
    )
