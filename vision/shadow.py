"""A second model beside the line's own, on a share of the same crops: what would it say?

It decides nothing. It works after a frame's result is out, and within a share of the crops and of the time, so that
the next frame waits for it no longer than that.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.comparison import Comparison, answered
from senbetsu_errors import SenbetsuError
from vision.classify import Classes, Classifier
from vision.crops import crop_blobs
from vision.results import ShadowReport

MOST_CROPS = 16
"""Of one frame: bounds how long a frame can wait."""

REPORT_S = 1.0


_Waiting = tuple[NDArray[np.uint8], NDArray[np.int32], Classes, NDArray[np.float64], NDArray[np.float32] | None]


class Shadow:
    """Compares `classifier` with the line's model, whose `labels` these are.

    `share` (0..1) bounds both the crops it looks at, of those the line classified, and the time it takes, of the
    time that goes by; of one frame at most `most_crops`. `name` and `version` are the shadow's. A shadow that fails
    stops and says why.
    """

    def __init__(
        self,
        classifier: Classifier | None,
        labels: tuple[str, ...],
        name: str,
        version: str,
        share: float,
        most_crops: int | None = MOST_CROPS,
    ) -> None:
        self._classifier = classifier
        self._comparison = Comparison(labels, classifier.labels if classifier else ())
        self._share = share
        self._most_crops = most_crops
        self._report = ShadowReport(name, version, share)
        self._waiting: _Waiting | None = None
        self._next = 0
        self._began_s: float | None = None
        self._reported_s: float | None = None

    @classmethod
    def failed(cls, name: str, share: float, error: SenbetsuError) -> "Shadow":
        """A shadow that could not be loaded: it compares nothing and reports why."""
        shadow = cls(None, (), name, "", share)
        shadow._report = replace(shadow._report, error=str(error))
        return shadow

    def see(
        self,
        color: NDArray[np.uint8],
        boxes: NDArray[np.int32],
        classes: Classes,
        area_mm2: NDArray[np.float64],
        measures: NDArray[np.float32] | None = None,
    ) -> None:
        """What the line made of a frame: its picture, the boxes [N, 4] it classified, the answers, areas, measures.

        Only kept until `work`; the picture must not change before.
        """
        self._waiting = (color, boxes, classes, area_mm2, measures)
        self._report = replace(self._report, seen=self._report.seen + len(boxes))

    def work(self, now: Callable[[], float]) -> None:
        """Looks at as many of the newest crops as its share allows. `now` gives monotonic seconds."""
        started_s = now()
        if self._began_s is None:
            self._began_s = started_s
        waiting, self._waiting = self._waiting, None
        if waiting is None or self._classifier is None or self._report.error:
            return
        color, boxes, classes, area_mm2, measures = waiting
        room = int(self._share * self._report.seen) - self._report.compared
        if self._report.spent_s > self._share * (started_s - self._began_s):
            room = 0
        count = min(room, len(boxes), self._most_crops or len(boxes))
        if count < 1:
            return
        # Where a frame has more crops than room, the next ones in turn, so that no part of the belt is left out.
        chosen = (self._next + np.arange(count)) % len(boxes)
        self._next += count
        try:
            theirs = self._classifier.classify(
                crop_blobs(color, boxes[chosen], self._classifier.size),
                None if measures is None else measures[chosen],
            )
        except SenbetsuError as error:
            self._report = replace(self._report, error=str(error))
            return
        self._comparison.add(
            answered(classes.probabilities[chosen], classes.unknown[chosen]),
            answered(theirs.probabilities, theirs.unknown),
            area_mm2[chosen],
        )
        spent_s = self._report.spent_s + now() - started_s
        self._report = replace(self._report, compared=self._comparison.crops, spent_s=spent_s)

    def report(self) -> ShadowReport:
        """The state of the comparison since the start."""
        return replace(self._report, pairs=tuple(self._comparison.pairs()))

    def due_report(self, now_s: float) -> ShadowReport | None:
        """The report, once a second."""
        if self._reported_s is not None and now_s < self._reported_s + REPORT_S:
            return None
        self._reported_s = now_s
        return self.report()
