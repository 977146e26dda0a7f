"""Industrial cameras through GenICam (GigE Vision, USB3 Vision, CoaXPress), by a vendor's GenTL producer."""

import asyncio
import importlib
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from senbetsu_errors import NeedsOperator, Retryable
from vision.camera_config import CameraConfig
from vision.frame import EncoderStamp, Frame

_QUEUE = 2  # frames; the oldest is dropped and counted
_FETCH_TIMEOUT_S = 1.0
_TO_BGR = {
    "Mono8": cv2.COLOR_GRAY2BGR,
    "RGB8": cv2.COLOR_RGB2BGR,
    "RGB8Packed": cv2.COLOR_RGB2BGR,
    "BGR8": None,
    "RGBa8": cv2.COLOR_RGBA2BGR,
    "BGRa8": cv2.COLOR_BGRA2BGR,
    # OpenCV names a mosaic by its second row, GenICam by its first.
    "BayerRG8": cv2.COLOR_BayerBG2BGR,
    "BayerGR8": cv2.COLOR_BayerGB2BGR,
    "BayerGB8": cv2.COLOR_BayerGR2BGR,
    "BayerBG8": cv2.COLOR_BayerRG2BGR,
}
_CHANNELS = {"RGB8": 3, "RGB8Packed": 3, "BGR8": 3, "RGBa8": 4, "BGRa8": 4}
_T = TypeVar("_T")


class GenicamSource:
    """Frames of one GenICam camera.

    The encoder count is the camera's own chunk value (`ChunkEncoderValue`, then "latched") where it
    sends one, else worked out from the stated belt speed ("estimated"). A thread of its own fetches
    the buffers and keeps the newest; what nobody took in time is counted in `dropped`.

    Raises NeedsOperator from `__aenter__`: `camera.genicam_missing` without the optional extra,
    `camera.missing`, `camera.picture_size`, `camera.pixel_format`; Retryable `camera.lost` from
    iteration.
    """

    class Config(CameraConfig, frozen=True, extra="forbid"):
        """The camera section of a line with a GenICam camera."""

        backend: Literal["genicam"]  # pyright: ignore[reportIncompatibleVariableOverride]
        cti: Path = Field(title="GenTL producer", description="The vendor's producer file, ending in .cti.")
        serial: str | None = Field(default=None, title="Serial number", description="Of the camera; needs no index.")
        index: int = Field(default=0, ge=0, title="Index", description="Which camera, where no serial number is given.")
        speed_mm_s: float | None = Field(
            default=None, gt=0, title="Belt speed", description="To estimate the count where the camera sends none."
        )
        encoder_uncertainty_mm: float = Field(
            default=2.0, ge=0, title="Encoder uncertainty", description="How far off an estimated position may be."
        )
        lost_after_s: float = Field(
            default=5.0, gt=0, title="Lost after", description="Silence from which the camera counts as lost."
        )
        idle_is_normal: bool = Field(
            default=False,
            title="Silence is normal",
            description="True for a camera that the encoder triggers: over a standing belt it sends nothing.",
        )

        @model_validator(mode="after")
        def _producer_is_a_cti(self) -> Self:
            if self.cti.suffix != ".cti":
                raise ValueError(f"a GenTL producer ends in .cti, found {self.cti.name}")
            return self

    def __init__(self, config: Config, counts_per_mm: float) -> None:
        self.dropped = 0
        self._config = config
        self._counts_per_mm = counts_per_mm
        self._thread: ThreadPoolExecutor | None = None
        self._harvester: Any = None
        self._camera: Any = None
        self._stop = threading.Event()

    async def __aenter__(self) -> Self:
        self._stop.clear()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="genicam camera")
        try:
            await self._in_thread(self._open)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def __aiter__(self) -> AsyncGenerator[Frame, None]:
        loop = asyncio.get_running_loop()
        latest: deque[Frame] = deque()
        changed = asyncio.Event()
        started_s = loop.time()

        def keep(frame: Frame) -> None:
            if len(latest) == _QUEUE:
                latest.popleft()
                self.dropped += 1
            latest.append(frame)
            changed.set()

        def pump() -> None:
            """Runs in the camera's thread until the source is closed or the camera fails."""
            sequence = 0
            heard_s = loop.time()
            while not self._stop.is_set():
                fetched = self._fetch()
                now_s = loop.time()
                if fetched is None:
                    if not self._config.idle_is_normal and now_s - heard_s > self._config.lost_after_s:
                        raise Retryable(
                            "camera.lost",
                            f"The GenICam camera sent nothing for {now_s - heard_s:.1f} s.",
                            "Check its power, cable and trigger; it is being reconnected.",
                        )
                    continue
                heard_s = now_s
                picture, chunk_count = fetched
                stamp = self._stamp(chunk_count, now_s - started_s)
                loop.call_soon_threadsafe(keep, Frame({"color": picture}, stamp, now_s, sequence))
                sequence += 1

        pumping = asyncio.ensure_future(self._in_thread(pump))
        pumping.add_done_callback(lambda _: changed.set())
        try:
            while True:
                await changed.wait()
                changed.clear()
                while latest:
                    yield latest.popleft()
                if pumping.done():
                    pumping.result()
                    return
        finally:
            self._stop.set()
            await asyncio.gather(pumping, return_exceptions=True)

    def _open(self) -> None:
        try:
            harvester_type: Any = importlib.import_module("harvesters.core").Harvester
        except ImportError as error:
            raise NeedsOperator(
                "camera.genicam_missing",
                f"The GenICam library is not installed: {error}.",
                "Install the optional extra: pip install 'senbetsu[genicam]'.",
            ) from error
        config = self._config
        if not config.cti.is_file():
            raise NeedsOperator(
                "camera.missing", f"There is no GenTL producer {config.cti}.", "Install the camera vendor's software."
            )
        self._harvester = harvester_type()
        found: list[str] = []
        try:
            self._harvester.add_file(str(config.cti), check_existence=True, check_validity=True)
            self._harvester.update()
            found = [str(device.serial_number) for device in self._harvester.device_info_list]
            self._camera = self._harvester.create({"serial_number": config.serial} if config.serial else config.index)
        except Exception as error:  # GenTL producers raise their vendors' own types
            raise NeedsOperator(
                "camera.missing",
                f"The camera {config.serial or config.index} cannot be opened through {config.cti.name}: {error}.",
                f"Cameras found: {', '.join(found) or 'none'}.",
            ) from error
        self._camera.start()

    def _fetch(self) -> tuple[NDArray[np.uint8], int | None] | None:
        """The next picture H x W x 3 uint8 BGR with its chunk encoder count; None after a second of silence."""
        timeout_error: Any = importlib.import_module("genicam.gentl").TimeoutException
        try:
            buffer = self._camera.fetch(timeout=_FETCH_TIMEOUT_S)
        except timeout_error:
            return None
        except Exception as error:  # GenTL producers raise their vendors' own types
            raise Retryable(
                "camera.lost", f"The GenICam camera failed: {error}.", "It is being reconnected."
            ) from error
        if buffer is None:
            return None
        with buffer:
            component = buffer.payload.components[0]
            pixel_format = str(component.data_format)
            if pixel_format not in _TO_BGR:
                raise NeedsOperator(
                    "camera.pixel_format",
                    f"The camera sends {pixel_format}.",
                    f"Set its PixelFormat to one of {', '.join(_TO_BGR)}.",
                )
            height, width = int(component.height), int(component.width)
            shape = (height, width, _CHANNELS[pixel_format]) if pixel_format in _CHANNELS else (height, width)
            raw = np.asarray(component.data, np.uint8).reshape(shape)
            code = _TO_BGR[pixel_format]
            # The buffer goes back to the camera: the picture must be a copy.
            picture = raw.copy() if code is None else cv2.cvtColor(raw, code).astype(np.uint8, copy=False)
            count = self._chunk_count()
        if height != self._config.rows:
            raise NeedsOperator(
                "camera.picture_size",
                f"The camera sends {height} rows of {width} pixels, {self._config.rows} rows are configured.",
                "Correct camera.view_along_mm, camera.mm_per_px or the camera's Height.",
            )
        return picture, count

    def _chunk_count(self) -> int | None:
        """The encoder count the camera latched at exposure, if it sends one."""
        node_map = self._camera.remote_device.node_map
        if not hasattr(node_map, "ChunkEncoderValue"):
            return None
        try:
            return int(node_map.ChunkEncoderValue.value)
        except Exception:  # noqa: BLE001  # a chunk that is declared and switched off raises a vendor's type
            return None

    def _stamp(self, chunk_count: int | None, running_s: float) -> EncoderStamp:
        if chunk_count is not None:
            return EncoderStamp(chunk_count % 2**32, "latched")
        if self._config.speed_mm_s is None:
            raise NeedsOperator(
                "camera.encoder",
                "The camera sends no encoder count and no belt speed is stated.",
                "Switch ChunkEncoderValue on in the camera, or state camera.speed_mm_s.",
            )
        count = round(running_s * self._config.speed_mm_s * self._counts_per_mm)
        return EncoderStamp(count % 2**32, "estimated", self._config.encoder_uncertainty_mm * self._counts_per_mm)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        if self._thread is None:
            raise NeedsOperator("camera.closed", "The GenICam camera is not open.", "Open the source first.")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _close(self) -> None:
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._release)
            thread.shutdown()

    def _release(self) -> None:
        camera, self._camera = self._camera, None
        harvester, self._harvester = self._harvester, None
        if camera is not None:
            camera.destroy()
        if harvester is not None:
            harvester.reset()
