"""The asyncio shell that every backend shares: connect, exchange, watch, reconnect, account.

A backend brings a `Wire`. The session owns one supervisor task; while a connection stands, that
task runs a reader (status every cycle) and a writer (command block every cycle, at once when orders
wait). All waiting is on the event loop's clock, so a virtual clock drives it as well.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Protocol, TypeVar

import structlog

from plc_bridge.config import PlcConfig
from plc_bridge.contract import CommandImage, LineCommand, LineStatus, Receipt, ReceiptCode
from plc_bridge.exactly_once import OrderChannel
from plc_bridge.kept_timers import Alarm, Patience
from plc_bridge.link import LinkChange, LinkHealth, LinkState, Pick, Shot, Submitted
from senbetsu_errors import Fatal, NeedsOperator, Retryable

_log = structlog.stdlib.get_logger("plc_bridge")

_T = TypeVar("_T")
_ANSWER_SOON = 0.2
"""While a batch waits for its acknowledgement the status is read at this share of the cycle."""

LARGEST_SESSION_STEP = 1024

_CHANGES_KEPT = 64
"""How many changes of state wait for an observer that is slow; the oldest give way."""

_TIMER_SLACK_S = 0.001
"""A timer may come this much before its time by the clock's resolution."""


class Wire(Protocol):
    """One connection to a PLC, in one protocol.

    Every method may raise `Retryable` or `NeedsOperator` (with a sentence that names the device);
    anything else is a defect. The session puts a timeout around each call; after a timeout the next
    call must work. `close` is called after every `open`, also one that failed, and never raises.
    """

    receipt_history: int
    """How many receipts the device remembers in a ring besides those of the status block; 0 without one."""
    mailbox_size: int
    """How many order records one command block carries."""

    def check_pick(self, pick: Pick) -> None:
        """Raise `NeedsOperator` where the device cannot be told this pick: code `plc.no_picks` for one
        without robots, `plc.tag_map` for a value that does not fit."""
        ...

    async def open(self) -> None:
        """Connect."""
        ...

    async def read_status(self) -> LineStatus:
        """Read the status block in one request; `received_at_s` is set here, or 0 and set by the session."""
        ...

    async def write_command(self, image: CommandImage) -> None:
        """Write the command block in one request; the session never has two under way."""
        ...

    async def read_receipts(self, first: int, count: int) -> Sequence[Receipt]:
        """Read the history's slots of receipts number `first` to `first + count - 1`, counted from 0 as
        `receipt_total` does; number n lies in slot n modulo `receipt_history`. Slots that were never
        written are left out. Called only when the device has a history, and never beside `read_status`."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


class PlcSession:
    """A `PlcLink` over any `Wire`. `random` spreads reconnects and session numbers; pass a seeded
    one where two runs must be alike. Raises `Fatal` `config.plc_window` when more orders may be open
    than the device remembers receipts of."""

    def __init__(self, config: PlcConfig, wire: Wire, random: Random | None = None) -> None:
        if 0 < wire.receipt_history < config.window_orders:
            raise Fatal(
                "config.plc_window",
                f"plc.window_orders is {config.window_orders}, and the PLC remembers {wire.receipt_history} receipts: "
                "receipts could be overwritten before they are read.",
                f"Set plc.window_orders to {wire.receipt_history} or less, or enlarge the PLC's receipt history.",
            )
        self._config = config
        self._wire = wire
        self._random = random or Random()  # noqa: S311  (jitter, not a secret)
        step = self._random.randint(1, LARGEST_SESSION_STEP)
        self._channel = OrderChannel(config.window_orders, step, wire.receipt_history, wire.mailbox_size)
        self._submitted: dict[int, Submitted] = {}
        self._supervisor: asyncio.Task[None] | None = None
        self._state = LinkState.DISCONNECTED
        self._reason = ""
        self._observers: list[tuple[deque[LinkChange], asyncio.Event]] = []
        self._pc_heartbeat = 0
        self._line_command = LineCommand.NONE
        self._speed_setpoint_mm_s = 0.0
        self._wake_writer = Alarm()
        self._wake_reader = Alarm()
        self._reading = Patience()
        self._writing = Patience()
        self._news = asyncio.Event()
        self._newest: LineStatus | None = None
        self._alive_at_s = 0.0
        self._written_at_s = 0.0
        self._history_read_s = 0.0
        self._down_since_s: float | None = None
        self._downtime_s = 0.0
        self._reconnects = 0
        self._was_connected = False
        self._orders_lost = 0
        self._lost_this_outage = 0
        self._round_trip_s = 0.0
        self._failures = 0
        self._give_up: asyncio.TimerHandle | None = None

    async def connect(self) -> None:
        """Start the supervisor task; return without waiting for the PLC."""
        if self._supervisor is not None:
            raise RuntimeError("connect() was called twice on one link")
        self._down_since_s = asyncio.get_running_loop().time()
        self._supervisor = asyncio.create_task(self._supervise(), name="plc-link")
        self._supervisor.add_done_callback(self._supervisor_ended)

    async def peek(self) -> LineStatus:
        """One status block over a connection of its own, before `connect`, without opening an order session:
        whoever drives the PLC now is not disturbed. Raises `Retryable` or `NeedsOperator`."""
        try:
            async with asyncio.timeout(self._config.connect_timeout_ms / 1000):
                await self._wire.open()
            return await self._in_time(Patience(), self._wire.read_status(), asyncio.get_running_loop().time())
        except TimeoutError as error:
            raise Retryable(
                "plc.unreachable", "The PLC did not answer in time.", "Check address, cable and firewall."
            ) from error
        finally:
            await self._wire.close()

    async def close(self) -> None:
        """Account for every open order as LOST where nothing else is known, stop, close sockets."""
        supervisor = self._supervisor
        if supervisor is not None and not supervisor.done():
            supervisor.cancel()
            await asyncio.wait([supervisor])
        self._shut("closed")

    async def statuses(self) -> AsyncIterator[LineStatus]:
        """Each new status block, newest first to be seen; ends when the link is closed, raises if
        the link's own task died of a defect."""
        seen: LineStatus | None = None
        while self._state is not LinkState.CLOSED:
            newest = self._newest
            if newest is None or newest is seen:
                await self._news.wait()
                continue
            seen = newest
            yield newest
        supervisor = self._supervisor
        if supervisor is not None and supervisor.done() and not supervisor.cancelled():
            defect = supervisor.exception()
            if defect is not None:
                raise defect

    async def changes(self) -> AsyncIterator[LinkChange]:
        """The state now, then each change in order (an observer more than 64 behind misses the oldest);
        ends with CLOSED."""
        now = LinkChange(self._state, self._reason, asyncio.get_running_loop().time())
        waiting, more = deque([now], maxlen=_CHANGES_KEPT), asyncio.Event()
        observer = (waiting, more)
        self._observers.append(observer)
        try:
            while True:
                while waiting:
                    change = waiting.popleft()
                    yield change
                    if change.state is LinkState.CLOSED:
                        return
                more.clear()
                await more.wait()
        finally:
            self._observers = [other for other in self._observers if other[0] is not waiting]

    def submit(self, shots: Sequence[Shot | Pick]) -> Sequence[Submitted]:
        """Hand over orders without waiting. Raises `Retryable` `plc.link_down` or `plc.window_full`, or
        `NeedsOperator` for a pick that the device cannot be told, and takes none of them."""
        for shot in shots:
            if isinstance(shot, Pick):
                self._wire.check_pick(shot)
        if self._state is not LinkState.CONNECTED:
            raise Retryable(
                "plc.link_down",
                f"The PLC link is {self._state.value}{f': {self._reason}' if self._reason else '.'}",
                "Orders are taken again when the link is connected.",
            )
        future = asyncio.get_running_loop().create_future
        taken = [Submitted(seq, future(), future()) for seq in self._channel.offer(shots)]
        self._submitted.update((submitted.seq, submitted) for submitted in taken)
        if self._channel.has_news_to_write():  # else the status that shows the last batch taken wakes the writer
            self._wake_writer.set()
        return taken

    def command(self, command: LineCommand, speed_setpoint_mm_s: float) -> None:
        """Set what every cycle repeats to the PLC from now on."""
        if (command, speed_setpoint_mm_s) != (self._line_command, self._speed_setpoint_mm_s):
            self._line_command = command
            self._speed_setpoint_mm_s = speed_setpoint_mm_s
            self._wake_writer.set()

    def beat(self) -> None:
        """Advance the PC heartbeat by one."""
        self._pc_heartbeat = (self._pc_heartbeat + 1) & 0xFFFF

    @property
    def newest(self) -> LineStatus | None:
        """The last status block that was read; None before the first."""
        return self._newest

    @property
    def health(self) -> LinkHealth:
        """The link as it stands now. Downtime counts from `connect` until the PLC first answered,
        and every outage since, the running one included."""
        downtime_s = self._downtime_s
        if self._down_since_s is not None and self._state is not LinkState.CLOSED:
            downtime_s += asyncio.get_running_loop().time() - self._down_since_s
        return LinkHealth(
            state=self._state,
            reason=self._reason,
            reconnects=self._reconnects,
            downtime_s=downtime_s,
            orders_lost=self._orders_lost,
            retransmitted=self._channel.retransmitted,
            duplicated=self._newest.duplicated if self._newest else 0,
            round_trip_s=self._round_trip_s,
        )

    async def _supervise(self) -> None:
        while True:
            if not self._was_connected:
                self._become(LinkState.CONNECTING, self._reason)
            try:
                await self._open()
                async with asyncio.TaskGroup() as exchange:
                    exchange.create_task(self._read_cyclically())
                    exchange.create_task(self._write_cyclically())
            except* (Retryable, NeedsOperator, TimeoutError) as group:
                self._note_down(str(_first(group)) or "no answer in time")  # before a close that may take long
            finally:
                for timer in (self._wake_reader, self._wake_writer, self._reading, self._writing):
                    timer.stop()
                await self._wire.close()
            await asyncio.sleep(self._reconnect_delay_s())

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(self._config.connect_timeout_ms / 1000):
                await self._wire.open()
        except TimeoutError as error:
            raise Retryable(
                "plc.unreachable",
                f"No connection to the PLC within {self._config.connect_timeout_ms:g} ms.",
                "Check address, cable and firewall.",
            ) from error
        if self._config.settle_after_connect_ms > 0:
            self._become(LinkState.SETTLING, self._reason)
            await asyncio.sleep(self._config.settle_after_connect_ms / 1000)
        self._alive_at_s = self._written_at_s = self._history_read_s = asyncio.get_running_loop().time()

    def _reconnect_delay_s(self) -> float:
        config = self._config
        wait_ms = min(config.reconnect_min_ms * 2 ** min(self._failures, 20), config.reconnect_max_ms)
        self._failures += 1
        return wait_ms / 1000 * (1 + config.reconnect_jitter * self._random.uniform(-1, 1))

    async def _read_cyclically(self) -> None:
        loop = asyncio.get_running_loop()
        cycle_s = self._config.cycle_ms / 1000
        heartbeat: int | None = None
        due_s = loop.time()
        while True:
            asked_at_s = loop.time()
            self._wake_reader.clear()  # before the read: a batch written during it wakes the next one at once
            try:
                status = await self._in_time(self._reading, self._wire.read_status(), self._alive_at_s)
            except TimeoutError:
                pass  # the heartbeat watch below decides how many of these are too many
            else:
                now_s = loop.time()
                self._round_trip_s = now_s - asked_at_s
                if status.heartbeat != heartbeat:
                    heartbeat = status.heartbeat
                    self._alive_at_s = now_s
                self._learn(status if status.received_at_s else replace(status, received_at_s=now_s))
            self._check_alive(self._alive_at_s, "The PLC's heartbeat has not moved")
            if (wanted := self._channel.wanted_receipts) is not None:
                await self._read_history(wanted)
                continue
            if self._channel.batch_under_way and not self._writing.under_way:
                due_s = loop.time() + cycle_s * _ANSWER_SOON
            else:  # in step, but neither to make up for cycles missed nor ahead by those that were woken early
                due_s = min(max(due_s + cycle_s, loop.time()), loop.time() + cycle_s)
            await self._wake_reader.wait(due_s)

    async def _read_history(self, wanted: range) -> None:
        """Fetch receipts that the status block no longer shows; the status read after it makes them count."""
        try:
            request = self._wire.read_receipts(wanted.start, len(wanted))
            receipts = await self._in_time(self._reading, request, self._history_read_s)
        except TimeoutError:
            self._check_alive(self._history_read_s, "The PLC's receipt history has not been answered")
        else:
            self._channel.on_receipts(wanted, receipts)
            self._history_read_s = asyncio.get_running_loop().time()

    async def _write_cyclically(self) -> None:
        loop = asyncio.get_running_loop()
        cycle_s = self._config.cycle_ms / 1000
        while True:
            self._wake_writer.clear()
            image = self._channel.image(self._pc_heartbeat, self._line_command, self._speed_setpoint_mm_s)
            if image is not None:
                try:
                    await self._in_time(self._writing, self._wire.write_command(image), self._written_at_s)
                    self._written_at_s = loop.time()
                except TimeoutError:
                    # The same batch is written again, at once; a PLC that took it will not take it twice.
                    self._check_alive(self._written_at_s, "No command has been accepted")
                    self._wake_writer.set()
                if self._channel.batch_under_way:
                    self._wake_reader.set()
            await self._wake_writer.wait(loop.time() + cycle_s)

    async def _in_time(self, patience: Patience, request: Coroutine[Any, Any, _T], alive_at_s: float) -> _T:
        """The answer within the request timeout, and not after the heartbeat's: else `TimeoutError`. After
        a loop that stood still there is a cycle at least, for then it was not the PLC that was silent."""
        config, now_s = self._config, asyncio.get_running_loop().time()
        given_up_s = max(alive_at_s + config.heartbeat_timeout_ms / 1000, now_s + config.cycle_ms / 1000)
        answer = await patience.wait(request, min(now_s + config.request_timeout_ms / 1000, given_up_s))
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # Libraries use asyncio.wait_for, which in Python 3.11 swallows a cancellation that
            # arrives together with the answer: without this, close() would wait for ever.
            raise asyncio.CancelledError
        return answer

    def _check_alive(self, alive_at_s: float, what: str) -> None:
        silent_s = asyncio.get_running_loop().time() - alive_at_s
        if silent_s >= self._config.heartbeat_timeout_ms / 1000 - _TIMER_SLACK_S:
            raise Retryable("plc.heartbeat_lost", f"{what} for {silent_s * 1000:.0f} ms.", "Check PLC and network.")

    def _learn(self, status: LineStatus) -> None:
        old_epoch = self._newest.epoch if self._newest else status.epoch
        news = self._channel.on_status(status)
        for seq in news.acknowledged:
            acknowledged = self._submitted[seq].acknowledged
            if not acknowledged.done():  # whoever waits may have cancelled it
                acknowledged.set_result(status.received_at_s)
        if self._state is LinkState.CONNECTED and not self._channel.established:
            restarted = f"The PLC restarted: epoch {old_epoch} became {status.epoch}."
            self._note_down(str(_taken_over()) if news.taken_over else restarted)
        self._end(news.ended, status.received_at_s)
        if news.taken_over:
            raise _taken_over()
        if self._state is not LinkState.CONNECTED and self._channel.up_to_date:
            self._note_up(status.received_at_s)
        if self._channel.has_news_to_write():
            self._wake_writer.set()
        if self._channel.wanted_receipts is None:
            self._history_read_s = status.received_at_s
        self._newest = status
        self._tell_readers()

    def _end(self, receipts: Sequence[Receipt], now_s: float) -> None:
        for receipt in receipts:
            submitted = self._submitted.pop(receipt.seq)
            if not submitted.acknowledged.done():
                submitted.acknowledged.set_result(now_s)
            if not submitted.receipt.done():
                submitted.receipt.set_result(receipt)
            if receipt.code is ReceiptCode.LOST:
                self._orders_lost += 1
                self._lost_this_outage += 1

    def _note_down(self, reason: str) -> None:
        """Enter or stay in the outage; the first call of an outage logs it."""
        loop = asyncio.get_running_loop()
        if self._state is LinkState.CONNECTED:
            self._become(LinkState.LOST, reason)
            self._down_since_s = loop.time()
            self._lost_this_outage = 0
            _log.warning("plc link lost", reason=reason, open_orders=self._channel.open_orders)
            self._give_up = loop.call_later(self._config.account_lost_after_ms / 1000, self._abandon)
        elif not self._was_connected:
            if self._state is not LinkState.DISCONNECTED and self._failures == 0:
                _log.warning("plc not there yet, waiting for it", reason=reason)
            self._become(LinkState.CONNECTING, reason)
        else:
            self._become(LinkState.LOST, reason)

    def _note_up(self, now_s: float) -> None:
        down_s = now_s - self._down_since_s if self._down_since_s is not None else 0.0
        self._down_since_s = None
        self._downtime_s += down_s
        self._become(LinkState.CONNECTED, "")
        self._failures = 0
        if self._give_up is not None:
            self._give_up.cancel()
            self._give_up = None
        if self._was_connected:
            self._reconnects += 1
            _log.info("plc link recovered", down_s=round(down_s, 3), orders_lost=self._lost_this_outage)
        else:
            _log.info("plc link connected", after_s=round(down_s, 3))
        self._was_connected = True

    def _become(self, state: LinkState, reason: str) -> None:
        if (state, reason) == (self._state, self._reason):
            return
        self._state, self._reason = state, reason
        change = LinkChange(state, reason, asyncio.get_running_loop().time())
        for waiting, more in self._observers:
            waiting.append(change)
            more.set()

    def _abandon(self) -> None:
        """The outage has lasted too long: nobody can say any more how the open orders ended."""
        self._give_up = None
        self._end(self._channel.abandon(), asyncio.get_running_loop().time())

    def _supervisor_ended(self, supervisor: asyncio.Task[None]) -> None:
        defect = None if supervisor.cancelled() else supervisor.exception()
        self._shut(f"defect: {defect!r}" if defect else "closed")
        if defect is not None:
            _log.error("plc link died of a defect", exc_info=defect)

    def _shut(self, reason: str) -> None:
        if self._state is LinkState.CLOSED:
            return
        loop = asyncio.get_running_loop()
        if self._down_since_s is not None:
            self._downtime_s += loop.time() - self._down_since_s
            self._down_since_s = None
        if self._give_up is not None:
            self._give_up.cancel()
            self._give_up = None
        self._end(self._channel.abandon(), loop.time())
        self._become(LinkState.CLOSED, reason)
        self._tell_readers()

    def _tell_readers(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _first(group: BaseExceptionGroup[BaseException]) -> Exception:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    assert isinstance(found, Exception)
    return found


def _taken_over() -> Retryable:
    return Retryable(
        "plc.taken_over",
        "The PLC no longer follows this controller's order session; it restarted without a new epoch, "
        "or another controller writes to it.",
        "Let one controller only write to a PLC.",
    )
