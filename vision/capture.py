"""Live cameras from outside: a driver in a process of its own, asked for its newest picture.

FFmpeg, V4L2 and GenTL producers are others' native code: they may block for as long as a cable is out,
and they may crash. A thread that hangs in one cannot be ended, a process can
(docs/decisions/0037-camera-drivers-in-their-own-process.md).
"""

import asyncio
import contextlib
import os
import socket
import sys
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import Fatal, NeedsOperator, Retryable, SenbetsuError
from vision.capture_wire import receive, send

_START_WITHIN_S = 30.0
"""A Python process that imports OpenCV on a busy machine; the bound on opening the camera comes on top."""

_CLOSE_WITHIN_S = 1.0
_BRANCHES: dict[str, type[SenbetsuError]] = {e.__name__: e for e in (Retryable, NeedsOperator, Fatal)}


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture H x W x 3 uint8 BGR. `number` counts the camera's exposures from 0, a gap is lost ones;
    `captured_at_s` is monotonic, when the driver had it; `count` the raw encoder count the camera sent with
    it, None where it sends none."""

    pixels: NDArray[np.uint8]
    number: int
    captured_at_s: float
    count: int | None


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """Which driver to start and how long to bear with it.

    `backend` and `config_json` say what to open, `origin` what people call it. The driver keeps the newest
    `waiting` pictures. It must open within `open_within_s` and then show life every `silent_within_s`; a
    camera may send nothing for `lost_after_s`, None for ever.
    """

    backend: str
    config_json: str
    origin: str
    waiting: int
    open_within_s: float
    silent_within_s: float
    lost_after_s: float | None


class CaptureProcess:
    """The driver process of one camera.

    Nothing here waits longer than the request allows: a driver that does not answer is killed. The bounds
    are the caller's only protection, and they hold whatever the native code does.
    """

    def __init__(self, request: CaptureRequest) -> None:
        self._request = request
        self._connection: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def open(self) -> None:
        """Start the driver and have it open the camera.

        Raises Retryable `camera.unreachable` where that takes too long, and what the driver raises.
        """
        request = self._request
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._connection = ours
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "vision.capture_child",
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C is for the parent, which ends the driver in order
                # The loss of a camera is said once, by us.
                env={"OPENCV_LOG_LEVEL": "SILENT", "OPENCV_FFMPEG_LOGLEVEL": "-8", **os.environ},
            )
        finally:
            theirs.close()
        await send(ours, {"backend": request.backend, "config": request.config_json, "waiting": request.waiting})
        await self._answer("started", _START_WITHIN_S)
        await self._answer("opened", request.open_within_s)

    async def next(self) -> Picture:
        """The newest picture that was not handed over yet.

        Raises Retryable `camera.lost` for a camera that is silent too long and a driver that hangs or died,
        and what the driver raises.
        """
        request, connection = self._request, self._connection
        if connection is None:
            raise Fatal("camera.closed", f"The camera {request.origin} was asked for a picture before it was opened.")
        loop = asyncio.get_running_loop()
        asked_s = loop.time()
        with contextlib.suppress(ConnectionError):  # a driver that ended left word why
            await send(connection, {"kind": "next"})
        while True:
            try:
                header, body = await self._message(request.silent_within_s)
            except TimeoutError as error:
                raise self._lost(f"sent nothing for {request.silent_within_s:g} s") from error
            if header["kind"] == "picture":
                shape: tuple[int, ...] = tuple(header["shape"])
                if prod(shape) != len(body):
                    raise Fatal("camera.driver_wire", f"A camera's driver sent {len(body)} bytes for {shape} pixels.")
                return Picture(body.reshape(shape), header["number"], header["captured_at_s"], header["count"])
            silent_s = loop.time() - asked_s
            if request.lost_after_s is not None and silent_s > request.lost_after_s:
                raise self._lost(f"sent nothing for {silent_s:.1f} s")

    async def close(self) -> None:
        """Give the camera back; a driver that takes more than a second for that is killed."""
        connection, self._connection = self._connection, None
        process, self._process = self._process, None
        if connection is not None:
            connection.close()
        if process is None:
            return
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_WITHIN_S):
                    await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _answer(self, kind: str, within_s: float) -> None:
        try:
            header, _ = await self._message(within_s)
        except TimeoutError:
            header = {}
        if header.get("kind") != kind:
            raise Retryable(
                "camera.unreachable",
                f"The camera {self._request.origin} could not be opened within {within_s:g} s.",
                "Check its power, its cable and its address; it is tried again.",
            )

    async def _message(self, within_s: float) -> tuple[dict[str, Any], NDArray[np.uint8]]:
        """The driver's next message. Raises TimeoutError, the error it sent, or that it is gone."""
        if self._connection is None:
            raise Fatal("camera.closed", f"The camera {self._request.origin} is not open.")
        try:
            async with asyncio.timeout(within_s):
                header, body = await receive(self._connection)
        except EOFError as error:
            raise await self._gone() from error
        if header["kind"] == "error":
            raise _BRANCHES[header["branch"]](header["code"], header["message"], header["remedy"])
        return header, body

    async def _gone(self) -> Retryable:
        """Why the driver's process ended; it closed its connection, so it ends at once."""
        process = self._process
        code = None if process is None else await process.wait()
        return self._lost(f"cannot be read: its driver's process ended with exit code {code}")

    def _lost(self, what: str) -> Retryable:
        return Retryable(
            "camera.lost",
            f"The camera {self._request.origin} {what}.",
            "Check its power, cable and trigger; it is being reconnected.",
        )
