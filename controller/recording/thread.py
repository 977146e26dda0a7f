"""A recording written beside a line that runs in real time, without ever making it wait."""

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TypeVarTuple, Unpack

import structlog

from controller.recording.writer import RecordingWriter
from controller.runtime import LineEvent
from senbetsu_errors import Fatal, NeedsOperator

log = structlog.get_logger("recording")

QUEUED_MESSAGES = 4096
QUEUED_FRAMES = 32
"""Frames are most of the bytes: 32 of 2 MB bound the memory that a slow disk costs to 64 MB."""

IDLE_FLUSH_S = 0.5

Ts = TypeVarTuple("Ts")
_Item = LineEvent | tuple[float, bytes] | None


class RecordingThread:
    """Hands events and frames to a `RecordingWriter` in a thread of its own.

    `event` and `frame` never wait and never raise: what finds the queue full, or the disk broken, is
    dropped and counted in `dropped`. Every half second what was written is brought to the disk.
    """

    def __init__(self, writer: RecordingWriter) -> None:
        self.dropped = 0
        self._writer = writer
        self._queue: queue.Queue[_Item] = queue.Queue(QUEUED_MESSAGES)
        self._frames = threading.BoundedSemaphore(QUEUED_FRAMES)
        self._failure: OSError | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._write, name="recording", daemon=True)
        self._thread.start()

    def event(self, event: LineEvent) -> None:
        """Record something that happened on the line."""
        self._put(event)

    def frame(self, at_s: float, message: bytes) -> None:
        """Record a frame that came at `at_s`."""
        if not self._frames.acquire(blocking=False):
            self._drop()
        elif not self._put((at_s, message)):
            self._frames.release()

    def close(self) -> int:
        """Write what is queued, close the file; how many messages it holds.

        Raises NeedsOperator (`recording.disk`) where the disk failed on the way.
        """
        while self._thread.is_alive():
            # Not a plain put: a thread that died of a defect takes nothing from a full queue.
            with contextlib.suppress(queue.Full):
                self._queue.put(None, timeout=IDLE_FLUSH_S)
                self._thread.join()
        if not self._ended:
            self._writer.abandon()
            raise Fatal("recording.failed", f"Writing {self._writer.path} ended in a defect (see above).")
        if self._failure is None:
            try:
                self._writer.close(self.dropped)
            except OSError as error:
                self._failure = error
        if self._failure is not None:
            raise NeedsOperator(
                "recording.disk",
                f"{self._writer.path} could not be written to its end: {self._failure.strerror}; "
                f"{self.dropped} messages are missing.",
                "What was written before can be replayed. Make room on the disk.",
            ) from self._failure
        return self._writer.messages

    def _put(self, item: LineEvent | tuple[float, bytes]) -> bool:
        if self._failure is None and self._thread.is_alive():
            try:
                self._queue.put_nowait(item)
            except queue.Full:
                pass
            else:
                return True
        self._drop()
        return False

    def _drop(self) -> None:
        self.dropped += 1
        if self.dropped == 1:
            log.warning("recording drops messages", path=str(self._writer.path), disk=str(self._failure or "too slow"))

    def _write(self) -> None:
        """The thread: until it is told to end, whatever the disk does."""
        while True:
            try:
                item = self._queue.get(timeout=IDLE_FLUSH_S)
            except queue.Empty:
                self._attempt(self._writer.flush)
                continue
            if item is None:
                self._ended = True
                return
            if isinstance(item, LineEvent):
                self._attempt(self._writer.event, item)
            else:
                self._frames.release()
                self._attempt(self._writer.frame, *item)

    def _attempt(self, write: Callable[[Unpack[Ts]], None], *arguments: *Ts) -> None:
        if self._failure is not None:
            self.dropped += bool(arguments)
            return
        try:
            write(*arguments)
        except OSError as error:
            self._failure = error
            self._writer.abandon()
            self._drop()
        except ValueError as error:
            # A message that cannot be put into JSON (a NaN where none belongs) is not worth the others.
            log.error("message not recorded", reason=str(error))
            self.dropped += 1
