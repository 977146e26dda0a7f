"""Waiting with a time limit, hundreds of times a second: a timer is kept from one wait to the next.

Both do what asyncio has as well (an event with a timeout, `asyncio.timeout_at`); a timer set and
cancelled for each request took a tenth of what the session does for it.
"""

import asyncio
from collections.abc import Coroutine
from math import inf
from typing import Any, TypeVar

_T = TypeVar("_T")


class _KeptTimer:
    """A timer for the many waits of one task, which are rarely waited out: it is kept from one wait to
    the next, and set anew where it comes too early."""

    def __init__(self) -> None:
        self._due_s = inf
        self._timer: asyncio.TimerHandle | None = None

    def _begin(self, due_s: float) -> None:
        self._due_s = due_s
        if self._timer is None or self._timer.when() > due_s:
            self._start(due_s)

    def _end(self) -> None:
        self._due_s = inf

    def stop(self) -> None:
        """Nobody waits any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self, due_s: float) -> None:
        self.stop()
        self._timer = asyncio.get_running_loop().call_at(due_s, self._ring, due_s)

    def _ring(self, at_s: float) -> None:
        self._timer = None
        if self._due_s <= at_s:
            self._waited_out()
        elif self._due_s < inf:
            self._start(self._due_s)

    def _waited_out(self) -> None:
        raise NotImplementedError


class Alarm(_KeptTimer):
    """An event that one task waits for, and that comes at a given time at the latest."""

    def __init__(self) -> None:
        super().__init__()
        self._event = asyncio.Event()
        self.set, self.clear = self._event.set, self._event.clear

    async def wait(self, due_s: float) -> None:
        """Wait until it is set, or until the loop's clock shows `due_s`."""
        self._begin(due_s)
        try:
            await self._event.wait()
        finally:
            self._end()

    def _waited_out(self) -> None:
        self._event.set()


class Patience(_KeptTimer):
    """What asyncio.timeout_at does, for the requests of one task."""

    def __init__(self) -> None:
        super().__init__()
        self._task: asyncio.Task[Any] | None = None
        self._expired = False

    @property
    def under_way(self) -> bool:
        """Whether a request is waited for now."""
        return self._task is not None

    async def wait(self, request: Coroutine[Any, Any, _T], due_s: float) -> _T:
        """The answer, or `TimeoutError` when there is none until the loop's clock shows `due_s`."""
        task = self._task = asyncio.current_task()
        assert task is not None
        cancelled_before = task.cancelling()
        self._expired = False
        self._begin(due_s)
        try:
            return await request
        except asyncio.CancelledError:
            if self._expired and task.cancelling() - 1 <= cancelled_before:
                raise TimeoutError from None  # it was us who cancelled, and nobody else
            raise
        finally:
            self._end()
            self._task = None
            if self._expired:
                task.uncancel()

    def _waited_out(self) -> None:
        assert self._task is not None
        self._expired = True
        self._task.cancel()
