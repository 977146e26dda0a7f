"""A PLC that is absent, killed, mute, cut off or rude; and a link under a virtual clock."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from controller.clock import run_virtual
from plc_bridge.contract import CommandImage, LineCommand, LineStatus, Receipt, ReceiptCode
from plc_bridge.link import LinkChange, LinkState
from plc_bridge.memory_link import Config as MemoryConfig
from plc_bridge.memory_link import MemoryLink, MemoryWire
from plc_bridge.modbus_link import Config as ModbusConfig
from plc_bridge.modbus_link import ModbusLink, ModbusWire
from plc_bridge.opcua_link import Config as OpcuaConfig
from plc_bridge.session import PlcSession
from plc_bridge.tagmap import default_tag_map
from plc_bridge.tagmap_file import default_tag_map_path, to_yaml
from plc_bridge.virtual_plc import PlcInputs
from senbetsu_errors import Fatal, NeedsOperator, Retryable
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


class SilentWire(MemoryWire):
    """A wire that can swallow everything while it stays open."""

    silent = False

    async def read_status(self) -> LineStatus:
        if self.silent:
            await asyncio.sleep(3600)
        return await super().read_status()

    async def write_command(self, image: CommandImage) -> None:
        if self.silent:
            await asyncio.sleep(3600)
        await super().write_command(image)


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


def test_observers_see_every_change_of_state_with_its_reason_and_the_detection_keeps_its_time() -> None:
    async def run() -> None:
        bench = Bench(pc_timeout_ms=60_000)
        wire = SilentWire()
        wire.attach(bench.plc.status, bench.plc.write_command, bench.plc.receipt_history)
        link = MemoryLink(MemoryConfig(request_timeout_ms=200, heartbeat_timeout_ms=450), wire)

        async def observe() -> list[LinkChange]:
            return [change async for change in link.changes()]

        observer = asyncio.create_task(observe())
        async with running(link, bench):
            await until(lambda: link.health.state is LinkState.CONNECTED)
            await asyncio.sleep(1)
            silent_at_s, wire.silent = asyncio.get_running_loop().time(), True
            await until(lambda: link.health.state is LinkState.LOST)
            wire.silent = False
            await until(lambda: link.health.state is LinkState.CONNECTED)
        seen = await observer
        assert [change.state.value for change in seen] == [
            "disconnected",
            "connecting",
            "connected",
            "lost",
            "connected",
            "closed",
        ]
        lost = seen[3]
        assert "for 450 ms" in lost.reason
        assert 0.44 <= lost.at_s - silent_at_s <= 0.451, "two requests of 200 ms must not make 600 of it"

    run_virtual(run())


def test_the_status_goes_on_being_read_every_cycle_after_a_burst_of_orders() -> None:
    """Reads that a batch woke early must not put off those that follow."""

    async def run() -> None:
        bench = Bench()
        wire = MemoryWire()
        loop = asyncio.get_running_loop()

        def take_at_once(image: CommandImage) -> None:
            bench.plc.write_command(image)
            bench.plc.scan(loop.time(), bench.encoder, bench.speed_mm_s)

        wire.attach(bench.plc.status, take_at_once, bench.plc.receipt_history)
        link = MemoryLink(MemoryConfig(), wire)
        async with running(link, bench):
            await until(lambda: link.health.state is LinkState.CONNECTED)
            for _ in range(300):
                (order,) = link.submit([bench.shot(ahead_mm=-1)])
                await order.receipt
            assert loop.time() < 1, "an order that the PLC takes at once is acknowledged at once"
            read_at_s: list[float] = []
            async for status in link.statuses():
                read_at_s.append(status.received_at_s)
                if loop.time() > read_at_s[0] + 1:
                    break
        assert max(b - a for a, b in pairwise(read_at_s)) < 0.0101
        assert len(read_at_s) == pytest.approx(101, abs=2)

    run_virtual(run())


def test_a_link_that_settles_takes_orders_only_afterwards() -> None:
    async def run() -> None:
        bench = Bench()
        wire = MemoryWire()
        wire.attach(bench.plc.status, bench.plc.write_command, bench.plc.receipt_history)
        link = MemoryLink(MemoryConfig(settle_after_connect_ms=300), wire)
        async with running(link, bench):
            await until(lambda: link.health.state is LinkState.SETTLING)
            with pytest.raises(Retryable, match=r"plc\.link_down.*settling"):
                link.submit([bench.shot()])
            await until(lambda: link.health.state is LinkState.CONNECTED)
            assert asyncio.get_running_loop().time() >= 0.3

    run_virtual(run())


def test_an_outage_that_lasts_accounts_its_orders_as_lost() -> None:
    async def run() -> None:
        bench = Bench()
        wire = MemoryWire()
        wire.attach(bench.plc.status, bench.plc.write_command, bench.plc.receipt_history)
        link = MemoryLink(MemoryConfig(account_lost_after_ms=200), wire)
        async with running(link, bench):
            await until(lambda: link.health.state is LinkState.CONNECTED)
            (order,) = link.submit([bench.shot(ahead_mm=9000)])
            wire.detach()
            async with asyncio.timeout(5):
                assert (await order.receipt).code is ReceiptCode.LOST
            wire.attach(bench.plc.status, bench.plc.write_command, bench.plc.receipt_history)
            await until(lambda: link.health.state is LinkState.CONNECTED)
            status = bench.plc.status()
            assert status.queue_free == 256, "the new session made the PLC drop what was accounted as lost"

    asyncio.run(run())


@pytest.mark.parametrize(("history", "lost"), [(256, 0), (0, 184)])
def test_after_an_outage_only_what_the_plc_does_not_remember_is_lost(history: int, lost: int) -> None:
    """Two hundred orders fire while the link is away; the status block shows the last sixteen."""

    async def run() -> None:
        bench = Bench(pc_timeout_ms=60_000)
        wire = MemoryWire(history)
        link = MemoryLink(MemoryConfig(account_lost_after_ms=60_000), wire)
        wire.attach(bench.plc.status, bench.plc.write_command, bench.plc.receipt_history)
        with capture_logs() as logs:
            async with running(link, bench):
                await until(lambda: link.health.state is LinkState.CONNECTED)
                orders = link.submit([bench.shot(ahead_mm=200 + 5 * n, length_mm=4) for n in range(200)])
                await orders[-1].acknowledged
                wire.detach()
                await until(lambda: bench.plc.status().fired == 200)
                wire.attach(bench.plc.status, bench.plc.write_command, bench.plc.receipt_history)
                codes = [(await order.receipt).code for order in orders]
                assert codes == [ReceiptCode.LOST] * lost + [ReceiptCode.FIRED] * (200 - lost)
                await until(lambda: link.health.state is LinkState.CONNECTED)
        assert logs[-1] == {
            "event": "plc link recovered",
            "log_level": "info",
            "down_s": logs[-1]["down_s"],
            "orders_lost": lost,
        }

    run_virtual(run())


def test_a_window_larger_than_the_plc_remembers_is_refused() -> None:
    with pytest.raises(Fatal, match=r"config\.plc_window.*window_orders is 200.*remembers 100"):
        MemoryLink(MemoryConfig(window_orders=200), MemoryWire(100))
    with pytest.raises(ValidationError, match="less than or equal to 256"):
        MemoryConfig(window_orders=257)


@pytest.mark.parametrize("mute", [True, False])
def test_a_history_that_is_not_answered_is_a_lost_link_and_its_orders_end(mute: bool) -> None:
    """A device that never answers the request, and one whose ring is empty whatever it counts."""

    class BadHistory(MemoryWire):
        async def read_receipts(self, first: int, count: int) -> Sequence[Receipt]:
            if mute:
                await asyncio.sleep(3600)
            return []

    async def run() -> None:
        bench = Bench(pc_timeout_ms=60_000)
        wire = BadHistory()
        wire.attach(bench.plc.status, bench.plc.write_command, bench.plc.receipt_history)
        link = MemoryLink(MemoryConfig(), wire)
        async with running(link, bench):
            await until(lambda: link.health.state is LinkState.CONNECTED)
            orders = link.submit([bench.shot(ahead_mm=900) for _ in range(60)])
            await orders[-1].acknowledged
            bench.inputs = PlcInputs(air_ok=False)  # sixty are cancelled in one scan
            if mute:
                await until(lambda: link.health.state is LinkState.LOST)
                assert "receipt history has not been answered" in link.health.reason
            codes = [(await order.receipt).code for order in orders]
            shown = [ReceiptCode.LOST if mute else ReceiptCode.CANCELLED] * 16
            assert codes == [ReceiptCode.LOST] * 44 + shown
            bench.inputs = PlcInputs()
            await until(lambda: link.health.state is LinkState.CONNECTED)
            (order,) = link.submit([bench.shot()])
            assert (await order.receipt).code is ReceiptCode.FIRED

    run_virtual(run())


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


def test_under_a_virtual_clock_two_runs_give_the_same_receipts() -> None:
    async def run() -> list[tuple[float, int]]:
        bench = Bench()
        wire = MemoryWire()
        wire.attach(bench.plc.status, bench.plc.write_command, bench.plc.receipt_history)
        link = MemoryLink(MemoryConfig(), wire)
        ends: list[tuple[float, int]] = []
        loop = asyncio.get_running_loop()
        async with running(link, bench):
            await until(lambda: link.health.state is LinkState.CONNECTED)
            while loop.time() < 5.0:
                (order,) = link.submit([bench.shot(ahead_mm=100)])
                ends.append((await order.acknowledged, (await order.receipt).count))
        return ends

    results = [run_virtual(run()) for _ in range(2)]
    assert results[0] == results[1]
    assert len(results[0]) > 20


class CountedWire(MemoryWire):
    """Keeps when each batch was written, and swallows the first write that carries orders."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[float, int]] = []

    async def write_command(self, image: CommandImage) -> None:
        if image.orders:
            self.written.append((asyncio.get_running_loop().time(), image.batch))
            if len(self.written) == 1:
                await asyncio.sleep(3600)
        await super().write_command(image)


def test_a_write_that_was_given_up_is_repeated_at_once_and_new_orders_do_not_repeat_it() -> None:
    async def run() -> None:
        wire, bench = CountedWire(), Bench()
        wire.attach(bench.plc.status, bench.plc.write_command, bench.plc.receipt_history)
        config = MemoryConfig(cycle_ms=20, request_timeout_ms=100, heartbeat_timeout_ms=1000)
        link = MemoryLink(config, wire)
        async with running(link, bench):
            await until(lambda: link.health.state is LinkState.CONNECTED)
            orders = list(link.submit([bench.shot(3, 300.0)]))
            for _ in range(5):
                await asyncio.sleep(0.01)
                orders += link.submit([bench.shot(3, 300.0)])
            assert [(await order.receipt).code for order in orders] == [ReceiptCode.FIRED] * 6
        (lost_at_s, lost), (again_at_s, again), *more = wire.written
        assert again == lost
        assert again_at_s - lost_at_s == pytest.approx(0.1)
        assert [batch for _, batch in more] == [lost + 1]

    run_virtual(run())
