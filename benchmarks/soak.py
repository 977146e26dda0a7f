"""A thousand orders a second for long, over a cable that loses one request in a hundred and is silent
for two seconds of every minute: nothing doubled, nothing unaccounted, memory flat.

The virtual PLC scans behind its Modbus server in another process and counts what it fired; the cable is
a TCP proxy in this one (`link_peers.BadCable`). A minute by default: the ten of the target take
`SENBETSU_SOAK_S=600 senbetsu bench soak`, and only a run of five minutes or more has a memory slope.
"""

import asyncio
import gc
import os
from collections import Counter
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
LOSS = 0.01
PARTITION_S, PARTITION_EVERY_S = 2.0, 60.0
SLOPE_NEEDS_S = 300.0
_COUNTS_PER_S = SPEED_MM_S * COUNTS_PER_MM


class Soak:
    """Feeds one link and keeps the account of every order it took."""

    def __init__(self, link: ModbusLink, cable: BadCable) -> None:
        self.taken = 0
        self.not_taken: Counter[str] = Counter()
        self.ended: Counter[ReceiptCode] = Counter()
        self.partitions = 0
        self.rss_mb: list[tuple[float, float]] = []
        self._link = link
        self._cable = cable
        self._lane = 0

    async def run(self, for_s: float) -> None:
        """Feed for that long; partitions come in the middle of each minute, or of a shorter run's half."""
        loop = asyncio.get_running_loop()
        every_s = min(PARTITION_EVERY_S, for_s / 2)
        started_s = due_s = loop.time()
        owed = 0.0
        while (now_s := loop.time()) - started_s < for_s:
            in_period_s = (now_s - started_s) % every_s
            silent = every_s / 2 <= in_period_s < every_s / 2 + PARTITION_S
            self.partitions += silent and not self._cable.silent
            self._cable.silent = silent
            self._link.beat()
            owed = min(owed + (now_s - due_s + TICK_S) * ORDERS_PER_S, 2 * ORDERS_PER_S * TICK_S)
            self._submit(int(owed), now_s)
            owed -= int(owed)
            if len(self.rss_mb) < now_s - started_s:
                self.rss_mb.append((now_s - started_s, _rss_mb()))
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
        self.ended[receipt.result().code] += 1


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def _soak(peer: Peer, for_s: float) -> tuple[Soak, Any]:
    cable = BadCable(LOSS, Random(1))  # noqa: S311 - faults, not secrets
    async with cable.to(peer.port) as port:
        link = ModbusLink(
            Config(
                host="127.0.0.1",
                port=port,
                tags=default_tag_map_path("modbus"),
                request_timeout_ms=50,
                heartbeat_timeout_ms=400,
                reconnect_min_ms=20,
                reconnect_max_ms=200,
            )
        )
        soak = Soak(link, cable)
        await link.connect()
        link.command(LineCommand.RUN, SPEED_MM_S)
        try:
            await soak.run(for_s)
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
    settled = np.asarray([(at_s, mb) for at_s, mb in soak.rss_mb if at_s >= for_s / 4])
    slope = float(np.polyfit(settled[:, 0], settled[:, 1], 1)[0]) * 3600
    figures = [
        Figure("orders taken", soak.taken, "orders"),
        Figure("orders doubled", plc["doubled"], "orders", at_most=0),
        Figure("orders unaccounted", unaccounted, "orders", at_most=0),
        Figure("said to be fired and were not", false_fired, "orders", at_most=0),
        Figure("fired and said to be neither fired nor lost", fired_unsaid, "orders", at_most=0),
        *(Figure(f"orders {code.name.lower()}", soak.ended[code], "orders") for code in ReceiptCode),
        Figure("memory slope", slope, "MB/h", at_most=1.0 if long_enough else None),
    ]
    beside = {
        "seconds": for_s,
        "partitions": soak.partitions,
        "not_taken": dict(soak.not_taken),
        "retransmitted": health.retransmitted,
        "dropped_by_plc_as_duplicates": plc["duplicated"],
        "reconnects": health.reconnects,
        "downtime_s": round(health.downtime_s, 2),
    }
    return report("soak", figures, beside)
