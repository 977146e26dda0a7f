"""GenICam cameras for the driver process: settings, triggers, pictures and their numbers. Every call may block."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator, Retryable
from vision.capture_reader import Taken
from vision.frame_numbers import FrameNumbers
from vision.genicam_config import AravisConfig, GenicamConfig, GenicamSettings
from vision.genicam_nodes import Nodes, apply_settings
from vision.pixel_formats import to_bgr

_GRAB_S = 0.25
"""How long one look for a picture takes at most: what the source hears of a silent camera."""


@dataclass(frozen=True, slots=True)
class Grabbed:
    """A whole picture as the camera sent it. `raw` (uint8) belongs to the driver until its next call."""

    raw: NDArray[np.uint8]
    pixel_format: str
    rows: int
    columns: int
    frame_id: int
    count: int | None


class Driver(Protocol):
    """A library that reaches a camera. Whatever it raises that is not ours is a lost camera."""

    def connect(self) -> Nodes:
        """Find and open the camera. Raises NeedsOperator, or Retryable `camera.unreachable`."""
        ...

    def start(self) -> None:
        """Start acquisition."""
        ...

    def sends_gige_16_bit_ids(self) -> bool:
        """Whether frame ids are those of GigE Vision without extended ids."""
        ...

    def grab(self, timeout_s: float) -> Grabbed | None:
        """The next whole picture, None where none came in time or only an incomplete one."""
        ...

    def release(self) -> None:
        """Stop acquisition and close the camera, opened or not."""
        ...


class GenicamReader:
    """`CaptureReader` of a GenICam camera, whichever library drives it."""

    def __init__(self, config: GenicamSettings, origin: str, driver: Driver, clock: Callable[[], float]) -> None:
        self._config = config
        self._origin = origin
        self._driver = driver
        self._clock = clock
        self._nodes: Nodes | None = None
        self._numbers = FrameNumbers(gige_16_bit=False)
        self._first: Taken | None = None
        self._next_trigger_s = 0.0
        self._pause = threading.Event()

    def open(self) -> None:
        """Open, set and start the camera, and wait for its first picture unless silence is normal.

        Raises NeedsOperator `camera.setting`, `camera.picture_size`, `camera.pixel_format`, `camera.encoder`
        and what the driver raises; Retryable `camera.unreachable`.
        """
        config = self._config
        give_up_s = self._clock() + 0.8 * config.open_timeout_s  # before the process is killed for it
        self._nodes = self._driver.connect()
        apply_settings(self._nodes, config)
        if config.frame_ids == "auto":
            self._numbers = FrameNumbers(gige_16_bit=self._driver.sends_gige_16_bit_ids())
        else:
            self._numbers = FrameNumbers(gige_16_bit=config.frame_ids == "gige_16_bit")
        self._driver.start()
        self._next_trigger_s = self._clock()
        while self._first is None and not config.idle_is_normal:
            self._first = self._take()
            if self._first is None and self._clock() > give_up_s:
                raise Retryable(
                    "camera.unreachable",
                    f"The camera {self._origin} was opened and started, and sends no whole picture.",
                    "Check its trigger, cable and packet size; a camera that waits for the belt needs idle_is_normal.",
                )

    def read(self) -> Taken | None:
        """The next picture; None after a spell without one. Raises as `open`, and Retryable `camera.lost`."""
        first, self._first = self._first, None
        return first or self._take()

    def release(self) -> None:
        """Give the camera back."""
        self._nodes = None  # Aravis closes a camera with the last reference to it
        self._driver.release()

    def _take(self) -> Taken | None:
        if self._config.trigger is not None and self._config.trigger.source == "Software":
            self._trigger()
        grabbed = self._driver.grab(_GRAB_S)
        if grabbed is None:
            return None
        if grabbed.rows != self._config.rows:
            raise NeedsOperator(
                "camera.picture_size",
                f"The camera sends {grabbed.rows} rows of {grabbed.columns} pixels, {self._config.rows} rows are "
                "configured.",
                "Correct camera.view_along_mm, camera.mm_per_px or the camera's Height.",
            )
        if self._config.encoder_chunk is not None and grabbed.count is None:
            raise NeedsOperator(
                "camera.encoder",
                f"The camera sends no {self._config.encoder_chunk} with its pictures.",
                "Correct camera.encoder_chunk, or state camera.speed_mm_s instead.",
            )
        pixels = to_bgr(grabbed.raw, grabbed.pixel_format, grabbed.rows, grabbed.columns)
        count = None if grabbed.count is None else grabbed.count % 2**32
        return Taken(pixels, self._numbers.number(grabbed.frame_id), count)

    def _trigger(self) -> None:
        """Wait for the next trigger's time and give it."""
        assert self._nodes is not None
        assert self._config.frame_rate_hz is not None
        self._pause.wait(max(0.0, self._next_trigger_s - self._clock()))
        self._next_trigger_s = max(self._next_trigger_s + 1 / self._config.frame_rate_hz, self._clock())
        self._nodes.execute("TriggerSoftware")


def genicam_reader(backend: str, config_json: str, clock: Callable[[], float]) -> GenicamReader:
    """The reader of backend `genicam` or `aravis`; its library is imported when it is opened."""
    if backend == "aravis":
        from vision.aravis_driver import AravisDriver

        aravis = AravisConfig.model_validate_json(config_json)
        return GenicamReader(aravis, aravis.shown_origin, AravisDriver(aravis), clock)
    from vision.gentl_driver import GentlDriver

    gentl = GenicamConfig.model_validate_json(config_json)
    return GenicamReader(gentl, gentl.shown_origin, GentlDriver(gentl), clock)
