"""A plain remote I/O station on a server that others wrote (pyModbusTCP), as a process of its own.

Coils 0 to 63 are valves, 64 the belt's drive, 65 the feeder; discrete inputs 0 to 2 are e-stop, air and no fire;
input registers 0 and 1 the belt's encoder at 10 counts/mm, which stands at the count of the very moment of a
read. The belt runs at the set speed while its coil is on. Like a real coupler it has a watchdog: without a
request for WATCHDOG_S it switches every output off.

Reads lines of JSON from stdin: {"speed_mm_s": 300}, {"inputs": [true, true, true]}, {"most_delay_s": 0.05} to be
slow in switching coils, {"mute_s": 1} to lose what is asked and answer that late. Prints its port first, then, when
stdin ends, every switching of a coil: [coil, on, count, by the watchdog].
"""

import json
import random
import select
import sys
import time
from threading import Lock
from typing import Any, Literal, cast

from pyModbusTCP.server import DataBank, ModbusServer

COUNTS_PER_MM = 10.0
WATCHDOG_S = 0.3
BELT, FEED, OUTPUTS = 64, 65, 66


class Station(DataBank):
    def __init__(self) -> None:
        super().__init__()
        self.speed_mm_s = 300.0
        self.most_delay_s = 0.0
        self.mute_s = 0.0
        self.switched: list[tuple[int, bool, float, bool]] = []
        self.asked_at_s = time.monotonic()
        self._counts, self._counts_at_s = 0.0, time.monotonic()
        self._running = False
        self._belt_lock = Lock()
        cast(Any, self).set_discrete_inputs(0, [True] * 3)

    def counts(self) -> float:
        with self._belt_lock:
            now_s = time.monotonic()
            if self._running:
                self._counts += self.speed_mm_s * COUNTS_PER_MM * (now_s - self._counts_at_s)
            self._counts_at_s = now_s
            return self._counts

    def _asked(self) -> bool:
        """Notes a request; or, of a mute station, keeps it waiting and says so."""
        if self.mute_s:
            time.sleep(self.mute_s)
            return True
        self.asked_at_s = time.monotonic()
        return False

    def get_input_registers(self, address: int, number: int = 1, srv_info: Any = None) -> list[int] | None:
        self._asked()
        raw = int(self.counts()) & 0xFFFF_FFFF
        return [raw >> 16, raw & 0xFFFF][address : address + number]

    def set_coils(self, address: int, bit_list: list[bool], srv_info: Any = None) -> Literal[True] | None:
        if srv_info is not None and self._asked():
            return None  # what reached a mute station is lost
        time.sleep(random.uniform(0, self.most_delay_s))  # noqa: S311
        bank: Any = super()  # the library has no types
        before: list[bool] = bank.get_coils(address, len(bit_list))
        done: Literal[True] | None = bank.set_coils(address, bit_list)
        count = self.counts()
        for coil, (old, new) in enumerate(zip(before, bit_list, strict=True), address):
            if bool(new) != old:
                self.switched.append((coil, bool(new), count, srv_info is None))
                if coil == BELT:
                    self._running = bool(new)
        return done

    def watch(self) -> None:
        coils: list[bool] = cast(Any, self).get_coils(0, OUTPUTS)
        if time.monotonic() - self.asked_at_s > WATCHDOG_S and any(coils):
            self.set_coils(0, [False] * OUTPUTS)


def main() -> None:
    station = Station()
    server: Any = ModbusServer("127.0.0.1", int(sys.argv[1]), no_block=True, data_bank=station)
    server.start()
    print(server.port, flush=True)  # noqa: T201
    while True:
        if select.select([sys.stdin], [], [], 0.005)[0]:
            line = sys.stdin.readline()
            if not line:
                break
            for name, value in json.loads(line).items():
                if name == "inputs":
                    cast(Any, station).set_discrete_inputs(0, value)
                else:
                    station.counts()
                    setattr(station, name, value)
        station.watch()
    print(json.dumps(station.switched), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
