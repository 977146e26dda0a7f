"""From pictures of a board on the belt to a camera calibration.

All boards lie on the one plane of the belt. So the fit has one homography for all pictures, one lens, and for
each board where it lies on the plane: nothing that a flat board cannot tell is asked of it. The focal length is
such a thing (a longer lens farther away gives the same picture of a plane); pictures of a tilted board tell it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator
from vision.calibration import BeltError
from vision.calibration_board import BoardView
from vision.calibration_map import LensPlane, distorted, projected

Points = NDArray[np.float64]
Vector = NDArray[np.float64]

_FOLDS = 5
_STRAIGHT = (0.0, 0.0, 0.0, 0.0, 0.0)
_NOISE_PX = 0.1  # of a corner; what the priors are weighed against
_PRIOR_LENS = np.array([0.03, 0.03, 0.5, 0.5, 0.005, 0.005, 0.1])
"""How far a lens departs from none: centre as a share of the picture, k1, k2, p1, p2, k3. Where the corners do not
tell, it keeps what they leave open from running away at the picture's rim: k3 of 0.1 is 0.3 % in a corner."""

_DIFFERENCE = 1e-6
_OUTLIER_SIGMAS = 6.0
_MOST_OUTLIERS = 0.1
_WORST_RMS_PX = 1.0
_FOCAL_KNOWN = 0.02  # relative standard deviation of the focal length up to which it counts as measured
_FEWEST_COVERAGE = 0.5
_ALIKE = 0.02  # of the picture's width: pictures in which no corner moved by more show the same
_SHORTEST_RIDE_MM = 20.0
_STRAIGHT_MM = 1.0  # how far a riding board may leave the line of its way
_STRAIGHT_RAD = 0.005
_TURNED_RAD = 0.26  # 15 degrees


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a board lies on the plane: turned by `angle_rad`, its origin at `at_mm`."""

    angle_rad: float
    at_mm: tuple[float, float]

    def of(self, board_mm: Points) -> Points:
        """Points of the board [N, 2] on the plane."""
        c, s = np.cos(self.angle_rad), np.sin(self.angle_rad)
        return board_mm @ np.array([[c, s], [-s, c]]) + np.array(self.at_mm)


@dataclass(frozen=True, slots=True)
class CameraFit:
    """What the pictures say; `plane` takes pixels to (along_mm, across_mm) on the belt."""

    focal_px: tuple[float, float]
    focal_measured: bool
    centre_px: tuple[float, float]
    distortion: tuple[float, float, float, float, float]
    plane: LensPlane
    mm_per_px: float
    mm_per_px_range: tuple[float, float]
    view_along_mm: float
    error: BeltError


def fit_camera(
    views: Sequence[BoardView],
    size_px: tuple[int, int],
    *,
    across_start_mm: float,
    riding: bool = False,
    tilted: Sequence[BoardView] = (),
) -> CameraFit:
    """Fits lens and belt plane to boards that lie on the belt, in pictures of `size_px` (columns, rows).

    With `riding` the pictures on end show a board that lay still on the moving belt: its way is the direction of
    travel, which else is up in the middle of the picture. It may be laid down anew for another ride.
    `tilted` pictures, of a board held askew, tell the focal length.

    Raises NeedsOperator `calibrate.alike`, `calibrate.coverage`, `calibrate.poor`, `calibrate.not_riding`,
    `calibrate.turned`, `calibrate.tilted`.
    """
    _refuse_alike(views, size_px)
    coverage = _coverage(views, size_px)
    if coverage < _FEWEST_COVERAGE:
        raise NeedsOperator(
            "calibrate.coverage",
            f"The board's corners span {coverage:.0%} of the picture; it takes {_FEWEST_COVERAGE:.0%}.",
            "Add pictures with the board in the parts of the view that it has not covered, corners above all.",
        )
    lens = _Lens.nominal(size_px) if not tilted else _measured_lens([*views, *tilted], size_px)
    problem = _Problem.of(views, lens)
    start = problem.start()
    found = problem.solve(start)
    problem, found, left_out = _without_outliers(problem, found)

    def onto_belt(unknowns: Vector) -> LensPlane:
        plane, boards = problem.read(unknowns)
        up = _up(plane, size_px)
        along = _way(problem, boards, up) if riding else up
        return plane.onto(_belt_frame(plane, along, size_px, across_start_mm))

    belt = onto_belt(found)
    resolutions = _resolutions(belt, size_px)
    left_out_mm = _left_out_distances_mm(problem, found)
    worst = int(np.argmax(left_out_mm))
    rim_mm, rim_at_px = _open_at_the_rim(problem, found, onto_belt, size_px)
    focal, centre, distortion = problem.lens_of(found)
    return CameraFit(
        focal_px=focal,
        focal_measured=lens.focal_measured,
        centre_px=centre,
        distortion=distortion,
        plane=belt,
        mm_per_px=resolutions[0],
        mm_per_px_range=(resolutions[1], resolutions[2]),
        view_along_mm=_view_along_mm(belt, size_px),
        error=BeltError(
            rms_mm=float(np.sqrt((left_out_mm**2).mean())),
            max_mm=float(left_out_mm[worst]),
            max_at_px=_px(problem.picture_px[worst]),
            corners=len(left_out_mm),
            left_out=left_out,
            rim_mm=rim_mm,
            rim_at_px=rim_at_px,
            coverage=coverage,
        ),
    )


# ---- the pictures themselves


def _refuse_alike(views: Sequence[BoardView], size_px: tuple[int, int]) -> None:
    first = views[0]
    for other in views[1:]:
        _, here, there = np.intersect1d(first.ids, other.ids, return_indices=True)
        if len(here) == 0:
            return
        if np.abs(first.picture_px[here] - other.picture_px[there]).max() > _ALIKE * size_px[0]:
            return
    if len(views) > 1:
        raise NeedsOperator(
            "calibrate.alike",
            f"All {len(views)} pictures show the board at the same place, which says no more than one of them.",
            "Move the board between pictures, so that together they cover the view.",
        )


def _coverage(views: Sequence[BoardView], size_px: tuple[int, int]) -> float:
    points = np.concatenate([view.picture_px for view in views]).astype(np.float32)
    return min(1.0, float(cv2.contourArea(cv2.convexHull(points))) / (size_px[0] * size_px[1]))


# ---- the lens


@dataclass(frozen=True, slots=True)
class _Lens:
    focal_px: tuple[float, float]
    focal_measured: bool
    centre_px: tuple[float, float]
    distortion: tuple[float, float, float, float, float]

    @classmethod
    def nominal(cls, size_px: tuple[int, int]) -> "_Lens":
        """A lens that sees as far to either side as it is away from the belt: on the plane any will do."""
        focal = float(max(size_px))
        return cls((focal, focal), False, ((size_px[0] - 1) / 2, (size_px[1] - 1) / 2), _STRAIGHT)


def _measured_lens(views: Sequence[BoardView], size_px: tuple[int, int]) -> _Lens:
    """The lens by OpenCV's own calibration (Zhang), which needs boards at different tilts."""
    objects = [np.column_stack([v.board_mm, np.zeros(len(v.ids))]).astype(np.float32) for v in views]
    pictures = [v.picture_px.astype(np.float32).reshape(-1, 1, 2) for v in views]
    _, matrix, coefficients, _, _, deviations, *_ = cv2.calibrateCameraExtended(
        objects, pictures, size_px, np.eye(3), np.zeros(5)
    )
    camera = np.asarray(matrix, np.float64)
    fx, fy = float(camera[0, 0]), float(camera[1, 1])
    sigma = float(np.asarray(deviations, np.float64).ravel()[:2].max() / max(fx, fy))
    if not sigma <= _FOCAL_KNOWN:
        raise NeedsOperator(
            "calibrate.tilted",
            f"The tilted pictures tell the focal length only to {sigma:.0%}; it takes {_FOCAL_KNOWN:.0%}.",
            "Tilt the board by 20 to 45 degrees, in different directions, in three pictures or more; or leave it.",
        )
    k = [float(v) for v in np.asarray(coefficients, np.float64).ravel()[:5]]
    return _Lens((fx, fy), True, (float(camera[0, 2]), float(camera[1, 2])), (k[0], k[1], k[2], k[3], k[4]))


# ---- the fit


@dataclass(frozen=True, slots=True)
class _Problem:
    """Corners and what is to be found: centre and distortion (7), plane to ideal picture (8), 3 a further board.

    `which` int [N] says which board a corner is of. Millimetres are divided by `scale_mm` so that all unknowns are
    of the order of 1.
    """

    lens: _Lens
    which: NDArray[np.intp]
    board_mm: Points
    picture_px: Points
    boards: int
    scale_mm: float
    width_px: float

    @classmethod
    def of(cls, views: Sequence[BoardView], lens: _Lens) -> "_Problem":
        which = np.concatenate([np.full(len(v.ids), i) for i, v in enumerate(views)]).astype(np.intp)
        board_mm = np.concatenate([v.board_mm for v in views])
        return cls(
            lens,
            which,
            board_mm,
            np.concatenate([v.picture_px for v in views]),
            len(views),
            float(np.abs(board_mm).max()),
            max(lens.focal_px),
        )

    def part(self, chosen: NDArray[np.bool_]) -> "_Problem":
        return replace(
            self, which=self.which[chosen], board_mm=self.board_mm[chosen], picture_px=self.picture_px[chosen]
        )

    def start(self) -> Vector:
        """As if there were no distortion: the first board's homography, the others laid down by it."""
        focal, centre = np.array(self.lens.focal_px), np.array(self.lens.centre_px)
        flat = LensPlane(self.lens.focal_px, self.lens.centre_px, self.lens.distortion, np.eye(3))
        ideal = flat.to_plane(self.picture_px) if self.lens.focal_measured else (self.picture_px - centre) / focal
        first = self.which == 0
        found, _ = cv2.findHomography(self.board_mm[first] / self.scale_mm, ideal[first])
        to_ideal = np.asarray(found, np.float64)
        to_ideal /= to_ideal[2, 2]
        laid: list[float] = []
        back = np.asarray(np.linalg.inv(to_ideal), np.float64)
        for board in range(1, self.boards):
            of_it = self.which == board
            seen = projected(back, ideal[of_it])
            laid += _rigid(self.board_mm[of_it] / self.scale_mm, seen)
        lens = [0.0, 0.0, *(self.lens.distortion[i] for i in range(5))]
        return np.array([*lens, *to_ideal.ravel()[:8], *laid])

    def residuals(self, unknowns: Vector) -> Vector:
        """What is left in the picture, in pixels [2 N], and the priors in the same measure [7]."""
        focal, centre, distortion = self.lens_of(unknowns)
        plane = self._on_plane(unknowns)
        to_ideal = np.append(unknowns[7:15], 1.0).reshape(3, 3)
        shown = distorted(projected(to_ideal, plane), np.array(distortion)) * focal + centre
        lens = np.array([0.0, 0.0, *self.lens.distortion])
        prior = (unknowns[:7] - lens) / _PRIOR_LENS * _NOISE_PX
        return np.concatenate([(shown - self.picture_px).ravel(), prior])

    def lens_of(
        self, unknowns: Vector
    ) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float, float, float, float]]:
        """Focal length, centre and k1, k2, p1, p2, k3."""
        cx, cy = (float(c + d * self.width_px) for c, d in zip(self.lens.centre_px, unknowns[:2], strict=True))
        k1, k2, p1, p2, k3 = (float(v) for v in unknowns[2:7])
        return self.lens.focal_px, (cx, cy), (k1, k2, p1, p2, k3)

    def read(self, unknowns: Vector) -> tuple[LensPlane, list[Placed]]:
        """Lens and plane, in mm of the first board, and where each board lies."""
        focal, centre, distortion = self.lens_of(unknowns)
        to_ideal = np.append(unknowns[7:15], 1.0).reshape(3, 3)
        from_ideal = np.diag([self.scale_mm, self.scale_mm, 1.0]) @ np.linalg.inv(to_ideal)
        laid = unknowns[15:].reshape(-1, 3)
        boards = [Placed(0.0, (0.0, 0.0))]
        boards += [Placed(float(a), (float(x) * self.scale_mm, float(y) * self.scale_mm)) for a, x, y in laid]
        return LensPlane(focal, centre, distortion, from_ideal), boards

    def solve(self, start: Vector) -> Vector:
        """Least squares by Levenberg and Marquardt (Numerical Recipes, 15.5)."""
        unknowns, damping = start.copy(), 1e-3
        left = self.residuals(unknowns)
        cost = float(left @ left)
        for _ in range(60):
            slopes = self.slopes(unknowns)
            normal, gradient = slopes.T @ slopes, slopes.T @ left
            for _ in range(12):
                step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), -gradient)
                new = self.residuals(unknowns + step)
                new_cost = float(new @ new)
                if new_cost < cost:
                    break
                damping *= 5
            else:
                return unknowns
            gained = cost - new_cost
            unknowns, left, cost = unknowns + step, new, new_cost
            damping = max(damping / 10, 1e-12)
            if gained <= 1e-9 * cost:
                return unknowns
        return unknowns

    def slopes(self, unknowns: Vector) -> NDArray[np.float64]:
        """How the residuals move with each unknown [2 N + 7, unknowns], by differences."""
        left = self.residuals(unknowns)
        slopes = np.empty((len(left), len(unknowns)))
        for i in range(len(unknowns)):
            aside = unknowns.copy()
            aside[i] += _DIFFERENCE
            slopes[:, i] = (self.residuals(aside) - left) / _DIFFERENCE
        return slopes

    def distances_px(self, unknowns: Vector) -> Vector:
        """How far each corner is from where it should be, in pixels [N]."""
        return np.hypot(*self.residuals(unknowns)[:-7].reshape(-1, 2).T)

    def distances_mm(self, unknowns: Vector) -> Vector:
        """The same on the belt, in mm [N]."""
        plane, _ = self.read(unknowns)
        return np.hypot(*(plane.to_plane(self.picture_px) - self._on_plane(unknowns) * self.scale_mm).T)

    def _on_plane(self, unknowns: Vector) -> Points:
        """The corners on the plane, in units of `scale_mm`."""
        laid = np.concatenate([np.zeros((1, 3)), unknowns[15:].reshape(-1, 3)])[self.which]
        c, s = np.cos(laid[:, 0]), np.sin(laid[:, 0])
        x, y = (self.board_mm / self.scale_mm).T
        return np.stack([c * x - s * y + laid[:, 1], s * x + c * y + laid[:, 2]], axis=1)


def _rigid(board: Points, plane: Points) -> tuple[float, float, float]:
    """Angle and shift that bring `board` onto `plane` best (Kabsch, in two dimensions)."""
    b, p = board - board.mean(axis=0), plane - plane.mean(axis=0)
    angle = float(np.arctan2((b[:, 0] * p[:, 1] - b[:, 1] * p[:, 0]).sum(), (b * p).sum()))
    x, y = plane.mean(axis=0) - Placed(angle, (0.0, 0.0)).of(board).mean(axis=0)
    return angle, float(x), float(y)


def _without_outliers(problem: _Problem, found: Vector) -> tuple[_Problem, Vector, int]:
    """Fits once more without the corners that do not fit. Raises NeedsOperator `calibrate.poor`."""
    distances = problem.distances_px(found)
    limit = max(_OUTLIER_SIGMAS * 1.4826 * float(np.median(distances)), 0.5)
    kept = distances <= limit
    left_out = int((~kept).sum())
    if 0 < left_out <= _MOST_OUTLIERS * len(kept):
        problem = problem.part(kept)
        found = problem.solve(found)
    rms = float(np.sqrt((problem.distances_px(found) ** 2).mean()))
    if left_out > _MOST_OUTLIERS * len(kept) or rms > _WORST_RMS_PX:
        raise NeedsOperator(
            "calibrate.poor",
            f"The corners do not fit one flat board of that geometry: {rms:.2f} pixels RMS, and {left_out} of "
            f"{len(kept)} lie farther off than the others.",
            "Glue the board to something stiff, lay it flat on the belt in every picture, and measure its squares.",
        )
    return problem, found, left_out


def _left_out_distances_mm(problem: _Problem, found: Vector) -> Vector:
    """Each corner's distance [N] by a fit that did not know it."""
    fold = np.arange(len(problem.which)) % _FOLDS
    distances = np.zeros(len(fold))
    for held in range(_FOLDS):
        judged = fold == held
        without = problem.part(~judged).solve(found)
        distances[judged] = problem.part(judged).distances_mm(without)
    return distances


def _open_at_the_rim(
    problem: _Problem, found: Vector, onto_belt: Callable[[Vector], LensPlane], size_px: tuple[int, int]
) -> tuple[float, tuple[float, float]]:
    """Largest standard deviation on the belt over the picture, in mm, and its place: the fit's covariance, mapped."""
    slopes = problem.slopes(found)
    left = problem.residuals(found)
    variance = float(left @ left) / max(1, len(left) - len(found))
    covariance = np.linalg.pinv(slopes.T @ slopes) * variance
    points = _grid(size_px)
    here = onto_belt(found).to_plane(points)
    moves = np.empty((len(found), *here.shape))
    for i in range(len(found)):
        aside = found.copy()
        aside[i] += _DIFFERENCE
        moves[i] = (onto_belt(aside).to_plane(points) - here) / _DIFFERENCE
    sigma = np.sqrt(np.einsum("ink,ij,jnk->n", moves, covariance, moves).clip(min=0))
    worst = int(np.argmax(sigma))
    return float(sigma[worst]), _px(points[worst])


def _px(point: Points) -> tuple[float, float]:
    return round(float(point[0]), 1), round(float(point[1]), 1)


def _grid(size_px: tuple[int, int]) -> Points:
    """Pixels all over a picture, its rim among them: [153, 2], the picture's middle in the middle."""
    across, down = np.meshgrid(np.linspace(0, size_px[0] - 1, 17), np.linspace(0, size_px[1] - 1, 9))
    return np.stack([across.ravel(), down.ravel()], axis=1)


# ---- the belt's own axes


def _way(problem: _Problem, boards: Sequence[Placed], up: Points) -> Points:
    """Unit vector of the boards' way on the plane, where `up` is up in the picture.

    Pictures on end with the board turned alike, one above the other, are one ride; several rides, with the board
    laid down anew, are taken together. Raises NeedsOperator `calibrate.not_riding`, `calibrate.turned`.
    """
    middle_mm = problem.board_mm.mean(axis=0, keepdims=True)
    places = np.concatenate([board.of(middle_mm) for board in boards])
    rides: list[list[int]] = [[0]]
    steepest = 0.0
    for i in range(1, len(boards)):
        step = places[i] - places[i - 1]
        off_up_rad = float(np.arctan2(abs(up[0] * step[1] - up[1] * step[0]), abs(step @ up)))
        if abs(boards[i].angle_rad - boards[i - 1].angle_rad) < _STRAIGHT_RAD:
            steepest = max(steepest, off_up_rad)
            if off_up_rad < _TURNED_RAD:
                rides[-1].append(i)
                continue
        rides.append([i])
    centred = np.concatenate([places[ride] - places[ride].mean(axis=0) for ride in rides])
    _, _, axes = np.linalg.svd(centred, full_matrices=True)
    length_mm, aside_mm = float(np.ptp(centred @ axes[0])), float(np.abs(centred @ axes[1]).max())
    if length_mm < _SHORTEST_RIDE_MM and steepest >= _TURNED_RAD:
        raise NeedsOperator(
            "calibrate.turned",
            f"The board rode {np.degrees(steepest):.0f} degrees off the picture's upward direction.",
            "Take the pictures with `senbetsu calibrate picture`, which turns them as the line does; mount the "
            "camera square to the belt.",
        )
    if length_mm < _SHORTEST_RIDE_MM or aside_mm > _STRAIGHT_MM:
        raise NeedsOperator(
            "calibrate.not_riding",
            f"The board rode {length_mm:.0f} mm in {len(boards)} pictures, up to {aside_mm:.1f} mm off a straight way; "
            f"it takes {_SHORTEST_RIDE_MM:.0f} mm and at most {_STRAIGHT_MM:g} mm.",
            "Lay the board down, move the belt and take a picture at each stop; or leave --riding out.",
        )
    return axes[0] if axes[0] @ up > 0 else -axes[0]


def _up(plane: LensPlane, size_px: tuple[int, int]) -> Points:
    """Unit vector on the plane of what is up in the picture's middle."""
    middle = np.array([(size_px[0] - 1) / 2, (size_px[1] - 1) / 2])
    here, above = plane.to_plane(np.stack([middle, middle - np.array([0, 0.5])]))
    return (above - here) / np.linalg.norm(above - here)


def _belt_frame(
    plane: LensPlane, along: Points, size_px: tuple[int, int], across_start_mm: float
) -> NDArray[np.float64]:
    """3 x 3 from the plane to (along, across), `along` being the unit vector of travel on the plane."""
    columns, rows = size_px
    middle = np.array([(columns - 1) / 2, (rows - 1) / 2])
    datum = np.array([middle[0], rows - 1.0])
    here, datum_mm, left_mm = plane.to_plane(np.stack([middle, datum, np.array([-0.5, middle[1]])]))
    across = np.array([-along[1], along[0]])
    if across @ (here - left_mm) < 0:
        across = -across
    return np.array(
        [
            [along[0], along[1], -along @ datum_mm],
            [across[0], across[1], across_start_mm - across @ left_mm],
            [0.0, 0.0, 1.0],
        ]
    )


def _resolutions(belt: LensPlane, size_px: tuple[int, int]) -> tuple[float, float, float]:
    """Millimetres a pixel in the middle, and the finest and coarsest over the picture.

    Raises NeedsOperator `calibrate.poor` where the fitted lens folds within the picture.
    """
    points = _grid(size_px)
    here = belt.to_plane(points)
    steps = [belt.to_plane(points + step) - here for step in (np.array([0.5, 0.0]), np.array([0.0, -0.5]))]
    areas = (steps[1][:, 0] * steps[0][:, 1] - steps[1][:, 1] * steps[0][:, 0]) / 0.25
    back = belt.to_picture(here)
    if areas.min() <= 0 or np.abs(back - points).max() > 0.1:
        raise NeedsOperator(
            "calibrate.poor",
            "The lens that fits the corners cannot be right where there are none: it folds the picture.",
            "Add pictures with the board at the rim of the view, in all its corners.",
        )
    sizes = np.sqrt(areas)
    return float(sizes[len(sizes) // 2]), float(sizes.min()), float(sizes.max())


def _view_along_mm(belt: LensPlane, size_px: tuple[int, int]) -> float:
    column = (size_px[0] - 1) / 2
    ends = belt.to_plane(np.array([[column, -0.5], [column, size_px[1] - 0.5]]))
    return float(ends[0, 0] - ends[1, 0])
