"""What a calibration found out, as a file that the line's configuration names.

A file is YAML, versioned (`schema_version`), strict, and says who made it, when, how and how far it may be off.
`controller/config/calibration.py` reads it, `senbetsu calibrate` writes it.
"""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vision.camera_config import CameraConfig

SCHEMA_VERSION = 1

Dictionary = Literal["DICT_4X4_50", "DICT_4X4_100", "DICT_4X4_250", "DICT_5X5_100", "DICT_5X5_250", "DICT_6X6_250"]

Row3 = tuple[float, float, float]

_IDENTIFYING = ("device", "path", "images", "serial", "index", "host")
"""Keys by which backends tell one camera from another. Not `url`: it may hold a password."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class CameraIdentity(_Record):
    """Which camera, and which of its pictures, a calibration is for."""

    name: str = Field(min_length=1, title="Camera", description="Backend and what tells its camera from others.")
    columns: int = Field(ge=8, le=100_000, title="Columns", description="Width of a picture, in pixels.")
    rows: int = Field(ge=1, le=100_000, title="Rows", description="Height of a picture, in pixels.")

    @property
    def size(self) -> str:
        """`2048 x 640`."""
        return f"{self.columns} x {self.rows}"


class Board(_Record):
    """A ChArUco board: a chessboard with a marker in every white square. Measure the printed one."""

    squares_x: int = Field(default=11, ge=3, le=100, title="Squares in a row", description="Along its longer side.")
    squares_y: int = Field(default=8, ge=3, le=100, title="Rows of squares", description="Along its shorter side.")
    square_mm: float = Field(
        default=20.0, gt=0, le=1000, title="Square", description="Side of a square as printed, in millimetres."
    )
    marker_mm: float = Field(
        default=15.0, gt=0, le=1000, title="Marker", description="Side of a marker as printed, in millimetres."
    )
    dictionary: Dictionary = Field(
        default="DICT_4X4_100", title="Dictionary", description="Where its markers are from."
    )

    @model_validator(mode="after")
    def _can_exist(self) -> Self:
        if not 0.3 * self.square_mm <= self.marker_mm <= 0.9 * self.square_mm:
            raise ValueError(
                f"a marker of {self.marker_mm:g} mm in a square of {self.square_mm:g} mm; it takes 0.3 to 0.9 of it"
            )
        markers, known = self.squares_x * self.squares_y // 2, int(self.dictionary.rsplit("_", 1)[1])
        if markers > known:
            raise ValueError(f"{markers} markers, and {self.dictionary} has {known}: take a larger dictionary")
        return self


class _File(_Record):
    """What every calibration file begins with."""

    schema_version: Literal[1] = Field(title="Version", description="Of the form of this file.")
    created: datetime = Field(title="Created", description="When, with the time zone.")
    command: str = Field(title="Command", description="The command that made it.")

    @model_validator(mode="after")
    def _knows_its_time_zone(self) -> Self:
        if self.created.tzinfo is None:
            raise ValueError(f"created {self.created} has no time zone, such as +00:00")
        return self


class BeltError(_Record):
    """How far points may lie from where the calibration puts them, on the belt.

    `rms_mm` and `max_mm` are of the board's corners, each judged by a fit that it was left out of.
    """

    rms_mm: float = Field(ge=0, title="RMS", description="Root of the mean square, in millimetres.")
    max_mm: float = Field(ge=0, title="Largest", description="The largest, in millimetres.")
    max_at_px: tuple[float, float] = Field(title="Where", description="Column and row of the largest.")
    corners: int = Field(ge=1, title="Corners", description="How many corners were measured and went in.")
    left_out: int = Field(ge=0, title="Left out", description="Corners that lay too far off the others.")
    rim_mm: float = Field(
        ge=0,
        title="At the rim",
        description="Largest standard deviation over the whole picture that the corners leave open; where the board "
        "was not seen, it grows.",
    )
    rim_at_px: tuple[float, float] = Field(title="Where at the rim", description="Column and row of that.")
    coverage: float = Field(
        ge=0, le=1, title="Coverage", description="Share of the picture inside the outline of all corners."
    )


class CameraCalibration(_File):
    """From pixels to millimetres on the belt.

    A pixel (column, row; centres are whole numbers) is taken to the ideal picture x, y by inverting
    OpenCV's model [k1, k2, p1, p2, k3] with the focal length and centre, then by `homography` to
    (along_mm, across_mm, 1) up to scale. along 0 is the point in the middle of the last row, across as
    `camera.across_start_mm` has it at the left edge of the middle row.
    """

    kind: Literal["camera"] = Field(title="Kind", description="What is calibrated.")
    camera: CameraIdentity = Field(title="Camera", description="Which camera, and its picture's size.")
    board: Board = Field(title="Board", description="What was looked at.")
    pictures: int = Field(ge=1, title="Pictures", description="How many pictures of it.")
    focal_px: tuple[float, float] = Field(title="Focal length", description="fx and fy, in pixels.")
    focal_measured: bool = Field(
        title="Measured",
        description="false where the pictures do not tell the focal length: then it is nominal, and the homography "
        "makes up for it on the belt's plane.",
    )
    centre_px: tuple[float, float] = Field(title="Principal point", description="cx and cy, in pixels.")
    distortion: tuple[float, float, float, float, float] = Field(
        title="Distortion", description="k1, k2, p1, p2, k3 as OpenCV has them."
    )
    homography: tuple[Row3, Row3, Row3] = Field(
        title="Homography", description="From the ideal picture to millimetres on the belt."
    )
    across_start_mm: float = Field(title="First column", description="The camera.across_start_mm it was made with.")
    direction: Literal["picture", "ride"] = Field(
        title="Direction of travel",
        description="picture: up in the middle of the picture. ride: as the board was seen to ride on the belt.",
    )
    mm_per_px: float = Field(gt=0, title="Resolution", description="In the middle of the picture, along and across.")
    mm_per_px_range: tuple[float, float] = Field(
        title="Range of the resolution", description="Finest and coarsest over the picture."
    )
    view_along_mm: float = Field(gt=0, title="View", description="Length of belt in the middle column.")
    error: BeltError = Field(title="Error", description="On the belt.")


class EncoderScale(_Record):
    """What was found of the encoder."""

    counts_per_mm: float = Field(gt=0, title="Encoder", description="Counts per millimetre of belt.")
    sigma: float = Field(ge=0, title="Uncertainty", description="One standard deviation of it.")
    views: int = Field(ge=2, title="Views", description="Positions of targets that went in.")
    left_out: int = Field(ge=0, title="Left out", description="Positions that did not fit the others.")
    residual_mm: float = Field(ge=0, title="Residual", description="RMS of what the fit leaves, in millimetres.")
    travel_mm: float = Field(gt=0, title="Travel", description="Longest way of a target between two views of it.")
    travel_yaw_mrad: float | None = Field(
        default=None,
        title="Yaw",
        description="Angle between the targets' way and the camera calibration's direction of travel; positive "
        "where they drift to the right.",
    )

    @property
    def sigma_percent(self) -> float:
        """One standard deviation of the scale, in per cent of it."""
        return 100 * self.sigma / self.counts_per_mm


class JetDistance(_Record):
    """What was found of the way from the datum to the valve bar."""

    distance_mm: float = Field(
        gt=0, title="Distance", description="From the datum to the bar: for a valve without delay if latency is known."
    )
    sigma_mm: float = Field(ge=0, title="Uncertainty", description="One standard deviation of it.")
    latency_ms: float | None = Field(
        default=None,
        title="Latency",
        description="By how much the air is later than the PLC makes up for; null where all shots were at one speed, "
        "then the distance holds for that speed.",
    )
    latency_sigma_ms: float | None = Field(
        default=None, ge=0, title="Uncertainty of the latency", description="One standard deviation of it."
    )
    speeds_mm_s: tuple[float, float] = Field(title="Speeds", description="Slowest and fastest belt of the shots.")
    shots: int = Field(ge=1, title="Shots", description="How many went in.")
    left_out: int = Field(ge=0, title="Left out", description="Shots that did not fit the others.")

    def at_mm(self, speed_mm_s: float) -> float:
        """The distance that orders are to be made with at a belt speed: the air comes late, so they aim early."""
        return self.distance_mm - speed_mm_s * (self.latency_ms or 0.0) / 1000


class BeltCalibration(_File):
    """Encoder scale, and distance from the camera's datum to the valve bar; either may be missing."""

    kind: Literal["belt"] = Field(title="Kind", description="What is calibrated.")
    camera: str = Field(title="Camera", description="The camera that the distance is measured from.")
    encoder: EncoderScale | None = Field(default=None, title="Encoder", description="Its scale.")
    jets: JetDistance | None = Field(default=None, title="Jets", description="Their distance.")

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if self.encoder is None and self.jets is None:
            raise ValueError("neither encoder nor jets")
        return self


Gain = Annotated[float, Field(ge=0.2, le=5.0)]


class LightCalibration(_File):
    """What light, lens and sensor do to brightness and colour, as factors that undo it.

    `gains` is a coarse grid over the picture (its outer nodes on the picture's corners), the same for
    all colours; `white_balance` is for R, G, B.
    """

    kind: Literal["light"] = Field(title="Kind", description="What is calibrated.")
    camera: CameraIdentity = Field(title="Camera", description="Which camera, and its picture's size.")
    patch_px: tuple[int, int, int, int] = Field(title="Patch", description="x, y, width, height of the reference.")
    reference_rgb: Row3 = Field(title="Reference", description="What the patch is to look like, 0 to 255.")
    measured_rgb: Row3 = Field(title="Measured", description="What it looked like, shading undone.")
    white_balance: tuple[Gain, Gain, Gain] = Field(title="White balance", description="Factors for R, G, B.")
    gains: tuple[tuple[Gain, ...], ...] = Field(
        min_length=2, max_length=64, title="Gains", description="Rows of factors, 1 in the mean."
    )
    pictures: int = Field(ge=1, title="Pictures", description="How many pictures of the empty belt.")
    residual_percent: float = Field(
        ge=0, title="Residual", description="RMS unevenness of the empty belt that the gains leave, in percent."
    )

    @model_validator(mode="after")
    def _grid_is_a_grid(self) -> Self:
        widths = {len(row) for row in self.gains}
        if len(widths) != 1 or not 2 <= min(widths) <= 64:
            raise ValueError(f"rows of {', '.join(map(str, sorted(widths)))} gains; all need the same 2 to 64")
        return self


class Calibrations(_Record):
    """What a line has of them."""

    camera: CameraCalibration | None = None
    belt: BeltCalibration | None = None
    light: LightCalibration | None = None


def camera_name(camera: CameraConfig) -> str:
    """What tells a camera from others by its configuration: `genicam serial=42`, `opencv device=0`, `sim`."""
    known = [(key, getattr(camera, key, None)) for key in _IDENTIFYING]
    told = [f"{key}={getattr(value, 'name', value)}" for key, value in known if value is not None]
    # A serial number says it all; the index may change with what else is plugged in.
    serial = [text for text in told if text.startswith("serial=")]
    return " ".join([camera.backend, *(serial or told)])
