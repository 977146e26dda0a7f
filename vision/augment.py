"""Other looks of a crop that the same part could have had on the belt: turned, nearer, brighter, less sharp."""

import cv2
import numpy as np
from numpy.typing import NDArray

_ZOOM = (0.85, 1.15)
_SHIFT = 0.05
_GAIN = (0.75, 1.3)
_TINT = (0.94, 1.06)
_OFFSET_COUNTS = 12.0
_BLURRED = 0.3
_BLUR_PX = (0.4, 1.0)


def views(crop: NDArray[np.uint8], count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """`count` views of a crop uint8 [S, S, 3], uint8 [count, S, S, 3]: the crop itself, then changed ones.

    Turned by any angle (never mirrored: mirrored parts exist), scaled by 0.85 to 1.15, moved by up to 5 % of the
    side, gain 0.75 to 1.3 with a tint of 6 % a channel and up to 12 counts added, and three in ten blurred.
    """
    found = np.empty((count, *crop.shape), np.uint8)
    found[:1] = crop
    side = crop.shape[0]
    middle = ((side - 1) / 2, (side - 1) / 2)
    for view in found[1:]:
        turn = cv2.getRotationMatrix2D(middle, rng.uniform(0, 360), rng.uniform(*_ZOOM))
        turn[:, 2] += rng.uniform(-_SHIFT, _SHIFT, 2) * side
        moved = cv2.warpAffine(crop, turn, (side, side), borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        moved *= (rng.uniform(*_GAIN) * rng.uniform(*_TINT, 3)).astype(np.float32)
        moved += np.float32(rng.uniform(-_OFFSET_COUNTS, _OFFSET_COUNTS))
        sigma_px = rng.uniform(*_BLUR_PX)
        if rng.random() < _BLURRED:
            moved = cv2.GaussianBlur(moved, (0, 0), sigma_px)
        view[:] = np.clip(moved, 0, 255)
    return found
