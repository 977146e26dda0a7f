"""The virtual clock jumps, repeats, and says when it may not be trusted."""

import asyncio
from collections.abc import AsyncGenerator
from threading import Thread

from controller.clock import VirtualClockLoop, run_virtual


def test_an_hour_of_sleep_takes_an_hour_of_virtual_time_and_no_waiting() -> None:
    async def sleep_an_hour() -> float:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(3600)
        return loop.time()

    assert run_virtual(sleep_an_hour()) == 3600.0


def test_timers_fire_in_the_order_of_their_times() -> None:
    async def three() -> list[str]:
        order: list[str] = []

        async def after(delay_s: float, name: str) -> None:
            await asyncio.sleep(delay_s)
            order.append(name)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(after(3, "last"))
            tasks.create_task(after(1, "first"))
            tasks.create_task(after(2, "second"))
        return order

    assert run_virtual(three()) == ["first", "second", "last"]


def test_timeouts_expire_in_virtual_time() -> None:
    async def wait_forever() -> float:
        try:
            async with asyncio.timeout(90):
                await asyncio.Event().wait()
        except TimeoutError:
            return asyncio.get_running_loop().time()
        raise AssertionError("did not time out")

    assert run_virtual(wait_forever()) == 90.0


def test_time_stands_still_while_a_thread_works_and_the_clock_says_it_is_not_to_be_trusted() -> None:
    def work() -> int:
        return sum(range(200_000))

    async def use_a_thread() -> tuple[float, bool, bool]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualClockLoop)
        before = loop.trusted
        ticking = asyncio.create_task(asyncio.sleep(10))
        await loop.run_in_executor(None, work)
        at_s = loop.time()
        await ticking
        return at_s, before, loop.trusted

    at_s, before, after = run_virtual(use_a_thread())
    assert at_s == 0.0
    assert before
    assert not after


def test_a_generator_left_unfinished_costs_no_trust_and_a_foreign_thread_does() -> None:
    async def numbers() -> AsyncGenerator[int]:
        for number in range(10):
            yield number
            await asyncio.sleep(0)

    async def look() -> tuple[bool, bool]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualClockLoop)
        async for _ in numbers():
            break
        await asyncio.sleep(1)
        before = loop.trusted
        woken = asyncio.Event()
        thread = Thread(target=loop.call_soon_threadsafe, args=(woken.set,))
        thread.start()
        thread.join()
        await woken.wait()
        return before, loop.trusted

    assert run_virtual(look()) == (True, False)
