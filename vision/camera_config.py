"""What every camera has in its configuration, whichever backend drives it."""

from typing import Literal

from pydantic import BaseModel, Field

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

    @property
    def rows(self) -> int:
        """Rows that a picture of `view_along_mm` has."""
        return round(self.view_along_mm / self.mm_per_px)
