"""Parts laid down one after the other on a belt or a table: what is seen of each, and the heights."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sim.render.contact import SOLID, resting_height_mm
from sim.render.light import Light, PartImage
from sim.render.profile import profile_shine
from sim.render.shadow import light_left


@dataclass(frozen=True, slots=True)
class Lying:
    """A part whose alpha map's corner lies at (`top`, `left`), in pixels; all of it within the picture."""

    image: PartImage
    top: int
    left: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns that its alpha map covers."""
        rows, columns = self.image.alpha.shape
        return slice(self.top, self.top + rows), slice(self.left, self.left + columns)


class Pile:
    """A picture that parts are laid into; later ones lie on earlier ones.

    `color` H x W x 3 uint8 BGR without shadows, `height_mm` H x W float32 above the ground, `shine` H x W uint8 as a
    profile sensor sees it, `owner` H x W int16: which part is seen, by order of laying, or -1.
    """

    def __init__(self, ground: NDArray[np.uint8], ground_shine: int = 0) -> None:
        rows, columns = ground.shape[:2]
        self.color = ground.copy()
        self.height_mm = np.zeros((rows, columns), np.float32)
        self.shine = np.full((rows, columns), ground_shine, np.uint8)
        self.owner = np.full((rows, columns), -1, np.int16)
        self.parts: list[Lying] = []

    def lay(self, part: Lying) -> None:
        """Lay a part on what is there, as high as `resting_height_mm` says."""
        image, window = part.image, part.window
        alpha = image.alpha
        solid = alpha >= SOLID
        below_mm = self.height_mm[window]
        base_mm = resting_height_mm(solid, below_mm)
        mask = cv2.merge([alpha] * 3)
        colour = self.color[window]
        under = cv2.multiply(colour, 255 - mask, scale=1 / 255)
        cv2.add(under, cv2.multiply(image.color, mask, scale=1 / 255), colour)
        below_mm[solid] = np.maximum(image.height_mm_map[solid] + np.float32(base_mm), below_mm[solid])
        self.shine[window][solid] = profile_shine(image)[solid]
        self.owner[window][solid] = len(self.parts)
        self.parts.append(part)

    def lit(self, light: Light, mm_per_px: float) -> NDArray[np.uint8]:
        """The picture with the shadows that the light casts, a new array."""
        left = light_left(self.height_mm, mm_per_px, light)
        shade = np.rint(left * 128).astype(np.uint8)
        return np.asarray(cv2.multiply(self.color, cv2.merge([shade] * 3), scale=1 / 128), np.uint8)
