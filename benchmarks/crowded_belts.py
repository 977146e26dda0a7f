"""Belts as full as asked, with the truth pixel by pixel: single parts, touching pairs, overlapping pairs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.optics import BeltOptics, PlacedPart
from sim.render.belt import BeltLook, random_belt
from sim.render.contact import contact_corner, resting_height_mm
from sim.render.light import Light, PartImage
from sim.render.parts import CLASSES
from sim.render.shape_seeds import Split, draw_part, that_fit

MM_PER_PX = 0.5
VIEW_MM, WIDTH_MM = 320.0, 800.0
ROWS, COLUMNS = round(VIEW_MM / MM_PER_PX), round(WIDTH_MM / MM_PER_PX)
LONGEST_MM = 100.0  # classes whose typical part is longer are left out: one of them would fill a view
_SEEN = 32  # alpha from which a pixel shows the part: clear parts have little more
_GAP_PX = 6  # between what does not touch
_TRIES = 60
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
    seed: int,
    views: int,
    occupancy: float,
    *,
    touching_share: float = 0.0,
    overlapping_share: float = 0.0,
    any_belt: bool = False,
    split: Split = "held_out",
) -> Iterator[CrowdedView]:
    """Views of one belt, each with its own parts, on `occupancy` (0..1) of its area.

    That share of the parts laid down come as touching or as overlapping pairs. The belt is the plant's, dark rubber,
    or `any_belt`: of any colour, embossed, dirty, with seams. `split` says whose shapes are drawn.
    """
    rng = np.random.default_rng([0xF1_4D, seed])
    optics = BeltOptics(
        mm_per_px=MM_PER_PX,
        view_along_mm=VIEW_MM,
        belt_width_mm=WIDTH_MM,
        noise_sigma=float(rng.uniform(1.5, 4.0)),
        seed=int(rng.integers(0x7FFF_FFFF)),
        vignetting=float(rng.uniform(0.0, 0.2)),
        gain=float(rng.uniform(0.8, 1.25)),
        belt_loop_mm=4 * VIEW_MM,
        look=random_belt(rng) if any_belt else BeltLook(),
    )
    lamp = Light(float(rng.uniform(0, 360)), float(rng.uniform(40, 75)), float(rng.uniform(0.4, 0.65)))
    for view in range(views):
        yield _View(optics, lamp, split, rng).filled(view, occupancy, touching_share, overlapping_share)


class _View:
    """One view while parts are laid into it."""

    def __init__(self, optics: BeltOptics, lamp: Light, split: Split, rng: np.random.Generator) -> None:
        self._optics = optics
        self._lamp = lamp
        self._split: Split = split
        self._rng = rng
        self._classes = that_fit(CLASSES, LONGEST_MM)
        self._labels = np.zeros((ROWS, COLUMNS), np.int32)
        self._height_mm = np.zeros((ROWS, COLUMNS), np.float32)
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
        height = self._optics.heights(self._travel_mm, self._placed, view)
        flutter = _FLUTTER_MM * np.sin(2 * np.pi * (np.arange(ROWS) / ROWS + self._rng.random()))
        height += flutter.astype(np.float32)[:, None]
        return CrowdedView(
            color,
            height,
            self._labels,
            tuple(p.image.class_id for p in self._placed),
            tuple(self._partner),
            tuple(self._overlapping),
        )

    def _part(self) -> PartImage:
        return draw_part(str(self._rng.choice(self._classes)), self._split, self._rng, MM_PER_PX, self._lamp)

    def _lay_free(self, image: PartImage) -> bool:
        corner = self._free_corner(*image.alpha.shape)
        if corner is None:
            return False
        self._lay(image, *corner, 0, False)
        return True

    def _free_corner(self, rows: int, columns: int) -> tuple[int, int] | None:
        """Where so much belt is free, row and column; None if that was not found."""
        if rows + 4 > ROWS or columns + 4 > COLUMNS:
            return None
        for _ in range(_TRIES):
            top = int(self._rng.integers(2, ROWS - rows - 1))
            left = int(self._rng.integers(2, COLUMNS - columns - 1))
            if self._is_free(top, left, rows, columns):
                return top, left
        return None

    def _is_free(self, top: int, left: int, rows: int, columns: int) -> bool:
        gap = _GAP_PX
        around = self._labels[max(0, top - gap) : top + rows + gap, max(0, left - gap) : left + columns + gap]
        return not around.any()

    def _lay_pair(self, first: PartImage, second: PartImage, *, overlap: bool) -> bool:
        """The second is pushed against the first, until they touch or it covers 10 to 30 % of the smaller one."""
        most = float(self._rng.uniform(0.1, 0.3)) if overlap else 0.0
        row, column = contact_corner(second, first, float(self._rng.uniform(0, 2 * np.pi)), most)
        low_row, low_column = min(0, row), min(0, column)
        rows = max(first.alpha.shape[0], row + second.alpha.shape[0]) - low_row
        columns = max(first.alpha.shape[1], column + second.alpha.shape[1]) - low_column
        corner = self._free_corner(rows, columns)
        if corner is None:
            return False
        top, left = corner
        number = len(self._placed) + 1
        self._lay(first, top - low_row, left - low_column, number + 1, overlap)
        self._lay(second, top - low_row + row, left - low_column + column, number, overlap)
        return True

    def _lay(self, image: PartImage, top: int, left: int, partner: int, overlapping: bool) -> None:
        rows, columns = image.alpha.shape
        window = slice(top, top + rows), slice(left, left + columns)
        solid = image.alpha >= _SEEN
        base_mm = resting_height_mm(solid, self._height_mm[window])
        self._labels[window][solid] = len(self._placed) + 1
        surface = np.where(solid, image.height_mm_map + np.float32(base_mm), 0)
        self._height_mm[window] = np.maximum(self._height_mm[window], surface)
        column, row = left + image.centroid_col_px, top + image.centroid_row_px
        along_mm = (ROWS - 1 - row) * MM_PER_PX
        self._placed.append(PlacedPart(image, self._travel_mm - along_mm, column * MM_PER_PX, base_mm))
        self._partner.append(partner)
        self._overlapping.append(overlapping)
