"""The one module that reads clocks, and the event loop whose clock is virtual.

Everything else takes time as an argument or asks the running loop (`loop.time()`), which is the
machine's monotonic clock under a real loop and the virtual clock under `VirtualClockLoop`.
"""

import asyncio
import selectors
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context
from datetime import UTC, datetime
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def utc_now() -> datetime:
    """Wall-clock time, for people, logs and file names only."""
    return datetime.now(UTC)


def stopwatch_s() -> float:
    """Seconds on a clock that measures how long computing took, whatever loop is running."""
    return time.perf_counter()


_OWN_FILES = 1
"""What a loop listens to by itself: the pipe by which threads and signals wake it when it sleeps."""


class _JumpingSelector(selectors.BaseSelector):
    """Polls real file descriptors without waiting, and moves the virtual clock instead of waiting.

    With nothing to listen to it does not poll: a system call for each event would take as long as
    much of the work. What threads and signals hand in is in the loop's queue before they wake it.
    """

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now_s = 0.0
        self.waiting_for_threads = 0
        self.outside_events = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = []
        if timeout is None or self.waiting_for_threads or len(self._real.get_map()) > _OWN_FILES:
            ready = self._real.select(0)
            self.outside_events += len(ready)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None or self.waiting_for_threads:
            # Nothing is due, or a thread is at work: only the outside can go on, so time stands still.
            self.outside_events += 1
            return self._real.select(None if not self.waiting_for_threads else 0.1)
        self.now_s += timeout
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Any:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """An event loop that jumps to the next timer instead of waiting for it.

    Time stands still while a callback runs and while an executor's thread works, so what is computed
    takes no virtual time. `trusted` turns false once something outside the loop had a say (a thread or
    a socket): from then on the order of events may depend on the machine.
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        self._made_in_thread = threading.get_ident()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.now_s

    @property
    def trusted(self) -> bool:
        """Whether everything so far came from timers alone, hence repeats bit for bit."""
        return self._jumping.outside_events == 0

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's. Out of the loop's own thread it is asyncio itself, which ends generators that way."""
        self._jumping.outside_events += threading.get_ident() != self._made_in_thread
        return super().call_soon_threadsafe(callback, *args, context=context)

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """As asyncio's, with the virtual clock held until the thread is done."""
        future = super().run_in_executor(executor, func, *args)
        self._jumping.waiting_for_threads += 1
        self._jumping.outside_events += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: asyncio.Future[Any]) -> None:
        self._jumping.waiting_for_threads -= 1


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end under a virtual clock that starts at 0, as `asyncio.run` would."""
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        return runner.run(main)
