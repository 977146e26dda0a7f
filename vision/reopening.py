"""Results of a camera that may be lost: it is opened again and again, and says where it stands."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

import structlog

from senbetsu_errors import Retryable
from vision.camera_state import CameraChange, CameraState, CameraWatch
from vision.crop_desk import CropDesk
from vision.health import PictureHealth
from vision.pipeline import FrameVision
from vision.recorded_frame import FrameBlob, FrameEncoding
from vision.recorded_results import results_and_frames
from vision.results import FrameResult, Idle
from vision.source import FrameSource
from vision.worker import frame_results

log = structlog.get_logger("camera")

CameraMessage = FrameResult | Idle | FrameBlob | CameraChange


async def reopened_results(
    make_source: Callable[[], FrameSource],
    pipeline: FrameVision,
    *,
    preview_hz: float,
    send_frames: FrameEncoding | None = None,
    health: PictureHealth | None = None,
    desk: CropDesk | None = None,
) -> AsyncGenerator[CameraMessage, None]:
    """Results until the source ends; the camera's state first and then each change of it.

    With `send_frames` each result is followed by its frame, for a recorder; `health` and `desk` as in
    `frame_results`. A loss is logged once and its
    recovery once. While the camera is away nothing but the change is yielded, so the line sees no sign of
    life and stops the belt. What was dropped before a loss stays counted. Raises what cannot be helped by
    opening the camera again.
    """
    loop = asyncio.get_running_loop()
    watch = CameraWatch(loop.time())
    yield watch.newest
    dropped_before = 0
    while True:
        dropped = 0
        try:
            async with make_source() as source:
                running = (
                    results_and_frames(source, pipeline, send_frames, preview_hz=preview_hz, health=health, desk=desk)
                    if send_frames
                    else frame_results(source, pipeline, preview_hz=preview_hz, health=health, desk=desk)
                )
                async with aclosing(running) as results:
                    async for result in results:
                        if isinstance(result, FrameBlob):
                            yield result
                            continue
                        # An idle camera is alive too, once it was opened: encoder-triggered, over a standing belt.
                        away = watch.newest
                        change = watch.delivered(loop.time())
                        if change is not None:
                            if away.state is CameraState.LOST:
                                log.info("camera is back", after_s=round(change.downtime_s - away.downtime_s, 1))
                            yield change
                        dropped = result.dropped
                        yield replace(result, dropped=dropped_before + dropped)
            yield watch.ended(loop.time())
            return
        except Retryable as error:
            dropped_before += dropped
            change, wait_s = watch.lost(error, loop.time())
            if change is not None:
                log.error("camera lost", code=error.code, reason=error.message)
                yield change
            await asyncio.sleep(wait_s)
