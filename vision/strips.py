"""Line scan: parts that a strip's edge cuts in two, joined with the next strip."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.measures import filled
from vision.segmentation import Blobs, Contour, Picture, Piece, Segmenter, simplified

_CONTEXT_ROWS = 6  # carried always, so that filters see both sides of a seam
_OPEN_ROWS = 3  # a blob that ends this near the last row may go on in the next strip


@dataclass(frozen=True, slots=True)
class Assembled:
    """What one strip completes.

    `color` is the picture the blobs lie in: carried rows above the strip's own, H' x W x 3 uint8 BGR,
    its last row on the strip's datum. `oversize` bool [N]: never whole (too long, or the neighbouring
    strip was lost). `shift_rows` float64 [N] is how many rows farther downstream a blob lies now than
    where `blobs` shows it: not 0 only for a part left over from before a gap.
    """

    color: NDArray[np.uint8]
    blobs: Blobs
    oversize: NDArray[np.bool_]
    shift_rows: NDArray[np.float64]


class StripAssembler:
    """Joins strips, H x W each; every part comes out once, complete or marked `oversize`."""

    def __init__(self, segmenter: Segmenter, *, max_part_rows: int, tolerance_rows: float = 1.5) -> None:
        self._segmenter = segmenter
        self._max_part_rows = max_part_rows
        self._tolerance_rows = tolerance_rows
        self._carried: Picture | None = None
        self._first = 0  # the row of the last picture from which it is carried
        # Of the carried rows: 255 where a part was given out already, and where such a part goes on.
        self._given: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)
        self._tail: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)
        self._unfinished: list[Contour] = []  # in the last picture

    def add(self, strip: Picture, travel_rows: float | None, slack_rows: float = 0.0) -> Assembled:
        """Takes the next strip; `travel_rows` is the belt's travel since the previous strip's last row.

        It equals the strip's height for adjacent strips, within the tolerance plus `slack_rows`. None,
        or any other travel, is a gap: what was carried is given out as `oversize`, and so is what
        touches the first row of the new strip.
        """
        rows, columns = strip.color.shape[:2]
        blank = np.zeros((rows, columns), np.uint8)
        adjacent = travel_rows is not None and abs(travel_rows - rows) <= self._tolerance_rows + slack_rows
        if self._carried is not None and adjacent:
            return self._assemble(
                _joined(self._carried, strip),
                np.concatenate([self._given, blank]),
                np.concatenate([self._tail, blank]),
                len(self._carried.color),
                travel_rows,
            )
        left = self.flush()
        assembled = self._assemble(strip, blank, blank, 0, travel_rows)
        if left is not None and travel_rows is not None:
            return _with_leftover(assembled, left.blobs, len(left.color), rows, travel_rows)
        return assembled

    def flush(self) -> Assembled | None:
        """What is unfinished, given out as `oversize`, in the carried rows; None where nothing is."""
        if self._carried is None or not self._unfinished:
            return None
        blobs = _moved_up(self._segmenter.measure(_pieces(self._unfinished)), self._first)
        self._unfinished = []
        return Assembled(self._carried.color, blobs, np.ones(len(blobs), np.bool_), np.zeros(len(blobs)))

    def _assemble(
        self,
        picture: Picture,
        given: NDArray[np.uint8],
        tail: NDArray[np.uint8],
        carried: int,
        travel_rows: float | None,
    ) -> Assembled:
        mask = self._segmenter.foreground(picture)
        mask[given > 0] = 0
        height = len(mask)
        contours = self._segmenter.contours(mask, travel_rows)
        finished: list[Contour] = []
        too_long: list[Contour] = []
        unfinished: list[Contour] = []
        tails: list[Contour] = []
        for contour in contours:
            _, y, _, h = cv2.boundingRect(contour)
            goes_on = y + h > height - _OPEN_ROWS
            if carried and tail.any() and _covers(contour, tail):
                if goes_on:
                    tails.append(contour)
            elif h > self._max_part_rows or (not carried and y < _OPEN_ROWS):
                too_long.append(contour)
                if goes_on:
                    tails.append(contour)
            elif goes_on:
                unfinished.append(contour)
            else:
                finished.append(contour)
        pieces = self._segmenter.split_all(picture, mask, finished)
        blobs = self._segmenter.measure(pieces + _pieces(too_long))
        oversize = np.array([any(c is t for t in too_long) for c in blobs.contours], np.bool_)
        self._carry(picture, given, [piece.contour for piece in pieces] + too_long, unfinished, tails)
        return Assembled(picture.color, blobs, oversize, np.zeros(len(blobs)))

    def _carry(
        self,
        picture: Picture,
        given: NDArray[np.uint8],
        out: list[Contour],
        unfinished: list[Contour],
        tails: list[Contour],
    ) -> None:
        """Keeps the rows of what is unfinished, and marks in them what was given out, now or before."""
        height, width = picture.color.shape[:2]
        first = min([int(c[:, 1].min()) for c in unfinished] + [height - _CONTEXT_ROWS])
        first = max(0, first - _CONTEXT_ROWS)
        depth = picture.height
        self._carried = Picture(picture.color[first:].copy(), None if depth is None else depth[first:].copy())
        self._first = first
        now = np.zeros((height - first, width), np.uint8)
        tail = now.copy()
        keep = now.copy()
        cv2.drawContours(now, [c for c in out if c[:, 1].max() >= first], -1, 255, cv2.FILLED, offset=(0, -first))
        cv2.drawContours(tail, tails, -1, 255, cv2.FILLED, offset=(0, -first))
        cv2.drawContours(keep, unfinished, -1, 255, cv2.FILLED, offset=(0, -first))
        # What was given out takes its blurred rim with it, but nothing of what is unfinished or goes on.
        now = cv2.dilate(now, np.ones((5, 5), np.uint8)).astype(np.uint8, copy=False)
        now[given[first:] > 0] = 255
        now[(tail > 0) | (keep > 0)] = 0
        self._given = now
        self._tail = tail
        self._unfinished = unfinished


def _covers(contour: Contour, tail: NDArray[np.uint8]) -> bool:
    """True if the filled contour covers any pixel of the mask."""
    box = x, y, w, h = cv2.boundingRect(contour)
    window = tail[y : y + h, x : x + w]
    return bool(window.any()) and bool(window[filled(contour, box) > 0].any())


def _pieces(contours: Sequence[Contour]) -> list[Piece]:
    return [Piece(contour, simplified(contour)) for contour in contours]


def _joined(carried: Picture, strip: Picture) -> Picture:
    """The carried rows above the strip's; where only one of them has heights, the other's were not seen."""
    color = np.concatenate([carried.color, strip.color])
    if carried.height is None and strip.height is None:
        return Picture(color)
    heights = [
        np.full(p.color.shape[:2], np.nan, np.float32) if p.height is None else p.height for p in (carried, strip)
    ]
    return Picture(color, np.concatenate(heights))


def _moved_up(blobs: Blobs, rows: int) -> Blobs:
    """The same blobs in a picture that begins `rows` rows later."""
    up = np.array([0, rows], np.int32)
    return replace(
        blobs,
        boxes=blobs.boxes - np.array([0, rows, 0, 0], np.int32),
        centres=blobs.centres - up,
        contours=tuple(c - up for c in blobs.contours),
        outlines=tuple(c - up for c in blobs.outlines),
    )


def _with_leftover(assembled: Assembled, left: Blobs, top: int, rows: int, travel_rows: float) -> Assembled:
    """The strip's blobs and those left over from before a gap, moved to where they lie now.

    A leftover in row r of `top` carried rows lay (top - 1 - r) rows downstream of the old datum, so it
    lies that plus the travel downstream of the new one; the picture now has `rows` rows.
    """
    new = assembled.blobs
    merged = Blobs(
        np.concatenate([new.boxes, left.boxes]),
        np.concatenate([new.centres, left.centres]),
        np.concatenate([new.areas, left.areas]),
        new.contours + left.contours,
        new.outlines + left.outlines,
        np.concatenate([new.clump, left.clump]),
        np.concatenate([new.heights_mm, left.heights_mm]),
    )
    shift = np.full(len(left), travel_rows + top - rows)
    return Assembled(
        assembled.color,
        merged,
        np.concatenate([assembled.oversize, np.ones(len(left), np.bool_)]),
        np.concatenate([assembled.shift_rows, shift]),
    )
