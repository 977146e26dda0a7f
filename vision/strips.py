"""Line scan: parts that a strip's edge cuts in two, joined with the next strip."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.segmentation import Blobs, Contour, Segmenter, outer_contours

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
    """Joins strips, H x W x 3 uint8 each; every part comes out once, complete or marked `oversize`."""

    def __init__(self, segmenter: Segmenter, *, max_part_rows: int, tolerance_rows: float = 1.5) -> None:
        self._segmenter = segmenter
        self._max_part_rows = max_part_rows
        self._tolerance_rows = tolerance_rows
        self._color: NDArray[np.uint8] | None = None
        # Of the carried rows: 255 where a part was given out already, and where such a part goes on.
        self._given: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)
        self._tail: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)
        self._unfinished: list[Contour] = []

    def add(self, strip: NDArray[np.uint8], travel_rows: float | None, slack_rows: float = 0.0) -> Assembled:
        """Takes the next strip; `travel_rows` is the belt's travel since the previous strip's last row.

        It equals the strip's height for adjacent strips, within the tolerance plus `slack_rows`. None,
        or any other travel, is a gap: what was carried is given out as `oversize`, and so is what
        touches the first row of the new strip.
        """
        rows = strip.shape[0]
        adjacent = travel_rows is not None and abs(travel_rows - rows) <= self._tolerance_rows + slack_rows
        if self._color is None or not adjacent:
            leftover = self._unfinished
            top = 0 if self._color is None else self._color.shape[0]
            blank = np.zeros(strip.shape[:2], np.uint8)
            assembled = self._assemble(strip, blank, blank, 0)
            if leftover and travel_rows is not None:
                return _with_leftover(assembled, self._segmenter.measure(leftover), top, rows, travel_rows)
            return assembled
        blank = np.zeros(strip.shape[:2], np.uint8)
        return self._assemble(
            np.concatenate([self._color, strip]),
            np.concatenate([self._given, blank]),
            np.concatenate([self._tail, blank]),
            self._color.shape[0],
        )

    def _assemble(
        self,
        color: NDArray[np.uint8],
        given: NDArray[np.uint8],
        tail: NDArray[np.uint8],
        carried: int,
    ) -> Assembled:
        mask = self._segmenter.foreground(color)
        mask[given > 0] = 0
        height = color.shape[0]
        finished: list[Contour] = []
        too_long: list[Contour] = []
        unfinished: list[Contour] = []
        tails: list[Contour] = []
        for contour in outer_contours(mask):
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
        pieces = self._segmenter.split_all(finished)
        blobs = self._segmenter.measure(pieces + too_long)
        oversize = np.array([any(c is t for t in too_long) for c in blobs.contours], np.bool_)
        self._carry(color, given, pieces + too_long, unfinished, tails)
        return Assembled(color, blobs, oversize, np.zeros(len(blobs)))

    def _carry(
        self,
        color: NDArray[np.uint8],
        given: NDArray[np.uint8],
        out: list[Contour],
        unfinished: list[Contour],
        tails: list[Contour],
    ) -> None:
        """Keeps the rows of what is unfinished, and marks in them what was given out, now or before."""
        height, width = color.shape[:2]
        first = min([int(c[:, 1].min()) for c in unfinished] + [height - _CONTEXT_ROWS])
        first = max(0, first - _CONTEXT_ROWS)
        self._color = color[first:].copy()
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
        self._unfinished = [c - np.array([0, first], np.int32) for c in unfinished]


def _covers(contour: Contour, tail: NDArray[np.uint8]) -> bool:
    """True if the filled contour covers any pixel of the mask."""
    x, y, w, h = cv2.boundingRect(contour)
    window = tail[y : y + h, x : x + w]
    if not window.any():
        return False
    filled = np.zeros((h, w), np.uint8)
    cv2.drawContours(filled, [contour], -1, 255, cv2.FILLED, offset=(-x, -y))
    return bool(cv2.bitwise_and(filled, window.astype(np.uint8, copy=False)).any())


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
    )
    shift = np.full(len(left), travel_rows + top - rows)
    return Assembled(
        assembled.color,
        merged,
        np.concatenate([assembled.oversize, np.ones(len(left), np.bool_)]),
        np.concatenate([assembled.shift_rows, shift]),
    )
