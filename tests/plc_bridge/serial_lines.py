"""A serial line without hardware: two pseudo terminals, joined."""

import asyncio
import os
import tty
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass


@dataclass
class SerialLine:
    """The two ends' device names. `delay_s` holds back what the master receives; `say` lets the
    device say something."""

    master: str
    device: str
    say: Callable[[bytes], None]
    delay_s: float = 0.0


@asynccontextmanager
async def serial_line() -> AsyncGenerator[SerialLine]:
    """A line that stands while the context is open."""
    loop = asyncio.get_running_loop()
    (near, near_end), (far, far_end) = os.openpty(), os.openpty()
    descriptors = (near, near_end, far, far_end)
    for descriptor in descriptors:
        tty.setraw(descriptor)
        os.set_blocking(descriptor, False)

    def from_master() -> None:
        with suppress(OSError):
            os.write(far, os.read(near, 1024))

    def write_near(data: bytes) -> None:
        with suppress(OSError):
            os.write(near, data)

    line = SerialLine(os.ttyname(near_end), os.ttyname(far_end), write_near)

    def from_device() -> None:
        with suppress(OSError):
            data = os.read(far, 1024)
            if line.delay_s:
                loop.call_later(line.delay_s, write_near, data)
            else:
                write_near(data)

    loop.add_reader(near, from_master)
    loop.add_reader(far, from_device)
    try:
        yield line
    finally:
        loop.remove_reader(near)
        loop.remove_reader(far)
        for descriptor in descriptors:
            os.close(descriptor)
