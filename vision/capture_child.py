"""The process around one camera's driver: `python -m vision.capture_child FD`, started by `vision.capture`.

A thread reads the camera as fast as it delivers and keeps the newest pictures, so that nothing grows old
in a driver's own buffers; the loop hands one over whenever it is asked. What gave way to newer ones shows
as a gap in the numbers. The process ends with its camera, and a second at most after the other side closed
the connection.
"""

import asyncio
import contextlib
import os
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import Fatal, NeedsOperator, Retryable, SenbetsuError
from vision.capture_reader import CaptureReader, make_reader
from vision.capture_wire import receive, send

_RELEASE_WITHIN_S = 1.0


@dataclass(slots=True)
class _Outbox:
    """What the reading thread has for the loop; touched by the loop only."""

    waiting: deque[tuple[dict[str, Any], NDArray[np.uint8]]]
    opened: bool = False
    wanted: bool = False
    closed: bool = False
    silent: bool = False
    error: SenbetsuError | None = None


class _Closed(Exception):
    """The source closed the connection."""


class _Driver:
    """One reader, its thread and its loop."""

    def __init__(self, reader: CaptureReader, waiting: int) -> None:
        self._reader = reader
        self._loop = asyncio.get_running_loop()
        self._outbox = _Outbox(deque(maxlen=waiting))
        self._changed = asyncio.Event()
        self._stopping = threading.Event()
        self._ended = asyncio.Event()

    async def serve(self, connection: socket.socket) -> None:
        """Open, hand pictures over when asked, give the camera back."""
        # A daemon: where the native code hangs, this process ends all the same.
        threading.Thread(target=self._pump, name="camera", daemon=True).start()
        listening = asyncio.create_task(self._listen(connection), name="requests")
        try:
            await self._until(lambda: self._outbox.opened)
            await send(connection, {"kind": "opened"})
            while True:
                await self._until(lambda: self._outbox.wanted)
                self._outbox.wanted = False
                await self._hand_over(connection)
        except SenbetsuError as error:
            told = {"code": error.code, "message": error.message, "remedy": error.remedy}
            await send(connection, {"kind": "error", "branch": _branch(error), **told})
        finally:
            listening.cancel()
            self._stopping.set()
            async with asyncio.timeout(_RELEASE_WITHIN_S):
                await self._ended.wait()

    async def _listen(self, connection: socket.socket) -> None:
        outbox = self._outbox
        try:
            while True:
                await receive(connection)
                outbox.wanted = True
                self._changed.set()
        except EOFError:
            outbox.closed = True
            self._changed.set()

    async def _hand_over(self, connection: socket.socket) -> None:
        """Send the oldest picture that waits, or the next one; say each silent spell."""
        outbox = self._outbox
        outbox.silent = False
        while True:
            await self._until(lambda: bool(outbox.waiting) or outbox.silent)
            if outbox.waiting:
                await send(connection, *outbox.waiting.popleft())
                return
            outbox.silent = False
            await send(connection, {"kind": "silent"})

    async def _until(self, happened: Callable[[], bool]) -> None:
        while not happened():
            if self._outbox.closed:
                raise _Closed
            if self._outbox.error:
                raise self._outbox.error
            self._changed.clear()
            await self._changed.wait()

    def _pump(self) -> None:
        """In the thread: open and read until told to stop or the camera fails."""
        outbox = self._outbox
        try:
            self._reader.open()
            self._tell(lambda: setattr(outbox, "opened", True))
            while not self._stopping.is_set():
                taken = self._reader.read()
                if taken is None:
                    self._tell(lambda: setattr(outbox, "silent", True))
                    continue
                header = {
                    "kind": "picture",
                    "number": taken.number,
                    "captured_at_s": self._loop.time(),
                    "count": taken.count,
                    "shape": taken.pixels.shape,
                }
                self._tell(lambda entry=(header, taken.pixels): outbox.waiting.append(entry))
        except SenbetsuError as error:
            self._tell(lambda error=error: setattr(outbox, "error", error))
        except Exception as error:  # noqa: BLE001  # whatever a vendor's code raises
            lost = Retryable("camera.lost", f"The camera's driver failed: {type(error).__name__}: {error}.", "")
            self._tell(lambda: setattr(outbox, "error", lost))
        finally:
            self._reader.release()
            self._tell(self._ended.set)

    def _tell(self, change: Callable[[], object]) -> None:
        def apply() -> None:
            change()
            self._changed.set()

        self._loop.call_soon_threadsafe(apply)


def _branch(error: SenbetsuError) -> str:
    return next(branch.__name__ for branch in (Retryable, NeedsOperator, Fatal) if isinstance(error, branch))


async def _main(connection: socket.socket) -> None:
    connection.setblocking(False)
    with connection, contextlib.suppress(_Closed, EOFError, ConnectionError, TimeoutError):
        request, _ = await receive(connection)
        reader = make_reader(request["backend"], request["config"], asyncio.get_running_loop().time)
        await send(connection, {"kind": "started"})
        await _Driver(reader, request["waiting"]).serve(connection)


if __name__ == "__main__":
    asyncio.run(_main(socket.socket(fileno=int(sys.argv[1]))))
    os._exit(0)  # whatever the driver's threads still do
