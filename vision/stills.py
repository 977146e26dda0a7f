"""Still pictures of one part each, framed as a net should see them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.crops import crop_blobs
from vision.cutout import cut_out

FRAMINGS = 2


def framings(picture: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """A picture H x W x 3 uint8 BGR of one part, uint8 [2, size_px, size_px, 3] RGB: the whole of it, and the square
    around the part alone, as the line cuts it from the belt.

    The part is what `cut_out` takes for it; where that is unsure both are the whole picture.
    """
    height, width = picture.shape[:2]
    found = cut_out(picture)
    whole = (0, 0, width, height)
    part = whole if found is None else cv2.boundingRect(found)
    return crop_blobs(picture, np.array([whole, part], np.int32), size_px)
