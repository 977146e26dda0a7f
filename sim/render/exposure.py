"""What a camera does to a scene: blur, lens shading, exposure, colour, noise, compression."""

from dataclasses import dataclass
from functools import lru_cache
from math import exp, log

import cv2
import numpy as np
from numpy.typing import NDArray

_NOISE_TILE_PX = 512
_NOISE_UNIT = 24.0  # grey levels of the tile that are one standard deviation
_KELVIN = (3000.0, 7500.0)
_DAYLIGHT_KELVIN = 5500.0


@dataclass(frozen=True, slots=True)
class CameraLook:
    """A camera's departures from a perfect one.

    `defocus_px` is the standard deviation of the blur, `motion_px` the belt's way during exposure (along the rows);
    `shading` the light lost in the corners, off centre by `shading_centre` (shares of the picture); `balance` the
    gains of B, G and R; `gamma` bends the curve; `read_noise` in grey levels, `shot_noise` in grey levels at full
    white (grows with the root of the signal); `jpeg_quality` None is uncompressed.
    """

    defocus_px: float = 0.0
    motion_px: float = 0.0
    shading: float = 0.0
    shading_centre: tuple[float, float] = (0.0, 0.0)
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: float = 1.0
    saturation: float = 1.0
    read_noise: float = 0.0
    shot_noise: float = 0.0
    jpeg_quality: int | None = None


def random_camera(rng: np.random.Generator, *, along_mm_per_px: float | None = None) -> CameraLook:
    """Any camera, mostly a decent one; with `along_mm_per_px` (of a belt camera) the belt smears as it moves."""
    kelvin = exp(rng.uniform(log(_KELVIN[0]), log(_KELVIN[1])))
    warmth = log(_DAYLIGHT_KELVIN / kelvin) * rng.uniform(0.0, 0.5)  # what the white balance left of it
    exposure = exp(rng.normal(0.0, 0.18))
    blue, green, red = np.exp(rng.normal(0, 0.03, 3) + np.array([-0.6, 0.0, 0.5]) * warmth) * exposure
    smear_mm = float(rng.exponential(0.15)) if along_mm_per_px else 0.0
    return CameraLook(
        defocus_px=min(float(rng.exponential(0.45)), 2.2),
        motion_px=min(smear_mm / along_mm_per_px, 6.0) if along_mm_per_px else 0.0,
        shading=float(rng.uniform(0.0, 0.3)),
        shading_centre=(float(rng.normal(0, 0.15)), float(rng.normal(0, 0.15))),
        balance=(float(blue), float(green), float(red)),
        gamma=exp(rng.normal(0.0, 0.12)),
        saturation=float(np.clip(rng.normal(1.0, 0.2), 0.0, 1.6)),
        read_noise=float(rng.exponential(1.5)),
        shot_noise=float(rng.exponential(3.0)),
        jpeg_quality=int(rng.integers(35, 98)) if rng.random() < 0.5 else None,
    )


def developed(picture: NDArray[np.uint8], look: CameraLook, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The scene (H x W x 3 uint8 BGR) as the camera delivers it; a new picture unless nothing is to be done."""
    if look.defocus_px > 0.25:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), look.defocus_px), np.uint8)
    if look.motion_px > 0.75:
        picture = smeared(picture, look.motion_px)
    if look.shading > 0:
        picture = _shaded(picture, look)
    steps = np.arange(256)[:, None] / 255.0
    curve = 255 * np.clip(steps * np.array(look.balance), 0, None) ** look.gamma
    table = np.clip(curve, 0, 255).astype(np.uint8)[None].transpose(1, 0, 2)
    picture = np.asarray(cv2.LUT(picture, table), np.uint8)
    if abs(look.saturation - 1) > 0.03:
        grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        picture = np.asarray(cv2.addWeighted(picture, look.saturation, grey, 1 - look.saturation, 0), np.uint8)
    if look.read_noise + look.shot_noise > 0:
        picture = _noisy(picture, look, rng)
    if look.jpeg_quality is not None:
        packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, look.jpeg_quality])[1]
        picture = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return picture


def smeared(picture: NDArray[np.uint8], way_px: float) -> NDArray[np.uint8]:
    """Motion blur along the rows: every pixel is the mean over the belt's way during exposure, its middle at 0."""
    reach = int(np.ceil((way_px - 1) / 2))
    taps = np.ones(2 * reach + 1, np.float32)
    taps[0] = taps[-1] = (way_px - (2 * reach - 1)) / 2  # the ends take what is left of the way
    kernel = (taps / taps.sum())[:, None]
    return np.asarray(cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8)


def _shaded(picture: NDArray[np.uint8], look: CameraLook) -> NDArray[np.uint8]:
    rows, columns = picture.shape[:2]
    across = (np.linspace(-1.0, 1.0, columns, dtype=np.float32) - np.float32(look.shading_centre[0]))[None, :]
    along = (np.linspace(-1.0, 1.0, rows, dtype=np.float32) - np.float32(look.shading_centre[1]))[:, None]
    gain = np.rint(128 * (1 - np.float32(look.shading / 2) * (across**2 + along**2))).clip(0, 255).astype(np.uint8)
    return np.asarray(cv2.multiply(picture, cv2.merge([gain] * 3), scale=1 / 128), np.uint8)


@lru_cache(maxsize=1)
def _noise_tile() -> NDArray[np.uint8]:
    """Unit normal noise in 1/24 sigma around 128; pictures take random windows of it, which is cheap."""
    side = 2 * _NOISE_TILE_PX
    drawn = np.random.default_rng(77).standard_normal((side, side, 3), np.float32)
    return np.clip(drawn * np.float32(_NOISE_UNIT) + np.float32(128.5), 0, 255).astype(np.uint8)


def _noisy(picture: NDArray[np.uint8], look: CameraLook, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Read noise everywhere, shot noise with the root of the signal."""
    rows, columns = picture.shape[:2]
    tile = _noise_tile()
    repeats = (-(-rows // _NOISE_TILE_PX), -(-columns // _NOISE_TILE_PX))
    unit = np.empty_like(picture)
    for down in range(repeats[0]):
        for right in range(repeats[1]):
            top, left = (int(at) for at in rng.integers(0, _NOISE_TILE_PX, 2))
            cell = unit[down * _NOISE_TILE_PX :, right * _NOISE_TILE_PX :][:_NOISE_TILE_PX, :_NOISE_TILE_PX]
            cell[:] = tile[top : top + cell.shape[0], left : left + cell.shape[1]]
    levels = np.arange(256, dtype=np.float32)
    sigma = np.sqrt(look.read_noise**2 + look.shot_noise**2 * levels / 255)
    swing = unit.astype(np.int16) - np.int16(128)
    strength = cv2.LUT(picture, np.rint(sigma / _NOISE_UNIT * 256).clip(0, 32767).astype(np.int16)[:, None])
    change = cv2.multiply(swing, strength, scale=1 / 256, dtype=cv2.CV_16S)
    return np.asarray(cv2.add(picture, change, dtype=cv2.CV_8U), np.uint8)
