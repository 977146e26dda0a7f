"""Timers that are kept end a wait when it is due, and never one that came after it."""

import asyncio

import pytest

from controller.clock import run_virtual
from plc_bridge.kept_timers import Alarm, Patience


async def _answer_after(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "answer"


def test_an_alarm_comes_when_it_is_due_or_set_and_not_by_an_earlier_waits_time() -> None:
    async def run() -> None:
        loop, alarm = asyncio.get_running_loop(), Alarm()

        async def next_at(due_s: float) -> float:
            alarm.clear()
            await alarm.wait(due_s)
            return loop.time()

        assert await next_at(1.0) == 1.0
        loop.call_at(1.5, alarm.set)
        assert await next_at(2.0) == 1.5  # whose timer, for 2.0, still runs
        assert await next_at(4.0) == 4.0
        loop.call_at(4.5, alarm.set)
        assert await next_at(9.0) == 4.5
        assert await next_at(5.0) == 5.0  # earlier than the timer that was kept
        loop.call_at(5.5, alarm.set)
        assert await next_at(6.0) == 5.5
        alarm.clear()
        await asyncio.sleep(2.0)  # 6.0 passes while nobody waits
        assert await next_at(8.0) == 8.0
        alarm.stop()

    run_virtual(run())


def test_patience_ends_a_request_in_time_and_no_other() -> None:
    async def run() -> None:
        loop, patience = asyncio.get_running_loop(), Patience()
        assert await patience.wait(_answer_after(0.5), 1.0) == "answer"
        assert await patience.wait(_answer_after(0.9), 2.0) == "answer"  # 1.0 passes meanwhile
        with pytest.raises(TimeoutError):
            await patience.wait(_answer_after(5.0), 3.0)
        assert loop.time() == 3.0
        assert not patience.under_way
        assert await patience.wait(_answer_after(0.5), 9.0) == "answer"
        with pytest.raises(TimeoutError):
            await patience.wait(_answer_after(5.0), 4.0)  # earlier than the timer that was kept
        assert loop.time() == 4.0
        with pytest.raises(TimeoutError):
            await patience.wait(_answer_after(5.0), 4.0)  # due already
        patience.stop()

    run_virtual(run())


@pytest.mark.parametrize("together", [False, True])
def test_who_cancels_the_task_is_not_told_of_a_timeout(together: bool) -> None:
    async def run() -> None:
        patience = Patience()
        waiting = asyncio.create_task(patience.wait(_answer_after(5.0), 1.0))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_at(1.0 if together else 0.5, waiting.cancel)
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        patience.stop()

    run_virtual(run())


def test_a_timeout_of_the_callers_own_passes_through() -> None:
    async def run() -> None:
        patience = Patience()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await patience.wait(_answer_after(5.0), 2.0)
        assert asyncio.get_running_loop().time() == 1.0
        await asyncio.sleep(3.0)  # 2.0 passes: nobody is cancelled
        assert asyncio.current_task() is not None

    run_virtual(run())
