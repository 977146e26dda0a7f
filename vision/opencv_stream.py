"""Streams and V4L2 devices through OpenCV, for the camera's driver process. Every call may block."""

import os
import stat
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator, Retryable
from vision.capture_reader import Taken
from vision.opencv_config import OpencvConfig
from vision.opencv_readers import oriented


class StreamReader:
    """The newest pictures of a stream or a device, turned so that the belt runs up.

    FFmpeg and V4L2 get the configured times as well, so that in most cases the driver itself says what it
    waited for; the process around it is killed where they do not keep to them.
    """

    def __init__(self, config: OpencvConfig) -> None:
        self._config = config
        self._capture: cv2.VideoCapture | None = None
        self._first: NDArray[np.uint8] | None = None
        self._number = 0
        self._shape: tuple[int, ...] | None = None

    def open(self) -> None:
        """Raises Retryable `camera.unreachable`; NeedsOperator `camera.missing`, `camera.password`,
        `camera.setting` and, for the first picture, `camera.picture_size`."""
        config = self._config
        self._capture = cv2.VideoCapture()
        opened = self._open_device(self._capture) if config.device is not None else self._open_stream(self._capture)
        if not opened:
            raise Retryable(
                "camera.unreachable",
                f"The camera {config.shown_origin} does not answer as a camera.",
                "Check its power, its cable, its address and who else uses it; it is tried again.",
            )
        self._first = self._picture()

    def read(self) -> Taken | None:
        """The next picture. Raises Retryable `camera.lost`, NeedsOperator `camera.picture_size`."""
        first, self._first = self._first, None
        taken = Taken(self._picture() if first is None else first, self._number)
        self._number += 1
        return taken

    def release(self) -> None:
        """Hang up."""
        if self._capture is not None:
            self._capture.release()

    def _picture(self) -> NDArray[np.uint8]:
        done, picture = self._capture.read() if self._capture is not None else (False, None)
        if not done or picture is None:
            raise Retryable(
                "camera.lost",
                f"The camera {self._config.shown_origin} stopped delivering.",
                "Check its power and cable; it is being reconnected.",
            )
        picture = oriented(picture.astype(np.uint8, copy=False), self._config, self._shape)
        self._shape = picture.shape
        return picture

    def _open_stream(self, capture: cv2.VideoCapture) -> bool:
        config = self._config
        # Read by OpenCV at opening, in this process only.
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = f"rtsp_transport;{config.rtsp_transport}"
        timeouts = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            round(config.open_timeout_s * 1000),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            round(config.read_timeout_s * 1000),
        ]
        return capture.open(config.full_url(), cv2.CAP_FFMPEG, timeouts)

    def _open_device(self, capture: cv2.VideoCapture) -> bool:
        config = self._config
        path = Path(f"/dev/video{config.device}") if isinstance(config.device, int) else Path(config.device or "")
        if path.exists() and not stat.S_ISCHR(path.stat().st_mode):
            raise NeedsOperator("camera.missing", f"{path} is no device.", "Correct camera.device.")
        os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] = str(max(1, round(config.read_timeout_s)))
        if not path.exists() or not capture.open(str(path), cv2.CAP_V4L2):
            return False
        asked = {
            "device_format": (cv2.CAP_PROP_FOURCC, _fourcc(config.device_format)),
            "device_width_px": (cv2.CAP_PROP_FRAME_WIDTH, config.device_width_px),
            "device_height_px": (cv2.CAP_PROP_FRAME_HEIGHT, config.device_height_px),
            "frame_rate_hz": (cv2.CAP_PROP_FPS, config.frame_rate_hz),
        }
        # Width and height are taken together, so what came of it all is looked at afterwards.
        for key, value in asked.values():
            if value is not None:
                capture.set(key, value)
        refused = [
            n for n, (key, value) in asked.items() if value is not None and round(capture.get(key)) != round(value)
        ]
        if refused:
            raise NeedsOperator(
                "camera.setting",
                f"{path} does not take {', '.join(f'camera.{name}' for name in refused)}.",
                f"See what it can do: v4l2-ctl --device {path} --list-formats-ext.",
            )
        return True


def _fourcc(letters: str | None) -> int | None:
    return None if letters is None else int.from_bytes(letters.encode("ascii"), "little")
