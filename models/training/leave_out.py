"""Leave one source out: nets trained without a photograph of some sources, asked about those.

It is what comes nearest to another site. Sources are left out in folds, several together, so that a net sees less
than the one that ships; a class whose only photographs are left out is answered from rendered pictures alone and
is counted apart.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.manifest import Accuracy, LeaveOneSourceOut, LeftOut
from models.training.dataset import Dataset
from models.training.settings import LeaveOut
from models.training.train import Progress, Run, answers, train

Report = Callable[[str, Progress], None]


def leave_out(dataset: Dataset, run: Run, folds: LeaveOut, report: Report) -> LeaveOneSourceOut:
    """Trains once a fold and measures on every photograph of the fold, the held-out ones too.

    `report` gets the sources left out and the progress. Raises as `train`.
    """
    found: list[_Answered] = []
    for number, fold in enumerate(folds.folds):
        name = ", ".join(fold)
        away = dataset.from_sources(fold)
        checkpoint = run.checkpoint.with_name(f"without-{number}.pt") if run.checkpoint else None
        coarse = run.schedule.coarse_steps * folds.steps // run.schedule.steps
        schedule = run.schedule.model_copy(update={"steps": folds.steps, "coarse_steps": coarse})
        shorter = replace(run, schedule=schedule, checkpoint=checkpoint)
        trained = train(dataset.where(~away), shorter, lambda progress, name=name: report(name, progress))
        unseen = dataset.where(away)
        logits = answers(trained.net, unseen.crops, run.net.size_px)[0]
        seen = dataset.where(~away & dataset.real & ~dataset.validation)
        found += [
            _Answered(source, seen, unseen.where(unseen.from_sources([source])), logits[unseen.from_sources([source])])
            for source in fold
        ]
    return _summed(found)


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
        per_class = {
            self._classes[label]: Accuracy(accuracy=float(self.right[of].mean()), count=int(of.sum()))
            for label in np.unique(self.labels[chosen])
            if (of := chosen & (self.labels == label)).any()
        }
        count = int(chosen.sum())
        return (Accuracy(accuracy=float(self.right[chosen].mean()), count=count) if count else None), per_class


def _summed(found: list[_Answered]) -> LeaveOneSourceOut:
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
        overall=Accuracy(accuracy=float(right.mean()), count=len(right)),
        mean_of_classes=float(np.mean(shares)),
        sources=tuple(sources),
    )
