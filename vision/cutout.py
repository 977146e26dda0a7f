"""An object cut out of a photograph of it, so that it can be shown on another ground."""

import cv2
import numpy as np
from numpy.typing import NDArray

_WORK_PX = 144  # longest side while cutting: GrabCut takes seconds on whole photographs
_RIM = 0.04  # of the longest side, taken for ground to begin with
_ROUNDS = 3
_SMALLEST, _LARGEST = 0.05, 0.8  # share of the picture; beyond these the cut is not to be trusted
_SEED = 1


def cut_out(image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Where the one object of a photograph H x W x 3 uint8 BGR is: H x W uint8, 255 on it; None where that is unsure.

    GrabCut (Rother et al. 2004), which takes the picture's rim for ground; the largest piece is the object, its
    holes are the object too. Unsure is a cut that covers less than 5 % or more than 80 % of the picture. The same
    picture gives the same cut.
    """
    height, width = image.shape[:2]
    scale = min(1.0, _WORK_PX / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    rim = max(2, round(_RIM * max(size)))
    mask = np.full((size[1], size[0]), cv2.GC_BGD, np.uint8)
    mask[rim:-rim, rim:-rim] = cv2.GC_PR_FGD
    if not mask.any() or not small.std():
        return None
    cv2.setRNGSeed(_SEED)  # GrabCut's colour models begin with a random choice
    cv2.grabCut(small, mask, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), _ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    outlines, _ = cv2.findContours(found, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return None
    whole = cv2.drawContours(np.zeros_like(found), [max(outlines, key=cv2.contourArea)], -1, (255,), cv2.FILLED)
    if not _SMALLEST <= np.count_nonzero(whole) / whole.size <= _LARGEST:
        return None
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
