"""A camera of known lens and place, and what it sees: boards on a belt. Shares no code with what is measured.

World: x across the belt to the right, y along it downstream, z up, in mm; the belt is z = 0. Every pixel's ray is
traced back through the lens to the belt, four rays a pixel.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True)
class VirtualCamera:
    """Picture size, focal length and centre in pixels; k1, k2, p1, p2, k3; place and turn (pitch, roll, yaw)."""

    columns: int
    rows: int
    focal_px: float
    centre_px: tuple[float, float]
    distortion: tuple[float, float, float, float, float]
    at_mm: tuple[float, float, float]
    turned_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def rotation(self) -> NDArray[np.float64]:
        """World to camera: straight down with the picture's top downstream, then turned."""
        (a, b, c) = self.turned_rad
        pitch = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
        roll = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
        yaw = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
        return yaw @ roll @ pitch @ np.diag([1.0, -1.0, -1.0])

    def picture_of(self, world_mm: Points) -> Points:
        """Column and row [N, 2] of points [N, 3]."""
        seen = (world_mm - np.array(self.at_mm)) @ self.rotation.T
        return self.lens(seen[:, :2] / seen[:, 2:]) * self.focal_px + np.array(self.centre_px)

    def lens(self, ideal: Points) -> Points:
        """Brown's lens: radial and decentring distortion of ideal points [N, 2]."""
        k1, k2, p1, p2, k3 = self.distortion
        u, v = ideal.T
        q = u**2 + v**2
        grown = 1 + k1 * q + k2 * q**2 + k3 * q**3
        return np.column_stack(
            [u * grown + 2 * p1 * u * v + p2 * (q + 2 * u**2), v * grown + p1 * (q + 2 * v**2) + 2 * p2 * u * v]
        )

    def belt_of(self, picture_px: Points) -> Points:
        """Points [N, 2] on the belt of pixels [N, 2]."""
        shown = (picture_px - np.array(self.centre_px)) / self.focal_px
        ideal = shown.copy()
        for _ in range(15):
            ideal += shown - self.lens(ideal)
        rays = np.column_stack([ideal, np.ones(len(ideal))]) @ self.rotation
        return np.array(self.at_mm[:2]) + rays[:, :2] * (-self.at_mm[2] / rays[:, 2:])

    def along_across(self, picture_px: Points, across_start_mm: float = 0.0) -> Points:
        """(along_mm, across_mm) as the calibration defines them, of pixels: y from the datum, x from the left edge."""
        datum = np.array([[(self.columns - 1) / 2, self.rows - 1.0], [-0.5, (self.rows - 1) / 2]])
        zero = self.belt_of(datum)
        x, y = self.belt_of(picture_px).T
        return np.column_stack([y - zero[0, 1], x - zero[1, 0] + across_start_mm])

    def rays(self, per_side: int = 2) -> NDArray[np.float32]:
        """Belt points of `per_side`**2 rays a pixel, float32 [rows * per_side, columns * per_side, 2]."""
        step = 1 / per_side
        columns = np.arange(self.columns * per_side) * step - 0.5 + step / 2
        rows = np.arange(self.rows * per_side) * step - 0.5 + step / 2
        grid = np.stack(np.meshgrid(columns, rows), axis=2).reshape(-1, 2).astype(np.float64)
        return self.belt_of(grid).astype(np.float32).reshape(len(rows), len(columns), 2)


@dataclass(frozen=True)
class LaidBoard:
    """A board on the belt: its first outer corner at x, y, its rows turned by an angle from across."""

    board: cv2.aruco.CharucoBoard
    at_mm: tuple[float, float]
    turned_rad: float = 0.0
    square_px: int = 120  # of the print; with far more than a ray takes in, edges would be jagged

    def image(self) -> NDArray[np.uint8]:
        """The print."""
        across, down = self.board.getChessboardSize()
        return self.board.generateImage((across * self.square_px, down * self.square_px), marginSize=0).astype(np.uint8)


def render(
    camera: VirtualCamera,
    paint: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    rng: np.random.Generator,
    *,
    blur_px: float = 0.7,
    noise: float = 3.0,
    vignetting: float = 0.3,
    rays: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """The picture, H x W x 3 uint8 BGR, of a belt whose brightness 0..255 at points [.., 2] is `paint`."""
    light = paint(camera.rays() if rays is None else rays)
    picture = cv2.resize(light, (camera.columns, camera.rows), interpolation=cv2.INTER_AREA)
    picture = cv2.GaussianBlur(picture, (0, 0), blur_px)
    x, y = np.meshgrid(np.linspace(-1, 1, camera.columns), np.linspace(-1, 1, camera.rows))
    shade = (1 - vignetting * (x**2 + y**2) / 2) * (1 + 0.1 * x)
    grey = np.asarray(picture, np.float64) * shade + rng.normal(0, noise, shade.shape)
    return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def painted(
    boards: Sequence[LaidBoard], belt: float = 60.0, white: float = 210.0, black: float = 25.0
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """What a belt with boards on it looks like."""

    def paint(points: NDArray[np.float32]) -> NDArray[np.float32]:
        light = np.full(points.shape[:2], belt, np.float32)
        for laid in boards:
            image = laid.image()
            px_per_mm = laid.square_px / laid.board.getSquareLength()
            c, s = np.cos(laid.turned_rad), np.sin(laid.turned_rad)
            x, y = points[..., 0] - np.float32(laid.at_mm[0]), points[..., 1] - np.float32(laid.at_mm[1])
            # The board's y runs down the picture, that is upstream.
            across = ((c * x + s * y) * px_per_mm - 0.5).astype(np.float32)
            down = ((s * x - c * y) * px_per_mm - 0.5).astype(np.float32)
            shown = cv2.remap(image, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(255,))
            margin = 5 * px_per_mm
            inside = (across > -margin) & (across < image.shape[1] + margin)
            inside &= (down > -margin) & (down < image.shape[0] + margin)
            light = np.where(inside, black + shown.astype(np.float32) / 255 * (white - black), light)
        return light.astype(np.float32)

    return paint


def overhead(
    rng: np.random.Generator,
    mm_per_px: float,
    *,
    columns: int = 1280,
    rows: int = 512,
    barrel: float = -0.15,
    view_rad: float = 0.7,
) -> VirtualCamera:
    """A camera over the belt, mounted as well as people do: `view_rad` is its angle of view across."""
    focal = columns / 2 / np.tan(view_rad / 2)
    height = focal * mm_per_px
    centre = (
        (columns - 1) / 2 + rng.uniform(-0.01, 0.01) * columns,
        (rows - 1) / 2 + rng.uniform(-0.01, 0.01) * columns,
    )
    # `barrel` is the displacement at the rim as a share of the distance from the centre.
    rim = (view_rad / 2) ** 2
    k1 = barrel / rim * rng.uniform(0.8, 1.2)
    k2 = -0.15 * k1 / rim * rng.uniform(0.5, 1.5)
    p1, p2 = rng.uniform(-1e-3, 1e-3, 2)
    pitch, roll, yaw = rng.uniform(-0.03, 0.03, 3)
    return VirtualCamera(
        columns,
        rows,
        float(focal),
        (float(centre[0]), float(centre[1])),
        (float(k1), float(k2), float(p1), float(p2), 0.0),
        (columns / 2 * mm_per_px, 0.0, float(height)),
        (float(pitch), float(roll), float(yaw)),
    )
