"""Parts apart from the belt, and touching parts apart from each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.background import BeltBackground
from vision.belt_plane import BeltPlane
from vision.cut_judge import CutJudge
from vision.cuts import FIRST, SECOND, candidate_cuts
from vision.measures import heights_mm
from vision.outlines import AREA, BOX, CENTRE, COVERED, measured, one_after_the_other, solidities
from vision.seams import SeamFilter
from vision.settings import SegmentationConfig

# OpenCV's own threads gain nothing at these sizes; morphology is three times slower with two.
cv2.setNumThreads(1)

Contour = NDArray[np.int32]
_OUTLINE_PX = 1.2
_MOST_CUTS = 6  # one after the other, through one blob
_MOST_POINTS = 100  # of an outline whose cuts are tried: the work grows by its third power
_MOST_POINTS_A_PICTURE = 1_000  # of all such outlines together


@dataclass(frozen=True, slots=True)
class Picture:
    """What one exposure shows: `color` H x W x 3 uint8 BGR, `height` H x W float32 mm (NaN where the sensor saw
    nothing) or None where there is no such channel."""

    color: NDArray[np.uint8]
    height: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Blobs:
    """N blobs of one picture, in pixels.

    `boxes` int32 [N, 4] is x, y, width, height, pixels inclusive; `centres` float64 [N, 2] is x, y of
    the centroid in pixel-centre coordinates; `areas` float64 [N] in square pixels; `contours` are
    int32 [K, 2] of x, y, and `outlines` the same with fewer points. `clump` bool [N]: probably several
    parts, but not surely enough to cut. `heights_mm` float64 [N, 2]: the mean height above the belt and the one that
    95 % of the blob's pixels do not exceed, NaN without a height channel or where it saw nothing of the blob.
    """

    boxes: NDArray[np.int32]
    centres: NDArray[np.float64]
    areas: NDArray[np.float64]
    contours: tuple[Contour, ...]
    outlines: tuple[Contour, ...]
    clump: NDArray[np.bool_]
    heights_mm: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.areas)


class Piece(NamedTuple):
    """A blob's contour, its outline of fewer points, and how likely a cut is that was not made."""

    contour: Contour
    outline: Contour
    doubt: float = 0.0


class Segmenter:
    """Finds blobs in pictures of one camera; learns its belt as it goes.

    `foreground` of a picture first, then `blobs` (or `split_all` and `measure`) with the same picture.
    """

    def __init__(
        self,
        settings: SegmentationConfig,
        *,
        min_area_px: float,
        max_part_px: float,
        area_scan: bool,
        widest_seam_px: float = 0.0,
    ) -> None:
        self._settings = settings
        self._min_area_px = min_area_px
        self._max_part_px = max_part_px
        self._background = BeltBackground(settings, area_scan=area_scan)
        self._plane = BeltPlane(settings)
        self._seams = SeamFilter(widest_seam_px, max_part_px)
        self._kernel = np.ones((settings.open_px, settings.open_px), np.uint8)
        self._judges = {False: CutJudge.load(with_height=False), True: CutJudge.load(with_height=True)}

    def foreground(self, picture: Picture, *, learn: bool = True) -> NDArray[np.uint8]:
        """H x W uint8, 255 on parts; the next call overwrites it.

        `learn` lets the belt's colours and its plane adapt: not over a standing belt.
        """
        mask = self._background.foreground(picture.color)
        if picture.height is None:
            self._plane.unseen()
        else:
            cv2.bitwise_or(mask, self._plane.foreground(picture.height), mask)
        if learn:
            self._background.adapt(picture.color, mask)
            if picture.height is not None:
                self._plane.adapt(mask)
        if self._settings.open_px > 1:
            cv2.morphologyEx(mask, cv2.MORPH_OPEN, self._kernel, mask)
        return mask

    def blobs(self, picture: Picture, mask: NDArray[np.uint8], travel_rows: float | None = None) -> Blobs:
        """The blobs of a mask that are large enough, touching ones split.

        `travel_rows` is how far the belt ran since the picture before, None where nobody knows.
        """
        return self.measure(self.split_all(picture, mask, self.contours(mask, travel_rows)))

    def contours(self, mask: NDArray[np.uint8], travel_rows: float | None = None) -> list[Contour]:
        """Outer borders of the mask's blobs, belt seams taken out of it."""
        found = outer_contours(mask)
        boxes = measured(*one_after_the_other(found))[:, BOX] if found else np.zeros((0, 4))
        return outer_contours(mask) if self._seams.erase(mask, boxes, travel_rows) else found

    def split_all(self, picture: Picture, mask: NDArray[np.uint8], contours: Sequence[Contour]) -> list[Piece]:
        """The contours that cover enough pixels, with those of touching parts replaced by their pieces."""
        if not contours:
            return []
        large = np.flatnonzero(measured(*one_after_the_other(contours))[:, COVERED] >= self._min_area_px).tolist()
        whole = [Piece(contours[k], simplified(contours[k])) for k in large]
        if self._settings.split_solidity == 0:
            return whole
        done: list[Piece] = []
        for _ in range(_MOST_CUTS):
            suspicious = self.suspicious([piece.outline for piece in whole])
            done += [piece for piece, is_suspicious in zip(whole, suspicious, strict=True) if not is_suspicious]
            whole = [piece for piece, is_suspicious in zip(whole, suspicious, strict=True) if is_suspicious]
            if not whole:
                break
            cut, uncut = self._cut_once(picture, mask, whole)
            done += uncut
            whole = cut
        return done + whole

    def suspicious(self, outlines: Sequence[Contour]) -> NDArray[np.bool_]:
        """Which outlines, int32 [K, 2] each, may be several parts: they fill little of their hull, or are too long."""
        if not outlines:
            return np.zeros(0, np.bool_)
        points, ends = one_after_the_other(outlines)
        table = measured(points, ends)
        hollow = solidities(points, ends) < self._settings.split_solidity
        long = table[:, BOX][:, 2:].max(axis=1) > self._max_part_px
        return (hollow | long) & (table[:, AREA] >= 2 * self._min_area_px)

    def _cut_once(
        self, picture: Picture, mask: NDArray[np.uint8], pieces: Sequence[Piece]
    ) -> tuple[list[Piece], list[Piece]]:
        """Halves of the pieces that are cut at their likeliest place, and the pieces that are left whole.

        Pieces more ragged than parts, and more of them than a belt has room for, as glare makes them, are not looked
        at: they are clumps.
        """
        height = self._plane.above_belt
        looked_at = np.zeros(len(pieces), np.bool_)
        points = np.array([len(piece.outline) for piece in pieces], np.int64)
        order = np.argsort(points, kind="stable")
        looked_at[order] = (points[order] <= _MOST_POINTS) & (points[order].cumsum() <= _MOST_POINTS_A_PICTURE)
        ragged = [
            Piece(each.contour, each.outline, 1.0) for each, is_in in zip(pieces, looked_at, strict=True) if not is_in
        ]
        pieces = [each for each, is_in in zip(pieces, looked_at, strict=True) if is_in]
        if not pieces:
            return [], ragged
        candidates = [candidate_cuts(piece.outline, picture.color, mask, height, self._min_area_px) for piece in pieces]
        chances = self._judges[picture.height is not None].probabilities(np.concatenate(candidates))
        cut: list[Piece] = []
        uncut = ragged
        start = 0
        for piece, rows in zip(pieces, candidates, strict=True):
            own = chances[start : start + len(rows)]
            start += len(rows)
            likeliest = int(own.argmax()) if len(own) else -1
            doubt = float(own[likeliest]) if len(own) else 0.0
            if doubt < self._settings.split_above:
                uncut.append(Piece(piece.contour, piece.outline, doubt))
                continue
            first, second = int(rows[likeliest, FIRST]), int(rows[likeliest, SECOND])
            outline = piece.outline
            for half in (outline[first : second + 1], np.concatenate([outline[second:], outline[: first + 1]])):
                half = np.ascontiguousarray(half)
                cut.append(Piece(half, half))
        return cut, uncut

    def measure(self, pieces: Sequence[Piece]) -> Blobs:
        """Boxes, centroids, areas and heights of the pieces that reach the smallest area.

        Heights are those of the picture that `foreground` saw last.
        """
        if not pieces:
            return no_blobs()
        table = measured(*one_after_the_other([piece.contour for piece in pieces]))
        large = np.flatnonzero(table[:, COVERED] >= self._min_area_px)
        kept = [pieces[k] for k in large.tolist()]
        table = table[large]
        boxes = table[:, BOX].astype(np.int32)
        contours = tuple(piece.contour for piece in kept)
        heights = np.full((len(kept), 2), np.nan)
        if self._plane.above_belt.size:
            heights = heights_mm(contours, boxes, self._plane.above_belt)
        return Blobs(
            boxes,
            np.ascontiguousarray(table[:, CENTRE]),
            table[:, AREA].copy(),
            contours,
            tuple(piece.outline for piece in kept),
            np.array([piece.doubt >= self._settings.clump_above for piece in kept], np.bool_),
            heights,
        )


def no_blobs() -> Blobs:
    """Nothing found."""
    return Blobs(
        np.zeros((0, 4), np.int32),
        np.zeros((0, 2)),
        np.zeros(0),
        (),
        (),
        np.zeros(0, np.bool_),
        np.zeros((0, 2)),
    )


def outer_contours(mask: NDArray[np.uint8]) -> list[Contour]:
    """Outer borders of a mask's blobs, each int32 [K, 2] of x, y."""
    contours: Sequence[Any] = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    return [contour.reshape(-1, 2) for contour in contours]


def simplified(contour: Contour) -> Contour:
    """The contour with fewer points: int32 [K, 2]."""
    found: Any = cv2.approxPolyDP(contour, _OUTLINE_PX, True)
    return found.reshape(-1, 2)
