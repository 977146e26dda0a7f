"""Parts apart from the belt, and touching parts apart from each other."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.background import BeltBackground
from vision.settings import SegmentationConfig

# OpenCV's own threads gain nothing at these sizes; morphology is three times slower with two.
cv2.setNumThreads(1)

Contour = NDArray[np.int32]
_OUTLINE_PX = 1.2
_LEVELS = 8


@dataclass(frozen=True, slots=True)
class Blobs:
    """N blobs of one picture, in pixels.

    `boxes` int32 [N, 4] is x, y, width, height, pixels inclusive; `centres` float64 [N, 2] is x, y of
    the centroid in pixel-centre coordinates; `areas` float64 [N] in square pixels; `contours` are
    int32 [K, 2] of x, y.
    """

    boxes: NDArray[np.int32]
    centres: NDArray[np.float64]
    areas: NDArray[np.float64]
    contours: tuple[Contour, ...]

    def __len__(self) -> int:
        return len(self.areas)


class Segmenter:
    """Finds blobs in pictures of one camera, H x W x 3 uint8; learns its belt as it goes."""

    def __init__(
        self, settings: SegmentationConfig, *, min_area_px: float, max_part_px: float, area_scan: bool
    ) -> None:
        self._settings = settings
        self._min_area_px = min_area_px
        self._max_part_px = max_part_px
        self._background = BeltBackground(settings, area_scan=area_scan)
        self._kernel = np.ones((settings.open_px, settings.open_px), np.uint8)

    def foreground(self, color: NDArray[np.uint8], *, learn: bool = True) -> NDArray[np.uint8]:
        """H x W uint8, 255 on parts; the next call overwrites it.

        `learn` lets the belt's colours adapt: not over a standing belt.
        """
        mask = self._background.foreground(color)
        if learn:
            self._background.adapt(color, mask)
        if self._settings.open_px > 1:
            cv2.morphologyEx(mask, cv2.MORPH_OPEN, self._kernel, mask)
        return mask

    def blobs(self, mask: NDArray[np.uint8]) -> Blobs:
        """The blobs of a mask that are large enough, touching ones split."""
        return self.measure(self.split_all(outer_contours(mask)))

    def split_all(self, contours: list[Contour]) -> list[Contour]:
        """The contours, with those that look like touching parts replaced by their pieces."""
        found: list[Contour] = []
        for contour in contours:
            found += self._split(contour) if self._is_suspicious(contour) else [contour]
        return found

    def measure(self, contours: list[Contour]) -> Blobs:
        """Boxes, centroids and areas of the contours that reach the smallest area."""
        kept: list[Contour] = []
        boxes: list[tuple[int, int, int, int]] = []
        centres: list[tuple[float, float]] = []
        areas: list[float] = []
        for contour in contours:
            moments = cv2.moments(contour)
            area = moments["m00"]
            if area < self._min_area_px or area <= 0:
                continue
            kept.append(contour)
            boxes.append(cast("tuple[int, int, int, int]", cv2.boundingRect(contour)))
            centres.append((moments["m10"] / area, moments["m01"] / area))
            areas.append(area)
        return Blobs(
            np.array(boxes, np.int32).reshape(-1, 4),
            np.array(centres, np.float64).reshape(-1, 2),
            np.array(areas, np.float64),
            tuple(kept),
        )

    def _is_suspicious(self, contour: Contour) -> bool:
        if self._settings.split_solidity == 0 or len(contour) < 8:
            return False
        area = cv2.contourArea(contour)
        if area < 2 * self._min_area_px:
            return False
        _, _, width, height = cv2.boundingRect(contour)
        if max(width, height) > self._max_part_px:
            return True
        hull = cv2.contourArea(cv2.convexHull(contour))
        return area < self._settings.split_solidity * hull

    def _split(self, contour: Contour) -> list[Contour]:
        """Cuts a blob at its necks.

        A core is a maximum of the distance to the border; two cores are two parts where the way from
        one to the other passes a neck thinner than `split_depth` of the thinner core. Every pixel
        goes to the nearest core: the cores are the parts shrunk alike, so the cut runs through the neck.
        """
        x, y, width, height = cv2.boundingRect(contour)
        region = np.zeros((height + 2, width + 2), np.uint8)
        cv2.drawContours(region, [contour], -1, 255, cv2.FILLED, offset=(1 - x, 1 - y))
        distance = cv2.distanceTransform(region, cv2.DIST_L2, 3).astype(np.float32, copy=False)
        cores = self._cores(distance)
        if cores is None:
            return [contour]
        _, found = cv2.distanceTransformWithLabels(cores, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_CCOMP)
        nearest = cast("NDArray[np.int32]", found)
        pieces: list[Contour] = []
        for label in range(1, int(nearest.max()) + 1):
            piece = np.where((nearest == label) & (region > 0), 255, 0).astype(np.uint8)
            parts = outer_contours(piece)
            if parts:
                pieces.append(max(parts, key=cv2.contourArea) + np.array([x - 1, y - 1], np.int32))
        whole = [p for p in pieces if cv2.contourArea(p) >= self._min_area_px]
        return whole if len(whole) > 1 else [contour]

    def _cores(self, distance: NDArray[np.float32]) -> NDArray[np.uint8] | None:
        """A mask, uint8, 0 on the cores, at the level of the distance that shows most of them (at least 2)."""
        peak = float(distance.max())
        most = 1
        best: NDArray[np.uint8] | None = None
        for step in range(1, _LEVELS):
            level = peak * step / _LEVELS
            if level < 1.5:
                continue
            count, found = cv2.connectedComponents((distance > level).astype(np.uint8), ltype=cv2.CV_32S)
            labels = cast("NDArray[np.int32]", found)
            if count <= most + 1:
                continue
            peaks = np.zeros(count, np.float32)
            np.maximum.at(peaks, labels.ravel(), distance.ravel())
            core = peaks >= level / self._settings.split_depth
            core[0] = False
            if core.sum() > most:
                most = int(core.sum())
                best = np.where(core[labels], 0, 1).astype(np.uint8)
        return best


def outer_contours(mask: NDArray[np.uint8]) -> list[Contour]:
    """Outer borders of a mask's blobs, each int32 [K, 2] of x, y."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [cast("Contour", c).reshape(-1, 2) for c in contours]


def simplified(contour: Contour) -> Contour:
    """The contour with fewer points, for people to see: int32 [K, 2]."""
    return cast("Contour", cv2.approxPolyDP(contour, _OUTLINE_PX, True)).reshape(-1, 2)
