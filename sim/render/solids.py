"""Small solids in three dimensions, seen from above or aslant: what elements and hardware are built of.

A `Body` collects surfaces in mm (boxes, prisms, solids of revolution, tubes). `drawn` lays it on the
belt with one side up, looks at it a little aslant, and paints what is visible into a `Canvas`: its
height above the belt becomes the relief that the canvas lights, and metal mirrors a made-up room.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.render.canvas import Canvas
from sim.render.shapes import Bgr
from sim.render.textures import Texture

Floats = NDArray[np.float32]

_STEP_PX = 0.7  # a lattice this fine leaves no pixel out, however it is turned (covering radius < 1/2)
_COARSER = ((90_000, 1.0), (260_000, 1.4))  # drawings of more pixels take a wider lattice; their gaps are mended
_DIM_ROOM = 0.6  # brightness of the room away from its lamps
_GLAZED = 80  # gloss above this is a glaze: it mirrors lamps on top of its colour
_LAMP = 260.0  # how much a mirrored lamp adds, at most
_BELT_GREY = 70  # what shows through clear plastic that lies on the belt
_EDGE_ON = 1e-4  # a surface is seen when its normal leans towards the camera by more than this
_COARSE_STEPS = 14  # samples along a surface to find how much room it needs
_VALLEY_DARKER = 0.38  # the ground of a thread gets less light than its crest
_CREVICE_MM = 0.9  # how far corners between surfaces darken


@dataclass(frozen=True, slots=True)
class Paint:
    """How a surface looks: `gloss` 0..255, `metal` the share of mirrored room in it, `opacity` < 1 lets through."""

    bgr: Bgr
    gloss: int = 60
    metal: float = 0.0
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class _Samples:
    """Points (N x 3) of a surface that face the camera, outward normals and colours (N x 3, or 1 x 3 if all equal)."""

    points: Floats
    normals: Floats
    bgr: NDArray[np.uint8] | Floats
    paint: Paint


# from the distance between samples in mm (0: a coarse few) and the direction to the camera (none: all sides)
_Surface = Callable[[float, Floats | None], _Samples]


@dataclass(frozen=True, slots=True)
class _Part:
    """A surface, its opacity, and its one normal if it is flat."""

    opacity: float
    samples: _Surface
    normal: Floats | None = None


class Body:
    """Surfaces in a frame of their own; x is the part's length, z its usual up."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self._surfaces: list[_Part] = []

    def plane(
        self, corner: ArrayLike, along: ArrayLike, across: ArrayLike, paint: Paint, texture: Texture | None = None
    ) -> None:
        """A parallelogram from a corner (N x 3: several) and two edges; along x across points outward."""
        self._plane(corner, along, across, paint, texture, None)

    def box(
        self,
        centre: ArrayLike,
        size: ArrayLike,
        paint: Paint,
        top: Texture | None = None,
        bottom: Texture | None = None,
        sides: Texture | None = None,
        taper: float = 0.0,
    ) -> None:
        """A block, or equal ones around several centres (N x 3); `sides` goes on the two faces along x.

        `taper`: share by which top and bottom are smaller than the middle (moulded bodies).
        """
        middle, (a, b, c) = np.atleast_2d(np.asarray(centre, float)), np.asarray(size, float) / 2
        k = 1.0 - taper
        self.plane(middle + np.array([-a * k, -b * k, c]), (2 * a * k, 0, 0), (0, 2 * b * k, 0), paint, top)
        self.plane(middle + np.array([-a * k, b * k, -c]), (2 * a * k, 0, 0), (0, -2 * b * k, 0), paint, bottom)
        levels = ((-c, 0.0, k, 1.0), (0.0, c, 1.0, k)) if taper > 0 else ((-c, c, 1.0, 1.0),)
        for low, high, wide_low, wide_high in levels:
            rise, shared = high - low, (wide_low + wide_high) / 2
            lean_x, lean_y = a * (wide_high - wide_low), b * (wide_high - wide_low)
            for side in (-1, 1):
                corner = middle + np.array([-side * a * shared, -side * b * wide_low, low])
                self.plane(corner, (side * 2 * a * shared, 0, 0), (0, -side * lean_y, rise), paint, sides)
                corner = middle + np.array([side * a * wide_low, -side * b * shared, low])
                self.plane(corner, (0, side * 2 * b * shared, 0), (side * lean_x, 0, rise), paint)

    def prism(
        self,
        outline: ArrayLike,
        bottom_mm: float,
        top_mm: float,
        paint: Paint,
        top: Texture | None = None,
        bottom: Texture | None = None,
        holes: Sequence[NDArray[np.float64]] = (),
        edge: Paint | None = None,
    ) -> None:
        """A plate or block over an outline (N x 2 in x, y), with holes through it; textures span its bounding box."""
        rim = np.asarray(outline, np.float64)
        low, span = rim.min(axis=0), np.ptp(rim, axis=0)
        cuts = [rim, *holes]
        corner, along, across = (low[0], low[1], top_mm), (span[0], 0, 0), (0, span[1], 0)
        self._plane(corner, along, across, paint, top, cuts)
        under = (low[0], low[1] + span[1], bottom_mm)
        self._plane(under, along, (0, -span[1], 0), paint, bottom, cuts)
        for number, loop in enumerate(cuts):
            self._wall(loop, bottom_mm, top_mm, edge or paint, inward=number > 0)

    def revolve(
        self,
        profile: ArrayLike,
        paint: Paint | Sequence[Paint],
        start: ArrayLike = (0, 0, 0),
        axis: ArrayLike = (0, 0, 1),
        thread: tuple[float, float, float, float] | None = None,
        texture: Texture | None = None,
        squeeze: float = 1.0,
    ) -> None:
        """Turn a profile (N x 2: place along the axis, radius; both ends at radius 0 close it) about an axis.

        `paint` may be one per stretch of the profile. `thread`: from, to, pitch and depth along the axis.
        `texture` wraps around, its x along the axis over the whole length, y around. `squeeze` flattens the
        solid to an oval.
        """
        shape = np.asarray(profile, np.float64)
        paints = [paint] * (len(shape) - 1) if isinstance(paint, Paint) else list(paint)
        runs: list[tuple[int, int]] = []  # stretches that share one finish become one surface
        for index, one in enumerate(paints):
            if runs and paints[runs[-1][0]] is one:
                runs[-1] = (runs[-1][0], index + 1)
            else:
                runs.append((index, index + 1))
        frame = _frame(np.asarray(axis, np.float64))
        reach = (float(shape[:, 0].min()), float(np.ptp(shape[:, 0])))
        for first, last in runs:
            piece, finish = shape[first : last + 1], paints[first]

            def samples(
                step_mm: float,
                towards: Floats | None,
                piece: NDArray[np.float64] = piece,
                finish: Paint = finish,
            ) -> _Samples:
                return _revolved(
                    piece, finish, np.asarray(start, float), frame, thread, texture, squeeze, reach, step_mm, towards
                )

            self._surfaces.append(_Part(finish.opacity, samples))

    def tube(
        self,
        path: ArrayLike,
        radius_mm: float | ArrayLike,
        paint: Paint,
        upper_only: bool = False,
    ) -> None:
        """A round wire along a path (N x 3); one radius or one a path point.

        `upper_only` leaves out what is never seen of a wire that lies flat and is looked at from above.
        """
        line = np.asarray(path, np.float64)
        radii = np.broadcast_to(np.asarray(radius_mm, np.float64), (len(line),))
        self._surfaces.append(
            _Part(paint.opacity, lambda step_mm, towards: _tube(line, radii, paint, upper_only, step_mm, towards))
        )

    def sheet(self, points: Floats, paint: Paint, texture: Texture | None = None) -> None:
        """A bent sheet seen from above: a coarse grid of points (rows x columns x 3), smoothly filled in."""
        self._surfaces.append(
            _Part(paint.opacity, lambda step_mm, towards: _sheet(points, paint, texture, step_mm, towards))
        )

    def drawn(self, mm_per_px: float, up: ArrayLike = (0, 0, 1), tilt_deg: float = 0.0) -> Canvas:
        """Lay the body with `up` (in its frame) to the camera, look at it `tilt_deg` aslant, paint it."""
        lay, look = _upright(np.asarray(up, np.float64)), _slant(tilt_deg, self.rng)
        view = (look @ lay).astype(np.float32)
        corners = np.concatenate([part.samples(0.0, None).points for part in self._surfaces])
        seen = corners @ view.T
        low, high = seen.min(axis=0), seen.max(axis=0)
        size = high[:2] - low[:2]
        canvas = Canvas(float(size[0]), float(size[1]), mm_per_px, self.rng)
        middle = (low + high) / 2
        ground = float((corners @ lay[2].astype(np.float32)).min())
        raster = _Raster(canvas, view, lay[2].astype(np.float32), middle, ground, _room(self.rng))
        pixels = len(canvas.x_mm) * len(canvas.y_mm)
        step_px = max([_STEP_PX, *(step for least, step in _COARSER if pixels > least)])
        step_mm = step_px / canvas.scale
        for part in sorted(self._surfaces, key=lambda part: -part.opacity):
            if part.normal is None or float(part.normal @ view[2]) > _EDGE_ON:
                raster.paint(part.samples(step_mm, view[2]))
        canvas.solid(raster.there, raster.bgr, raster.height_mm, raster.gloss)
        if step_px > _STEP_PX:
            canvas.mend()
        canvas.crevices(0.35, _CREVICE_MM)
        return canvas

    def _plane(
        self,
        corner: ArrayLike,
        along: ArrayLike,
        across: ArrayLike,
        paint: Paint,
        texture: Texture | None,
        cuts: Sequence[NDArray[np.float64]] | None,
    ) -> None:
        origin, u, v = (np.asarray(value, np.float64) for value in (corner, along, across))
        normal = np.cross(u, v)
        normal = (normal / max(float(np.sqrt(normal @ normal)), 1e-9)).astype(np.float32)
        self._surfaces.append(
            _Part(
                paint.opacity,
                lambda step_mm, _: _flat(origin, u, v, normal, paint, texture, cuts, step_mm),
                normal,
            )
        )

    def _wall(self, loop: NDArray[np.float64], bottom: float, top: float, paint: Paint, inward: bool) -> None:
        ahead = np.roll(loop, -1, axis=0)
        area = float(np.sum(loop[:, 0] * ahead[:, 1] - ahead[:, 0] * loop[:, 1]))
        rim = loop if (area > 0) != inward else loop[::-1]
        self._surfaces.append(
            _Part(paint.opacity, lambda step_mm, towards: _upstanding(rim, bottom, top, paint, step_mm, towards))
        )


class _Raster:
    """What the camera sees so far, drawn pixel by drawn pixel; the nearest surface wins."""

    def __init__(
        self, canvas: Canvas, view: Floats, belt_up: Floats, middle: Floats, ground_mm: float, room: NDArray[np.float32]
    ) -> None:
        rows, columns = len(canvas.y_mm), len(canvas.x_mm)
        self._shape = (rows, columns)
        self._scale, self._view, self._belt_up = np.float32(canvas.scale), view, belt_up
        self._offset = np.array([(columns - 1) / 2, (rows - 1) / 2], np.float32) - middle[:2] * self._scale
        self._ground, self._room = np.float32(ground_mm), room
        self._depth = np.full(rows * columns, -np.inf, np.float32)
        self._bgr = np.zeros((rows * columns, 4), np.uint8)
        self._height = np.zeros(rows * columns, np.float32)
        self._gloss = np.zeros(rows * columns, np.uint8)

    def paint(self, samples: _Samples) -> None:
        points, normals, bgr, paint = samples.points, samples.normals, samples.bgr, samples.paint
        seen = points @ self._view.T
        rows, columns = self._shape
        column = np.clip(np.rint(seen[:, 0] * self._scale + self._offset[0]).astype(np.intp), 0, columns - 1)
        row = np.clip(np.rint(seen[:, 1] * self._scale + self._offset[1]).astype(np.intp), 0, rows - 1)
        cell, depth = row * columns + column, np.ascontiguousarray(seen[:, 2])
        np.maximum.at(self._depth, cell, depth)
        nearest = np.flatnonzero(depth >= self._depth[cell] - np.float32(1e-3))
        cell = cell[nearest]
        colour = np.asarray(bgr if len(bgr) == 1 else bgr.take(nearest, axis=0), np.float32)
        if paint.metal > 0 or paint.gloss > _GLAZED:
            share = (paint.gloss - _GLAZED) / 255 if paint.gloss > _GLAZED else 0.0
            facing = normals if len(normals) == 1 else np.asarray(normals.take(nearest, axis=0), np.float32)
            bright = self._mirrored(facing)[:, None]
            colour = colour * (1 + np.float32(paint.metal) * (bright - 1))
            colour = colour + np.maximum(bright - 1, 0) * np.float32(share * _LAMP)
        if paint.opacity < 1:
            behind = self._bgr[cell, :3].astype(np.float32)
            behind[self._height[cell] == 0] = _BELT_GREY
            colour = colour * np.float32(paint.opacity) + behind * np.float32(1 - paint.opacity)
        packed = np.zeros((len(colour), 4), np.uint8)
        packed[:, :3] = np.clip(colour, 0, 255)
        self._bgr.view(np.uint32)[cell, 0] = packed.view(np.uint32)[:, 0]  # a pixel at a time, not a channel
        self._height[cell] = (points @ self._belt_up)[nearest] - self._ground + np.float32(0.02)
        self._gloss[cell] = paint.gloss

    def _mirrored(self, normals: Floats) -> Floats:
        """How bright the room is that each normal (N x 3) mirrors to the camera; 1 leaves a colour as it is."""
        turned = normals @ self._view.T
        ray = turned * (2 * turned[:, 2:])
        ray[:, 2] -= 1
        bright = np.full(len(normals), _DIM_ROOM, np.float32)
        for x, y, z, edge, sharpness, strength in self._room.tolist():
            towards = ray @ np.array([x, y, z], np.float32)
            bright += np.float32(strength) / (1 + np.exp(np.float32(sharpness) * (np.float32(edge) - towards)))
        return bright

    @property
    def there(self) -> NDArray[np.bool_]:
        return np.isfinite(self._depth).reshape(self._shape)

    @property
    def bgr(self) -> NDArray[np.uint8]:
        return self._bgr[:, :3].reshape(*self._shape, 3)

    @property
    def height_mm(self) -> Floats:
        return self._height.reshape(self._shape)

    @property
    def gloss(self) -> NDArray[np.uint8]:
        return self._gloss.reshape(self._shape)


def _room(rng: np.random.Generator) -> NDArray[np.float32]:
    """Lamps and windows that metal mirrors: direction (3), edge, sharpness, strength; the ceiling is bright."""
    lights = [[0.0, 0.0, 1.0, rng.uniform(0.2, 0.8), rng.uniform(3, 10), rng.uniform(0.25, 0.75)]]
    for _ in range(int(rng.integers(2, 5))):
        towards = rng.normal(size=3)
        towards[2] = abs(towards[2]) * 0.6
        towards /= np.sqrt(towards @ towards)
        lights.append([*towards, rng.uniform(0.5, 0.9), rng.uniform(8, 30), rng.uniform(-0.3, 0.9)])
    return np.asarray(lights, np.float32)


def _count(length_mm: float, step_mm: float) -> int:
    return _COARSE_STEPS if step_mm <= 0 else max(2, int(length_mm / step_mm) + 2)


def _facing(normals: Floats, towards: Floats | None) -> NDArray[np.intp] | slice:
    """Which of the normals (N x 3) lean towards the camera."""
    return slice(None) if towards is None else np.flatnonzero(normals @ towards > _EDGE_ON)


def _coloured(shape: tuple[int, int], texture: Texture) -> NDArray[np.uint8]:
    return texture.sampled(*shape).reshape(-1, 3)


def _flat(
    origin: NDArray[np.float64],
    along: NDArray[np.float64],
    across: NDArray[np.float64],
    normal: Floats,
    paint: Paint,
    texture: Texture | None,
    cuts: Sequence[NDArray[np.float64]] | None,
    step_mm: float,
) -> _Samples:
    length, width = float(np.sqrt(along @ along)), float(np.sqrt(across @ across))
    rows, columns = (_count(width, step_mm), _count(length, step_mm)) if step_mm > 0 else (2, 2)
    u = np.linspace(0, 1, columns, dtype=np.float32)[:, None] * along.astype(np.float32)
    v = np.linspace(0, 1, rows, dtype=np.float32)[:, None] * across.astype(np.float32)
    points: Floats = (v[:, None] + u[None]).reshape(-1, 3).astype(np.float32)
    corners = np.atleast_2d(origin).astype(np.float32)
    bgr = np.asarray([paint.bgr], np.uint8) if texture is None else _coloured((rows, columns), texture)
    if len(corners) > 1 and texture is not None:
        bgr = np.tile(bgr, (len(corners), 1))
    points = (corners[:, None] + points[None]).reshape(-1, 3).astype(np.float32)
    if cuts is not None and step_mm > 0:
        inside = np.flatnonzero(Texture.mask(cuts, points[:, :2].reshape(rows, columns, 2)))
        points = points[inside]
        bgr = bgr if texture is None else bgr[inside]
    return _Samples(points, normal[None], bgr, paint)


def _upstanding(
    rim: NDArray[np.float64], bottom: float, top: float, paint: Paint, step_mm: float, towards: Floats | None
) -> _Samples:
    closed = np.concatenate([rim, rim[:1]])
    line, direction = _walked(closed, _count_path(closed, step_mm))
    outward = np.column_stack([direction[:, 1], -direction[:, 0], np.zeros(len(direction))]).astype(np.float32)
    seen = _facing(outward, towards)
    line, outward = line[seen], outward[seen]
    levels = np.linspace(bottom, top, _count(top - bottom, step_mm), dtype=np.float32)
    points = np.empty((len(levels), len(line), 3), np.float32)
    points[:, :, :2] = line[None]
    points[:, :, 2] = levels[:, None]
    normals = np.broadcast_to(outward, points.shape).reshape(-1, 3)
    return _Samples(points.reshape(-1, 3), normals, np.asarray([paint.bgr], np.uint8), paint)


def _count_path(path: NDArray[np.float64], step_mm: float) -> int:
    lengths = np.sqrt((np.diff(path, axis=0) ** 2).sum(axis=1))
    return max(len(path), _COARSE_STEPS) * 2 if step_mm <= 0 else max(2, int(lengths.sum() / step_mm) + 2)


def _walked(path: NDArray[np.float64], count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`count` points evenly along a path, and the unit direction of the path at each."""
    pieces = np.diff(path, axis=0)
    lengths = np.sqrt((pieces**2).sum(axis=1))
    travelled = np.concatenate([[0.0], np.cumsum(lengths)])
    places = np.linspace(0, float(travelled[-1]), count)
    piece = np.clip(np.searchsorted(travelled, places, side="right") - 1, 0, len(pieces) - 1)
    unit = pieces / np.maximum(lengths, 1e-9)[:, None]
    return path[piece] + unit[piece] * (places - travelled[piece])[:, None], unit[piece]


def _eased(directions: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Directions (N x 3) averaged over `window` neighbours, so that a thick wire has no seams at the path's corners."""
    if window < 2:
        return directions
    sums = np.cumsum(np.pad(directions, ((window // 2 + 1, window // 2), (0, 0)), mode="edge"), axis=0)
    eased = sums[2 * (window // 2) :][: len(directions)] - sums[: len(directions)]
    return eased / np.maximum(np.sqrt((eased**2).sum(axis=1, keepdims=True)), 1e-9)


def _frame(axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows: two unit vectors across the axis, and the axis."""
    along = axis / np.sqrt(axis @ axis)
    helper = np.array([0.0, 1.0, 0.0]) if abs(along[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    first = np.cross(helper, along)
    first /= np.sqrt(first @ first)
    return np.stack([first, np.cross(along, first), along])


def _revolved(
    profile: NDArray[np.float64],
    paint: Paint,
    start: NDArray[np.float64],
    frame: NDArray[np.float64],
    thread: tuple[float, float, float, float] | None,
    texture: Texture | None,
    squeeze: float,
    reach: tuple[float, float],
    step_mm: float,
    towards: Floats | None,
) -> _Samples:
    line, direction = _walked(profile, max(_count_path(profile, step_mm), 4))
    around = _count(2 * np.pi * float(profile[:, 1].max()), step_mm)
    turn = np.linspace(0, 2 * np.pi, around, dtype=np.float32)[None]
    cos, sin = np.cos(turn), np.sin(turn)
    along = line[:, :1].astype(np.float32)
    radius = line[:, 1:].astype(np.float32)
    outward = direction[:, :1].astype(np.float32)  # share of the normal that leaves the axis, and along it
    lean = -direction[:, 1:].astype(np.float32)
    shape = (len(line), around)
    bgr: NDArray[np.uint8] | Floats = np.asarray([paint.bgr], np.uint8)
    if thread is not None:
        begin, end, pitch, depth = (np.float32(value) for value in thread)
        cut = (along > begin) & (along < end)
        phase = np.float32(2 * np.pi) * along / pitch - turn
        valley = np.where(cut, np.float32(0.5) - np.float32(0.5) * np.cos(phase), 0)
        radius = radius - depth * valley
        lean = lean + np.where(cut, depth * np.float32(np.pi) / pitch * np.sin(phase), 0)
        length = np.sqrt(outward * outward + lean * lean)
        outward, lean = outward / length, lean / length
        bgr = (bgr[None] * (1 - np.float32(_VALLEY_DARKER) * valley)[..., None]).reshape(-1, 3)
    normals = np.empty((*shape, 3), np.float32)
    normals[..., 0], normals[..., 1], normals[..., 2] = outward * cos, outward * sin, lean
    turned = frame.astype(np.float32)
    normals = normals.reshape(-1, 3)
    seen = _facing(normals, None if towards is None else turned @ towards)
    local = np.empty((*shape, 3), np.float32)
    local[..., 0], local[..., 1], local[..., 2] = radius * cos, radius * (sin * np.float32(squeeze)), along
    if texture is not None:
        rows = np.clip((line[:, 0] - reach[0]) / max(reach[1], 1e-9), 0, 1)
        bgr = texture.looked_up(rows, around)[:, ::-1].reshape(-1, 3)  # unmirrored from outside
    points = local.reshape(-1, 3)[seen] @ turned + start.astype(np.float32)
    return _Samples(points, normals[seen] @ turned, bgr if len(bgr) == 1 else bgr[seen], paint)


def _tube(
    path: NDArray[np.float64],
    radii: NDArray[np.float64],
    paint: Paint,
    upper_only: bool,
    step_mm: float,
    towards: Floats | None,
) -> _Samples:
    line, direction = _walked(np.column_stack([path, radii]), _count_path(path, step_mm))
    window = int(2 * float(radii.max()) / step_mm) if step_mm > 0 else 1
    line, tangent = line.astype(np.float32), _eased(direction[:, :3], window).astype(np.float32)
    helper = np.where(
        np.abs(tangent[:, 2:]) < 0.8, np.array([[0, 0, 1]], np.float32), np.array([[1, 0, 0]], np.float32)
    )
    first = np.cross(tangent, helper)
    first /= np.maximum(np.sqrt((first**2).sum(axis=1, keepdims=True)), 1e-9)
    second = np.cross(first, tangent)
    around = max(6, _count(2 * np.pi * float(radii.max()), step_mm))
    turn = np.linspace(-0.5, np.pi + 0.5, around * 2 // 3) if upper_only else np.linspace(0, 2 * np.pi, around)
    cos, sin = np.cos(turn, dtype=np.float32)[None, :, None], np.sin(turn, dtype=np.float32)[None, :, None]
    normals = (first[:, None] * cos + second[:, None] * sin).reshape(-1, 3)
    seen = _facing(normals, towards)
    points = np.repeat(line[:, :3], len(turn), axis=0)[seen]
    thick = np.repeat(line[:, 3:], len(turn), axis=0)[seen]
    normals = normals[seen]
    bgr = np.asarray([paint.bgr], np.uint8)
    return _Samples((points + normals * thick).astype(np.float32), normals.astype(np.float32), bgr, paint)


def _sheet(points: Floats, paint: Paint, texture: Texture | None, step_mm: float, towards: Floats | None) -> _Samples:
    reach = [np.sqrt((np.diff(points, axis=axis) ** 2).sum(axis=2)).sum(axis=axis).max() for axis in (0, 1)]
    rows, columns = _count(float(reach[0]), step_mm), _count(float(reach[1]), step_mm)
    grown = Texture.grown(points, rows, columns)
    normals = np.cross(np.gradient(grown, axis=1), np.gradient(grown, axis=0)).reshape(-1, 3).astype(np.float32)
    normals /= np.maximum(np.sqrt((normals**2).sum(axis=1, keepdims=True)), np.float32(1e-9))
    if towards is not None:  # both faces of a sheet show
        normals *= np.where(normals @ towards < 0, np.float32(-1), np.float32(1))[:, None]
    bgr = np.asarray([paint.bgr], np.uint8) if texture is None else _coloured((rows, columns), texture)
    return _Samples(grown.reshape(-1, 3), normals, bgr, paint)


def _upright(up: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smallest rotation that brings `up` to the camera."""
    up = up / np.sqrt(up @ up)
    if up[2] < -0.999:
        return np.diag([1.0, -1.0, -1.0])
    cross = np.array([[0.0, 0.0, -up[0]], [0.0, 0.0, -up[1]], [up[0], up[1], 0.0]])
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + up[2]), np.float64)


def _slant(tilt_deg: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A rotation by `tilt_deg` about a random line in the belt's plane."""
    around, tilt = float(rng.uniform(0, 2 * np.pi)), np.deg2rad(tilt_deg)
    return _upright(np.array([np.cos(around) * np.sin(tilt), np.sin(around) * np.sin(tilt), np.cos(tilt)]))
