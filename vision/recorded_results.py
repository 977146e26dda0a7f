"""The vision loop of a line that is recorded: every result, and behind it the frame it was made of."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import Self

from senbetsu_errors import Fatal
from vision.crop_desk import CropDesk
from vision.frame import Frame
from vision.health import PictureHealth
from vision.pipeline import FrameVision
from vision.recorded_frame import FrameBlob, FrameEncoding, encode_frame
from vision.results import FrameResult, Idle
from vision.source import FrameSource
from vision.worker import frame_results


async def results_and_frames(
    source: FrameSource,
    pipeline: FrameVision,
    encoding: FrameEncoding,
    *,
    preview_hz: float = 5.0,
    health: PictureHealth | None = None,
    desk: CropDesk | None = None,
) -> AsyncGenerator[FrameResult | Idle | FrameBlob, None]:
    """As `frame_results`, each result followed by its frame.

    The frame is compressed only after its result has been taken, so that recording delays no order.
    Frames that were not processed are not recorded: a replay sees what the line saw.
    """
    tap = _Tap(source)
    recorded: int | None = None
    async with aclosing(frame_results(tap, pipeline, preview_hz=preview_hz, health=health, desk=desk)) as results:
        async for result in results:
            yield result
            # A source that ended may give a second result of its last frame.
            if isinstance(result, FrameResult) and result.frame_sequence != recorded:
                recorded = result.frame_sequence
                yield FrameBlob(encode_frame(tap.newest(result.frame_sequence), encoding))


class _Tap:
    """A source that remembers the frame it handed over last."""

    def __init__(self, source: FrameSource) -> None:
        self.dropped = source.dropped
        self._source = source
        self._frames = aiter(source)
        self._newest: Frame | None = None

    def newest(self, sequence: int) -> Frame:
        if self._newest is None or self._newest.sequence != sequence:
            raise Fatal("recording.tap", f"Vision gave a result for frame {sequence}, which is not the newest one.")
        return self._newest

    async def __aenter__(self) -> Self:
        await self._source.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._source.__aexit__(kind, error, trace)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        self._newest = await anext(self._frames)
        self.dropped = self._source.dropped
        return self._newest
