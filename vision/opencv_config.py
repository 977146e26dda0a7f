"""The camera section of a line with an OpenCV camera."""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, model_validator

from senbetsu_errors import NeedsOperator
from vision.camera_config import CameraConfig

_STREAM_SCHEMES = ("rtsp", "rtsps", "http", "https", "udp", "rtp")

_TRIED = {
    "rtsp": "tried against GStreamer's RTSP server: Motion JPEG, H.264 and H.265 over tcp, H.264 over udp",
    "http": "tried against FFmpeg's HTTP server: multipart JPEG",
    "path": "tried with videos of Motion JPEG in AVI and MPEG-4 in MP4",
    "images": "tried with JPEG and PNG files",
    "device": "NOT TRIED with a real device: try it, and its loss, before you rely on it",
}
"""What each way to pictures was tested with (tests/vision/test_opencv_live.py, test_opencv_source.py)."""


class OpencvConfig(CameraConfig, frozen=True, extra="forbid"):
    """A file, a folder, a stream or a V4L2 device; exactly one of path, images, url, device."""

    backend: Literal["opencv"]  # pyright: ignore[reportIncompatibleVariableOverride]
    path: Path | None = Field(default=None, title="Video file", description="A video to play as if it were live.")
    images: Path | None = Field(
        default=None,
        title="Picture folder",
        description="A folder of pictures, played in the order of their names.",
    )
    url: str | None = Field(
        default=None, title="Stream", description="Address of a stream: rtsp://, rtsps://, http://, https://, udp://."
    )
    device: int | str | None = Field(
        default=None,
        title="Device",
        description="Number of a V4L2 device, or its path: /dev/v4l/by-id/... stays the same after a restart.",
    )
    speed_mm_s: float = Field(
        gt=0, title="Belt speed", description="The constant speed of the belt, from which the count is worked out."
    )
    encoder_uncertainty_mm: float = Field(
        default=2.0, ge=0, title="Encoder uncertainty", description="How far off the estimated position may be."
    )
    travel: Literal["up", "down", "left", "right"] = Field(
        default="up",
        title="Direction of travel",
        description="Where the belt runs to in the camera's picture; it is turned so that it runs up.",
    )
    loop: bool = Field(default=False, title="Loop", description="Start a file again when it ends.")
    realtime: bool = Field(
        default=True, title="Real time", description="Pace a file by its frame rate, or give frames when asked."
    )
    open_timeout_s: float = Field(
        default=10.0,
        ge=0.1,
        le=120,
        title="Time to open",
        description="How long a stream or a device may take to open and send its first picture.",
    )
    read_timeout_s: float = Field(
        default=2.0,
        ge=0.1,
        le=120,
        title="Time between pictures",
        description="Silence of a stream or a device from which it counts as lost and is opened again.",
    )
    rtsp_transport: Literal["tcp", "udp"] = Field(
        default="tcp",
        title="RTSP transport",
        description="tcp loses nothing; udp loses packets rather than time.",
    )
    user: str | None = Field(default=None, title="User", description="User of a stream that asks for one.")
    password_file: Path | None = Field(
        default=None, title="Password file", description="File whose first line is the user's password."
    )
    device_format: str | None = Field(
        default=None,
        pattern="^[A-Z0-9 ]{4}$",
        title="Device format",
        description="Four letters of the V4L2 pixel format to ask for, MJPG or YUYV; empty leaves the driver's.",
    )
    device_width_px: int | None = Field(
        default=None, gt=0, title="Device width", description="Width to ask a V4L2 device for."
    )
    device_height_px: int | None = Field(
        default=None, gt=0, title="Device height", description="Height to ask a V4L2 device for."
    )

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        given = [name for name in ("path", "images", "url", "device") if getattr(self, name) is not None]
        if len(given) != 1:
            found = ", ".join(given) or "none"
            raise ValueError(f"exactly one of path, images, url, device is needed, found {found}")
        if self.images is not None and self.frame_rate_hz is None:
            raise ValueError("a folder of pictures needs frame_rate_hz")
        if isinstance(self.device, int) and self.device < 0:
            raise ValueError(f"device is {self.device}; numbers start at 0")
        # No path of the configuration: it may be unplugged now, and come back.
        if isinstance(self.device, str) and not self.device.startswith("/"):
            raise ValueError(f"device is {self.device!r}; a number or a whole path as /dev/v4l/by-id/... is wanted")
        return self

    @model_validator(mode="after")
    def _stream_can_be_asked_for(self) -> Self:
        if self.url is not None:
            parts = urlsplit(self.url)
            if parts.scheme not in _STREAM_SCHEMES or not parts.hostname:
                raise ValueError(f"url {self.shown_origin!r} is no {', '.join(f'{s}://' for s in _STREAM_SCHEMES)}")
            if parts.username or parts.password:
                raise ValueError("url holds a user; give user and password_file, so that no log shows a password")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file belong together; give both or neither")
        if self.user is not None and self.url is None:
            raise ValueError("user and password_file are for a url")
        asked = [n for n in ("device_format", "device_width_px", "device_height_px") if getattr(self, n) is not None]
        if asked and self.device is None:
            raise ValueError(f"{', '.join(asked)} without a device")
        return self

    @property
    def tried(self) -> str:
        """What this way to pictures was tested with, for whoever is about to rely on it."""
        if self.url is not None:
            scheme = urlsplit(self.url).scheme
            return _TRIED.get(
                scheme, f"NOT TRIED: {scheme}:// is FFmpeg's own; try it, and its loss, before you rely on it"
            )
        return _TRIED[next(name for name in ("path", "images", "device") if getattr(self, name) is not None)]

    @property
    def live(self) -> bool:
        """Whether pictures come when they come: a stream or a device."""
        return self.url is not None or self.device is not None

    @property
    def shown_origin(self) -> str:
        """What people call it; without any password."""
        if self.url is not None:
            parts = urlsplit(self.url)
            return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        return str(next(o for o in (self.path, self.images, self.device) if o is not None))

    def full_url(self) -> str:
        """The stream's address with its user. Raises NeedsOperator `camera.password` for an unreadable file."""
        if self.url is None or self.user is None or self.password_file is None:
            return self.url or ""
        try:
            password = self.password_file.read_text("utf-8").splitlines()[0]
        except (OSError, UnicodeDecodeError, IndexError) as error:
            raise NeedsOperator(
                "camera.password",
                f"The camera's password cannot be read from {self.password_file}: {error}.",
                "Correct camera.password_file; its first line is the password.",
            ) from error
        parts = urlsplit(self.url)
        user = f"{quote(self.user, safe='')}:{quote(password, safe='')}@"
        return urlunsplit(parts._replace(netloc=user + parts.netloc))
