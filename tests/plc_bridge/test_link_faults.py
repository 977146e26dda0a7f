"""A PLC that is absent, killed, mute, cut off or rude; and a link under a virtual clock."""

import asyncio
import selectors
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from plc_bridge.contract import LineCommand, ReceiptCode
from plc_bridge.link import LinkState
from plc_bridge.memory_link import Config as MemoryConfig
from plc_bridge.memory_link import MemoryLink, MemoryWire
from plc_bridge.modbus_link import Config as ModbusConfig
from plc_bridge.modbus_link import ModbusLink, ModbusWire
from plc_bridge.opcua_link import Config as OpcuaConfig
from plc_bridge.session import PlcSession
from plc_bridge.tagmap import default_tag_map
from plc_bridge.tagmap_file import default_tag_map_path, to_yaml
from senbetsu_errors import NeedsOperator, Retryable
from sim.modbus_server import serve_modbus
from tests.plc_bridge.contract_body import Bench, until

MODBUS_TAGS = default_tag_map_path("modbus")


def fast_config(port: int, **changes: object) -> ModbusConfig:
    settings: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port,
        "tags": MODBUS_TAGS,
        "reconnect_min_ms": 20,
        "reconnect_max_ms": 100,
        "request_timeout_ms": 100,
        "heartbeat_timeout_ms": 300,
        "account_lost_after_ms": 400,
        **changes,
    }
    return ModbusConfig.model_validate(settings)


async def free_port() -> int:
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


@asynccontextmanager
async def running(link: PlcSession, bench: Bench) -> AsyncGenerator[None]:
    bench.link = link
    scan = asyncio.create_task(bench.run())
    try:
        await link.connect()
        link.command(LineCommand.RUN, 500.0)
        yield
    finally:
        await link.close()
        scan.cancel()
        await asyncio.wait([scan])


class Proxy:
    """A TCP proxy that can swallow everything both ways, while connections stay open."""

    def __init__(self) -> None:
        self.swallowing = False
        self.connections = 0
        self._open: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def to(self, port: int) -> AsyncGenerator[int]:
        self._port = port
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for writer in self._open:
                writer.close()
            await server.wait_closed()
            await asyncio.sleep(0.05)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, far_writer}
        async with asyncio.TaskGroup() as both:
            both.create_task(self._pump(reader, far_writer))
            both.create_task(self._pump(far_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(4096):
                if not self.swallowing:
                    writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()


def test_a_plc_that_is_absent_at_start_is_said_once_and_connected_when_it_appears() -> None:
    async def run() -> None:
        bench = Bench()
        port = await free_port()
        link = ModbusLink(fast_config(port))
        with capture_logs() as logs:
            async with running(link, bench):
                await until(lambda: "No Modbus server" in link.health.reason)
                await asyncio.sleep(0.4)
                assert link.health.state is LinkState.CONNECTING
                with pytest.raises(Retryable, match=r"plc\.link_down.*connecting"):
                    link.submit([bench.shot()])
                async with serve_modbus(bench.plc, "127.0.0.1", port, default_tag_map("modbus")):
                    await until(lambda: link.health.state is LinkState.CONNECTED)
                    async with asyncio.timeout(5):
                        (order,) = link.submit([bench.shot(ahead_mm=250)])
                        assert (await order.receipt).code is ReceiptCode.FIRED
                    await link.close()
        assert [entry["event"] for entry in logs] == ["plc not there yet, waiting for it", "plc link connected"]
        assert link.health.downtime_s >= 0.4
        assert link.health.reconnects == 0

    asyncio.run(run())


def test_a_killed_and_restarted_plc_loses_its_orders_with_its_epoch_and_takes_new_ones() -> None:
    async def run() -> None:
        bench = Bench()
        port = await free_port()
        link = ModbusLink(fast_config(port, account_lost_after_ms=5000))
        tag_map = default_tag_map("modbus")
        with capture_logs() as logs:
            async with running(link, bench):
                async with serve_modbus(bench.plc, "127.0.0.1", port, tag_map):
                    await until(lambda: link.health.state is LinkState.CONNECTED)
                    orders = link.submit([bench.shot(ahead_mm=8000) for _ in range(5)])
                    async with asyncio.timeout(5):
                        await orders[-1].acknowledged
                await until(lambda: link.health.state is LinkState.LOST)
                bench.plc.restart()
                async with serve_modbus(bench.plc, "127.0.0.1", port, tag_map), asyncio.timeout(10):
                    assert {(await order.receipt).code for order in orders} == {ReceiptCode.LOST}
                    await until(lambda: link.health.state is LinkState.CONNECTED)
                    (order,) = link.submit([bench.shot(ahead_mm=200)])
                    assert (await order.receipt).code is ReceiptCode.FIRED
                    await link.close()
        events = [entry["event"] for entry in logs if entry["event"] != "plc not there yet, waiting for it"]
        assert events == ["plc link connected", "plc link lost", "plc link recovered"]
        assert logs[-1]["orders_lost"] == 5
        assert bench.valves_opened == 1

    asyncio.run(run())


def test_a_silent_partition_is_noticed_and_the_orders_under_way_are_accounted_for() -> None:
    async def run() -> None:
        bench = Bench(pc_timeout_ms=200)
        proxy = Proxy()
        served = serve_modbus(bench.plc, "127.0.0.1", 0, default_tag_map("modbus"))
        async with served as plc_port, proxy.to(plc_port) as port:
            link = ModbusLink(fast_config(port, account_lost_after_ms=10_000))
            async with running(link, bench):
                await until(lambda: link.health.state is LinkState.CONNECTED)
                orders = link.submit([bench.shot(ahead_mm=ahead) for ahead in (250, 300, 3000, 3001)])
                async with asyncio.timeout(5):
                    await orders[-1].acknowledged
                loop = asyncio.get_running_loop()
                cut_at_s = loop.time()
                proxy.swallowing = True
                await until(lambda: link.health.state is LinkState.LOST)
                assert loop.time() - cut_at_s < 2.0
                await until(lambda: not bench.outputs.belt_run)
                proxy.swallowing = False
                async with asyncio.timeout(10):
                    codes = [(await order.receipt).code for order in orders]
                assert codes[2:] == [ReceiptCode.CANCELLED] * 2, "the PLC had no heartbeat and dropped them"
                assert ReceiptCode.LOST not in codes
                assert bench.valves_opened == codes.count(ReceiptCode.FIRED)
                await until(lambda: link.health.state is LinkState.CONNECTED)

    asyncio.run(run())


def test_an_outage_that_lasts_accounts_its_orders_as_lost() -> None:
    async def run() -> None:
        bench = Bench()
        wire = MemoryWire()
        wire.attach(bench.plc.status, bench.plc.write_command)
        link = MemoryLink(MemoryConfig(account_lost_after_ms=200), wire)
        async with running(link, bench):
            await until(lambda: link.health.state is LinkState.CONNECTED)
            (order,) = link.submit([bench.shot(ahead_mm=9000)])
            wire.detach()
            async with asyncio.timeout(5):
                assert (await order.receipt).code is ReceiptCode.LOST
            wire.attach(bench.plc.status, bench.plc.write_command)
            await until(lambda: link.health.state is LinkState.CONNECTED)
            status = bench.plc.status()
            assert status.queue_free == 256, "the new session made the PLC drop what was accounted as lost"

    asyncio.run(run())


def test_a_timed_out_or_cancelled_request_leaves_the_connection_usable() -> None:
    async def run() -> None:
        bench = Bench()
        proxy = Proxy()
        served = serve_modbus(bench.plc, "127.0.0.1", 0, default_tag_map("modbus"))
        async with served as plc_port, proxy.to(plc_port) as port:
            wire = ModbusWire(fast_config(port))
            await wire.open()
            try:
                await wire.read_status()
                for _ in range(8):
                    proxy.swallowing = True
                    with pytest.raises(TimeoutError):
                        async with asyncio.timeout(0.02):
                            await wire.read_status()
                    proxy.swallowing = False
                    async with asyncio.timeout(2):
                        assert (await wire.read_status()).epoch == 1
            finally:
                await wire.close()

    asyncio.run(run())


def test_registers_the_device_refuses_point_at_the_tag_map(tmp_path: Path) -> None:
    async def run() -> None:
        bench = Bench()
        path = tmp_path / "moved.yaml"
        path.write_text(to_yaml(default_tag_map("modbus")).replace("at: 200,", "at: 199,"))
        async with serve_modbus(bench.plc, "127.0.0.1", 0, default_tag_map("modbus")) as port:
            link = ModbusLink(fast_config(port, tags=path))
            async with running(link, bench):
                await until(lambda: "refuses holding registers 199" in link.health.reason)
                assert "illegal data address" in link.health.reason
                assert bench.outputs.belt_run is False

    asyncio.run(run())


@pytest.mark.parametrize(
    ("answer", "says", "remedy"),
    [
        (b"", "is closed", "opened again"),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "does not speak Modbus; it began with 48 54 54 50",
            "Check address and port",
        ),
        (None, "takes the connection but has answered none of 2 requests", "Check plc.unit"),
    ],
    ids=["closes", "answers garbage", "never answers"],
)
def test_a_server_that_is_no_plc_is_named_and_nothing_is_fired(answer: bytes | None, says: str, remedy: str) -> None:
    async def run() -> None:
        async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(300):
                if answer is not None:
                    writer.write(answer)
                    if not answer:
                        break
            writer.close()

        server = await asyncio.start_server(rude, "127.0.0.1", 0)
        link = ModbusLink(fast_config(server.sockets[0].getsockname()[1]))
        bench = Bench()
        async with running(link, bench):
            await until(lambda: link.health.reason != "")
            assert says in link.health.reason
            assert remedy in link.health.reason
            assert link.health.state is LinkState.CONNECTING
            with pytest.raises(Retryable, match=r"plc\.link_down"):
                link.submit([bench.shot()])
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.05)

    asyncio.run(run())


def test_a_port_in_use_is_named() -> None:
    async def run() -> None:
        tag_map = default_tag_map("modbus")
        plc = Bench().plc
        async with serve_modbus(plc, "127.0.0.1", 0, tag_map) as port:
            with pytest.raises(NeedsOperator, match=r"cannot listen on 127\.0\.0\.1:"):
                async with serve_modbus(plc, "127.0.0.1", port, tag_map):
                    pass

    asyncio.run(run())


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"url": "opc.tcp://192.0.2.1:4840", "insecure": True}, "this machine itself"),
        ({"url": "opc.tcp://127.0.0.1:4840"}, "security is missing"),
        ({"url": "opc.tcp://user:secret@127.0.0.1:4840", "insecure": True}, "pattern"),
        ({"url": "opc.tcp://127.0.0.1:4840", "insecure": True, "user": {"name": "a"}}, "exactly one of"),
        ({"url": "opc.tcp://127.0.0.1:4840", "insecure": True, "cycle_ms": 300}, "at least twice cycle_ms"),
    ],
)
def test_an_unsafe_configuration_is_refused(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        OpcuaConfig.model_validate({"tags": "tags.yaml", **settings})


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """Time jumps to the next timer when nothing else is to be done."""

    def __init__(self) -> None:
        super().__init__(_NoWait(self))
        self.now_s = 0.0

    def time(self) -> float:
        return self.now_s


class _NoWait(selectors.SelectSelector):
    def __init__(self, loop: VirtualClockLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout > 0:
            self._loop.now_s += timeout
        return super().select(0)


def test_under_a_virtual_clock_two_runs_give_the_same_receipts() -> None:
    async def run() -> list[tuple[float, int]]:
        bench = Bench()
        wire = MemoryWire()
        wire.attach(bench.plc.status, bench.plc.write_command)
        link = MemoryLink(MemoryConfig(), wire)
        ends: list[tuple[float, int]] = []
        loop = asyncio.get_running_loop()
        async with running(link, bench):
            await until(lambda: link.health.state is LinkState.CONNECTED)
            while loop.time() < 5.0:
                (order,) = link.submit([bench.shot(ahead_mm=100)])
                ends.append((await order.acknowledged, (await order.receipt).count))
        return ends

    results: list[list[tuple[float, int]]] = []
    for _ in range(2):
        with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
            results.append(runner.run(run()))
    assert results[0] == results[1]
    assert len(results[0]) > 20
