"""The plant in real time, with its servers: what `senbetsu plant` runs.

The plant is stepped by simulated time and catches up with the loop's clock every few milliseconds.
What the loop is late, the plant is late as a whole: valves, parts and exposures keep their order and
their counts. Pictures are rendered, and parts drawn, in threads beside the loop, so that the servers
go on answering; a picture carries the count and the moment of its exposure, however late it is ready.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from plc_bridge.direct_config import Config as DirectConfig
from plc_bridge.tagmap import TagMap, default_tag_map
from senbetsu_errors import NeedsOperator
from sim.bench_plc import BenchPlc
from sim.camera_server import CameraHello, CameraServer, FrameHeader, serve_camera
from sim.modbus_server import serve_modbus
from sim.plant import Exposure, Plant, PlantSetup
from sim.remote_io import RemoteIo, serve_remote_io
from sim.truth import Truth

_TICK_S = 0.002
_MOST_AT_ONCE_S = 0.05  # plant time stepped before the loop gets its turn
_STALL_S = 0.25  # lag from which the plant goes on where it stood: half of the PLC's patience with a silent PC
_WAITING_EXPOSURES = 4
_TELL_EVERY_S = 1.0
_DRAW_AHEAD_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class PlantPorts:
    """Where a plant's servers listen; None where there is none."""

    modbus: int | None
    opcua: int | None
    remote_io: int | None
    camera: int | None


async def run_plant(
    setup: PlantSetup,
    *,
    duration_s: float | None = None,
    on_truth: Callable[[Truth], None] | None = None,
    on_ready: Callable[[PlantPorts], None] | None = None,
    modbus_tags: TagMap | None = None,
    opcua_tags: TagMap | None = None,
    remote_io_layout: DirectConfig | None = None,
    seed: int | None = None,
) -> None:
    """Run the plant for `duration_s`, or until cancelled; close its servers in order.

    `on_ready` is called once all servers listen, `on_truth` every second and once at the end.
    Without tag maps the default ones are served. With a remote I/O server the station, laid out so, is wired
    to the plant in place of its PLC. Raises NeedsOperator (`plant.port_in_use`, `plant.remote_io`, or
    `plc.security` for certificates that cannot be read).
    """
    bench_plc = BenchPlc(setup.plant.bench_plc) if setup.plant.bench_plc else None
    servers = setup.plant.servers
    station = _station(setup, remote_io_layout) if servers.remote_io else None
    plant = Plant(setup, seed, bench_plc or station)
    async with contextlib.AsyncExitStack() as stack:
        if bench_plc:
            await stack.enter_async_context(bench_plc.exchanging())
        modbus = opcua = remote_io = camera = None
        if servers.modbus:
            tags = modbus_tags or default_tag_map("modbus")
            modbus = await stack.enter_async_context(
                serve_modbus(plant.plc, servers.modbus.host, servers.modbus.port, tags)
            )
        if servers.remote_io and station:
            remote_io = await stack.enter_async_context(
                serve_remote_io(station, servers.remote_io.host, servers.remote_io.port)
            )
        if servers.camera:
            camera = await stack.enter_async_context(
                serve_camera(servers.camera.host, servers.camera.port, _hello(plant))
            )
        if servers.opcua:
            # takes seconds to import; the others listen meanwhile
            from sim.opcua_server import security_of, serve_opcua

            tags = opcua_tags or default_tag_map("opcua")
            security = await asyncio.to_thread(security_of, servers.opcua.security)
            opcua = await stack.enter_async_context(
                serve_opcua(plant.plc, servers.opcua.host, servers.opcua.port, tags, security=security)
            )
        if on_ready:
            on_ready(PlantPorts(modbus, opcua, remote_io, camera.port if camera else None))
        try:
            await _RealTime(plant, camera, on_truth).run(duration_s)
        finally:
            if on_truth:
                on_truth(plant.truth)


def _hello(plant: Plant) -> CameraHello:
    setup = plant.setup
    return CameraHello(
        setup.geometry,
        plant.rows,
        plant.columns,
        setup.mm_per_px,
        setup.counts_per_mm,
        plant.has_heights,
        setup.scale is not None,
    )


def _station(setup: PlantSetup, layout: DirectConfig | None) -> RemoteIo:
    if layout is None:
        raise NeedsOperator(
            "plant.remote_io",
            "The plant's remote I/O station does not know where its terminals are.",
            "A plc section with `backend: direct` says so; without one, remove plant.servers.remote_io.",
        )
    return RemoteIo(layout, setup.speed_mm_s)


class _RealTime:
    """The tasks around a plant that follows the loop's clock."""

    def __init__(self, plant: Plant, camera: CameraServer | None, on_truth: Callable[[Truth], None] | None) -> None:
        self._plant = plant
        self._camera = camera
        self._on_truth = on_truth
        self._started_s = 0.0
        self._exposed: deque[tuple[Exposure, float]] = deque(maxlen=_WAITING_EXPOSURES)
        self._more = asyncio.Event()

    async def run(self, duration_s: float | None) -> None:
        """All tasks, until the time is over or one of them fails."""
        self._started_s = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(self._step(duration_s), name="plant"),
                tasks.create_task(self._render(), name="plant camera"),
                tasks.create_task(self._draw_ahead(), name="plant parts"),
                tasks.create_task(self._tell(), name="plant truth"),
            ]
            await running[0]
            for task in running[1:]:
                task.cancel()

    async def _step(self, duration_s: float | None) -> None:
        loop = asyncio.get_running_loop()
        plant = self._plant
        while True:
            due_s = loop.time() - self._started_s
            if due_s - plant.now_s > _STALL_S:  # the machine slept, or the process was held
                plant.truth.stalled_s += due_s - plant.now_s
                self._started_s += due_s - plant.now_s
                due_s = plant.now_s
            if duration_s is not None:
                due_s = min(due_s, duration_s)
            until_s = min(due_s, plant.now_s + _MOST_AT_ONCE_S)
            for exposure in plant.advance_to(until_s):
                self._exposed.append((exposure, self._started_s + exposure.at_s))
                self._more.set()
            if until_s == duration_s:
                return
            await asyncio.sleep(_TICK_S if until_s == due_s else 0)

    async def _render(self) -> None:
        """Render and send what was exposed, if anybody looks; the oldest waiting exposure gives way."""
        while True:
            await self._more.wait()
            self._more.clear()
            while self._exposed:
                exposure, at_s = self._exposed.popleft()
                if self._camera and self._camera.watched:
                    channels = await asyncio.to_thread(self._plant.channels, exposure)
                    header = FrameHeader(exposure.sequence, exposure.encoder, "latched", at_s)
                    self._camera.publish(header, channels["color"], channels.get("height"), channels.get("mass"))

    async def _draw_ahead(self) -> None:
        """Have the next parts drawn before they are due; drawing one takes up to 50 ms."""
        plant = self._plant
        while True:
            for key in plant.feeder.plan():
                if key not in plant.stock:
                    await asyncio.to_thread(plant.stock.draw, key)
            await asyncio.sleep(_DRAW_AHEAD_EVERY_S)

    async def _tell(self) -> None:
        while self._on_truth:
            await asyncio.sleep(_TELL_EVERY_S)
            self._on_truth(self._plant.truth)
