"""One test pulse of one valve: in maintenance, on a line that nobody else drives."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from plc_bridge.contract import LineCommand, LineFlags, LineStatus, Receipt
from plc_bridge.link import LinkState, Shot
from plc_bridge.session import PlcSession
from senbetsu_errors import NeedsOperator, Retryable

_BEAT_EVERY_S = 0.05
_NOT_READY = {
    LineFlags.E_STOP_OK: "the e-stop chain is open",
    LineFlags.AIR_OK: "air pressure is missing",
    LineFlags.READY: "it waits for a stop after an emergency",
}


async def refuse_if_driven(link: PlcSession) -> None:
    """Raise `NeedsOperator` `plc.in_use` where a controller runs the line or its belt moves; disturbs nobody."""
    status = await link.peek()
    if LineFlags.PC_ALIVE in status.flags:
        raise NeedsOperator(
            "plc.in_use", "A controller drives this PLC: its heartbeat moves.", "Stop the line first, then test valves."
        )
    if LineFlags.BELT_RUNNING in status.flags:
        raise NeedsOperator("plc.in_use", "The belt moves.", "Stop the line first, then test valves.")


async def pulse_valve(link: PlcSession, lane: int, duration_ms: int, patience_s: float = 5.0) -> Receipt:
    """Open the valve of `lane` (from 0) for `duration_ms`; how that ended. Leaves the PLC stopped, the link closed.

    The PLC may take `patience_s` to connect, and again to answer.

    Raises `NeedsOperator` `plc.not_ready` without e-stop chain, air or release, `Retryable` where the PLC
    does not answer. A REFUSED receipt is the PLC's own answer, for example of one that knows no pulses.
    """
    try:
        async with _beating(link):
            link.command(LineCommand.MAINTENANCE, 0.0)
            await link.connect()
            status = await _first_of_session(link, patience_s)
            missing = [why for flag, why in _NOT_READY.items() if flag not in status.flags]
            if LineFlags.FIRE in status.flags:
                missing.insert(0, "it reports fire")
            if missing:
                raise NeedsOperator("plc.not_ready", f"The PLC is not ready: {missing[0]}.", "Put that right first.")
            (order,) = link.submit([Shot.pulse(lane, duration_ms)])
            async with asyncio.timeout(patience_s):
                receipt = await order.receipt
            await asyncio.sleep(duration_ms / 1000 + 2 * _BEAT_EVERY_S)  # a stop would cut the pulse short
            link.command(LineCommand.STOP, 0.0)
            await asyncio.sleep(4 * _BEAT_EVERY_S)
            return receipt
    except TimeoutError as error:
        reason = link.health.reason or "it gave no receipt"
        raise Retryable(
            "plc.no_answer", f"The PLC did not answer the test in {patience_s:g} s: {reason}.", "Check the link."
        ) from error
    finally:
        await link.close()


async def _first_of_session(link: PlcSession, patience_s: float) -> LineStatus:
    """The first status in which the PLC has taken our session and sees our heartbeat."""
    async with asyncio.timeout(patience_s):
        async for status in link.statuses():
            if LineFlags.PC_ALIVE in status.flags and link.health.state is LinkState.CONNECTED:
                return status
    raise Retryable("plc.link_down", "The link was closed.", "Try again.")


@asynccontextmanager
async def _beating(link: PlcSession) -> AsyncGenerator[None]:
    async def beat() -> None:
        while True:
            link.beat()
            await asyncio.sleep(_BEAT_EVERY_S)

    heart = asyncio.create_task(beat(), name="heartbeat")
    try:
        yield
    finally:
        heart.cancel()
        await asyncio.wait([heart])
