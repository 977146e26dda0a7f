"""A thousand orders a second for long, over a cable that loses one request in a hundred and is silent
for two seconds of every minute: nothing doubled, nothing unaccounted, memory flat.

The virtual PLC scans behind its Modbus server in another process and counts what it fired; the cable is
a TCP proxy in this one (`link_peers.BadCable`). A minute by default: the ten of the target take
`SENBETSU_SOAK_S=600 senbetsu bench soak`, and only a run of five minutes or more has a memory slope.
"""

import asyncio
import gc
import os
import sys
from collections import Counter
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from benchmarks.figures import Figure, report
from benchmarks.link_peers import COUNTS_PER_MM, SPEED_MM_S, BadCable, Peer, virtual_plc
from plc_bridge.contract import LineCommand, Receipt, ReceiptCode
from plc_bridge.link import Shot
from plc_bridge.modbus_link import Config, ModbusLink
from plc_bridge.tagmap_file import default_tag_map_path
from senbetsu_errors import Retryable

SECONDS = float(os.environ.get("SENBETSU_SOAK_S", "60"))
ORDERS_PER_S = 1000
TICK_S = 0.01
LEAD_S = 0.12
REQUEST_TIMEOUT_MS = 50.0
LOSS = 0.01
PARTITION_S, PARTITION_EVERY_S = 2.0, 60.0
AFTER_PARTITION_S = 1.0
"""Orders that end this soon after a partition may be late because of it."""
SLOPE_NEEDS_S = 300.0
_COUNTS_PER_S = SPEED_MM_S * COUNTS_PER_MM


class Soak:
    """Feeds one link and keeps the account of every order it took."""

    def __init__(self, link: ModbusLink, cable: BadCable, for_s: float) -> None:
        self.taken = 0
        self.not_taken: Counter[str] = Counter()
        self.ended: Counter[ReceiptCode] = Counter()
        self.late_by_loss = 0
        self.partitions = 0
        # Seconds, resident MB, blocks allocated: room for all of them now, for a list would be growth itself.
        self.memory = np.zeros((ceil(for_s) + 1, 3))
        self.sampled = 0
        self._disturbed_until_s = 0.0
        self._link = link
        self._for_s = for_s
        self._cable = cable
        self._lane = 0

    async def run(self) -> None:
        """Feed for `for_s` seconds; partitions come in the middle of each minute, or of a shorter run's half."""
        loop = asyncio.get_running_loop()
        for_s = self._for_s
        every_s = min(PARTITION_EVERY_S, for_s / 2)
        started_s = due_s = loop.time()
        owed = 0.0
        while (now_s := loop.time()) - started_s < for_s:
            in_period_s = (now_s - started_s) % every_s
            silent = every_s / 2 <= in_period_s < every_s / 2 + PARTITION_S
            self.partitions += silent and not self._cable.silent
            self._cable.silent = silent
            if silent:
                self._disturbed_until_s = now_s + AFTER_PARTITION_S
            self._link.beat()
            owed = min(owed + (now_s - due_s + TICK_S) * ORDERS_PER_S, 2 * ORDERS_PER_S * TICK_S)
            self._submit(int(owed), now_s)
            owed -= int(owed)
            if self.sampled < now_s - started_s:
                self.memory[self.sampled] = now_s - started_s, _rss_mb(), sys.getallocatedblocks()
                self.sampled += 1
            due_s = now_s + TICK_S
            await asyncio.sleep(TICK_S)
        self._cable.silent = False
        await asyncio.sleep(1.0)  # what is under way ends before the link is closed

    def _submit(self, count: int, now_s: float) -> None:
        status = self._link.newest
        if status is None:
            return
        encoder = status.encoder + (now_s - status.received_at_s + LEAD_S) * _COUNTS_PER_S
        shots: list[Shot] = []
        for n in range(count):
            self._lane = (self._lane + 1) % 64
            on = int(encoder + n * _COUNTS_PER_S / ORDERS_PER_S) & 0xFFFF_FFFF
            shots.append(Shot(self._lane, self._lane, on, on + 400 & 0xFFFF_FFFF))
        try:
            for submitted in self._link.submit(shots):
                submitted.receipt.add_done_callback(self._ended)
        except Retryable as refusal:
            self.not_taken[refusal.code] += count
        else:
            self.taken += count

    def _ended(self, receipt: "asyncio.Future[Receipt]") -> None:
        code = receipt.result().code
        self.ended[code] += 1
        if code is ReceiptCode.LATE and asyncio.get_running_loop().time() > self._disturbed_until_s:
            self.late_by_loss += 1


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _slopes_per_h(samples: "np.ndarray[Any, np.dtype[np.float64]]") -> list[float]:
    """By how much memory grows, over samples of `Soak.memory`."""
    return [float(np.polyfit(samples[:, 0], samples[:, column], 1)[0]) * 3600 for column in (1, 2)]


async def _soak(peer: Peer, for_s: float) -> tuple[Soak, Any]:
    cable = BadCable(LOSS, Random(1))  # noqa: S311 - faults, not secrets
    async with cable.to(peer.port) as port:
        link = ModbusLink(
            Config(
                host="127.0.0.1",
                port=port,
                tags=default_tag_map_path("modbus"),
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                heartbeat_timeout_ms=400,
                reconnect_min_ms=20,
                reconnect_max_ms=200,
            )
        )
        soak = Soak(link, cable, for_s)
        await link.connect()
        link.command(LineCommand.RUN, SPEED_MM_S)
        try:
            await soak.run()
        finally:
            await link.close()
    return soak, link.health


def measure(for_s: float = SECONDS) -> dict[str, Any]:
    """Feed for `for_s` seconds, then compare our account with the PLC's."""
    gc.collect()
    with virtual_plc("modbus") as peer:
        soak, health = asyncio.run(_soak(peer, for_s))
        plc = peer.account()
    unaccounted = soak.taken - sum(soak.ended.values())
    false_fired = max(0, soak.ended[ReceiptCode.FIRED] - plc["fired"])
    fired_unsaid = max(0, plc["fired"] - soak.ended[ReceiptCode.FIRED] - soak.ended[ReceiptCode.LOST])
    long_enough = for_s >= SLOPE_NEEDS_S
    mb_per_h, blocks_per_h = _slopes_per_h(soak.memory[soak.sampled // 2 : soak.sampled])
    figures = [
        Figure("orders taken", soak.taken, "orders"),
        Figure("orders doubled", plc["doubled"], "orders", at_most=0),
        Figure("orders unaccounted", unaccounted, "orders", at_most=0),
        Figure("said to be fired and were not", false_fired, "orders", at_most=0),
        Figure("fired and said to be neither fired nor lost", fired_unsaid, "orders", at_most=0),
        *(Figure(f"orders {code.name.lower()}", soak.ended[code], "orders") for code in ReceiptCode),
        Figure("orders late outside partitions", 100 * soak.late_by_loss / soak.taken, "%"),
        Figure("memory slope", mb_per_h, "MB/h", at_most=1.0 if long_enough else None),
    ]
    beside = {
        "seconds": for_s,
        "partitions": soak.partitions,
        "lead_ms": LEAD_S * 1000,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "resident_mb": [round(float(mb), 2) for mb in soak.memory[[0, soak.sampled // 2, soak.sampled - 1], 1]],
        "allocated_blocks_per_h": round(blocks_per_h),
        "not_taken": dict(soak.not_taken),
        "retransmitted": health.retransmitted,
        "dropped_by_plc_as_duplicates": plc["duplicated"],
        "reconnects": health.reconnects,
        "downtime_s": round(health.downtime_s, 2),
    }
    return report("soak", figures, beside)
