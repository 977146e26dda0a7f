"""The vision loop: frames of one source through one pipeline, or a sign that it is alive."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

from vision.crop_desk import CropDesk
from vision.frame import Frame
from vision.freshness import FreshnessGate
from vision.health import PictureHealth
from vision.pipeline import FrameVision
from vision.results import CropAnswer, FrameResult, Idle, PictureSample
from vision.source import FrameSource


async def frame_results(
    source: FrameSource,
    pipeline: FrameVision,
    *,
    idle_after_s: float = 0.1,
    preview_hz: float = 5.0,
    health: PictureHealth | None = None,
    desk: CropDesk | None = None,
) -> AsyncGenerator[FrameResult | Idle, None]:
    """Results of an opened source until it ends; an `Idle` after every `idle_after_s` without a frame.

    Every few pictures `health` looks at one; `desk` keeps the pictures and answers requests for parts of them.
    Frames that are not fresh are counted as dropped and not processed. Times are the running loop's
    clock, and no thread is used, so it runs the same in virtual time. Whoever stops before the end
    closes the iterator (`contextlib.aclosing`). Where the source ends within parts of a line scan, a last result of
    the last frame brings them, `oversize`. Raises what the source and the pipeline raise, and
    Retryable `camera.frozen` for a camera that repeats itself.
    """
    loop = asyncio.get_running_loop()
    gate = FreshnessGate()
    frames = aiter(source)
    next_preview_s = loop.time()
    preview: bytes | None = None
    sample: PictureSample | None = None
    crops: tuple[CropAnswer, ...] = ()
    seen = 0
    newest: FrameResult | None = None
    pending: asyncio.Task[Frame | None] | None = None
    try:
        while True:
            pending = pending or asyncio.create_task(_next_or_none(frames), name="next frame")
            done, _ = await asyncio.wait({pending}, timeout=idle_after_s)
            if not done:
                yield Idle(loop.time(), source.dropped + gate.rejected)
                continue
            frame = pending.result()
            pending = None
            if frame is None:
                left = pipeline.flush()
                if newest is not None and left is not None:
                    yield replace(
                        newest,
                        finished_at_s=loop.time(),
                        detections=left,
                        preview_jpeg=None,
                        health=None,
                        crops=(),
                        shadow=None,
                    )
                return
            seen += 1
            if not gate.is_fresh(frame):
                continue
            detections = pipeline.process(frame)
            newest = FrameResult(
                frame_sequence=frame.sequence,
                encoder=frame.encoder,
                captured_at_s=frame.captured_at_s,
                finished_at_s=loop.time(),
                dropped=source.dropped + gate.rejected,
                view_along_mm=pipeline.view_along_mm,
                detections=detections,
                preview_jpeg=preview,
                health=sample,
                crops=crops,
                shadow=pipeline.shadow.due_report(loop.time()) if pipeline.shadow else None,
            )
            yield newest
            # Made after the result is out, and sent with the next one: people wait, orders do not.
            preview, sample, crops = None, None, ()
            if health is not None and health.due():
                sample = replace(health.look(frame.color, detections), frames=seen, stale_frames=gate.rejected)
            if desk is not None:
                desk.keep(frame)
                crops = desk.answers()
            if preview_hz > 0 and loop.time() >= next_preview_s:
                preview = pipeline.preview(frame)
                next_preview_s = loop.time() + 1 / preview_hz
            if pipeline.shadow:
                pipeline.shadow.work(loop.time)
    finally:
        if pending is not None:
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)


async def _next_or_none(frames: AsyncIterator[Frame]) -> Frame | None:
    # A task cannot end with StopAsyncIteration.
    return await anext(frames, None)
