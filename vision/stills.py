"""Still pictures of one part each, framed as a net should see them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.crops import crop_blobs
from vision.cutout import cut_out
from vision.images import square_crop

FRAMINGS = 2


def framings(picture: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """A picture H x W x 3 uint8 BGR of one part, uint8 [2, size_px, size_px, 3] RGB: the whole of it, and the square
    around the part alone, as the line cuts it from the belt.

    The part is what `cut_out` takes for it; where that is unsure both are the whole picture.
    """
    whole = square_crop(picture, size_px)
    cover = cut_out(picture)
    return np.concatenate([whole, whole if cover is None else part_crop(picture, cover, size_px)])


def part_crop(picture: NDArray[np.uint8], cover: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """The square around the part that `cover` H x W is not 0 on, somewhere: uint8 [1, size_px, size_px, 3] RGB."""
    return crop_blobs(picture, np.array([cv2.boundingRect(cover)], np.int32), size_px)
