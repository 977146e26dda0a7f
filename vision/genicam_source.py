"""Industrial cameras: by a vendor's GenTL producer (`genicam`) or by Aravis (`aravis`)."""

from collections.abc import AsyncGenerator
from types import TracebackType
from typing import ClassVar, Self

from vision.capture import CaptureProcess, CaptureRequest, Picture
from vision.frame import EncoderStamp, Frame
from vision.genicam_config import AravisConfig, GenicamConfig, GenicamSettings


class _IndustrialSource:
    """Frames of one GenICam camera, driven by a process of its own (`vision.capture`).

    `Frame.sequence` is the camera's own exposure number, from 0 at the first frame after opening: what was
    lost on the way or in the queue leaves a gap and is counted in `dropped`. The encoder count is the
    camera's own chunk ("latched"), or worked out ("estimated"): from the strips' numbers where the encoder
    triggers them and the PLC's latch will replace it, else from the stated belt speed.

    Raises from `__aenter__` and from iteration NeedsOperator `camera.setting`, `camera.picture_size`,
    `camera.pixel_format`, `camera.encoder` and the backend's own; Retryable `camera.unreachable` (at opening)
    and `camera.lost`.
    """

    Config: ClassVar[type[GenicamSettings]]

    def __init__(self, config: GenicamConfig | AravisConfig, counts_per_mm: float) -> None:
        self.dropped = 0
        self._config = config
        self._counts_per_mm = counts_per_mm
        self._camera = CaptureProcess(
            CaptureRequest(
                backend=config.backend,
                config_json=config.model_dump_json(),
                origin=config.shown_origin,
                waiting=config.queue_frames,
                open_within_s=config.open_timeout_s,
                silent_within_s=config.lost_after_s,
                lost_after_s=None if config.idle_is_normal else config.lost_after_s,
            )
        )

    async def __aenter__(self) -> Self:
        try:
            await self._camera.open()
        except BaseException:
            await self._camera.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._camera.close()

    async def __aiter__(self) -> AsyncGenerator[Frame, None]:
        due = 0
        while True:
            picture = await self._camera.next()
            # A number that was there before is told on: whoever checks freshness counts it.
            self.dropped += max(0, picture.number - due)
            due = max(due, picture.number + 1)
            yield Frame({"color": picture.pixels}, self._stamp(picture), picture.captured_at_s, picture.number)

    def _stamp(self, picture: Picture) -> EncoderStamp:
        config = self._config
        if picture.count is not None:
            return EncoderStamp(picture.count, "latched")
        if config.speed_mm_s is not None:
            # By the clock's own time: the count goes on over a loss of the camera.
            along_mm = picture.captured_at_s * config.speed_mm_s
        else:
            along_mm = picture.number * config.view_along_mm
        uncertainty_counts = config.encoder_uncertainty_mm * self._counts_per_mm
        return EncoderStamp(round(along_mm * self._counts_per_mm) % 2**32, "estimated", uncertainty_counts)


class GenicamSource(_IndustrialSource):
    """`FrameSource` of a camera behind a GenTL producer; further errors: NeedsOperator `camera.genicam_missing`
    without the optional extra, `camera.missing`."""

    Config = GenicamConfig


class AravisSource(_IndustrialSource):
    """`FrameSource` of a camera reached by Aravis; further error: NeedsOperator `camera.aravis_missing`."""

    Config = AravisConfig
