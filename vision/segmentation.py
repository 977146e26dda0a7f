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
        """H x W uint8, 255 on parts. `learn` lets the belt's colours adapt: not over a standing belt."""
        mask = self._background.foreground(color)
        if learn:
            self._background.adapt(color, mask)
        if self._settings.open_px > 1:
            mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, self._kernel)
        return mask.astype(np.uint8, copy=False)

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
        one to the other passes a neck thinner than `split_depth` of the thinner core. The cut itself
        is a watershed of the distance from these cores.
        """
        x, y, width, height = cv2.boundingRect(contour)
        region = np.zeros((height + 2, width + 2), np.uint8)
        cv2.drawContours(region, [contour], -1, 255, cv2.FILLED, offset=(1 - x, 1 - y))
        distance = cv2.distanceTransform(region, cv2.DIST_L2, 3).astype(np.float32, copy=False)
        cores = self._cores(distance)
        if cores is None:
            return [contour]
        count, markers = cores
        markers[region == 0] = count + 1
        height_map = np.clip(255 - distance * (255 / max(1.0, float(distance.max()))), 0, 255).astype(np.uint8)
        labels = cv2.watershed(cv2.merge([height_map] * 3), markers)
        pieces: list[Contour] = []
        for label in range(1, count + 1):
            piece = np.where(labels == label, 255, 0).astype(np.uint8)
            # The watershed line is one pixel wide and belongs to nobody: give it back to both.
            piece = cv2.bitwise_and(cv2.dilate(piece, np.ones((3, 3), np.uint8)), region)
            parts = outer_contours(piece.astype(np.uint8, copy=False))
            if parts:
                largest = max(parts, key=cv2.contourArea)
                pieces.append(largest + np.array([x - 1, y - 1], np.int32))
        whole = [p for p in pieces if cv2.contourArea(p) >= self._min_area_px]
        return whole if len(whole) > 1 else [contour]

    def _cores(self, distance: NDArray[np.float32]) -> tuple[int, NDArray[np.int32]] | None:
        """Markers, int32, 1..n on the cores, at the level of the distance that shows most of them."""
        peak = float(distance.max())
        best: tuple[int, NDArray[np.int32]] | None = None
        for step in range(1, _LEVELS):
            level = peak * step / _LEVELS
            if level < 1.5:
                continue
            count, found_labels = cv2.connectedComponents((distance > level).astype(np.uint8), ltype=cv2.CV_32S)
            labels = cast("NDArray[np.int32]", found_labels)
            if count <= 2:
                continue
            peaks = np.zeros(count, np.float32)
            np.maximum.at(peaks, labels.ravel(), distance.ravel())
            core = peaks >= level / self._settings.split_depth
            core[0] = False
            found = int(core.sum())
            if found >= 2 and (best is None or found > best[0]):
                renumber = np.zeros(count, np.int32)
                renumber[core] = np.arange(1, found + 1)
                best = found, renumber[labels].astype(np.int32)
        return best


def outer_contours(mask: NDArray[np.uint8]) -> list[Contour]:
    """Outer borders of a mask's blobs, each int32 [K, 2] of x, y."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [cast("Contour", c).reshape(-1, 2) for c in contours]


def simplified(contour: Contour) -> Contour:
    """The contour with fewer points, for people to see: int32 [K, 2]."""
    return cast("Contour", cv2.approxPolyDP(contour, _OUTLINE_PX, True)).reshape(-1, 2)
