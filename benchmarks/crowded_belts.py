"""Belts as full as asked, with the truth pixel by pixel: single parts, touching pairs, overlapping pairs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.optics import BeltOptics, PlacedPart
from sim.render.light import Light
from sim.render.parts import CLASSES, PartImage, make_part

MM_PER_PX = 0.5
VIEW_MM, WIDTH_MM = 320.0, 800.0
ROWS, COLUMNS = round(VIEW_MM / MM_PER_PX), round(WIDTH_MM / MM_PER_PX)
_GAP_PX = 6  # between what does not touch
_TRIES = 60
_HELD_OUT = 0xF1_4D  # first word of every seed: no training and no plant draws from it
_HEIGHT_NOISE_MM = 0.05  # of a laser profile sensor at this resolution, one standard deviation
_FLUTTER_MM = 0.3  # the belt itself goes up and down


@dataclass(frozen=True, slots=True)
class CrowdedView:
    """One picture: `color` H x W x 3 uint8 BGR, `height` H x W float32 mm, `labels` H x W int32 (0 belt, part k is
    k), `class_ids` of the parts 1..N, `partner` [N] the number of the part it touches or overlaps, 0 for none,
    `overlapping` whether that is an overlap."""

    color: NDArray[np.uint8]
    height: NDArray[np.float32]
    labels: NDArray[np.int32]
    class_ids: tuple[str, ...]
    partner: tuple[int, ...]
    overlapping: tuple[bool, ...]


def crowded_belt(
    seed: int, views: int, occupancy: float, *, touching_share: float = 0.0, overlapping_share: float = 0.0
) -> Iterator[CrowdedView]:
    """Views of one belt, each with its own parts, on `occupancy` (0..1) of its area.

    That share of the parts laid down come as touching or as overlapping pairs.
    """
    rng = np.random.default_rng([_HELD_OUT, seed])
    optics = BeltOptics(
        mm_per_px=MM_PER_PX,
        view_along_mm=VIEW_MM,
        belt_width_mm=WIDTH_MM,
        noise_sigma=float(rng.uniform(1.5, 4.0)),
        seed=int(rng.integers(0x7FFF_FFFF)),
        vignetting=float(rng.uniform(0.0, 0.2)),
        gain=float(rng.uniform(0.8, 1.25)),
        belt_loop_mm=4 * VIEW_MM,
    )
    lamp = Light(float(rng.uniform(0, 360)), float(rng.uniform(40, 75)), float(rng.uniform(0.4, 0.65)))
    for view in range(views):
        yield _View(optics, lamp, rng).filled(view, occupancy, touching_share, overlapping_share)


class _View:
    """One view while parts are laid into it."""

    def __init__(self, optics: BeltOptics, lamp: Light, rng: np.random.Generator) -> None:
        self._optics = optics
        self._lamp = lamp
        self._rng = rng
        self._labels = np.zeros((ROWS, COLUMNS), np.int32)
        self._height = np.zeros((ROWS, COLUMNS), np.float32)
        self._placed: list[PlacedPart] = []
        self._partner: list[int] = []
        self._overlapping: list[bool] = []
        self._travel_mm = 0.0

    def filled(self, view: int, occupancy: float, touching_share: float, overlapping_share: float) -> CrowdedView:
        self._travel_mm = view * 137.0
        room = occupancy * ROWS * COLUMNS
        failures = 0
        while np.count_nonzero(self._labels) < room and failures < _TRIES:
            kind = self._rng.random()
            image = self._part()
            if kind < touching_share + overlapping_share:
                laid = self._lay_pair(image, self._part(), overlap=kind >= touching_share)
            else:
                laid = self._lay_free(image)
            failures += not laid
        color = self._optics.render(self._travel_mm, self._placed, view)
        flutter = _FLUTTER_MM * np.sin(2 * np.pi * (np.arange(ROWS) / ROWS + self._rng.random()))
        noise = self._rng.normal(0, _HEIGHT_NOISE_MM, self._height.shape).astype(np.float32)
        height = self._height + noise + flutter.astype(np.float32)[:, None]
        height[self._rng.random(height.shape) < 0.01] = np.nan
        return CrowdedView(
            color,
            height,
            self._labels,
            tuple(p.image.class_id for p in self._placed),
            tuple(self._partner),
            tuple(self._overlapping),
        )

    def _part(self) -> PartImage:
        return make_part(str(self._rng.choice(CLASSES)), self._rng, MM_PER_PX, self._lamp)

    def _lay_free(self, image: PartImage) -> bool:
        rows, columns = image.alpha.shape
        if rows + 4 > ROWS or columns + 4 > COLUMNS:
            return False
        for _ in range(_TRIES):
            top = int(self._rng.integers(2, ROWS - rows - 1))
            left = int(self._rng.integers(2, COLUMNS - columns - 1))
            if self._is_free(top, left, rows, columns):
                self._lay(image, top, left, 0, False)
                return True
        return False

    def _is_free(self, top: int, left: int, rows: int, columns: int) -> bool:
        gap = _GAP_PX
        around = self._labels[max(0, top - gap) : top + rows + gap, max(0, left - gap) : left + columns + gap]
        return not around.any()

    def _lay_pair(self, first: PartImage, second: PartImage, *, overlap: bool) -> bool:
        """The second slides up to the first, until they touch or it lies 10 to 30 % of the smaller one on it."""
        rows, columns = first.alpha.shape
        more_rows, more_columns = second.alpha.shape
        angle = self._rng.uniform(0, 2 * np.pi)
        inside, other = first.alpha > 127, second.alpha > 127
        want = self._rng.uniform(0.1, 0.3) * min(inside.sum(), other.sum()) if overlap else 1
        pad_rows, pad_columns = more_rows + 2, more_columns + 2
        field = np.zeros((rows + 2 * pad_rows, columns + 2 * pad_columns), np.bool_)
        field[pad_rows : pad_rows + rows, pad_columns : pad_columns + columns] = inside
        middle = np.array([pad_rows + (rows - more_rows) / 2, pad_columns + (columns - more_columns) / 2])
        away = np.array([np.sin(angle), np.cos(angle)])
        place: NDArray[np.int64] | None = None
        for distance in np.arange(np.hypot(*field.shape), 0, -1.0):
            at = np.rint(middle + away * distance).astype(np.int64)
            if (at < 0).any() or at[0] + more_rows > field.shape[0] or at[1] + more_columns > field.shape[1]:
                continue
            place = at
            if np.count_nonzero(field[at[0] : at[0] + more_rows, at[1] : at[1] + more_columns] & other) >= want:
                break
        if place is None:
            return False
        offset = place - [pad_rows, pad_columns]
        low = np.minimum(0, offset)
        size = np.maximum([rows, columns], offset + [more_rows, more_columns]) - low
        if (size + 4 > [ROWS, COLUMNS]).any():
            return False
        for _ in range(_TRIES):
            corner = self._rng.integers(2, np.array([ROWS, COLUMNS]) - size - 1)
            if self._is_free(int(corner[0]), int(corner[1]), int(size[0]), int(size[1])):
                number = len(self._placed) + 1
                self._lay(first, *(corner - low).tolist(), number + 1, overlap)
                self._lay(second, *(corner - low + offset).tolist(), number, overlap)
                return True
        return False

    def _lay(self, image: PartImage, top: int, left: int, partner: int, overlapping: bool) -> None:
        rows, columns = image.alpha.shape
        window = slice(top, top + rows), slice(left, left + columns)
        inside = image.alpha > 127
        below = self._height[window][inside].max(initial=0.0)
        number = len(self._placed) + 1
        self._labels[window][inside] = number
        self._height[window] = np.where(inside, image.height_mm_map + below, self._height[window])
        column, row = left + image.centroid_col_px, top + image.centroid_row_px
        self._placed.append(
            PlacedPart(image, self._travel_mm - (ROWS - 1 - row) * MM_PER_PX, column * MM_PER_PX)
        )
        self._partner.append(partner)
        self._overlapping.append(overlapping)
