"""What every camera has in its configuration, whichever backend drives it."""

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

CameraGeometry = Literal["area_scan", "line_scan"]


class CameraConfig(BaseModel, frozen=True, extra="forbid"):
    """The camera's place over the belt. A backend's `Config` inherits it and narrows `backend`."""

    backend: str = Field(
        title="Backend", description="Registered name of the frame source: opencv, genicam, recording, sim, ..."
    )
    geometry: CameraGeometry = Field(
        title="Geometry",
        description="area_scan: overlapping pictures, a part is seen several times. "
        "line_scan: strips that follow each other without overlap.",
    )
    mm_per_px: float = Field(
        gt=0, le=50, title="Resolution", description="Millimetres of belt per pixel, the same along and across."
    )
    view_along_mm: float = Field(
        gt=0,
        title="View along the belt",
        description="Extent of one picture along the belt; for line_scan the length of one strip.",
    )
    across_start_mm: float = Field(
        default=0.0,
        title="First column",
        description="Distance of the picture's left edge from the belt's left edge, seen in transport direction.",
    )
    frame_rate_hz: float | None = Field(
        default=None,
        gt=0,
        title="Frame rate",
        description="Pictures a second at full belt speed; empty where the camera or the file decides.",
    )
    encoder_from: Literal["frame", "plc_trigger"] = Field(
        default="frame",
        title="Encoder count from",
        description="frame: the count that comes with each picture, or that the source works out. plc_trigger: the "
        "count that the PLC latched at the camera's exposure output, matched by trigger number.",
    )
    exposure_latency_min_ms: float = Field(
        default=0.0,
        ge=-1000,
        le=10_000,
        title="Shortest time from exposure to picture",
        description="For plc_trigger: no picture is there sooner after its exposure.",
    )
    exposure_latency_max_ms: float = Field(
        default=25.0,
        ge=-1000,
        le=10_000,
        title="Longest time from exposure to picture",
        description="For plc_trigger: exposure, readout and transfer; a picture that takes longer is left out.",
    )

    @model_validator(mode="after")
    def _latencies_are_in_order(self) -> Self:
        if self.exposure_latency_min_ms > self.exposure_latency_max_ms:
            raise ValueError(
                f"exposure_latency_min_ms ({self.exposure_latency_min_ms:g}) is above exposure_latency_max_ms "
                f"({self.exposure_latency_max_ms:g})"
            )
        return self

    @property
    def rows(self) -> int:
        """Rows that a picture of `view_along_mm` has."""
        return round(self.view_along_mm / self.mm_per_px)
