"""A plain remote I/O station wired to the plant: coils, discrete inputs and a counter behind a real Modbus TCP server.

It stands where the PLC stands otherwise. No program runs in it; like a real coupler it has a watchdog,
which switches every output off when nobody asked for too long.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from plc_bridge.direct_config import Config
from plc_bridge.virtual_plc import PlcInputs, PlcOutputs
from sim.modbus_server import listening

_READ_INPUTS, _READ_COUNT = 2, (3, 4)
_WRITES = (5, 15)
_WORD_BITS = 16


class RemoteIo:
    """The terminals of one station, laid out as the Direct I/O link's configuration says.

    `scan` wires it to the plant: what a PLC would be scanned with it shows, what its coils say it hands
    out. `asked` is called with each request; the drive it feeds runs at `speed_mm_s`.
    """

    def __init__(self, layout: Config, speed_mm_s: float) -> None:
        self.layout = layout
        self.coils: dict[int, bool] = {}
        self.inputs: dict[int, bool] = {}
        self.count = 0
        self._speed_mm_s = speed_mm_s
        self._asked = False
        self._asked_at_s = 0.0

    def asked(self) -> None:
        """A request came in: the watchdog starts anew."""
        self._asked = True

    def scan(self, now_s: float, encoder_raw: int, belt_speed_mm_s: float, inputs: PlcInputs) -> PlcOutputs:
        """One exchange between terminals and plant at plant time `now_s`."""
        del belt_speed_mm_s  # a counter module knows none
        places = self.layout.inputs
        self.count = encoder_raw
        self.inputs = {
            places.e_stop_ok: inputs.e_stop_ok,
            places.air_ok: inputs.air_ok,
            places.no_fire: not inputs.fire,
        }
        if self._asked:
            self._asked, self._asked_at_s = False, now_s
        elif now_s - self._asked_at_s > self.layout.watchdog_ms / 1000:
            self.coils.clear()
        outputs = self.layout.outputs
        belt_run = self.coils.get(outputs.belt_run, False)
        return PlcOutputs(
            valves=sum(1 << n for n, coil in enumerate(outputs.valves) if self.coils.get(coil)),
            belt_run=belt_run,
            feed_run=belt_run and self.coils.get(outputs.feed_run, False),
            speed_setpoint_mm_s=self._speed_mm_s if belt_run else 0.0,
        )

    def latch_trigger(self, encoder: int) -> None:
        """A counter module without a latch: nothing is kept."""


@asynccontextmanager
async def serve_remote_io(station: RemoteIo, host: str, port: int) -> AsyncGenerator[int]:
    """Serve the station at `host:port` while the context is open; yields the port.

    FC1, 2, 5 and 15 reach its coils and inputs, FC3 or 4, as laid out, its count; all else is refused with
    exception 2. Raises `NeedsOperator` `plant.port_in_use`.
    """
    layout = station.layout
    outputs, encoder = layout.outputs, layout.encoder
    last_coil = max(outputs.valves.stop - 1, outputs.belt_run, outputs.feed_run)

    async def on_access(
        function: int, start: int, address: int, count: int, registers: list[int], values: list[int] | list[bool] | None
    ) -> ExcCodes | None:
        station.asked()
        if function in _WRITES and values is not None:
            station.coils.update((address + n, bool(value)) for n, value in enumerate(values))
        elif function in _READ_COUNT and values is None:
            high, low = station.count >> 16, station.count & 0xFFFF
            registers[:2] = (high, low) if encoder.word_order == "big" else (low, high)
        elif values is None:
            bits = station.inputs if function == _READ_INPUTS else station.coils
            for word in range(len(registers)):
                registers[word] = sum(1 << n for n in range(_WORD_BITS) if bits.get(word * _WORD_BITS + n))
        else:
            return ExcCodes.ILLEGAL_ADDRESS
        return None

    def bits_up_to(last: int) -> SimData:
        return SimData(0, count=(last // _WORD_BITS + 1) * _WORD_BITS, values=False, datatype=DataType.BITS)

    count = SimData(encoder.address, count=2, values=0, datatype=DataType.REGISTERS)
    nothing = SimData(0, count=1, datatype=DataType.INVALID)
    holding, inputs = (nothing, count) if encoder.table == "input" else (count, nothing)
    device = SimDevice(
        id=0,
        simdata=([bits_up_to(last_coil)], [bits_up_to(layout.inputs.span.stop - 1)], [holding], [inputs]),
        action=on_access,
    )
    server = ModbusTcpServer(device, address=(host, port))
    async with listening(server, "plant's remote I/O station", "plant.servers.remote_io") as there:
        yield there
