"""OPC UA servers that are absent, mute, rude, cut off, restarted, or have other nodes than the map says."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from asyncua import ua
from asyncua.client.ua_client import UaClientState
from asyncua.server.server import Server

from plc_bridge.contract import CommandImage, JetOrder, LineCommand, ReceiptCode
from plc_bridge.link import LinkState, Shot
from plc_bridge.opcua_link import Config, OpcuaLink, OpcuaWire
from plc_bridge.tagmap import default_tag_map
from plc_bridge.tagmap_file import default_tag_map_path, load_tag_map
from senbetsu_errors import NeedsOperator, Retryable, SenbetsuError
from sim.opcua_server import ServerSecurity, serve_opcua
from tests.plc_bridge.certificates import identity, trust_list, write
from tests.plc_bridge.contract_body import Bench, until
from tests.plc_bridge.test_link_faults import Proxy, free_port, running

pytestmark = pytest.mark.slow  # servers of asyncua take seconds to start

TAG_MAP = default_tag_map("opcua")
TAGS = default_tag_map_path("opcua")


def config(port: int, **changes: object) -> Config:
    settings: dict[str, object] = {
        "url": f"opc.tcp://127.0.0.1:{port}",
        "tags": TAGS,
        "insecure": True,
        "connect_timeout_ms": 5000,
        "reconnect_min_ms": 20,
        "reconnect_max_ms": 100,
        **changes,
    }
    return Config.model_validate(settings)


def image(seq: int) -> CommandImage:
    return CommandImage(1 << 16 | 1, seq, LineCommand.RUN, 500.0, seq, (JetOrder(seq, 1, 1, 5000, 6000),))


# ---- servers that are none


async def _closes(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _answers_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(300)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)
    writer.close()


async def _answers_a_mangled_acknowledge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(300)
    writer.write(b"ACKF" + (28).to_bytes(4, "little") + b"\xff" * 20 + b"MSGF" + (4096).to_bytes(4, "little"))
    await reader.read(300)
    writer.close()


async def _never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(300):
        pass
    writer.close()


@pytest.mark.parametrize(
    ("rude", "code", "says"),
    [
        (_closes, "plc.not_understood", "accepts connections but does not speak OPC UA"),
        (_answers_http, "plc.not_understood", "does not speak OPC UA"),
        (_answers_a_mangled_acknowledge, "plc.no", "127.0.0.1"),
        (_never_answers, "plc.no_answer", "accepts connections and never answers as OPC UA"),
    ],
    ids=["closes", "http", "mangled", "mute"],
)
def test_a_server_that_is_no_opcua_server_is_named_and_no_crash(
    rude: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]], code: str, says: str
) -> None:
    async def run() -> None:
        server = await asyncio.start_server(rude, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        wire = OpcuaWire(config(port, connect_timeout_ms=500))
        with pytest.raises(Retryable, match=says) as refusal:
            await wire.open()
        assert refusal.value.code.startswith(code)
        assert refusal.value.remedy
        await wire.close()
        link = OpcuaLink(config(port, connect_timeout_ms=500))
        async with running(link, Bench()):
            await until(lambda: says in link.health.reason)
            assert link.health.state is LinkState.CONNECTING
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.05)

    asyncio.run(run())


def test_an_absent_server_is_named() -> None:
    async def run() -> None:
        wire = OpcuaWire(config(await free_port()))
        with pytest.raises(Retryable, match=r"No OPC UA server at opc\.tcp://127\.0\.0\.1:.*Connect call failed"):
            await wire.open()
        await wire.close()

    asyncio.run(run())


# ---- servers with other nodes


@asynccontextmanager
async def odd_nodes() -> AsyncGenerator[tuple[int, Any]]:
    """A server whose nodes are each wrong in one way; yields its port and the command node that is right."""
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    await server.register_namespace("urn:senbetsu:plc")
    folder = await server.nodes.objects.add_object("ns=2;s=Line", "2:Line")

    async def add(name: str, value: object, kind: ua.VariantType, writable: bool = False) -> Any:
        node = await folder.add_variable(f"ns=2;s={name}", f"2:{name}", ua.Variant(value, kind))
        if writable:
            await node.set_writable()
        return node

    words = [0] * 200
    await add("Status", words, ua.VariantType.UInt32)
    command = await add("Command", words, ua.VariantType.UInt32, writable=True)
    await add("ReadOnly", words, ua.VariantType.UInt32)
    await add("Short", [0] * 10, ua.VariantType.UInt32, writable=True)
    await add("Scalar", 5, ua.VariantType.UInt32)
    await add("Bytes", words, ua.VariantType.Int16)
    await add("Empty", [], ua.VariantType.UInt32, writable=True)
    await add("Text", "no number", ua.VariantType.String)
    async with server:
        bserver: Any = server.bserver
        yield bserver.port, command


def tags(folder: Path, **nodes: str) -> Path:
    """The default map, its history left out, with these nodes."""
    text = TAGS.read_text().partition("history:")[0]
    for block, default in (("status", "ns=2;s=Status"), ("command", "ns=2;s=Command")):
        text = text.replace(f"ns=2;s=Senbetsu.{block.capitalize()}", nodes.get(block, default))
    path = folder / "tags.yaml"
    path.write_text(text)
    return path


WRONG_NODES = [
    ({"status": "ns=2;s=Nothing"}, "plc.node_missing", "has no node ns=2;s=Nothing (BadNodeIdUnknown)"),
    ({"status": "ns=2;s=Line"}, "plc.node_type", "is a Object, not a variable"),
    ({"status": "ns=2;s=Scalar"}, "plc.node_type", "is not an array of UInt32 but a single UInt32"),
    ({"status": "ns=2;s=Bytes"}, "plc.node_type", "but an array of Int16"),
    ({"status": "ns=2;s=Text"}, "plc.node_type", "but a single String"),
    ({"command": "ns=2;s=ReadOnly"}, "plc.node_access", "ns=2;s=ReadOnly cannot be written by this user"),
    ({"command": "ns=2;s=Short"}, "plc.node_type", "has 10 elements, the tag map needs 78"),
    (
        {"status": "/0:Objects/2:Line/2:Statos"},
        "plc.node_missing",
        "has no 2:Statos below /0:Objects/2:Line; there are 2:Bytes, 2:Command, 2:Empty, 2:ReadOnly",
    ),
    ({"status": "/0:Objects/3:Line/2:Status"}, "plc.node_missing", "has no 3:Line below /0:Objects; there are"),
    ({"status": "/2:Line"}, "plc.node_missing", "has no 2:Line below the root; there are 0:Objects, 0:Types"),
    ({"status": "nsu=urn:other;s=Status"}, "plc.node_missing", "has no namespace urn:other; it has"),
]


def test_nodes_that_do_not_fit_are_named_before_anything_is_written(tmp_path: Path) -> None:
    async def run() -> None:
        async with odd_nodes() as (port, command):

            async def opened(**nodes: str) -> None:
                wire = OpcuaWire(config(port, tags=tags(tmp_path, **nodes)))
                try:
                    await wire.open()
                    await wire.write_command(image(1))
                finally:
                    await wire.close()

            for nodes, code, says in WRONG_NODES:
                with pytest.raises(SenbetsuError) as refusal:
                    await opened(**nodes)
                assert isinstance(refusal.value, NeedsOperator)
                assert (refusal.value.code, says in refusal.value.message) == (code, True), refusal.value.message
                assert refusal.value.remedy
                assert set(await command.read_value()) == {0}
            with pytest.raises(NeedsOperator, match=r"no node ns=2;s=Nothing .* ns=2;s=ReadOnly cannot be written"):
                await opened(status="ns=2;s=Nothing", command="ns=2;s=ReadOnly")
            await opened(status="/0:Objects/2:Line/2:Status", command="nsu=urn:senbetsu:plc;s=Empty")
            await opened(command="/0:Objects/2:Line/2:Command")
            written = await command.read_value()
            assert len(written) == 200, "a device takes the array as long as it has it"
            assert any(written)

    asyncio.run(run())


# ---- orders and time


def test_a_request_begun_before_a_loss_is_never_delivered_after_the_reconnect() -> None:
    async def run() -> None:
        bench = Bench()
        got: list[int] = []
        bench.plc.write_command = lambda image: got.append(image.batch)  # type: ignore[method-assign]
        proxy = Proxy()
        async with serve_opcua(bench.plc, "127.0.0.1", 0, TAG_MAP) as plc_port, proxy.to(plc_port) as port:
            wire = OpcuaWire(config(port))
            await wire.open()
            await wire.write_command(image(1))
            proxy.swallowing = True
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await wire.write_command(image(2))
            await wire.close()
            with pytest.raises(Retryable, match="is closed"):
                await wire.write_command(image(3))
            proxy.swallowing = False
            await wire.open()
            await wire.write_command(image(4))
            await asyncio.sleep(1.5)
            assert got == [1, 4]
            await wire.close()

    asyncio.run(run())


def test_a_request_made_while_the_server_is_away_fails_at_once_and_is_not_sent_when_it_is_back() -> None:
    """The library's own reconnect can hold a request back and send it later; it must stay off."""

    async def run() -> None:
        bench = Bench()
        got: list[int] = []
        bench.plc.write_command = lambda image: got.append(image.batch)  # type: ignore[method-assign]
        port = await free_port()
        wire = OpcuaWire(config(port))
        async with serve_opcua(bench.plc, "127.0.0.1", port, TAG_MAP):
            await wire.open()
            await wire.write_command(image(1))
        await asyncio.sleep(1.2)  # the library's supervisor needs a second to notice
        client = cast(Any, wire)._client
        assert client.state is UaClientState.DISCONNECTED, "it does not reconnect by itself"
        late = asyncio.create_task(wire.write_command(image(2)))
        done, _ = await asyncio.wait([late], timeout=0.5)
        async with serve_opcua(bench.plc, "127.0.0.1", port, TAG_MAP):
            await asyncio.sleep(3)
        assert got == [1]
        assert done == {late}
        assert isinstance(late.exception(), Retryable)
        await wire.close()

    asyncio.run(run())


def test_what_a_dead_server_was_not_sent_is_thrown_away() -> None:
    """The connection is reset, not closed: closing would send what still waits once the network is back."""

    async def run() -> None:
        bench = Bench()
        async with serve_opcua(bench.plc, "127.0.0.1", 0, TAG_MAP) as plc_port:
            ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            deaf = asyncio.Event()

            async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", plc_port)

                async def back() -> None:
                    while (data := await far_reader.read(4096)) and not writer.is_closing():
                        writer.write(data)

                backwards = asyncio.create_task(back())
                try:
                    while data := await reader.read(4096):
                        if not deaf.is_set():
                            far_writer.write(data)
                    outcome = "closed"
                except ConnectionResetError:
                    outcome = "reset"
                if deaf.is_set():
                    ended.set_result(outcome)
                backwards.cancel()
                await asyncio.wait([backwards])
                far_writer.close()
                writer.close()

            between = await asyncio.start_server(forward, "127.0.0.1", 0)
            wire = OpcuaWire(config(between.sockets[0].getsockname()[1]))
            await wire.open()
            deaf.set()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await wire.write_command(image(1))
            await wire.close()
            async with asyncio.timeout(5):
                assert await ended == "reset"
            between.close()
            await between.wait_closed()
            await asyncio.sleep(0.05)

    asyncio.run(run())


def both_ends(folder: Path, secured: bool) -> tuple[ServerSecurity | None, dict[str, object]]:
    """What the server is given, and what the link's configuration says."""
    if not secured:
        return None, {}
    server, client = identity("server", server=True), identity("client")
    certificate, key = write(folder, "client", client)
    trusted = trust_list(folder / "pc", server).folder
    security = {"certificate": certificate, "key": key, "trust_list": trusted}
    return ServerSecurity(server, trust_list(folder / "plc", client)), {"insecure": False, "security": security}


SECURED = pytest.mark.parametrize(
    "secured", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["open", "sign and encrypt"]
)


@SECURED
def test_a_server_killed_and_restarted_is_found_again_and_no_order_is_doubled(tmp_path: Path, secured: bool) -> None:
    server_security, settings = both_ends(tmp_path, secured)

    async def run() -> None:
        bench = Bench(pc_timeout_ms=20_000)
        port = await free_port()
        link = OpcuaLink(config(port, account_lost_after_ms=30_000, **settings))
        async with running(link, bench):
            async with serve_opcua(bench.plc, "127.0.0.1", port, TAG_MAP, security=server_security):
                await until(lambda: link.health.state is LinkState.CONNECTED)
                near, far = link.submit([bench.shot(3, 1500, length_mm=200), bench.shot(4, 5000, length_mm=200)])
                async with asyncio.timeout(10):
                    await far.acknowledged
            await until(lambda: link.health.state is LinkState.LOST)
            with pytest.raises(Retryable, match=r"plc\.link_down"):
                link.submit([bench.shot()])
            # Building a server holds up the loop, and the bench's scan with it: not while a valve is due.
            await until(lambda: bench.valves_opened == 1)
            serving = serve_opcua(bench.plc, "127.0.0.1", port, TAG_MAP, security=server_security)
            async with serving, asyncio.timeout(30):
                assert (await near.receipt).code is ReceiptCode.FIRED, "the PLC fired it while nobody could see"
                assert (await far.receipt).code is ReceiptCode.FIRED
                await until(lambda: link.health.state is LinkState.CONNECTED)
                await link.close()
        assert bench.valves_opened == 2
        assert link.health.orders_lost == 0
        assert link.health.reconnects == 1

    asyncio.run(run())


@SECURED
@pytest.mark.parametrize("by", ["read", "subscription"])
def test_a_silent_partition_is_noticed_and_healed(tmp_path: Path, by: str, secured: bool) -> None:
    server_security, settings = both_ends(tmp_path, secured)

    async def run() -> None:
        bench = Bench(pc_timeout_ms=200)
        proxy = Proxy()
        served = serve_opcua(bench.plc, "127.0.0.1", 0, TAG_MAP, security=server_security)
        async with served as plc_port, proxy.to(plc_port) as port:
            settings.update(status_by=by, account_lost_after_ms=30_000, connect_timeout_ms=2000)
            link = OpcuaLink(config(port, **settings))
            async with running(link, bench):
                await until(lambda: link.health.state is LinkState.CONNECTED)
                (order,) = link.submit([bench.shot(ahead_mm=5000)])
                async with asyncio.timeout(10):
                    await order.acknowledged
                cut_at_s = asyncio.get_running_loop().time()
                proxy.swallowing = True
                await until(lambda: link.health.state is LinkState.LOST)
                assert asyncio.get_running_loop().time() - cut_at_s < 3.0
                await until(lambda: not bench.outputs.belt_run)
                proxy.swallowing = False
                async with asyncio.timeout(20):
                    assert (await order.receipt).code is ReceiptCode.CANCELLED
                await until(lambda: link.health.state is LinkState.CONNECTED)
            assert bench.valves_opened == 0

    asyncio.run(run())


def test_published_statuses_that_nobody_reads_give_way_and_are_counted() -> None:
    async def run() -> None:
        bench = Bench()
        scan = asyncio.create_task(bench.run())
        async with serve_opcua(bench.plc, "127.0.0.1", 0, TAG_MAP) as port:
            wire = OpcuaWire(config(port, status_by="subscription", status_queue=2))
            await wire.open()
            first = await wire.read_status()
            await until(lambda: wire.statuses_dropped >= 3)
            held = [await wire.read_status() for _ in range(2)]
            assert held[0].heartbeat < held[1].heartbeat
            assert held[0].heartbeat > first.heartbeat
            await wire.close()
            assert wire.statuses_dropped >= 3
        scan.cancel()
        await asyncio.wait([scan])

    asyncio.run(run())


def test_orders_go_by_method_where_the_map_says_so(tmp_path: Path) -> None:
    text = TAGS.read_text().replace("command:\n", 'command:\n  method: "ns=2;s=Senbetsu.WriteCommand"\n')
    (tmp_path / "tags.yaml").write_text(text)
    tag_map = load_tag_map(tmp_path / "tags.yaml", "opcua")

    async def run() -> None:
        bench = Bench()
        written: list[object] = []
        async with serve_opcua(bench.plc, "127.0.0.1", 0, tag_map) as port:
            link = OpcuaLink(config(port, tags=tmp_path / "tags.yaml"))
            async with running(link, bench):
                await until(lambda: link.health.state is LinkState.CONNECTED)
                orders = link.submit([bench.shot(lane, ahead_mm=300 + 5 * lane) for lane in range(20)])
                async with asyncio.timeout(10):
                    assert {(await order.receipt).code for order in orders} == {ReceiptCode.FIRED}
                probe = OpcuaWire(config(port))
                await probe.open()
                written += await probe.read_words("command")
                await probe.close()
        assert set(written) == {0}, "nothing was written to the node"

    asyncio.run(run())


def test_more_receipts_in_one_scan_than_the_status_shows_are_all_learnt() -> None:
    async def run() -> None:
        bench = Bench()
        async with serve_opcua(bench.plc, "127.0.0.1", 0, TAG_MAP) as port:
            link = OpcuaLink(config(port))
            async with running(link, bench):
                await until(lambda: link.health.state is LinkState.CONNECTED)
                at_once = bench.shot(ahead_mm=1000)
                shots = [Shot(lane, lane, at_once.on_count, at_once.off_count) for lane in range(60)]
                async with asyncio.timeout(20):
                    receipts = [await order.receipt for order in link.submit(shots)]
                assert {receipt.code for receipt in receipts} == {ReceiptCode.FIRED}
                assert len({receipt.count for receipt in receipts}) == 1
                assert link.health.orders_lost == 0

    asyncio.run(run())


def test_older_receipts_come_from_the_history() -> None:
    async def run() -> None:
        bench = Bench()
        scan = asyncio.create_task(bench.run())
        async with serve_opcua(bench.plc, "127.0.0.1", 0, TAG_MAP) as port:
            link = OpcuaLink(config(port))
            bench.link = link
            await link.connect()
            link.command(LineCommand.RUN, 500.0)
            await until(lambda: link.health.state is LinkState.CONNECTED)
            async with asyncio.timeout(20):
                for _ in range(3):
                    await asyncio.gather(*(o.receipt for o in link.submit([bench.shot(ahead_mm=-1)] * 100)))
            await link.close()
            wire = OpcuaWire(config(port))
            assert wire.receipt_history == 256
            await wire.open()
            receipts = await wire.read_receipts(100, 200)
            assert list(receipts) == bench.plc.receipt_history(100, 200)
            assert [r.seq for r in receipts] == list(range(101, 301))
            await wire.close()
        scan.cancel()
        await asyncio.wait([scan])

    asyncio.run(run())


def test_a_session_leaves_no_socket_open_when_opening_is_cut_short() -> None:
    """A device that accepts and goes silent within the login: the attempt ends by its timeout, and cleanly."""

    async def run() -> None:
        bench = Bench()
        proxy = Proxy()
        async with serve_opcua(bench.plc, "127.0.0.1", 0, TAG_MAP) as plc_port, proxy.to(plc_port) as port:
            for delay_s in (0.0, 0.002, 0.005, 0.01, 0.02, 0.03):
                wire = OpcuaWire(config(port))
                opening = asyncio.create_task(wire.open())
                await asyncio.sleep(delay_s)
                opening.cancel()
                await asyncio.wait([opening])
                await wire.close()

    asyncio.run(run())
