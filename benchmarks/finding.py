"""Parts found on rendered belts, against the truth of every pixel: found, missed, split, merged, and false blobs.

A part is `found` where one blob, and that blob alone, is it (intersection over union of at least 0.5 with what of
it is visible, and no other part shares the blob); `merged` where one blob holds most of it and of another part;
`split` where two blobs or more lie in it; `too small` where less of it is visible than the smallest part that the
segmenter is asked to report; `missed` otherwise. Every part is one of the five, and shares are of those that are not
too small. A blob is `false` where less than a tenth of it lies on parts.

A blob is its outline, so a part is compared by its outline too: what a coiled cable or a frame encloses counts as its
own, except where another part lies in it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.crowded_belts import MM_PER_PX, CrowdedView, crowded_belt
from benchmarks.disturbed import DISTURBANCES
from benchmarks.figures import Figure, report
from vision.measures import filled
from vision.segmentation import Blobs, Picture, Segmenter, outer_contours
from vision.settings import SegmentationConfig

BELTS = 6
BELTS_OF_THE_BOUND = 12  # belts differ: six of them found 97.6 %, the next six 99.3 %
VIEWS = 6
LEARNING_VIEWS = 2  # of each belt, not counted: a line has seen its belt before
MIN_AREA_MM2 = 6.0
MAX_PART_MM = 150.0


@dataclass(slots=True)
class Tally:
    """What became of the parts of some views; `flagged` counts those of each fate whose blob is called a clump."""

    single: Counter[str] = field(default_factory=Counter[str])
    touching: Counter[str] = field(default_factory=Counter[str])
    overlapping: Counter[str] = field(default_factory=Counter[str])
    flagged: Counter[str] = field(default_factory=Counter[str])
    missed_classes: Counter[str] = field(default_factory=Counter[str])
    too_small: int = 0
    false_blobs: int = 0
    views: int = 0

    def add(self, view: CrowdedView, blobs: Blobs) -> None:
        """Counts one more view."""
        found, flagged, false = fates(view, blobs)
        self.views += 1
        self.false_blobs += false
        for fate, is_flagged, partner, overlapping, class_id in zip(
            found, flagged, view.partner, view.overlapping, view.class_ids, strict=True
        ):
            if fate == "too small":
                self.too_small += 1
                continue
            group = self.single if not partner else self.overlapping if overlapping else self.touching
            group[fate] += 1
            self.flagged[fate] += is_flagged
            if fate == "missed":
                self.missed_classes[class_id] += 1


def fates(view: CrowdedView, blobs: Blobs) -> tuple[list[str], list[bool], int]:
    """The fate of every part of a view, whether the blob that shows most of it is a clump; and how many blobs are
    false."""
    count = len(view.class_ids)
    outlined = outlined_labels(view.labels)
    shared = np.zeros((len(blobs), count + 1), np.int64)
    for row, contour in zip(shared, blobs.contours, strict=True):
        box = x, y, width, height = cv2.boundingRect(contour)
        labels = outlined[y : y + height, x : x + width]
        row[:] = np.bincount(labels[filled(contour, box) > 0], minlength=count + 1)
    blob_px = shared.sum(axis=1)
    on_parts = shared[:, 1:]
    part_px = np.bincount(outlined.ravel(), minlength=count + 1)[1:]
    too_small = np.bincount(view.labels.ravel(), minlength=count + 1)[1:] * MM_PER_PX**2 < MIN_AREA_MM2
    covers = on_parts * 2 >= np.maximum(part_px, 1)
    lies_in = on_parts * 2 >= blob_px[:, None]
    union = blob_px[:, None] + part_px - on_parts
    found: list[str] = []
    for part in range(count):
        pieces = int(np.count_nonzero(lies_in[:, part]))
        merged = bool((covers[:, part] & (covers.sum(axis=1) > 1)).any())
        whole = bool((on_parts[:, part] * 2 >= union[:, part]).any())
        fate = "merged" if merged else "split" if pieces > 1 else "found" if whole else "missed"
        found.append("too small" if too_small[part] else fate)
    flagged = [bool(len(blobs) and blobs.clump[on_parts[:, part].argmax()]) for part in range(count)]
    return found, flagged, int(np.count_nonzero(on_parts.sum(axis=1) * 10 < blob_px))


def outlined_labels(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Labels H x W in which bare belt that one part encloses is that part's; the innermost part's, where several do."""
    outlined = labels.copy()
    boxes = [cv2.boundingRect((labels == part).view(np.uint8)) for part in range(1, int(labels.max()) + 1)]
    for part in sorted(range(1, len(boxes) + 1), key=lambda part: boxes[part - 1][2] * boxes[part - 1][3]):
        x, y, width, height = boxes[part - 1]
        if not width:
            continue
        window = outlined[y : y + height, x : x + width]
        own = (labels[y : y + height, x : x + width] == part).astype(np.uint8)
        enclosed = np.zeros_like(own)
        cv2.drawContours(enclosed, outer_contours(own), -1, (1,), cv2.FILLED)
        window[(enclosed > 0) & (window == 0)] = part
    return outlined


def segment(views: Iterable[CrowdedView], settings: SegmentationConfig, tally: Tally, *, with_height: bool) -> None:
    """One belt's views through a fresh segmenter."""
    segmenter = Segmenter(
        settings,
        min_area_px=MIN_AREA_MM2 / MM_PER_PX**2,
        max_part_px=MAX_PART_MM / MM_PER_PX,
        area_scan=True,
        widest_seam_px=settings.seam_mm / MM_PER_PX,
    )
    for number, view in enumerate(views):
        picture = Picture(view.color, view.height if with_height else None)
        blobs = segmenter.blobs(picture, segmenter.foreground(picture))
        if number >= LEARNING_VIEWS:
            tally.add(view, blobs)


@dataclass(frozen=True, slots=True)
class Case:
    """What lies on the belts of one measurement; `found_at_least` is the bound on the share of parts found, for which
    more belts are looked at."""

    name: str
    occupancy: float
    touching_share: float = 0.0
    overlapping_share: float = 0.0
    any_belt: bool = False
    found_at_least: float | None = None


CASES = (
    Case("10 %", 0.1, found_at_least=0.98),
    Case("20 %, touching pairs", 0.2, touching_share=0.3),
    Case("30 %, touching pairs", 0.3, touching_share=0.3),
    Case("20 %, overlapping pairs", 0.2, overlapping_share=0.3),
    Case("10 %, any belt", 0.1, any_belt=True),
)


def _share(counted: Counter[str], fate: str) -> float:
    return counted[fate] / max(sum(counted.values()), 1)


def _figures(name: str, tally: Tally, found_at_least: float | None) -> list[Figure]:
    figures = [
        Figure(f"{name}: single parts found", _share(tally.single, "found"), "share", at_least=found_at_least),
        Figure(f"{name}: single parts split", _share(tally.single, "split"), "share"),
        Figure(f"{name}: false blobs", tally.false_blobs / max(tally.views, 1), "a picture"),
    ]
    for kind, counted in (("touching", tally.touching), ("overlapping", tally.overlapping)):
        if counted:
            figures.append(Figure(f"{name}: {kind} parts told apart", _share(counted, "found"), "share"))
            figures.append(Figure(f"{name}: {kind} parts merged", _share(counted, "merged"), "share"))
    return figures


def measure(
    belts: int = BELTS, views_a_belt: int = VIEWS, belts_of_the_bound: int = BELTS_OF_THE_BOUND
) -> dict[str, Any]:
    """Shares of parts found, split, merged and missed, with and without the height channel, then under bad light."""
    settings = SegmentationConfig()
    figures: list[Figure] = []
    beside: dict[str, Any] = {"mm_per_px": MM_PER_PX, "smallest part mm2": MIN_AREA_MM2, "fates": {}}
    for case in CASES:
        tallies = {"color": Tally(), "with height": Tally()}
        for seed in range(belts if case.found_at_least is None else belts_of_the_bound):
            views = list(
                crowded_belt(
                    seed,
                    views_a_belt,
                    case.occupancy,
                    touching_share=case.touching_share,
                    overlapping_share=case.overlapping_share,
                    any_belt=case.any_belt,
                )
            )
            for channels, tally in tallies.items():
                segment(views, settings, tally, with_height=channels == "with height")
        for channels, tally in tallies.items():
            name = f"{case.name}, {channels}"
            figures += _figures(name, tally, case.found_at_least)
            beside["fates"][name] = {
                "single": dict(tally.single),
                "touching": dict(tally.touching),
                "overlapping": dict(tally.overlapping),
                "called a clump": dict(tally.flagged),
                "too small to count": tally.too_small,
                "classes missed": dict(tally.missed_classes),
            }
    views = list(crowded_belt(500, 3 * views_a_belt, 0.1))
    for name, disturb in {"steady light": _as_it_is, **DISTURBANCES}.items():
        tally = Tally()
        segment([disturb(view, number) for number, view in enumerate(views)], settings, tally, with_height=False)
        figures += _figures(f"10 %, {name}", tally, None)
    return report("finding", figures, beside)


def _as_it_is(view: CrowdedView, number: int) -> CrowdedView:
    del number
    return view
